//! The data after a rollback.

use super::super::ledger::{Latest, Ledger, Running, fields, version};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::JobState;
use shakedown_model::facts::{OrderFact, ReleaseFact};
use shakedown_model::releases::rollout::Rollout;
use shakedown_sim::{At, Findings, Invariant, Moment};

/// Verifies that the former release can read all that a withdrawn release has written.
#[derive(Default)]
pub(super) struct RollbackIsSafe(Ledger);

impl RollbackIsSafe {
    /// Parses all stored rows and unfinished messages with the release that runs again.
    fn judge(&self, findings: &mut Findings) {
        let Some(Latest { row: rollout, last: since }) = self.0.withdrawn() else { return };
        let (code, documents) = (rollout.from.code, rollout.from.code.documents());
        for latest in self.0.bookings.values() {
            if let Err(error) = documents.read_row(&latest.row.text) {
                let events: Vec<u32> = [latest.last, *since].into_iter().chain(self.0.dropped).collect();
                findings.violated("row", &events, || {
                    format!("{code} runs again and cannot read B{}: {error}", latest.row.id)
                });
            }
        }
        for latest in self.0.unfinished_messages() {
            if let Err(error) = documents.read_job(&latest.row.text) {
                findings.violated("message", &[latest.last, *since], || {
                    format!("{code} runs again and cannot read message {}: {error}", latest.row.id)
                });
            }
        }
    }
}

impl Invariant<Fact> for RollbackIsSafe {
    fn name(&self) -> &'static str {
        "rollback-is-safe"
    }
    fn about(&self) -> &'static str {
        "always, once a release is being withdrawn: no row loses a field; when the former release runs \
         everywhere, and once healed, it can read all stored rows and the messages of unfinished jobs, and \
         each accepted order has its row. Not judged: what the fields mean"
    }
    fn reset(&mut self) {
        self.0 = Ledger::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.0.observe(at, fact);
        match fact {
            Fact::Order(OrderFact::Booking { before: Some(before), after })
                if self.0.rollout.as_ref().is_some_and(|latest| latest.row.is_withdrawn()) =>
            {
                let (had, has) = (fields(&before.text), fields(&after.text));
                if let Some(key) = had.keys().find(|key| !has.contains_key(*key)) {
                    let since = self.0.rollout.as_ref().map(|latest| latest.last);
                    let events: Vec<u32> = since.into_iter().chain([at.event]).collect();
                    findings.violated("field lost", &events, || {
                        format!("after the rollback B{} was rewritten without its `{key}`", after.id)
                    });
                }
            }
            Fact::Release(ReleaseFact::Rollout { .. }) => self.judge(findings),
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(findings);
        if self.0.withdrawn().is_some() {
            for (booking, accepted) in &self.0.accepted {
                if !self.0.bookings.contains_key(booking) {
                    findings.violated("lost", &[*accepted], || {
                        format!("order {booking} was accepted and has no row after the rollback")
                    });
                }
            }
        }
    }
}

/// Verifies that a withdrawn release leaves nothing behind that still acts.
#[derive(Default)]
pub(super) struct WithdrawnReleaseIsGone {
    ledger: Ledger,
    /// The fence: machines below this release are refused.
    fence: u32,
}

impl WithdrawnReleaseIsGone {
    /// Judges pages and fence of a release that is withdrawn.
    fn judge(&self, findings: &mut Findings) {
        let Some(Latest { row: rollout, last: since }) = self.ledger.withdrawn() else { return };
        let (from, to) = (rollout.from.code, rollout.to.code);
        if let Some(pages) = self.ledger.pages.as_ref().filter(|pages| pages.row == rollout.to) {
            findings.violated("pages", &[pages.last, *since], || {
                format!("{to} is withdrawn, and its pages are still served")
            });
        }
        if self.fence > rollout.from.number() {
            findings.violated("fence", &[*since], || {
                format!("{to} is withdrawn, and the fence still refuses {from}")
            });
        }
    }
}

impl WithdrawnReleaseIsGone {
    /// Returns a machine that runs the release of this roll-out. The host may lose track of one for a while.
    fn machine_of(&self, rollout: &Rollout) -> Option<(u32, Running)> {
        let mut machines = self.ledger.machines.iter();
        machines
            .find(|(_, running)| running.build == rollout.to)
            .map(|(machine, running)| (*machine, *running))
    }
}

impl Invariant<Fact> for WithdrawnReleaseIsGone {
    fn name(&self) -> &'static str {
        "withdrawn-release-is-gone"
    }
    fn about(&self) -> &'static str {
        "always, once a release is withdrawn: no page of it is served, the fence admits the former release, and no row \
         is written by it unless a machine that the host lost track of still runs it; once healed: no machine runs it, \
         and no reminder that it posted is still queued. Not judged: rows that it wrote before, see rollback-is-safe"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Order(OrderFact::Booking { before, after }) = fact
            && let Some(Latest { row: rollout, last: since }) = self.ledger.withdrawn()
            && version(&after.text) == u64::from(rollout.to.number())
            && self.machine_of(rollout).is_none()
            && before.as_ref().is_none_or(|before| version(&before.text) != version(&after.text))
        {
            findings.violated("row", &[*since, at.event], || {
                format!("{} is withdrawn, and wrote B{} afterwards", rollout.to.code, after.id)
            });
        }
        self.ledger.observe(at, fact);
        match fact {
            Fact::Order(OrderFact::Schema(schema)) => self.fence = schema.fence,
            Fact::Release(_) => self.judge(findings),
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge(findings);
        let Some(Latest { row: rollout, last: since }) = self.ledger.withdrawn() else { return };
        if let Some((machine, running)) = self.machine_of(rollout) {
            findings.violated("machine", &[running.since, *since], || {
                format!("{} is withdrawn, and machine {machine} still runs it", rollout.to.code)
            });
        }
        let to = u64::from(rollout.to.number());
        let waits = |state| !matches!(state, JobState::Succeeded | JobState::DeadLetter);
        let waiting = self.ledger.jobs.values().filter(|job| waits(job.state));
        for message in waiting.filter_map(|job| self.ledger.messages.get(&job.subject)) {
            let is_reminder = fields(&message.row.text).get("kind").is_some_and(|kind| kind == "remind");
            if is_reminder && version(&message.row.text) == to {
                findings.violated("reminder", &[message.last, *since], || {
                    format!(
                        "a reminder of B{}, posted by {}, is still queued",
                        message.row.booking, rollout.to.code
                    )
                });
            }
        }
    }
}
