//! The state that judges accumulate: rows and messages as texts, their readers, and the build on each machine.

use crate::judges::Memory;
use serde_json::{Map, Value};
use shakedown_model::Fact;
use shakedown_model::backbone::jobs::{Job, JobState};
use shakedown_model::facts::{JobFact, OrderFact, PartnerFact, ReleaseFact};
use shakedown_model::releases::machine::{Build, Tier};
use shakedown_model::releases::rollout::{Phase, Rollout};
use shakedown_model::releases::rows::{Booking, Message};
use shakedown_sim::At;
use std::collections::BTreeMap;

/// A row as last committed, with its event.
pub struct Latest<R> {
    /// The row.
    pub row: R,
    /// The event.
    pub last: u32,
}

/// The build that runs on a machine.
#[derive(Clone, Copy)]
pub struct Running {
    /// The machine's tier.
    pub tier: Tier,
    /// The installed build.
    pub build: Build,
    /// The event that shows it.
    pub since: u32,
}

/// The state according to the facts so far.
#[derive(Default)]
pub struct Ledger {
    /// Bookings by number.
    pub bookings: BTreeMap<u32, Latest<Booking>>,
    /// Messages by number.
    pub messages: BTreeMap<u32, Latest<Message>>,
    /// Jobs by number.
    pub jobs: BTreeMap<u32, Job>,
    /// The build on each machine.
    pub machines: BTreeMap<u32, Running>,
    /// The build of the web pages, once it has changed.
    pub pages: Option<Latest<Build>>,
    /// The roll-out.
    pub rollout: Option<Latest<Rollout>>,
    /// The event that dropped a column.
    pub dropped: Option<u32>,
    /// Accepted orders, each with its event.
    pub accepted: BTreeMap<u32, u32>,
    /// The intents for which the partner has a reservation.
    pub reserved: Vec<u32>,
}

impl Memory for Ledger {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Ledger::observe(self, at, fact);
    }
}

impl Ledger {
    /// Updates the state with one fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        let last = at.event;
        match fact {
            Fact::Order(OrderFact::Booking { after, .. }) => {
                self.bookings.insert(after.id, Latest { row: after.clone(), last });
            }
            Fact::Order(OrderFact::Message { after, .. }) => {
                self.messages.insert(after.id, Latest { row: after.clone(), last });
            }
            Fact::Order(OrderFact::Taken { booking }) => {
                self.accepted.entry(*booking).or_insert(last);
            }
            Fact::Order(OrderFact::Schema(schema)) if !schema.has_guest => self.dropped = Some(last),
            Fact::Job(JobFact::Changed { after, .. }) => {
                self.jobs.insert(after.id, *after);
            }
            Fact::Partner(PartnerFact::Reserved { .. }) => {
                self.reserved.extend(at.number_of("intent"));
            }
            Fact::Release(ReleaseFact::Runs { machine, tier, build }) => {
                match build {
                    Some(build) => {
                        self.machines.insert(*machine, Running { tier: *tier, build: *build, since: last })
                    }
                    None => self.machines.remove(machine),
                };
            }
            Fact::Release(ReleaseFact::Pages { build }) => self.pages = Some(Latest { row: *build, last }),
            Fact::Release(ReleaseFact::Rollout { after, .. }) => {
                self.rollout = Some(Latest { row: *after, last })
            }
            _ => {}
        }
    }

    /// Returns the build of the machine that claimed a message last.
    pub fn reader(&self, message: &Message) -> Option<Running> {
        message.taken_by.and_then(|machine| self.machines.get(&machine)).copied()
    }

    /// Returns the messages of unfinished jobs; dead letters are unfinished.
    pub fn unfinished_messages(&self) -> impl Iterator<Item = &Latest<Message>> {
        let is_unfinished = |job: &&Job| job.state != JobState::Succeeded;
        self.jobs.values().filter(is_unfinished).filter_map(|job| self.messages.get(&job.subject))
    }

    /// Returns whether a booking has a dead letter.
    pub fn is_listed(&self, booking: u32) -> bool {
        let is_dead = |job: &&Job| job.state == JobState::DeadLetter;
        let mut dead = self.jobs.values().filter(is_dead);
        dead.any(|job| self.messages.get(&job.subject).is_some_and(|latest| latest.row.booking == booking))
    }

    /// Returns the roll-out, if it has been withdrawn from every machine.
    pub fn withdrawn(&self) -> Option<&Latest<Rollout>> {
        self.rollout.as_ref().filter(|latest| matches!(latest.row.phase, Phase::Withdrawn(_)))
    }
}

/// Returns a document's fields, whichever release wrote it.
pub fn fields(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Returns the number of the release that wrote a document last.
pub fn version(text: &str) -> u64 {
    fields(text).get("v").and_then(Value::as_u64).unwrap_or(0)
}

/// Returns whether a document names its guest in any form.
pub fn has_guest_name(text: &str) -> bool {
    let fields = fields(text);
    ["guest", "guest_name", "given", "family"]
        .iter()
        .any(|key| fields.get(*key).is_some_and(Value::is_string))
}
