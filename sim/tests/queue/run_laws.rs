//! Laws of whole runs: for any faults of a seed, no message is lost, none reappears that must not, and order, counts
//! and limits hold.

use crate::depot::{Depot, Did, Do, Sent};
use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::queue::{Counts, MessageId, Reached};
use shakedown_sim::{
    DelayRange, DeliveryFault, Duration, Episode, Flavour, Plan, QueueFaults, QueueProfile, Runner,
    SendFault, SettleFault, SupersededFault, self_check,
};
use std::collections::BTreeMap;

const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(20);
const DELAYS: DelayRange = DelayRange::ms(10, 20_000);
const RESTART: &[Episode] = &[Episode::For(Duration::from_secs(7)), Episode::UntilHealed];

const FIFO: QueueProfile = QueueProfile {
    visibility: Duration::from_secs(6),
    receives_max: Some(3),
    in_flight_max: 2,
    dedup_window: Duration::from_secs(5),
    faults: QueueFaults {
        send: &[
            SendFault::Lost,
            SendFault::Refused,
            SendFault::ResponseLost,
            SendFault::Late(SHORT),
            SendFault::Late(LONG),
        ],
        send_range: DELAYS,
        settle: &[
            SettleFault::Lost,
            SettleFault::Refused,
            SettleFault::ResponseLost,
            SettleFault::Late(SHORT),
            SettleFault::Late(LONG),
        ],
        settle_range: DELAYS,
        delivery: &[DeliveryFault::Lost, DeliveryFault::Late(SHORT), DeliveryFault::Late(LONG)],
        delivery_range: DELAYS,
        restart: RESTART,
        ..QueueFaults::NONE
    },
    ..QueueProfile::FIFO
};
const CHANNEL: QueueProfile = QueueProfile {
    flavour: Flavour::Channel,
    faults: QueueFaults {
        delivery: &[DeliveryFault::Late(SHORT), DeliveryFault::Late(LONG)],
        delivery_range: DELAYS,
        notice: &[Duration::from_secs(2), Duration::from_secs(20)],
        ..FIFO.faults
    },
    ..FIFO
};
const STANDARD: QueueProfile = QueueProfile {
    flavour: Flavour::Standard,
    faults: QueueFaults {
        send: &[
            SendFault::Lost,
            SendFault::Refused,
            SendFault::ResponseLost,
            SendFault::Twice,
            SendFault::Late(SHORT),
            SendFault::Late(LONG),
        ],
        delivery: &[
            DeliveryFault::Lost,
            DeliveryFault::Copy,
            DeliveryFault::Late(SHORT),
            DeliveryFault::Late(LONG),
        ],
        send_range: DelayRange::NONE,
        delivery_range: DelayRange::NONE,
        deletion: &[Duration::from_secs(2), Duration::from_secs(20)],
        superseded: &[SupersededFault::Deletes],
        ..FIFO.faults
    },
    ..FIFO
};

fn step() -> impl Strategy<Value = Do> {
    prop_oneof![
        2 => (0u64..9_000).prop_map(Do::Work),
        4 => Just(Do::Ack),
        1 => (0u64..4_000).prop_map(Do::Nack),
        1 => (0u64..8_000).prop_map(Do::Extend),
        1 => Just(Do::Think),
    ]
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let delay = prop::option::weighted(0.2, 0u64..5_000);
    let one = (0u64..20_000, 0u64..3, prop::option::weighted(0.3, 0u64..2), delay);
    vec(one, 1..8).prop_map(|all| {
        let numbered = (1..).zip(all);
        numbered.map(|(says, (at, group, dedup, delay))| Sent { at, says, group, dedup, delay }).collect()
    })
}

fn depot() -> impl Strategy<Value = Depot> {
    let profile = prop::sample::select(vec![STANDARD, FIFO, CHANNEL]);
    let workers = vec(vec(vec(step(), 0..4), 1..4), 0..3);
    let redrive = prop::option::weighted(0.3, 10_000u64..90_000);
    (profile, sent(), workers, 1usize..3, redrive).prop_map(
        |(profile, sent, workers, prefetch, redrive_at)| {
            let mut depot = Depot::new(profile, &sent, &[]);
            (depot.workers, depot.prefetch, depot.redrive_at) = (workers, prefetch, redrive_at);
            depot
        },
    )
}

/// The state of a message, according to the broker's milestones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Hidden or ready.
    Waits,
    InFlight,
    Deleted,
    Dead,
}

/// The state of a run so far.
struct Ledger<'a> {
    depot: &'a Depot,
    places: BTreeMap<MessageId, (u32, Place)>,
    /// By group in order.
    groups: BTreeMap<u64, Vec<MessageId>>,
    /// The time of each remembered de-duplication id.
    ids: BTreeMap<u64, u64>,
}

