//! Slices: the steps of a trace that explain a violation to a reader who has never seen the code.
//!
//! A story holds the causes of the violation's events, every deviation with its first consequence, and the calls that
//! connect them. It leaves out what a reader can infer: arrivals, responses, commits whose facts are shown, wakes,
//! log lines, and most repetitions. A story that is still too long is cut: repetitions first, then other entities,
//! then the steps farthest from the violation. The [`culprits`](super::culprits) are added afterwards.

use crate::graph::CausalGraph;
use crate::judge::Violation;
use crate::trace::{Kind, Step, Trace};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A longer story is cut to this number of steps.
const STEPS_MAX: usize = 20;
/// The number of times that a repeated step of an entity is shown.
const REPEATS_SHOWN: usize = 3;
/// The number of last facts of an entity that are shown when no event shows the violation.
const LAST_FACTS: usize = 3;

pub(crate) fn slice(trace: &Trace, violation: &Violation) -> Vec<u32> {
    let story = Story { trace, graph: CausalGraph::of(trace) };
    let deviations = story.steps(|step| step.kind == Kind::Deviation);
    let entities = story.entities(violation, &deviations);
    let shown: BTreeSet<u32> =
        violation.events.iter().copied().filter(|event| (*event as usize) < trace.steps.len()).collect();
    let ends = if shown.is_empty() { story.last_facts(&entities) } else { shown };

    let mut fixed = &ends | &deviations;
    // Consequences of deviations after the violation do not matter.
    let end = violation.events.iter().max().map_or(trace.steps.len() as u32, |last| *last);
    fixed.extend(deviations.iter().flat_map(|deviation| story.consequences(*deviation, end)));
    let mut told: BTreeSet<u32> = fixed.clone();
    told.extend(story.graph.causes_of(fixed.iter().copied()).into_iter().filter(|step| story.tells(*step)));
    if violation.events.is_empty() {
        told.extend(story.aftermath(&deviations, &entities));
    }
    if story.until(violation) > ends.last().copied().unwrap_or_default() {
        told.extend(story.steps(|step| step.kind == Kind::Stuck));
    }
    let calls: Vec<u32> = told.iter().flat_map(|step| story.calls_behind(*step)).collect();
    told.extend(calls);
    told.retain(|step| !story.echoes(*step));
    story.drop_repeats(&mut told, &fixed);
    story.cut(&mut told, &fixed, &entities);
    told.extend(story.culprits(violation, &ends, &entities));
    told.into_iter().collect()
}

pub(super) struct Story<'a> {
    pub(super) trace: &'a Trace,
    pub(super) graph: CausalGraph,
}

