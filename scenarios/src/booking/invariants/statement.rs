//! How soon the partner's statement corrects what we have on record.

use shakedown_model::Fact;
use shakedown_model::booking::rows::{Holding, Standing};
use shakedown_model::facts::{BookingFact, PartnerFact};
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// The owner of the choice sites of the node that reads statements. A statement that it misses is made up for by the next.
const READER: &str = "sync";

/// The longest fault. A callback that is longer under way delays no statement.
const FAULT_MAX: Duration = Duration::from_secs(3 * 3_600);

/// The time for reading a statement: a few minutes after a fault it is read again.
const READ_WITHIN: Duration = Duration::from_secs(600);

/// A change of the partner's ledger that is not on record yet.
struct Change {
    reservation: u32,
    standing: Standing,
    since: Moment,
    event: u32,
}

/// Verifies that what a statement shows is soon on record, whatever callbacks do.
#[derive(Default)]
pub(super) struct StatementIsTakenIn {
    changes: Vec<Change>,
    holdings: Vec<Holding>,
    period: Duration,
    faults_end: Moment,
    /// When the last fault of the reader ended.
    restarted: Moment,
    /// Whether the partner's statement names the booking of a reservation.
    names_bookings: bool,
}

impl StatementIsTakenIn {
    /// Returns by when a change of this time must be on record.
    fn due(&self, since: Moment) -> Moment {
        let period = (self.period.as_nanos() as u64).max(1);
        let next = since.max(self.restarted).nanos() / period + 1;
        Moment::from_nanos(next * period).max(self.faults_end) + READ_WITHIN
    }

    fn judge(&mut self, now: Moment, findings: &mut Findings) {
        let due: Vec<Moment> = self.changes.iter().map(|change| self.due(change.since)).collect();
        let mut due = due.into_iter();
        let Self { changes, holdings, names_bookings, .. } = self;
        changes.retain(|change| {
            let is_late = due.next().is_some_and(|due| due < now);
            let known = holdings.iter().find(|holding| holding.reservation == change.reservation);
            if known.is_none() && !*names_bookings {
                return true;
            }
            if is_late {
                let Change { reservation, standing, .. } = change;
                findings.violated("late", &[change.event], || {
                    format!(
                        "R{reservation} is {standing:?} at the partner, and no statement put it on record"
                    )
                });
            }
            !is_late
        });
    }

    fn change(&mut self, at: &At<'_>, reservation: u32, standing: Standing) {
        self.changes.retain(|change| change.reservation != reservation);
        self.changes.push(Change { reservation, standing, since: at.time, event: at.event });
    }
}

impl Invariant<Fact> for StatementIsTakenIn {
    fn name(&self) -> &'static str {
        "statement-is-taken-in"
    }
    fn about(&self) -> &'static str {
        "in time: a change in the partner's ledger is on record 10 min after the next statement, or after the last fault \
         of at most 3 h. Not judged: a reservation that we never learned of, if the statement does not name its booking"
    }
    fn reset(&mut self) {
        self.changes.clear();
        self.holdings.clear();
        self.period = Duration::ZERO;
        self.faults_end = Moment::START;
        self.restarted = Moment::START;
        self.names_bookings = false;
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        let Disturbance { owner, from, until, .. } = disturbance;
        if until.since(*from) > FAULT_MAX {
            return;
        }
        self.faults_end = self.faults_end.max(*until);
        if *owner == READER {
            self.restarted = self.restarted.max(*until);
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.judge(at.time, findings);
        match fact {
            Fact::Partner(PartnerFact::Terms { lookup, statement_s, .. }) => {
                (self.names_bookings, self.period) = (*lookup, Duration::from_secs(*statement_s));
            }
            Fact::Partner(PartnerFact::Reserved { reservation, standing }) => {
                self.change(at, *reservation, *standing);
            }
            Fact::Partner(PartnerFact::Settled { reservation }) => {
                self.change(at, *reservation, Standing::Confirmed);
            }
            Fact::Partner(PartnerFact::Ended { reservation, .. }) => {
                self.change(at, *reservation, Standing::Ended);
            }
            Fact::Booking(BookingFact::Holding { after, .. }) => {
                self.holdings.retain(|holding| holding.reservation != after.reservation);
                self.holdings.push(*after);
            }
            _ => {}
        }
        let Self { changes, holdings, .. } = self;
        changes.retain(|change| {
            let is_it = |holding: &Holding| {
                holding.reservation == change.reservation && holding.standing >= change.standing
            };
            !holdings.iter().any(is_it)
        });
    }
    fn at_rest(&mut self, end: Moment, findings: &mut Findings) {
        self.judge(end, findings);
    }
}