impl Ledger<'_> {
    fn of(depot: &Depot) -> Ledger<'_> {
        Ledger { depot, places: BTreeMap::new(), groups: BTreeMap::new(), ids: BTreeMap::new() }
    }

    fn sent(&self, says: u32) -> Sent {
        *self.depot.sent.iter().find(|sent| sent.says == says).expect("it was sent")
    }

    fn count(&self, place: Place) -> usize {
        self.places.values().filter(|(_, other)| *other == place).count()
    }

    fn move_to(&mut self, message: MessageId, from: &[Place], to: Place) -> Result<(), TestCaseError> {
        let (says, place) = self.places.get_mut(&message).expect("it was accepted");
        prop_assert!(from.contains(place), "{says} goes from {place:?} to {to:?}");
        *place = to;
        if matches!(to, Place::Deleted | Place::Dead) {
            self.groups.values_mut().for_each(|group| group.retain(|other| *other != message));
        }
        Ok(())
    }

    fn enter(&mut self, says: u32, message: MessageId) {
        let group = self.sent(says).group;
        self.places.insert(message, (says, Place::Waits));
        self.groups.entry(group).or_default().push(message);
    }

    /// Handles a milestone of the broker.
    fn reached(
        &mut self,
        ms: u64,
        says: u32,
        (message, reached): (MessageId, Reached),
    ) -> Result<(), TestCaseError> {
        let (profile, sent) = (self.depot.profile, self.sent(says));
        let standard = profile.flavour == Flavour::Standard;
        let window = profile.dedup_window.as_millis() as u64;
        match reached {
            Reached::Accepted => {
                if let Some(since) = sent.dedup.and_then(|id| self.ids.insert(id, ms)) {
                    prop_assert!(ms >= since + window, "{says} should have been dropped");
                }
                prop_assert!(!self.places.contains_key(&message));
                self.enter(says, message);
            }
            Reached::Dropped => {
                let since = sent.dedup.and_then(|id| self.ids.get(&id)).copied();
                prop_assert!(since.is_some_and(|since| ms < since + window), "{says} is not known");
            }
            Reached::Copied => {
                prop_assert!(standard);
                self.enter(says, message);
            }
            Reached::Delivered(receives) => {
                prop_assert!(Some(receives) <= profile.receives_max);
                self.move_to(message, &[Place::Waits], Place::InFlight)?;
                prop_assert!(self.count(Place::InFlight) <= profile.in_flight_max as usize);
                let first = self.groups[&sent.group].first();
                prop_assert!(
                    profile.flavour != Flavour::Fifo || first == Some(&message),
                    "{says} is not first"
                );
            }
            Reached::Acked => {
                let late = if standard { Place::Waits } else { Place::InFlight };
                self.move_to(message, &[Place::InFlight, late], Place::Deleted)?;
            }
            Reached::Returned => self.move_to(message, &[Place::InFlight], Place::Waits)?,
            Reached::Died => self.move_to(message, &[Place::InFlight], Place::Dead)?,
            Reached::Expired => prop_assert!(false, "{says} has no retention"),
            Reached::Redriven => {
                self.move_to(message, &[Place::Dead], Place::Waits)?;
                self.enter(says, message);
            }
        }
        Ok(())
    }

    /// Handles the result of a node's call.
    fn said(&self, text: &str) -> Result<(), TestCaseError> {
        let says = |text: &str| text.trim_end_matches(':').parse::<u32>().expect("a number");
        let words: Vec<_> = text.split(' ').collect();
        let reached = |says: u32, wanted: &dyn Fn(Place) -> bool| {
            self.places.values().any(|(other, place)| *other == says && wanted(*place))
        };
        match words[..] {
            ["has", "sent", number] => {
                let (says, sent) = (says(number), self.sent(says(number)));
                prop_assert!(sent.dedup.is_some() || reached(says, &|_| true), "{text}");
            }
            ["sending", number, "refused", ..] => prop_assert!(!reached(says(number), &|_| true), "{text}"),
            ["receives", number, _] => {
                // It was handed out; its state by now is unknown.
                prop_assert!(reached(says(number), &|_| true), "{text}");
            }
            ["acks", number] if self.depot.profile.flavour != Flavour::Standard => {
                prop_assert!(reached(says(number), &|place| place == Place::Deleted), "{text}");
            }
            _ => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_every_message_is_deleted_dead_or_there(depot in depot(), seed in 0u64..10_000) {
        let mut runner = Runner::new(depot);
        let outcome = runner.run(Plan::Seed(seed));
        prop_assert_eq!(&outcome.violations, &[]);
        let depot = runner.scenario();
        let mut ledger = Ledger::of(depot);
        let mut left = Counts::default();
        for (ms, told) in depot.record() {
            match told.did {
                Did::Reached { message, reached } => {
                    let says = told.who.parse().expect("messages go by what they say");
                    ledger.reached(ms, says, (message, reached))?;
                }
                Did::Said(text) => ledger.said(&text)?,
                Did::IsLeft(counts) => left = counts,
            }
        }
        let waits = ledger.count(Place::Waits);
        let expected = Counts { hidden: 0, ready: waits, in_flight: 0, dead: ledger.count(Place::Dead) };
        prop_assert_eq!(left, expected);
        prop_assert!(depot.workers.is_empty() || waits == 0, "workers wait, and so do messages");
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let sent: Vec<_> = (1..=4).map(|says| Sent::at(says.into(), says)).collect();
    let list: &[&[Do]] = &[&[Do::Think, Do::Ack], &[Do::Nack(500)], &[Do::Work(7_000), Do::Ack]];
    for profile in [STANDARD, FIFO, CHANNEL] {
        let mut runner = Runner::new(Depot::new(profile, &sent, &[list, list]));
        for seed in 0..100 {
            self_check(&mut runner, Plan::Seed(seed)).unwrap();
        }
    }
}
