//! Jobs: who may change them, and which dead letters there may be.

use crate::invariants::transient::FaultSpan;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, Job, JobState, WorkItem};
use shakedown_model::booking::rows::{Attempt, Attention, Booking, Holding};
use shakedown_model::facts::{BookingFact, EventFact, FilingFact, JobFact, OrderFact, VisitFact};
use shakedown_model::filing::rows::FilingState;
use shakedown_model::visit::rows::ReportState;
use shakedown_model::{booking, filing, releases, visit};
use shakedown_sim::{At, Disturbance, Findings, Invariant, Moment};

/// A claimed job with the attempt that holds it.
#[derive(Clone, Copy)]
struct Holder {
    job: Job,
    /// The number of the attempt that made the last claim; `None` once another attempt has taken the job from it.
    attempt: Option<u32>,
    claimed: u32,
}

/// Verifies that only the holder of a job's latest token changes the job or delivers its result.
#[derive(Default)]
pub struct OnlyTheHolderActs {
    holders: Vec<Holder>,
    /// The booking of each message of the order flow: message, booking.
    messages: Vec<(u32, u32)>,
}

impl OnlyTheHolderActs {
    /// Judges a change of a job's row. `attempt` is the attempt in whose scope it was made, if it was made in one.
    fn judge_change(&mut self, at: &At<'_>, before: &Job, after: &Job, findings: &mut Findings) {
        let attempt = at.number_of("attempt");
        let is_claim = (before.state, after.state) == (JobState::Queued, JobState::Running);
        if after.token != before.token + u32::from(is_claim) {
            findings.violated("token", &[at.event], || {
                format!("job {} went from token {} to {}", after.id, before.token, after.token)
            });
        }
        let held = self.holders.iter_mut().find(|holder| holder.job.id == after.id);
        if is_claim {
            let holder = Holder { job: *after, attempt, claimed: at.event };
            match held {
                Some(held) => *held = holder,
                None => self.holders.push(holder),
            }
            return;
        }
        let Some(held) = held else { return };
        held.job = *after;
        let is_wake = *after == Job { woken: after.woken, ..*before };
        if before.state != JobState::Running || is_wake || attempt == held.attempt {
            return;
        }
        // An attempt that begins later may rescue the job once its lease has ended.
        let is_rescue = at.time >= before.lease_until && attempt > held.attempt;
        if !is_rescue {
            findings.violated("not the holder", &[held.claimed, at.event], || {
                let lease = before.lease_until;
                format!(
                    "job {} was changed by another than its holder before its lease ended at {lease}",
                    after.id
                )
            });
        }
        held.attempt = None;
    }

    /// Judges a result that an attempt delivers: one of the jobs that it may belong to must be held by this attempt.
    fn judge_result(&self, at: &At<'_>, name: &str, is_of: impl Fn(&Job) -> bool, findings: &mut Findings) {
        // A callback runs below the attempt that caused it, and is no part of it.
        let Some(attempt) = at.number_of("attempt").filter(|_| at.number_of("callback").is_none()) else {
            return;
        };
        let mut jobs = self.holders.iter().filter(|holder| is_of(&holder.job)).peekable();
        let claimed = jobs.peek().map(|holder| holder.claimed);
        if claimed.is_some() && !jobs.any(|holder| holder.attempt == Some(attempt)) {
            let events: Vec<u32> = claimed.into_iter().chain([at.event]).collect();
            findings.violated("result without the job", &events, || {
                format!("attempt {attempt} delivered a result for {name} after it had lost the job")
            });
        }
    }

    fn judge_results(&self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Booking(BookingFact::Booking { before: Some(before), after })
                if (before.status, before.reservation) != (after.status, after.reservation) =>
            {
                let is_of = |job: &Job| job.item() == WorkItem { kind: booking::JOB, row: after.id };
                self.judge_result(at, &format!("B{}", after.id), is_of, findings);
            }
            Fact::Visit(VisitFact::Report { after, .. }) if after.state == ReportState::Ready => {
                let is_of = |job: &Job| job.item() == WorkItem { kind: visit::JOB, row: after.id };
                self.judge_result(at, &format!("the report on V{}", after.visit), is_of, findings);
            }
            Fact::Order(OrderFact::Booking { before: Some(_), after }) => {
                let is_of =
                    |job: &Job| job.kind == releases::JOB && self.messages.contains(&(job.subject, after.id));
                self.judge_result(at, &format!("B{}", after.id), is_of, findings);
            }
            _ => {}
        }
    }
}

impl Invariant<Fact> for OnlyTheHolderActs {
    fn name(&self) -> &'static str {
        "only-the-holder-acts"
    }
    fn about(&self) -> &'static str {
        "always: a claim raises a job's token by one and nothing else changes it; within its lease a running job is \
         changed only by the attempt that claimed it, after that also by a later attempt that rescues it; an attempt \
         that has lost its job delivers no result. Not judged: news that wakes a job; a filing's document, which a \
         late attempt may record"
    }
    fn reset(&mut self) {
        self.holders.clear();
        self.messages.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Job(JobFact::Changed { before: Some(before), after }) => {
                self.judge_change(at, before, after, findings)
            }
            Fact::Order(OrderFact::Message { before: None, after }) => {
                self.messages.push((after.id, after.booking));
            }
            _ => {}
        }
        self.judge_results(at, fact, findings);
    }
}

