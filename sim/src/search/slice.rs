//! Slices: the steps of a trace that tell the story of a violation to somebody who has never seen the code.
//!
//! A story holds what the violation's events follow from, every deviation with its first consequence, and
//! the calls through which one led to the other. It leaves out what a reader can imagine: arrivals, answers
//! that came, commits whose facts are told, wakes, log lines. What is still too long is cut from the far
//! end: repeats first, then other entities, then the steps farthest from the violation.

use crate::graph::CausalGraph;
use crate::judge::Violation;
use crate::trace::{Kind, Step, Trace};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A story of more steps than this is cut.
const STEPS_MAX: usize = 20;
/// How many facts stand for the end of an entity's story when nothing shows the violation itself.
const LAST_FACTS: usize = 3;

pub(crate) fn slice(trace: &Trace, violation: &Violation) -> Vec<u32> {
    let story = Story { trace, graph: CausalGraph::of(trace) };
    let deviations = story.steps(|step| step.kind == Kind::Deviation);
    let entities = story.entities(violation, &deviations);
    let shown: BTreeSet<u32> =
        violation.events.iter().copied().filter(|event| (*event as usize) < trace.steps.len()).collect();
    let ends = if shown.is_empty() { story.last_facts(&entities) } else { shown };

    let mut fixed = &ends | &deviations;
    fixed.extend(deviations.iter().flat_map(|deviation| story.consequences(*deviation)));
    let mut told: BTreeSet<u32> = fixed.clone();
    told.extend(story.graph.causes_of(fixed.iter().copied()).into_iter().filter(|step| story.tells(*step)));
    if violation.events.is_empty() {
        told.extend(story.aftermath(&deviations, &entities));
    }
    let calls: Vec<u32> = told.iter().flat_map(|step| story.calls_behind(*step)).collect();
    told.extend(calls);
    story.cut(&mut told, &fixed, &entities);
    told.into_iter().collect()
}

struct Story<'a> {
    trace: &'a Trace,
    graph: CausalGraph,
}

impl Story<'_> {
    fn step(&self, number: u32) -> &Step {
        &self.trace.steps[number as usize]
    }

    fn steps(&self, wanted: impl Fn(&Step) -> bool) -> BTreeSet<u32> {
        let steps = self.trace.steps.iter().enumerate();
        steps.filter(|(_, step)| wanted(step)).map(|(number, _)| number as u32).collect()
    }

    /// The outermost entities that the violation or a deviation concerns.
    fn entities(&self, violation: &Violation, deviations: &BTreeSet<u32>) -> BTreeSet<String> {
        let concerned = violation.events.iter().chain(deviations);
        let concerned = concerned.filter_map(|number| self.trace.steps.get(*number as usize));
        let mut entities: BTreeSet<String> = concerned.filter_map(entity).map(str::to_owned).collect();
        let named = violation.message.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)));
        let known: BTreeSet<&str> = self.trace.steps.iter().filter_map(entity).collect();
        entities.extend(named.filter(|word| known.contains(word)).map(str::to_owned));
        entities
    }

    /// The last facts of each entity; of the run, if no entity is known or none has a fact.
    fn last_facts(&self, entities: &BTreeSet<String>) -> BTreeSet<u32> {
        let facts = self.steps(|step| step.kind == Kind::Fact);
        let of = |wanted: &String| {
            let own = facts.iter().rev().filter(|fact| entity(self.step(**fact)) == Some(wanted));
            own.take(LAST_FACTS).copied().collect::<Vec<_>>()
        };
        let last: BTreeSet<u32> = entities.iter().flat_map(of).collect();
        if last.is_empty() { facts.into_iter().rev().take(LAST_FACTS).collect() } else { last }
    }

    /// Whether a step that led to the violation is worth a line of its own.
    fn tells(&self, number: u32) -> bool {
        let step = self.step(number);
        match step.kind {
            Kind::Fact | Kind::Note | Kind::Deviation => true,
            Kind::Boot => !step.causes.is_empty(),
            kind => is_trouble(kind) || kind == Kind::Resume,
        }
    }

    /// The first trouble that a deviation leads to, and the return of a node that it took away. A loss has
    /// no effect that could be followed: its consequence is that the same entity gives up waiting.
    fn consequences(&self, deviation: u32) -> Vec<u32> {
        let scope = &self.step(deviation).scope;
        let effects = self.graph.effects_of([deviation]);
        let mut answered = false;
        let trouble = (deviation + 1..self.trace.steps.len() as u32).find(|number| {
            let step = self.step(*number);
            answered |= step.kind == Kind::Learn && step.scope == *scope;
            is_trouble(step.kind) && (effects.contains(number) || !answered && step.scope == *scope)
        });
        let Some(trouble) = trouble else { return Vec::new() };
        let gone = matches!(self.step(trouble).kind, Kind::Crash | Kind::Stop | Kind::Pause);
        let back = (trouble + 1..self.trace.steps.len() as u32).find(|number| {
            let step = self.step(*number);
            gone && step.node == self.step(trouble).node && matches!(step.kind, Kind::Boot | Kind::Resume)
        });
        std::iter::once(trouble).chain(back).collect()
    }

    /// What the deviations led to within the entities concerned: told when the violation is that something
    /// is missing.
    fn aftermath(&self, deviations: &BTreeSet<u32>, entities: &BTreeSet<String>) -> Vec<u32> {
        let effects = self.graph.effects_of(deviations.iter().copied()).into_iter();
        let own =
            effects.filter(|number| entity(self.step(*number)).is_some_and(|own| entities.contains(own)));
        own.filter(|number| self.tells(*number)).collect()
    }

    /// The nearest calls that a step follows from.
    fn calls_behind(&self, number: u32) -> BTreeSet<u32> {
        let (mut calls, mut seen) = (BTreeSet::new(), BTreeSet::from([number]));
        let mut next: VecDeque<u32> = self.graph.direct_causes(number).collect();
        while let Some(cause) = next.pop_front() {
            if !seen.insert(cause) {
                continue;
            }
            match self.step(cause).kind {
                Kind::Call => drop(calls.insert(cause)),
                kind if is_chatter(kind) || kind == Kind::Deviation => {
                    next.extend(self.graph.direct_causes(cause))
                }
                _ => {}
            }
        }
        calls
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
            let repeated = !before.insert((&step.node, step.kind, &step.text, entity(step)));
            let foreign = entity(step).is_some_and(|entity| !entities.contains(entity));
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

    /// How many causes lie between each step and the nearest of `ends`.
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

/// What went wrong as somebody noticed it.
fn is_trouble(kind: Kind) -> bool {
    matches!(kind, Kind::GiveUp | Kind::Refused | Kind::Failed | Kind::Crash | Kind::Stop | Kind::Pause)
}

/// What goes without saying.
fn is_chatter(kind: Kind) -> bool {
    matches!(kind, Kind::Arrive | Kind::Answer | Kind::Learn | Kind::Commit | Kind::Committed | Kind::Log)
        || matches!(kind, Kind::Wake | Kind::Heal | Kind::Rest)
}

/// The outermost entity that a step concerns, if it concerns one.
fn entity(step: &Step) -> Option<&str> {
    let outermost = step.scope.split('/').next().unwrap_or_default();
    (outermost != "-").then_some(outermost)
}
