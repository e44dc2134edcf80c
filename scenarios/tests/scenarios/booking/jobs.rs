//! The life cycle of jobs, attempts and holdings, read from facts alone.

use crate::checks::run;
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, Job, JobState};
use shakedown_model::booking::rows::{Ask, Attempt, Known, Standing};
use shakedown_model::facts::{BookingFact, JobFact, PartnerFact};
use shakedown_model::settings::{MAX_ATTEMPTS, MAX_WAITS, QUARANTINE};
use shakedown_scenarios::booking::Booking;
use shakedown_sim::search::explore;
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

type Moves = Rc<RefCell<BTreeMap<(Option<JobState>, JobState), u32>>>;

/// The booking scenario, judged by the transitions of its internal rows.
struct Watched {
    booking: Booking,
    moves: Moves,
}

impl Scenario for Watched {
    type Fact = Fact;
    fn name(&self) -> &str {
        self.booking.name()
    }
    fn parameters(&self) -> &[Parameter] {
        self.booking.parameters()
    }
    fn horizon(&self, variant: &Variant) -> Horizon {
        self.booking.horizon(variant)
    }
    fn build(&self, stage: &Stage<Fact>) {
        self.booking.build(stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        let jobs = JobLife { moves: Rc::clone(&self.moves), holders: BTreeMap::new() };
        vec![Box::new(jobs), Box::<AttemptLife>::default()]
    }
}

fn watched() -> Runner<Watched> {
    let booking = Booking::without(&[]).expect("nothing is taken out");
    Runner::new(Watched { booking, moves: Moves::default() })
}

/// Verifies that jobs make only legal transitions, by those who may make them.
struct JobLife {
    moves: Moves,
    /// Who holds each job: the number of the attempt within which it was claimed.
    holders: BTreeMap<u32, Option<u32>>,
}

impl JobLife {
    fn objection(&self, at: &At<'_>, before: &Job, after: &Job) -> Option<&'static str> {
        use JobState::{DeadLetter, Failed, Queued, Running, Succeeded};
        let claimed = (before.state, after.state) == (Queued, Running);
        if after.token != before.token + u32::from(claimed) {
            return Some("the token counts claims, one by one");
        }
        if (before.state, after.state) == (DeadLetter, Queued) {
            let by_person = at.number_of("review").is_some() && after.replays == before.replays + 1;
            let anew = by_person && (after.attempts, after.waits) == (0, 0);
            return (!anew).then_some("a person has a dead letter replayed, and its attempts count anew");
        }
        let waited = before.state == Running && after.ended == Some(Ending::Waits) && after.state == Failed;
        if after.attempts + u32::from(waited) != before.attempts + u32::from(claimed) {
            return Some("attempts count claims, save those that ended in a wait");
        }
        let is_spent = before.attempts >= MAX_ATTEMPTS || before.waits >= MAX_WAITS;
        match (before.state, after.state) {
            (from, to) if from == to => None,
            (Queued, Running) if at.time < before.due => Some("it was not due"),
            (Queued, Running) => None,
            (Running, Succeeded | Failed) => {
                let by_holder = self.holders.get(&before.id) == Some(&at.number_of("attempt"));
                (!by_holder && at.time < before.lease_until)
                    .then_some("changed by another worker within the lease")
            }
            (Failed, Queued) if at.time < before.due => Some("it was not due"),
            (Failed, Queued) => is_spent.then_some("retried after its last attempt"),
            (Failed, DeadLetter) => (!is_spent).then_some("dead letter before its last attempt"),
            _ => Some("the table has no such transition"),
        }
    }
}

impl Invariant<Fact> for JobLife {
    fn name(&self) -> &'static str {
        "job-life"
    }
    fn about(&self) -> &'static str {
        "always: jobs make only legal transitions; before its lease ends only its holder changes a running job"
    }
    fn reset(&mut self) {
        self.holders.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Job(JobFact::Changed { before, after }) = fact else { return };
        let from = before.map(|before| before.state);
        if from != Some(after.state) {
            *self.moves.borrow_mut().entry((from, after.state)).or_default() += 1;
        }
        let objection = match before {
            None => (after.state != JobState::Queued).then_some("a job begins in the queue"),
            Some(before) => self.objection(at, before, after),
        };
        if let Some(objection) = objection {
            findings.violated("job", &[at.event], || format!("{from:?} to {:?}: {objection}", after.state));
        }
        if after.state == JobState::Running && from == Some(JobState::Queued) {
            self.holders.insert(after.id, at.number_of("attempt"));
        }
    }
}

/// Verifies that a definite outcome is final, and that "not found" proves nothing before the quarantine has passed.
#[derive(Default)]
struct AttemptLife {
    by_reference: bool,
    neither: bool,
}

