//! Every invariant can fail: planted facts violate it. A correct story violates none.

use crate::plants::{Fault, Planted, Plants, SHARED, minutes, none};
use shakedown_model::Fact;
use shakedown_model::backbone::audit::JobAttempt;
use shakedown_model::backbone::jobs::{Ending, Job, JobState, Replay, WorkItem};
use shakedown_model::facts::{Code, EdgeFact, FilingFact, JobFact, RegistryFact, Request};
use shakedown_model::filing::JOB;
use shakedown_model::filing::rows::{Filing, FilingState};
use shakedown_scenarios::lifecycle::invariants;
use shakedown_sim::*;

const PLANTS: Plants = Plants {
    fault: Some(Fault {
        site: Site::new(Label::new("registry"), Label::new("episode")),
        alternatives: Alternatives::new(&["well", "slow"]),
        entity: "trigger",
        from: Duration::ZERO,
        lasts: minutes(1),
    }),
    ..Plants::of("filing", invariants::all)
};

/// Each fact half a second after the one before it.
fn soon(facts: &[Fact]) -> Vec<Planted> {
    facts.iter().cloned().map(Planted::from).collect()
}

/// These facts, and those twenty minutes after the start.
fn and_later(facts: &[Fact], later: &[Fact]) -> Vec<Planted> {
    soon(facts).into_iter().chain(later.iter().map(|fact| (20, fact.clone()).into())).collect()
}

fn filing(before: Option<FilingState>, after: FilingState) -> Fact {
    let row = |state| Filing { id: 1, reference: 1, state, accepted: Moment::START, context: Scope::ROOT };
    Fact::Filing(FilingFact::Filing { before: before.map(row), after: row(after) })
}

fn sending(attempt: u32) -> FilingState {
    FilingState::Sending { job: 1, attempt, since: Moment::START }
}

fn job(before: JobState, after: JobState, replays: u32) -> Fact {
    let (ended, queued) = (Some(Ending::Retryable), JobState::Queued);
    let job = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    let token = u32::from(before != queued);
    let before = Job { state: before, ended, token, ..job };
    let token = token + u32::from((before.state, after) == (queued, JobState::Running));
    Fact::Job(JobFact::Changed {
        before: Some(before),
        after: Job { state: after, replays, token, ..before },
    })
}

/// Job `id` fails, and waits as long as every other.
fn retried_together(id: u32) -> Fact {
    let queued = Job::queued(id, WorkItem { kind: JOB, row: id }, Moment::START, Scope::ROOT);
    let before = Job { state: JobState::Running, token: 1, attempts: 1, ..queued };
    // Planted facts are half a second apart.
    let due = Moment::START + Duration::from_millis(500 * u64::from(id) + 2_000);
    let after = Job { state: JobState::Failed, ended: Some(Ending::Retryable), due, ..before };
    Fact::Job(JobFact::Changed { before: Some(before), after })
}

/// A dead letter from before.
fn dead_letter() -> Fact {
    let job = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    let after = Job { state: JobState::DeadLetter, token: 1, ..job };
    Fact::Job(JobFact::Changed { before: None, after })
}

fn attempted(attempt: u32, touched: bool) -> Fact {
    recorded(attempt, touched, None)
}

fn recorded(attempt: u32, touched: bool, ended: Option<Ending>) -> Fact {
    let (job, place, release, touched) = (1, attempt, 1, touched.then_some(WorkItem { kind: JOB, row: 1 }));
    Fact::Job(JobFact::Attempt(JobAttempt { job, place, attempt, worker: worker(), release, touched, ended }))
}

/// Some worker: facts that a test plants have no node of their own.
fn worker() -> NodeId {
    struct Asks(std::rc::Rc<std::cell::Cell<Option<NodeId>>>);
    impl Scenario for Asks {
        type Fact = Fact;
        fn name(&self) -> &str {
            "asks"
        }
        fn build(&self, stage: &Stage<Fact>) {
            self.0.set(Some(stage.node(Role::outside("worker".into()), |_| {}).node()));
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
            Vec::new()
        }
    }
    let node = std::rc::Rc::default();
    let script = Script { scenario: "asks".to_owned(), ..Script::default() };
    Runner::new(Asks(std::rc::Rc::clone(&node))).run(Plan::Script(&script));
    node.get().expect("it was built")
}

fn made(attempt: u32) -> Fact {
    Fact::Registry(RegistryFact::Made { document: attempt, reference: 1, job: 1, attempt })
}

fn asked(attempt: u32) -> Fact {
    Fact::Registry(RegistryFact::Asked { reference: 1, job: 1, attempt, from: worker() })
}

fn terms(knows_repeats: bool) -> Fact {
    Fact::Registry(RegistryFact::Terms { knows_repeats })
}

fn entered() -> Fact {
    Fact::Edge(EdgeFact::Entered { request: 1, what: Request::Report })
}

