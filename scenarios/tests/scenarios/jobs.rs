//! The invariants about jobs that scenarios share can fail.

use crate::plants::{self, Fault, Planted, Plants, minutes, none, only};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Ending, Job, JobState, WorkItem};
use shakedown_model::booking::JOB;
use shakedown_model::booking::events::BOOKING;
use shakedown_model::booking::rows::{Booking, Status};
use shakedown_model::facts::{BookingFact, EventFact, JobFact};
use shakedown_scenarios::invariants::attempts::EveryReplayHasItsAttempts;
use shakedown_scenarios::invariants::jobs::{OnlyTheHolderActs, ParkedWorkIsUnfinished};
use shakedown_sim::{Alternatives, Invariant, Label, Moment, Scope, Site};

fn invariants() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![Box::new(OnlyTheHolderActs::default()), Box::new(ParkedWorkIsUnfinished::default())]
}

fn counts_attempts() -> Vec<Box<dyn Invariant<Fact>>> {
    vec![Box::new(EveryReplayHasItsAttempts::default())]
}

/// The job takes these states, one after the other; each run ends like this.
fn lives(states: &[JobState], ended: Ending) -> Vec<Fact> {
    let mut facts = vec![Fact::Job(JobFact::Changed { before: None, after: queued() })];
    let mut job = queued();
    for state in states {
        let after = Job { state: *state, ended: Some(ended), ..job };
        facts.push(changed(job, after));
        job = after;
    }
    facts
}

#[test]
fn a_replay_with_another_number_of_attempts_is_found() {
    use JobState::{DeadLetter, Failed, Queued, Running};
    let plants = Plants::of("intent", counts_attempts);
    let found = only("every-replay-has-its-attempts");
    // The last failure is followed by no return to the queue.
    let dead = |attempts: usize| {
        [&[Running, Failed, Queued].repeat(attempts)[..3 * attempts - 1], &[DeadLetter]].concat()
    };
    let replayed = |attempts: usize| [dead(8), vec![Queued], dead(attempts)].concat();
    assert_eq!(plants.violated(&lives(&dead(8), Ending::Retryable)), none());
    assert_eq!(plants.violated(&lives(&replayed(8), Ending::Lapsed)), none());
    assert_eq!(plants.violated(&lives(&dead(2), Ending::Final)), none(), "another attempt is useless");
    assert_eq!(plants.violated(&lives(&dead(64), Ending::Waits)), none(), "waits count apart");
    for wrong in [dead(7), dead(9), replayed(7), replayed(1)] {
        assert_eq!(plants.violated(&lives(&wrong, Ending::Retryable)), found);
    }
}

const PLANTS: Plants = Plants {
    scopes: &["attempt-1", "attempt-2", "attempt-3"],
    fault: Some(Fault {
        site: Site::new(Label::new("worker"), Label::new("pause")),
        alternatives: Alternatives::new(&["none", "3 min"]),
        entity: "fault",
        from: minutes(0),
        lasts: minutes(3),
    }),
    ..Plants::of("intent", invariants)
};

/// A minute's fact in the scope of an attempt, or of no attempt.
type Scoped = (u64, &'static str, Fact);

fn queued() -> Job {
    Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT)
}

/// The job while its holder of this number works, with a lease until this minute.
fn running(token: u32, lease: u64) -> Job {
    Job { state: JobState::Running, token, lease_until: Moment::START + minutes(lease), ..queued() }
}

fn changed(before: Job, after: Job) -> Fact {
    Fact::Job(JobFact::Changed { before: Some(before), after })
}

fn confirmed() -> Fact {
    let before = plants::booking(1, Status::Accepted);
    let after = Booking { status: Status::Confirmed, reservation: Some(1), version: 2, ..before };
    Fact::Booking(BookingFact::Booking { before: Some(before), after })
}

/// The first attempt claims the job for a minute.
fn claimed() -> Scoped {
    (0, "attempt-1", changed(queued(), running(1, 1)))
}