impl Story<'_> {
    pub(super) fn step(&self, number: u32) -> &Step {
        &self.trace.steps[number as usize]
    }

    fn steps(&self, wanted: impl Fn(&Step) -> bool) -> BTreeSet<u32> {
        let steps = self.trace.steps.iter().enumerate();
        steps.filter(|(_, step)| wanted(step)).map(|(number, _)| number as u32).collect()
    }

    /// Returns the outermost entities that the violation or a deviation concerns.
    fn entities(&self, violation: &Violation, deviations: &BTreeSet<u32>) -> BTreeSet<String> {
        let concerned = violation.events.iter().chain(deviations);
        let concerned = concerned.filter_map(|number| self.trace.steps.get(*number as usize));
        let mut entities: BTreeSet<String> = concerned.filter_map(Step::entity).map(str::to_owned).collect();
        let named = violation.message.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)));
        let known: BTreeSet<&str> = self.trace.steps.iter().filter_map(Step::entity).collect();
        entities.extend(named.filter(|word| known.contains(word)).map(str::to_owned));
        entities
    }

    /// Returns the last facts of each entity; of the run, if no entity is known or none has a fact.
    fn last_facts(&self, entities: &BTreeSet<String>) -> BTreeSet<u32> {
        let facts = self.steps(|step| step.kind == Kind::Fact);
        let of = |wanted: &String| {
            let own = facts.iter().rev().filter(|fact| self.step(**fact).entity() == Some(wanted));
            own.take(LAST_FACTS).copied().collect::<Vec<_>>()
        };
        let last: BTreeSet<u32> = entities.iter().flat_map(of).collect();
        if last.is_empty() { facts.into_iter().rev().take(LAST_FACTS).collect() } else { last }
    }

    /// Returns whether a step that led to the violation is shown.
    fn tells(&self, number: u32) -> bool {
        let step = self.step(number);
        match step.kind {
            _ if step.routine => false,
            Kind::Fact | Kind::Note | Kind::Deviation => true,
            Kind::Boot => !step.causes.is_empty(),
            kind => is_trouble(kind) || kind == Kind::Resume,
        }
    }

    /// Returns whether a step only repeats its cause from the other side: a refusal, as the caller sees it.
    fn echoes(&self, number: u32) -> bool {
        let refuses = |number: u32| self.step(number).kind == Kind::Refused;
        refuses(number) && self.graph.direct_causes(number).any(refuses)
    }

    /// Returns the first consequences of a deviation before `end`: a node that goes down and returns; a caller that times
    /// out and retries. A loss has no effects to follow: its consequence is that the same entity times out.
    fn consequences(&self, deviation: u32, end: u32) -> Vec<u32> {
        let effects = self.graph.effects_of([deviation]);
        let gone = self
            .first_between(deviation, end, |number, step| is_gone(step.kind) && effects.contains(&number));
        let returns = gone.and_then(|gone| {
            let node = &self.step(gone).node;
            let returned = |step: &Step| step.node == *node && matches!(step.kind, Kind::Boot | Kind::Resume);
            self.first_between(gone, end, |_, step| returned(step))
        });
        let timed_out = self.times_out(deviation, end).or_else(|| {
            let trouble = |step: &Step| gone.is_none() && is_trouble(step.kind);
            self.first_between(deviation, end, |number, step| trouble(step) && effects.contains(&number))
        });
        let again = timed_out.and_then(|timed_out| {
            let (node, follows) = (&self.step(timed_out).node, self.graph.effects_of([timed_out]));
            let call = |step: &Step| step.kind == Kind::Call && step.node == *node;
            self.first_between(timed_out, end, |number, step| call(step) && follows.contains(&number))
        });
        [gone, returns, timed_out, again].into_iter().flatten().collect()
    }

    /// Returns the step at which the entity of a deviation timed out, unless its response came first.
    fn times_out(&self, deviation: u32, end: u32) -> Option<u32> {
        let scope = &self.step(deviation).scope;
        let ends_wait =
            |step: &Step| step.kind == Kind::Response || is_trouble(step.kind) && !is_gone(step.kind);
        let first = self.first_between(deviation, end, |_, step| step.scope == *scope && ends_wait(step))?;
        (self.step(first).kind != Kind::Response).then_some(first)
    }

    fn first_between(&self, after: u32, end: u32, wanted: impl Fn(u32, &Step) -> bool) -> Option<u32> {
        (after + 1..end).find(|number| wanted(*number, self.step(*number)))
    }

    /// Returns the events of the entities concerned from the first deviation on; they are shown when the violation is
    /// that something is missing.
    fn aftermath(&self, deviations: &BTreeSet<u32>, entities: &BTreeSet<String>) -> BTreeSet<u32> {
        let from = deviations.first().copied().unwrap_or_default();
        let steps = from..self.trace.steps.len() as u32;
        let own = |number: &u32| self.step(*number).entity().is_some_and(|own| entities.contains(own));
        steps.filter(|number| own(number) && self.tells(*number)).collect()
    }

    /// Returns the nearest calls that a step follows from.
    fn calls_behind(&self, number: u32) -> BTreeSet<u32> {
        let (mut calls, mut seen) = (BTreeSet::new(), BTreeSet::from([number]));
        let mut next: VecDeque<u32> = self.graph.direct_causes(number).collect();
        while let Some(cause) = next.pop_front() {
            if !seen.insert(cause) {
                continue;
            }
            match self.step(cause).kind {
                Kind::Call if !self.step(cause).routine => drop(calls.insert(cause)),
                kind if self.step(cause).routine || is_chatter(kind) || kind == Kind::Deviation => {
                    next.extend(self.graph.direct_causes(cause))
                }
                _ => {}
            }
        }
        calls
    }

    /// Leaves the first two and the last of the repeated steps of an entity.
    fn drop_repeats(&self, told: &mut BTreeSet<u32>, fixed: &BTreeSet<u32>) {
        let what = |number: u32| {
            let step = self.step(number);
            (step.kind, &step.text, step.entity())
        };
        let mut times: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        told.iter().for_each(|number| times.entry(what(*number)).or_default().push(*number));
        for repeats in times.values().filter(|times| times.len() > REPEATS_SHOWN) {
            for number in &repeats[REPEATS_SHOWN - 1..repeats.len() - 1] {
                if !fixed.contains(number) {
                    told.remove(number);
                }
            }
        }
    }

    /// Cuts a story that is too long.
    fn cut(&self, told: &mut BTreeSet<u32>, fixed: &BTreeSet<u32>, entities: &BTreeSet<String>) {
        if told.len() <= STEPS_MAX {
            return;
        }
        let distance = self.distances(fixed);
        let first = told.first().copied();
        let mut before = BTreeSet::new();
        let mut ranked = Vec::new();
        for number in told.iter().copied() {
            let step = self.step(number);
            let repeated = !before.insert((&step.node, step.kind, &step.text, step.entity()));
            let foreign = step.entity().is_some_and(|entity| !entities.contains(entity));
            let rank = if repeated || foreign { 0 } else { 1 };
            if !fixed.contains(&number) && Some(number) != first {
                let far = distance.get(&number).copied().unwrap_or(u32::MAX);
                ranked.push((rank, std::cmp::Reverse(far), number));
            }
        }
        ranked.sort_unstable();
        let surplus = told.len() - STEPS_MAX;
        for (.., number) in ranked.into_iter().take(surplus) {
            told.remove(&number);
        }
    }

    /// Returns the number of causes between each step and the nearest of `ends`.
    fn distances(&self, ends: &BTreeSet<u32>) -> BTreeMap<u32, u32> {
        let mut distance: BTreeMap<u32, u32> = ends.iter().map(|end| (*end, 0)).collect();
        let mut next: VecDeque<u32> = ends.iter().copied().collect();
        while let Some(number) = next.pop_front() {
            let further = distance[&number] + 1;
            for cause in self.graph.direct_causes(number) {
                distance.entry(cause).or_insert_with(|| {
                    next.push_back(cause);
                    further
                });
            }
        }
        distance
    }
}

