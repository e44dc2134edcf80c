//! Two-phase commit, after Gray and Lamport, "Consensus on Transaction Commit" (2004), in the form of Stateright's
//! `examples/2pc.rs`: resource managers that may prepare or abort, and a transaction manager whose decision, once
//! sent, remains available to all.

use crate::steps::{Again, Explored, Model, Property, explore, stepped};
use serde::Serialize;
use shakedown_sim::search::{Bounded, understand};
use shakedown_sim::{Runner, Variant};
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
enum Resource {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
enum Word {
    None,
    Commit,
    Abort,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct State {
    resources: Vec<Resource>,
    /// The resources whose message that they are prepared is in flight.
    says: Vec<bool>,
    /// The resources whose message the transaction manager has received.
    heard: Vec<bool>,
    word: Word,
}

enum Step {
    Prepares(usize),
    GivesUp(usize),
    IsHeard(usize),
    Commits(usize),
    Aborts(usize),
    Decides(Word),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Prepares(at) => write!(f, "resource {at} prepares"),
            Step::GivesUp(at) => write!(f, "resource {at} gives up"),
            Step::IsHeard(at) => write!(f, "the manager hears that resource {at} is prepared"),
            Step::Commits(at) => write!(f, "resource {at} commits"),
            Step::Aborts(at) => write!(f, "resource {at} aborts"),
            Step::Decides(word) => write!(f, "the manager says {word:?}"),
        }
    }
}

/// The time at which the transaction manager commits.
#[derive(Clone, Copy)]
enum Commit {
    WhenAllArePrepared,
    /// The planted bug.
    WhenOneIsPrepared,
}

#[derive(Clone)]
struct TwoPhase {
    resources: usize,
    commit: Commit,
}

impl Model for TwoPhase {
    type State = State;
    type Step = Step;

    fn initial(&self) -> State {
        let (resources, none) = (vec![Resource::Working; self.resources], vec![false; self.resources]);
        State { resources, says: none.clone(), heard: none, word: Word::None }
    }

    fn steps(&self, state: &State) -> Vec<(Step, State)> {
        let mut steps = Vec::new();
        let mut add = |step, change: &dyn Fn(&mut State)| {
            let mut next = state.clone();
            change(&mut next);
            // A step without a change leads to no other state.
            if next != *state {
                steps.push((step, next));
            }
        };
        if state.word == Word::None {
            let ready = match self.commit {
                Commit::WhenAllArePrepared => state.heard.iter().all(|heard| *heard),
                Commit::WhenOneIsPrepared => state.heard.iter().any(|heard| *heard),
            };
            if ready {
                add(Step::Decides(Word::Commit), &|next| next.word = Word::Commit);
            }
            add(Step::Decides(Word::Abort), &|next| next.word = Word::Abort);
        }
        for at in 0..self.resources {
            if state.word == Word::None && state.says[at] {
                add(Step::IsHeard(at), &|next| next.heard[at] = true);
            }
            if state.resources[at] == Resource::Working {
                add(Step::Prepares(at), &|next| {
                    next.resources[at] = Resource::Prepared;
                    next.says[at] = true;
                });
                add(Step::GivesUp(at), &|next| next.resources[at] = Resource::Aborted);
            }
            match state.word {
                Word::None => {}
                Word::Commit => add(Step::Commits(at), &|next| next.resources[at] = Resource::Committed),
                Word::Abort => add(Step::Aborts(at), &|next| next.resources[at] = Resource::Aborted),
            }
        }
        steps
    }

    fn always(&self) -> Vec<Property<State>> {
        vec![("consistent", |state| {
            let any = |wanted| state.resources.contains(&wanted);
            !(any(Resource::Aborted) && any(Resource::Committed))
        })]
    }

    fn sometimes(&self) -> Vec<Property<State>> {
        fn all(state: &State, wanted: Resource) -> bool {
            state.resources.iter().all(|resource| *resource == wanted)
        }
        vec![
            ("abort agreement", |state| all(state, Resource::Aborted)),
            ("commit agreement", |state| all(state, Resource::Committed)),
        ]
    }
}

fn of(resources: usize, commit: Commit) -> TwoPhase {
    TwoPhase { resources, commit }
}

fn check(resources: usize, states: usize) {
    let found = explore(of(resources, Commit::WhenAllArePrepared), Again::Skip);
    let reached = ["abort agreement", "commit agreement"].into();
    assert_eq!(found, Explored { states, broken: [].into(), reached }, "{resources} resource managers");
}

#[test]
fn two_phase_commit_agrees_in_as_many_states_as_published() {
    check(3, 288);
    check(5, 8_832);
}

#[test]
fn skipping_what_has_been_seen_loses_nothing() {
    for commit in [Commit::WhenAllArePrepared, Commit::WhenOneIsPrepared] {
        assert_eq!(explore(of(2, commit), Again::Skip), explore(of(2, commit), Again::Take));
    }
}

#[test]
fn a_manager_that_commits_too_early_is_found_and_explained() {
    let found = explore(of(3, Commit::WhenOneIsPrepared), Again::Skip);
    assert!(found.broken.contains_key("consistent"), "{found:?}");

    let mut runner = Runner::new(stepped(of(3, Commit::WhenOneIsPrepared)));
    let mut search = Bounded::new(vec![Variant::default()], 3, true);
    search.run(&mut runner);
    let broken = search.broken().expect("three steps are enough");
    let violation = broken.violations.iter().find(|one| one.invariant == "consistent").expect("it breaks");
    runner.run(search.plan(&broken.script));
    let script = runner.script();
    let found = understand(&mut runner, &script, violation);
    let story = found.to_string();
    for part in ["the manager says Commit", " gives up"] {
        assert!(story.contains(part), "{part} is missing:\n{story}");
    }
}