fn answered(code: Code, took_ms: u64) -> Fact {
    Fact::Edge(EdgeFact::Answered { request: 1, code, took_ms })
}

fn replayed() -> Fact {
    Fact::Job(JobFact::Replayed(Replay { job: 1, number: 1, by: "somebody", reason: "it is time" }))
}

/// A correct story from report to document.
fn correct_story() -> Vec<Fact> {
    use JobState::{Queued, Running, Succeeded};
    vec![
        terms(false),
        entered(),
        filing(None, FilingState::Open),
        answered(Code::Accepted, 30),
        job(Queued, Running, 0),
        attempted(1, false),
        filing(Some(FilingState::Open), sending(1)),
        attempted(1, true),
        asked(1),
        made(1),
        filing(Some(sending(1)), FilingState::Filed(1)),
        recorded(1, true, Some(Ending::Succeeded)),
        job(Running, Succeeded, 0),
    ]
}

#[test]
fn a_correct_story_violates_nothing() {
    assert_eq!(PLANTS.violated(&correct_story()), none());
    let parked = [filing(None, FilingState::Open), dead_letter()];
    assert_eq!(PLANTS.violated(&parked), none(), "what is listed may be left");
    let sent_back = [replayed(), job(JobState::DeadLetter, JobState::Queued, 1)];
    let story = [&parked[..], &sent_back, &correct_story()[5..]].concat();
    assert_eq!(PLANTS.violated(&story), none());
}

#[test]
fn each_invariant_is_violated_by_a_planted_fact() {
    use JobState::{DeadLetter, Failed, Queued};
    let story = correct_story();
    let knocked = Fact::Registry(RegistryFact::Knocked { job: 1 });
    let nine_calls = [vec![asked(1); 4], vec![knocked; 5]].concat();
    let two_documents = [attempted(2, true), asked(2), made(2)];
    let plants = [
        ("accepted-means-durable", vec![entered(), answered(Code::Accepted, 30)]),
        ("accepted-work-finishes", vec![filing(None, FilingState::Open)]),
        ("accepted-work-finishes", vec![filing(None, FilingState::Filed(1))]),
        (
            "transient-faults-heal",
            vec![terms(true), filing(None, FilingState::Open), job(Failed, DeadLetter, 0)],
        ),
        ("requests-answer-in-time", vec![entered(), answered(Code::Accepted, 2_001)]),
        ("spikes-absorbed", vec![entered(), answered(Code::Unavailable, 10)]),
        ("attempts-bounded", nine_calls),
        ("unsafe-work-never-replays-by-itself", vec![job(DeadLetter, Queued, 0)]),
        ("unsafe-work-never-replays-by-itself", vec![job(DeadLetter, Queued, 1)]),
        ("unsafe-work-never-replays-by-itself", vec![terms(false), filing(Some(sending(1)), sending(2))]),
        ("unsafe-work-never-replays-by-itself", [&story[..], &[asked(2)]].concat()),
        ("replay-is-safe", [&story[..], &two_documents].concat()),
        ("retries-are-spread", (1..=8).map(retried_together).collect()),
        ("every-attempt-has-its-end", vec![attempted(1, false)]),
        ("every-attempt-has-its-end", [&story[..], &[attempted(2, false)]].concat()),
        ("every-side-effect-accounted", vec![made(1)]),
        ("every-side-effect-accounted", vec![attempted(1, false), made(1)]),
        ("every-side-effect-accounted", vec![attempted(2, true), made(1)]),
    ];
    // The test below covers goodput-recovers: it needs a trigger that lasts.
    PLANTS.check(&plants, &["goodput-recovers", SHARED[0], SHARED[1], SHARED[2]]);
}

#[test]
fn more_retries_in_a_minute_than_the_budget_are_found() {
    let claim = |attempts: u32| {
        let queued = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
        let running = Job { state: JobState::Running, token: attempts, attempts, ..queued };
        [Fact::Job(JobFact::Changed { before: Some(queued), after: running }), attempted(attempts, false)]
    };
    let rounds = |rounds: u32| -> Vec<Fact> { (1..=rounds).flat_map(claim).collect() };
    assert!(!PLANTS.violated(&rounds(28)).contains("attempts-bounded"), "27 retries are in the budget");
    assert!(PLANTS.violated(&rounds(29)).contains("attempts-bounded"), "28 are not");
}

#[test]
fn reports_unfiled_ten_minutes_after_a_trigger_are_found() {
    let slow = "registry/episode @ trigger-1 #1 = slow";
    let story = correct_story();
    let (begin, end) = story.split_at(9);
    assert!(PLANTS.violated_under(slow, &and_later(begin, end)).contains("goodput-recovers"));
    assert!(
        !PLANTS.violated(&and_later(begin, end)).contains("goodput-recovers"),
        "nothing had been the trigger"
    );
    assert!(!PLANTS.violated_under(slow, &correct_story()).contains("goodput-recovers"));
}
