//! Every invariant can fail: facts are planted that break it, beside a story that breaks none.

use shakedown_model::Fact;
use shakedown_model::backbone::audit::JobAttempt;
use shakedown_model::backbone::jobs::{Ending, Job, JobState, Replay, WorkItem};
use shakedown_model::facts::{Code, EdgeFact, FilingFact, JobFact, RegistryFact, Request};
use shakedown_model::filing::JOB;
use shakedown_model::filing::rows::{Filing, FilingState};
use shakedown_scenarios::lifecycle::invariants;
use shakedown_sim::*;
use std::collections::BTreeSet;

/// States facts, each half a second after the one before, all of one report, and from the second half of a list
/// on after a wait.
struct Told {
    facts: Vec<Fact>,
    later: Vec<Fact>,
}

/// What may last, drawn by the teller: a trigger of a minute.
const TRIGGER: Site = Site::new(Label::new("registry"), Label::new("episode"));
const TRIGGERS: Alternatives = Alternatives::new(&["well", "slow"]);

impl Scenario for Told {
    type Fact = Fact;
    fn name(&self) -> &str {
        "told"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3_600), settle: Duration::from_secs(3_600) }
    }
    fn build(&self, stage: &Stage<Fact>) {
        let (stating, facts, later) = (stage.facts().clone(), self.facts.clone(), self.later.clone());
        let teller = stage.node(Role::outside("teller".into()), |_| {}).within(stage.entity("filing"));
        teller.clone().spawn(async move {
            if !teller.choose(TRIGGER, &TRIGGERS).is_benign() {
                teller.lasts(Duration::from_secs(60));
            }
            for fact in facts {
                stating.state(&teller, &fact);
                teller.sleep(Duration::from_millis(500)).await;
            }
            teller.sleep(Duration::from_secs(1_200)).await;
            for fact in later {
                stating.state(&teller, &fact);
            }
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }
}

/// What these facts break, each invariant once.
fn broken_by(facts: &[Fact], later: &[Fact], deviations: &[&str]) -> BTreeSet<String> {
    let lines = format!("scenario told\n{}", deviations.join("\n"));
    let told = Told { facts: facts.to_vec(), later: later.to_vec() };
    let outcome = Runner::new(told).run(Plan::Script(&lines.parse().expect("a script")));
    assert_eq!(outcome.unapplied, []);
    outcome.violations.into_iter().map(|violation| violation.invariant).collect()
}

fn filing(before: Option<FilingState>, after: FilingState) -> Fact {
    let row = |state| Filing { id: 1, reference: 1, state, accepted: Moment::START, context: Scope::ROOT };
    Fact::Filing(FilingFact::Filing { before: before.map(row), after: row(after) })
}

fn sending(attempt: u32) -> FilingState {
    FilingState::Sending { attempt, since: Moment::START }
}

fn job(before: JobState, after: JobState, replays: u32) -> Fact {
    let job = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
    let ended = Some(Ending::Retryable);
    Fact::Job(JobFact::Changed {
        before: Some(Job { state: before, ended, ..job }),
        after: Job { state: after, ended, replays, ..job },
    })
}

fn attempted(attempt: u32, touched: bool) -> Fact {
    let (job, place, release, ended) = (1, attempt, 1, None);
    let touched = touched.then_some(WorkItem { kind: JOB, row: 1 });
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

/// From the report to its document, all as it should be.
fn blameless() -> Vec<Fact> {
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
        job(Running, Succeeded, 0),
    ]
}

#[test]
fn a_story_in_which_all_is_well_breaks_nothing() {
    assert_eq!(broken_by(&blameless(), &[], &[]), BTreeSet::new());
    let parked = [filing(None, FilingState::Open), job(JobState::Failed, JobState::DeadLetter, 0)];
    assert_eq!(broken_by(&parked, &[], &[]), BTreeSet::new(), "what is listed may be left");
    let sent_back = [replayed(), job(JobState::DeadLetter, JobState::Queued, 1)];
    let story = [&parked[..], &sent_back, &blameless()[5..]].concat();
    assert_eq!(broken_by(&story, &[], &[]), BTreeSet::new());
}

#[test]
fn facts_that_break_an_invariant_are_found() {
    use JobState::{DeadLetter, Failed, Queued};
    let story = blameless();
    let knocked = Fact::Registry(RegistryFact::Knocked { job: 1 });
    let nine_calls = [vec![asked(1); 4], vec![knocked; 5]].concat();
    let two_documents = [attempted(2, true), asked(2), made(2)];
    let plants: [(&str, Vec<Fact>); 15] = [
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
        ("every-side-effect-accounted", vec![made(1)]),
        ("every-side-effect-accounted", vec![attempted(1, false), made(1)]),
        ("every-side-effect-accounted", vec![attempted(2, true), made(1)]),
    ];
    for (at, (invariant, facts)) in plants.iter().enumerate() {
        let broken = broken_by(facts, &[], &[]);
        assert!(broken.contains(*invariant), "plant {at} should break {invariant}: {broken:?}");
    }
    let invariants: BTreeSet<&str> = plants.iter().map(|(invariant, _)| *invariant).collect();
    let all: BTreeSet<&str> = invariants::all().iter().map(|invariant| invariant.name()).collect();
    let rest: Vec<_> = all.difference(&invariants).collect();
    assert_eq!(rest, [&"goodput-recovers"], "which has a test of its own");
}

#[test]
fn more_retries_in_a_minute_than_the_budget_has_are_found() {
    let claim = |attempts: u32| {
        let queued = Job::queued(1, WorkItem { kind: JOB, row: 1 }, Moment::START, Scope::ROOT);
        let running = Job { state: JobState::Running, token: attempts, attempts, ..queued };
        [Fact::Job(JobFact::Changed { before: Some(queued), after: running }), attempted(attempts, false)]
    };
    let rounds = |rounds: u32| -> Vec<Fact> { (1..=rounds).flat_map(claim).collect() };
    assert!(!broken_by(&rounds(23), &[], &[]).contains("attempts-bounded"), "22 retries are in the budget");
    assert!(broken_by(&rounds(26), &[], &[]).contains("attempts-bounded"), "25 are not");
}

#[test]
fn work_that_waits_ten_minutes_after_a_trigger_has_ended_is_found() {
    let slow = ["registry/episode @ filing-1 #1 = slow"];
    let story = blameless();
    let (begin, end) = story.split_at(9);
    assert!(broken_by(begin, end, &slow).contains("goodput-recovers"));
    assert!(!broken_by(begin, end, &[]).contains("goodput-recovers"), "nothing had been the trigger");
    assert!(!broken_by(&blameless(), &[], &slow).contains("goodput-recovers"));
}