/// Two minutes later a second attempt rescues the job, and a third claims it.
fn rescued() -> Vec<Scoped> {
    let failed = Job { state: JobState::Failed, ..running(1, 1) };
    let again = Job { state: JobState::Queued, ..failed };
    vec![
        claimed(),
        (2, "attempt-2", changed(running(1, 1), failed)),
        (2, "attempt-2", changed(failed, again)),
        (2, "attempt-3", changed(again, running(2, 9))),
    ]
}

fn and(facts: Vec<Scoped>, more: &[Scoped]) -> Vec<Scoped> {
    [facts, more.to_vec()].concat()
}

#[test]
fn the_holder_a_rescuer_and_news_may_change_a_job() {
    let (held, done) = (running(1, 1), |job| Job { state: JobState::Succeeded, ..job });
    let woken = Job { woken: true, ..held };
    let longer = running(1, 2);
    let story = [
        claimed(),
        (0, "", changed(held, woken)),
        (0, "attempt-1", changed(woken, longer)),
        (1, "attempt-1", confirmed()),
        (1, "attempt-1", changed(longer, done(longer))),
    ];
    assert_eq!(PLANTS.violated(&story), none());
    let end = [(3, "attempt-3", confirmed()), (3, "attempt-3", changed(running(2, 9), done(running(2, 9))))];
    assert_eq!(PLANTS.violated(&and(rescued(), &end)), none());
}

#[test]
fn a_change_by_another_than_the_holder_is_found() {
    let failed = Job { state: JobState::Failed, ..running(1, 1) };
    let second = Job { state: JobState::Failed, ..running(2, 9) };
    let plants = [
        vec![(0, "attempt-1", changed(queued(), running(2, 1)))],
        vec![claimed(), (0, "attempt-2", changed(running(1, 1), failed))],
        vec![claimed(), (0, "", changed(running(1, 1), failed))],
        and(rescued(), &[(3, "attempt-1", changed(running(2, 9), second))]),
        and(rescued(), &[(10, "attempt-1", changed(running(2, 9), second))]),
        and(rescued(), &[(3, "attempt-1", confirmed())]),
    ];
    for (number, facts) in plants.iter().enumerate() {
        assert_eq!(PLANTS.violated(facts), only("only-the-holder-acts"), "plant {number}");
    }
}

#[test]
fn a_dead_letter_without_a_fault_or_of_finished_work_is_found() {
    const FAULT: &str = "worker/pause @ fault-1 #1 = 3 min";
    let failed = Job { state: JobState::Failed, ..queued() };
    let dead: Planted = (1, changed(failed, Job { state: JobState::DeadLetter, ..failed })).into();
    let event = Fact::Event(EventFact::Died { subject: BOOKING.row(1), version: 1 });
    let event: Planted = (1, event).into();
    let (done, found): (Planted, _) = ((2, confirmed()).into(), only("parked-work-is-unfinished"));
    for letter in [&dead, &event] {
        assert_eq!(PLANTS.violated(std::slice::from_ref(letter)), found);
        assert_eq!(PLANTS.violated_under(FAULT, std::slice::from_ref(letter)), none());
    }
    assert_eq!(PLANTS.violated_under(FAULT, &[dead.clone(), done.clone()]), found);
    let lapsed = Job { ended: Some(Ending::Lapsed), ..failed };
    let lapsed: Planted = (1, changed(lapsed, Job { state: JobState::DeadLetter, ..lapsed })).into();
    assert_eq!(PLANTS.violated_under(FAULT, &[lapsed, done.clone()]), none(), "nobody can know");
    let later = Job { id: 2, ..queued() };
    let later: Planted = (2, Fact::Job(JobFact::Changed { before: None, after: later })).into();
    assert_eq!(PLANTS.violated_under(FAULT, &[dead, later, done]), none(), "a later job replaced it");
}
