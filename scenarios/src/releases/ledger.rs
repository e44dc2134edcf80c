//! What judges keep of the facts: rows and messages as texts, who took them up, and what runs where.

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

/// Something as last committed, with the fact that says so.
pub struct Kept<R> {
    /// The row.
    pub row: R,
    /// The fact.
    pub last: u32,
}

/// What runs on a machine.
#[derive(Clone, Copy)]
pub struct Running {
    /// What the machine is there for.
    pub tier: Tier,
    /// What was built and installed.
    pub build: Build,
    /// The fact that says so.
    pub since: u32,
}

/// The facts so far.
#[derive(Default)]
pub struct Ledger {
    /// Bookings by number.
    pub bookings: BTreeMap<u32, Kept<Booking>>,
    /// Messages by number.
    pub messages: BTreeMap<u32, Kept<Message>>,
    /// Jobs by number.
    pub jobs: BTreeMap<u32, Job>,
    /// What runs on each machine.
    pub machines: BTreeMap<u32, Running>,
    /// The pages, once others were handed out.
    pub pages: Option<Kept<Build>>,
    /// The roll-out.
    pub rollout: Option<Kept<Rollout>>,
    /// The fact that says that a column was dropped.
    pub dropped: Option<u32>,
    /// Orders that were taken on, each with the fact that says so.
    pub taken: BTreeMap<u32, u32>,
    /// The intents for which the partner has a reservation.
    pub reserved: Vec<u32>,
}

impl Memory for Ledger {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        Ledger::observe(self, at, fact);
    }
}

impl Ledger {
    /// Takes one more fact.
    pub fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        let last = at.event;
        match fact {
            Fact::Order(OrderFact::Booking { after, .. }) => {
                self.bookings.insert(after.id, Kept { row: after.clone(), last });
            }
            Fact::Order(OrderFact::Message { after, .. }) => {
                self.messages.insert(after.id, Kept { row: after.clone(), last });
            }
            Fact::Order(OrderFact::Taken { booking }) => {
                self.taken.entry(*booking).or_insert(last);
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
            Fact::Release(ReleaseFact::Pages { build }) => self.pages = Some(Kept { row: *build, last }),
            Fact::Release(ReleaseFact::Rollout { after, .. }) => {
                self.rollout = Some(Kept { row: *after, last })
            }
            _ => {}
        }
    }

    /// What runs on the machine that took a message up last.
    pub fn reader(&self, message: &Message) -> Option<Running> {
        message.taken_by.and_then(|machine| self.machines.get(&machine)).copied()
    }

    /// Messages of jobs that are not over, dead letters among them.
    pub fn resting(&self) -> impl Iterator<Item = &Kept<Message>> {
        let rests = |job: &&Job| job.state != JobState::Succeeded;
        self.jobs.values().filter(rests).filter_map(|job| self.messages.get(&job.subject))
    }

    /// Whether a booking is in the list of dead letters.
    pub fn is_listed(&self, booking: u32) -> bool {
        let is_dead = |job: &&Job| job.state == JobState::DeadLetter;
        let mut dead = self.jobs.values().filter(is_dead);
        dead.any(|job| self.messages.get(&job.subject).is_some_and(|kept| kept.row.booking == booking))
    }

    /// The release that has been taken back from every machine, if one has.
    pub fn withdrawn(&self) -> Option<&Kept<Rollout>> {
        self.rollout.as_ref().filter(|kept| matches!(kept.row.phase, Phase::Withdrawn(_)))
    }
}

/// A document's fields, whatever release wrote it.
pub fn fields(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The number of the release that wrote a document last.
pub fn version(text: &str) -> u64 {
    fields(text).get("v").and_then(Value::as_u64).unwrap_or(0)
}

/// Whether a document says in any form for whom it is.
pub fn names_somebody(text: &str) -> bool {
    let fields = fields(text);
    ["guest", "guest_name", "given", "family"]
        .iter()
        .any(|key| fields.get(*key).is_some_and(Value::is_string))
}