impl AttemptLife {
    fn objection(&self, at: &At<'_>, before: Option<&Attempt>, after: &Attempt) -> Option<&'static str> {
        let Some(before) = before else {
            return (after.known != Known::Started).then_some("a row begins before its call");
        };
        if before.known == after.known {
            return None;
        }
        match (before.known, after.known) {
            (Known::Effect(_) | Known::Refused | Known::NoEffect, _) => Some("what is definite is final"),
            (_, Known::Started) => Some("an attempt starts once"),
            (Known::Unknown, Known::NoEffect) if after.ask == Ask::Reserve => {
                // A worker that was late may have received it from the partner itself.
                let asks = self.by_reference || self.neither;
                let early = asks && !after.late && at.time < after.sent + QUARANTINE;
                // If the partner has no lookup, only a person learns which reservations it does not have.
                let unheard = self.neither && at.number_of("review").is_none();
                (early || unheard).then_some("not found before the quarantine proves nothing")
            }
            _ => None,
        }
    }
}

impl Invariant<Fact> for AttemptLife {
    fn name(&self) -> &'static str {
        "attempt-life"
    }
    fn about(&self) -> &'static str {
        "always: an attempt becomes definite once, and an unknown one without effect only after the quarantine; a \
         reservation that has ended is never taken for alive"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Partner(PartnerFact::Terms { key_life_s: None, lookup, .. }) => {
                self.by_reference = *lookup;
                self.neither = !*lookup;
            }
            Fact::Booking(BookingFact::Holding { before: Some(before), after })
                if before.standing == Standing::Ended && after.standing != Standing::Ended =>
            {
                findings.violated("holding", &[at.event], || {
                    format!("R{} is active again after its end", after.reservation)
                });
            }
            Fact::Booking(BookingFact::Attempt { before, after }) => {
                if let Some(objection) = self.objection(at, before.as_ref(), after) {
                    let from = before.map(|before| before.known);
                    findings.violated("attempt", &[at.event], || {
                        format!("{from:?} to {:?}: {objection}", after.known)
                    });
                }
            }
            _ => {}
        }
    }
}

#[test]
fn jobs_attempts_and_holdings_make_only_legal_transitions_in_a_thousand_seeds() {
    use JobState::{Failed, Queued, Running, Succeeded};
    let mut runner = watched();
    let campaign = explore(&mut runner, 0..1_000, 1);
    assert_eq!(campaign.failing, []);
    let moves = runner.scenario().moves.borrow();
    let met: Vec<_> = moves.keys().copied().filter(|(_, to)| *to != JobState::DeadLetter).collect();
    let from = |from, to| (Some(from), to);
    let all = [from(Queued, Running), from(Running, Succeeded), from(Running, Failed), from(Failed, Queued)];
    let missing: Vec<_> = all.iter().filter(|one| !met.contains(one)).collect();
    assert!(missing.is_empty(), "{moves:?}");
}

/// Returns the number of jobs that became dead letters.
fn dead_letters(runner: &Runner<Watched>) -> u32 {
    let moves = runner.scenario().moves.borrow();
    moves.get(&(Some(JobState::Failed), JobState::DeadLetter)).copied().unwrap_or(0)
}

#[test]
fn a_job_that_crashes_its_worker_each_time_becomes_a_dead_letter() {
    let mut runner = watched();
    let mut script = runner.happy(0);
    script.variant = "partner=keys customers=1 intents=1".parse().unwrap();
    for _ in 0..=MAX_ATTEMPTS {
        runner.scenario().moves.borrow_mut().clear();
        assert_eq!(run(&mut runner, &script).violations, [], "{script}");
        let mut claims =
            runner.offers().into_iter().filter(|offered| offered.id.site == "worker/after claim job");
        let Some(last) =
            claims.next_back().filter(|last| script.deviations.iter().all(|taken| taken.id != last.id))
        else {
            break;
        };
        script.deviations.push(Deviation { id: last.id, alternative: "crash".to_owned() });
    }
    assert_eq!(script.deviations.len(), MAX_ATTEMPTS as usize);
    assert_eq!(dead_letters(&runner), 1);
}

#[test]
fn a_job_that_waits_for_evidence_for_hours_becomes_a_dead_letter() {
    let mut runner = watched();
    let mut script = runner.happy(0);
    script.variant = "partner=keys customers=1 intents=1".parse().unwrap();
    run(&mut runner, &script);
    let says = runner.offers().into_iter().find(|offered| offered.id.site == "partner/callback says");
    let id = says.expect("a callback is drawn").id;
    script.deviations.push(Deviation { id, alternative: "the contrary".to_owned() });
    run(&mut runner, &script);
    let outage = runner.offers().into_iter().rfind(|offered| offered.id.site == "partner/outage");
    let id = outage.expect("the partner is asked").id;
    script.deviations.push(Deviation { id, alternative: "until healed".to_owned() });
    assert_eq!(dead_letters(&runner), 0);
    assert_eq!(run(&mut runner, &script).violations, [], "{script}");
    assert_eq!(dead_letters(&runner), 1);
}
