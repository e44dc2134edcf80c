//! Culprits: the steps that show who accessed the objects of a violation, and what happened too early or not at all.
//!
//! The objects are those that the evidence of a violation accesses: the rows, messages and entries of its facts, and the
//! messages within whose scope they are stated. For each object a story shows who wrote it last, who read it, who
//! released it, and whose read missed it. Beside these it shows a response that was sent before the work was done, and
//! the longest wait of an entity of the violation.

use super::slice::Story;
use crate::access::{Object, Verb};
use crate::judge::Violation;
use crate::time::Duration;
use crate::trace::{Kind, Step};
use std::collections::BTreeSet;

/// The greatest number of steps that are added to a story.
const CULPRITS_MAX: usize = 8;
/// The greatest number of objects whose accesses are shown.
const OBJECTS_MAX: usize = 4;
/// A shorter wait is not shown.
const WAIT_MIN: Duration = Duration::from_millis(100);

/// An access of a step to an object, with the step.
struct Accessed<'a> {
    number: u32,
    step: &'a Step,
    verb: Verb,
}

impl Story<'_> {
    /// Returns the culprits of a violation, whose evidence are the steps `ends`. `entities` are its outermost entities.
    pub(super) fn culprits(
        &self,
        violation: &Violation,
        ends: &BTreeSet<u32>,
        entities: &BTreeSet<String>,
    ) -> BTreeSet<u32> {
        let until = self.until(violation);
        let mut culprits: Vec<u32> = self.early_response(ends).into_iter().collect();
        // If something is missing, messages of the entity may have been lost; they are not around the evidence.
        let is_missing = until > ends.last().copied().unwrap_or_default();
        let objects = self.objects(ends, is_missing);
        // Reads that missed an object come first: no other step of a story shows them.
        culprits.extend(objects.iter().filter_map(|object| self.missing_read(object)));
        let of_objects: Vec<[Option<u32>; 4]> =
            objects.iter().map(|object| self.accesses_of(object, until)).collect();
        for kind in 0..4 {
            culprits.extend(of_objects.iter().filter_map(|accesses| accesses[kind]));
        }
        culprits.extend(self.longest_wait(until, entities));
        culprits.truncate(CULPRITS_MAX);
        culprits.into_iter().collect()
    }

    /// Returns the last step that may have led to the violation. A violation that is found later than its last event is about
    /// something that was missing until then.
    pub(super) fn until(&self, violation: &Violation) -> u32 {
        let last =
            violation.events.iter().copied().filter(|event| (*event as usize) < self.trace.steps.len());
        let at_once = last.max().filter(|event| self.step(*event).time == violation.time);
        at_once.unwrap_or((self.trace.steps.len() as u32).saturating_sub(1))
    }

    /// Returns the objects that the evidence accesses.
    fn objects(&self, ends: &BTreeSet<u32>, is_missing: bool) -> Vec<Object> {
        let mut objects: Vec<Object> = Vec::new();
        let steps = || ends.iter().rev().map(|end| self.step(*end));
        let accessed = steps().flat_map(|step| step.accesses.iter().map(|access| access.object.clone()));
        for object in accessed.chain(self.messages_around(steps(), is_missing)) {
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        objects.truncate(OBJECTS_MAX);
        objects
    }

    /// Returns the messages within whose scope the evidence is stated; also those that its entities sent, if
    /// `is_missing`.
    fn messages_around<'s>(&self, ends: impl Iterator<Item = &'s Step>, is_missing: bool) -> Vec<Object> {
        let scopes: Vec<&str> = ends.map(|step| step.scope.as_str()).collect();
        let is_around = |key: &str| {
            let of =
                |scope: &&str| *scope == key || is_within(scope, key) || is_missing && is_within(key, scope);
            scopes.iter().any(of)
        };
        let accesses = self.trace.steps.iter().flat_map(|step| &step.accesses);
        let mut messages: Vec<Object> = Vec::new();
        for access in accesses.filter(|access| is_around(&access.object.key)) {
            if !messages.contains(&access.object) {
                messages.push(access.object.clone());
            }
        }
        messages
    }

    /// Returns the steps up to `until` that access an object, in order. A release may come later: what is released too
    /// early is missing afterwards.
    fn accessed(&self, object: &Object, until: u32) -> Vec<Accessed<'_>> {
        let mut accessed = Vec::new();
        for (number, step) in self.trace.steps.iter().enumerate() {
            let number = number as u32;
            for access in step.accesses.iter().filter(|access| access.object == *object) {
                if number <= until || access.verb == Verb::Release {
                    accessed.push(Accessed { number, step, verb: access.verb });
                }
            }
        }
        accessed
    }

    /// Returns the last write of an object, a read before that write by another, the last read by another, and the
    /// release.
    fn accesses_of(&self, object: &Object, until: u32) -> [Option<u32>; 4] {
        let accessed = self.accessed(object, until);
        // A statement names the writer. The fact of its commit is the database's.
        let is_statement = |one: &&Accessed<'_>| one.verb.is_write() && one.step.kind == Kind::Statement;
        let committed = |one: &Accessed<'_>| {
            let commits = |other: &&Accessed<'_>| {
                other.number > one.number
                    && other.step.kind == Kind::Committed
                    && other.step.entity() == one.step.entity()
            };
            accessed.iter().any(|other| commits(&other))
        };
        let writes = accessed.iter().rev().filter(|one| one.verb.is_write());
        let written = writes.clone().filter(is_statement).find(|one| committed(one));
        let written = written.or_else(|| writes.clone().next());
        // What a node does with an object between two releases is one use of it.
        let is_one_use = |one: &Accessed<'_>, other: &Accessed<'_>| {
            let between = one.number.min(other.number)..one.number.max(other.number);
            !accessed.iter().any(|it| it.verb == Verb::Release && between.contains(&it.number))
        };
        let is_other = |one: &&Accessed<'_>| {
            let is_writer = |write: &Accessed<'_>| write.step.node == one.step.node && is_one_use(write, one);
            one.verb.is_read() && one.step.kind != Kind::Fact && !written.is_some_and(is_writer)
        };
        let reads = accessed.iter().rev().filter(is_other);
        let before = written.map_or(until, |write| write.number);
        let stale = reads.clone().find(|read| read.number < before);
        let last = reads.clone().find(|read| read.number > before);
        let released = accessed.iter().rev().find(|one| {
            let ends_hold = matches!(one.step.kind, Kind::Call | Kind::Release | Kind::Fact);
            one.verb == Verb::Release && ends_hold
        });
        [written, stale, last, released].map(|one| one.map(|one| one.number))
    }

    /// Returns the read that missed an object: a step that skips it, or reads its table after the write without it. A
    /// read that the same node repeats with success is not a culprit.
    fn missing_read(&self, object: &Object) -> Option<u32> {
        let steps = || self.trace.steps.iter().zip(0..);
        let on_object = |step: &Step, verb: fn(Verb) -> bool| {
            step.accesses.iter().any(|access| access.object == *object && verb(access.verb))
        };
        let (writer, written) = steps().find(|(step, _)| on_object(step, Verb::is_write))?;
        let misses = |step: &Step| {
            let of_table = |verb| {
                step.accesses.iter().any(|access| access.verb == verb && access.object.table == object.table)
            };
            let is_without = of_table(Verb::Scan) && !on_object(step, |_| true);
            (is_without, is_without && of_table(Verb::Read) || on_object(step, |verb| verb == Verb::Skip))
        };
        let found_later = |miss: &Step, at: u32| {
            steps()
                .any(|(step, number)| number > at && step.node == miss.node && on_object(step, Verb::is_read))
        };
        let candidates: Vec<(u32, bool)> = steps()
            .filter(|(step, number)| {
                *number > written && step.kind == Kind::Statement && step.scope != writer.scope
            })
            .map(|(step, number)| (step, number, misses(step)))
            .filter(|(step, number, (without, reads_others))| {
                (*without || *reads_others) && !found_later(step, *number)
            })
            .map(|(_, number, (_, reads_others))| (number, reads_others))
            .collect();
        let telling = candidates.iter().find(|(_, reads_others)| *reads_others);
        telling.or(candidates.first()).map(|(number, _)| *number)
    }

    /// Returns the response that the evidence follows from, if its node had not finished its work then: it commits, or
    /// goes down before that, only afterwards, and not because of the response.
    fn early_response(&self, ends: &BTreeSet<u32>) -> Option<u32> {
        let past = self.graph.causes_of(ends.iter().copied());
        let mut responses = past.into_iter().rev().filter(|number| self.step(*number).kind == Kind::Respond);
        responses.find(|response| {
            let is_unfinished = |number: u32| {
                let step = self.step(number);
                matches!(step.kind, Kind::Commit | Kind::Crash | Kind::Stop) && number > *response
            };
            self.work_beside(*response).into_iter().any(is_unfinished)
        })
    }

    /// Returns the steps of a response's node that follow from the same request, but not from the response: what the
    /// node does for the request beside responding. What comes back from other nodes is not followed.
    fn work_beside(&self, response: u32) -> BTreeSet<u32> {
        let node = &self.step(response).node;
        let is_here = |number: &u32| self.step(*number).node == *node && *number != response;
        let request = self.graph.direct_causes(response).filter(is_here);
        let mut open: Vec<u32> = request.filter(|number| self.step(*number).entity().is_some()).collect();
        let mut work = BTreeSet::new();
        while let Some(step) = open.pop() {
            if work.insert(step) {
                open.extend(self.graph.direct_effects(step).filter(is_here));
            }
        }
        work
    }

    /// Returns the longest wait of the violation's entities for a lock or a permit, unless it is short.
    fn longest_wait(&self, until: u32, entities: &BTreeSet<String>) -> Option<u32> {
        let steps = self.trace.steps.iter().zip(0..=until);
        let waits = steps.filter(|(step, _)| {
            step.kind == Kind::LockWait && step.entity().is_some_and(|entity| entities.contains(entity))
        });
        let length = |step: &Step, number: u32| {
            let later = &self.trace.steps[number as usize + 1..];
            let own = later.iter().find(|other| other.node == step.node && other.scope == step.scope);
            own.map_or(Duration::MAX, |next| next.time - step.time)
        };
        let longest = waits.map(|(step, number)| (length(step, number), std::cmp::Reverse(number))).max()?;
        (longest.0 >= WAIT_MIN).then_some(longest.1.0)
    }
}

/// Returns whether a scope is a descendant of another one.
fn is_within(scope: &str, other: &str) -> bool {
    other != "-" && scope.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
}