/// Returns whether a kind of step shows that something went wrong.
fn is_trouble(kind: Kind) -> bool {
    is_gone(kind) || matches!(kind, Kind::Timeout | Kind::Refused | Kind::Failed)
}

/// Returns whether a kind of step takes a node down.
fn is_gone(kind: Kind) -> bool {
    matches!(kind, Kind::Crash | Kind::Stop | Kind::Pause)
}

/// Returns whether a kind of step is left out of stories.
fn is_chatter(kind: Kind) -> bool {
    matches!(kind, Kind::Arrive | Kind::Respond | Kind::Response | Kind::Commit | Kind::Committed)
        || matches!(kind, Kind::Log | Kind::Statement | Kind::LockWait | Kind::Acquire | Kind::Release)
        || matches!(kind, Kind::Wake | Kind::Heal | Kind::Rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Moment;
    use crate::trace::tests::trace_of;

    #[test]
    fn a_repeated_step_is_shown_three_times() {
        let mut trace = trace_of(&[&[], &[0], &[1], &[2], &[3], &[4]]);
        trace.steps.iter_mut().take(5).for_each(|step| step.text = "asks again".to_owned());
        let violation = Violation {
            invariant: "enough-is-enough".to_owned(),
            message: "it asks too often".to_owned(),
            roles: String::new(),
            events: vec![5],
            time: Moment::START,
        };
        assert_eq!(slice(&trace, &violation), [0, 1, 4, 5]);
    }
}