/// Verifies that dead letters exist only for unfinished work.
#[derive(Default)]
pub struct ParkedWorkIsUnfinished {
    jobs: Vec<(Job, u32)>,
    bookings: Vec<Booking>,
    attempts: Vec<Attempt>,
    holdings: Vec<Holding>,
    /// Reports that are ready and filings that are filed.
    done: Vec<WorkItem>,
    /// When the first fault began.
    first_fault: Option<Moment>,
    faults: FaultSpan,
}

fn store<R>(rows: &mut Vec<R>, row: R, is_same: impl Fn(&R) -> bool) {
    match rows.iter_mut().find(|other| is_same(other)) {
        Some(other) => *other = row,
        None => rows.push(row),
    }
}

impl ParkedWorkIsUnfinished {
    fn store(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Job(JobFact::Changed { after, .. }) => {
                store(&mut self.jobs, (*after, at.event), |(job, _)| job.id == after.id)
            }
            Fact::Booking(BookingFact::Booking { after, .. }) => {
                store(&mut self.bookings, *after, |row| row.id == after.id);
            }
            Fact::Booking(BookingFact::Attempt { after, .. }) => {
                store(&mut self.attempts, *after, |row| row.id == after.id);
            }
            Fact::Booking(BookingFact::Holding { after, .. }) => {
                store(&mut self.holdings, *after, |row| row.reservation == after.reservation);
            }
            Fact::Visit(VisitFact::Report { after, .. }) if after.state == ReportState::Ready => {
                self.done.push(WorkItem { kind: visit::JOB, row: after.id });
            }
            Fact::Filing(FilingFact::Filing { after, .. })
                if matches!(after.state, FilingState::Filed(_)) =>
            {
                self.done.push(WorkItem { kind: filing::JOB, row: after.id });
            }
            _ => {}
        }
    }

    /// Returns whether nothing is left to do for the row of this job.
    fn is_done(&self, job: &Job) -> bool {
        let is_settled = |row: &Booking| {
            let mut attempts = self.attempts.iter().filter(|attempt| attempt.booking == row.id);
            let mut holdings = self.holdings.iter().filter(|holding| holding.booking == row.id);
            !row.status.is_open()
                && (row.status.is_final() || row.reservation.is_some())
                && row.attention == Attention::None
                && !attempts.any(|attempt| attempt.known.is_open())
                && !holdings.any(|holding| holding.doubtful)
        };
        if job.kind == booking::JOB {
            self.bookings.iter().any(|row| row.id == job.subject && is_settled(row))
        } else {
            self.done.contains(&job.item())
        }
    }

    fn judge_new(&self, at: &At<'_>, name: impl Fn() -> String, findings: &mut Findings) {
        if self.first_fault.is_none_or(|first| first > at.time) {
            findings.violated("without a fault", &[at.event], || {
                format!("{} became a dead letter before any fault", name())
            });
        }
    }
}

impl Invariant<Fact> for ParkedWorkIsUnfinished {
    fn name(&self) -> &'static str {
        "parked-work-is-unfinished"
    }
    fn about(&self) -> &'static str {
        "always: before the first fault of a run no job and no message becomes a dead letter; once healed: no dead \
         letter remains whose work is done, unless a later job replaced it, or its last attempt lapsed or was shut down \
         and the faults took more than 2 minutes. Not judged: messages of the order flow; dead letters from before the \
         run"
    }
    fn reset(&mut self) {
        self.jobs.clear();
        self.bookings.clear();
        self.attempts.clear();
        self.holdings.clear();
        self.done.clear();
        self.first_fault = None;
        self.faults = FaultSpan::default();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.faults.extend(disturbance);
        self.first_fault =
            Some(self.first_fault.map_or(disturbance.from, |first| first.min(disturbance.from)));
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.store(at, fact);
        match fact {
            Fact::Job(JobFact::Changed { before: Some(before), after })
                if before.state != JobState::DeadLetter && after.state == JobState::DeadLetter =>
            {
                self.judge_new(at, || format!("job {}", after.id), findings);
            }
            Fact::Event(EventFact::Died { subject, version }) => {
                self.judge_new(at, || format!("the event of version {version} of {subject}"), findings);
            }
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        // Whoever gives up work that lapsed cannot know that it is done; short faults give it no time to lapse so often.
        let is_transient = self.faults.is_transient();
        let is_unknown =
            |job: &Job| !is_transient && matches!(job.ended, Some(Ending::Lapsed | Ending::Stopped));
        let is_replaced =
            |job: &Job| self.jobs.iter().any(|(other, _)| other.item() == job.item() && other.id > job.id);
        let dead = self.jobs.iter().filter(|(job, _)| job.state == JobState::DeadLetter);
        for (job, event) in dead.filter(|(job, _)| self.is_done(job)) {
            if is_unknown(job) || is_replaced(job) {
                continue;
            }
            findings.violated("finished", &[*event], || {
                format!("job {} is a dead letter, and its work is done", job.id)
            });
        }
    }
}
