//! The law of the broker alone: for any sequence of calls it returns the same results as a list that is searched from
//! the front.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::queue::broker::{
    Accepted, Acked, Broker, Counts, Expired, Incident, Incoming, Receipt, Rules,
};
use shakedown_sim::queue::{DedupScope, Flavour};
use shakedown_sim::{Duration, Moment};

/// A message of the specification. A deleted message stays in the list.
#[derive(Clone)]
struct Message {
    id: u32,
    group: u64,
    dedup: Option<(u64, Moment)>,
    hidden_until: Moment,
    /// The number of the current lease, and its end.
    lease: Option<(u32, Moment)>,
    leases: u32,
    receives: u32,
    deleted_by: Option<u32>,
    dead: bool,
    /// The consumer that holds it.
    holder: u64,
    /// The number of its return, if it is before all that were never received.
    returned: Option<u32>,
}

impl Message {
    fn is_there(&self) -> bool {
        self.deleted_by.is_none() && !self.dead
    }
}

/// The specification: messages in their order.
struct List {
    rules: Rules,
    messages: Vec<Message>,
    /// The leases that ended by themselves: the message, and whether it is dead.
    incidents: Vec<(u32, bool)>,
    returns: u32,
}

impl List {
    fn of(&mut self, id: u32) -> &mut Message {
        self.messages.iter_mut().find(|message| message.id == id).expect("there is such a message")
    }

    fn send(&mut self, now: Moment, group: u64, dedup: Option<u64>, delay: Option<Duration>) -> (u32, bool) {
        let window = self.rules.dedup_window;
        let is_scoped = self.rules.dedup_scope == DedupScope::Group;
        let knows = |message: &&Message| {
            (!is_scoped || message.group == group)
                && message.dedup.is_some_and(|(id, since)| Some(id) == dedup && now < since + window)
        };
        if let Some(known) = self.messages.iter().filter(knows).map(|message| message.id).max() {
            return (known, false);
        }
        let dedup = dedup.map(|id| (id, now));
        (self.add(group, dedup, now + delay.unwrap_or(self.rules.delay)), true)
    }

    fn add(&mut self, group: u64, dedup: Option<(u64, Moment)>, hidden_until: Moment) -> u32 {
        let id = self.messages.len() as u32;
        let (lease, leases, receives, deleted_by, dead) = (None, 0, 0, None, false);
        self.messages.push(Message {
            id,
            group,
            dedup,
            hidden_until,
            lease,
            leases,
            receives,
            deleted_by,
            dead,
            holder: 0,
            returned: None,
        });
        id
    }

    /// Returns the first message that may be received: no consumer holds it and, on a FIFO queue, no earlier message
    /// of its group exists.
    fn receive(&mut self, now: Moment, consumer: u64) -> Option<(u32, u32)> {
        let in_flight = self.messages.iter().filter(|message| message.lease.is_some()).count();
        let holds = |message: &&Message| message.lease.is_some() && message.holder == consumer;
        let held = self.messages.iter().filter(holds).count();
        if in_flight >= self.rules.in_flight_max as usize || held >= self.rules.prefetch as usize {
            return None;
        }
        let fifo = self.rules.flavour == Flavour::Fifo;
        let is_free = |at: &usize| {
            let message = &self.messages[*at];
            let before = |other: &Message| other.is_there() && other.group == message.group;
            let blocked = fifo && self.messages[..*at].iter().any(before);
            message.is_there() && message.lease.is_none() && message.hidden_until <= now && !blocked
        };
        let returned = |at: &usize| self.messages[*at].returned;
        let turn = |at: &usize| (returned(at).is_none(), returned(at), *at);
        let at = (0..self.messages.len()).filter(is_free).min_by_key(turn)?;
        let message = &mut self.messages[at];
        message.holder = consumer;
        message.leases += 1;
        message.receives += 1;
        message.lease = Some((message.leases, now + self.rules.visibility));
        Some((message.id, message.leases))
    }

    fn ack(&mut self, (id, lease): (u32, u32)) -> Result<Acked, Expired> {
        let flavour = self.rules.flavour;
        let message = self.of(id);
        let holds = message.lease.is_some_and(|(held, _)| held == lease);
        let last = message.is_there() && message.leases == lease;
        if holds || flavour == Flavour::Standard && last {
            message.lease = None;
            message.deleted_by = Some(lease);
            return Ok(Acked::Deleted);
        }
        match flavour {
            Flavour::Standard if message.is_there() => Ok(Acked::Superseded),
            Flavour::Standard => Ok(Acked::Gone),
            Flavour::Fifo if message.deleted_by == Some(lease) => Ok(Acked::Gone),
            Flavour::Fifo | Flavour::Channel => Err(Expired),
        }
    }

    fn change(&mut self, now: Moment, (id, lease): (u32, u32), to: Duration) -> Result<(), Expired> {
        let message = self.of(id);
        if message.lease.is_none_or(|(held, _)| held != lease) {
            return Err(Expired);
        }
        message.lease = Some((lease, now + to));
        if to.is_zero() {
            self.end_lease(id, true);
        }
        Ok(())
    }

    fn reject(&mut self, (id, lease): (u32, u32)) -> Result<(), Expired> {
        let message = self.of(id);
        if message.lease.is_none_or(|(held, _)| held != lease) {
            return Err(Expired);
        }
        (message.lease, message.dead) = (None, true);
        self.incidents.push((id, true));
        Ok(())
    }

    /// Ends the leases that have expired, in order; on a channel, with all others of their holders.
    fn end_leases(&mut self, now: Moment) {
        let ends = |message: &Message| message.lease.map(|(_, until)| (until, message.id));
        while let Some((until, id)) = self.messages.iter().filter_map(ends).min() {
            if until > now {
                return;
            }
            if self.rules.flavour == Flavour::Channel {
                let holder = self.of(id).holder;
                self.end_leases_of(|message| message.holder == holder);
            } else {
                self.end_lease(id, false);
            }
        }
    }

    /// Ends the leases of these messages, in the order of their numbers.
    fn end_leases_of(&mut self, wanted: impl Fn(&Message) -> bool) {
        let held = self.messages.iter().filter(|message| message.lease.is_some() && wanted(message));
        let mut held: Vec<u32> = held.map(|message| message.id).collect();
        held.sort_unstable();
        held.into_iter().for_each(|id| self.end_lease(id, false));
    }

    fn end_lease(&mut self, id: u32, by_consumer: bool) {
        let (most, is_channel) = (self.rules.receives_max, self.rules.flavour == Flavour::Channel);
        let number = self.returns;
        let message = self.of(id);
        message.lease = None;
        message.dead = most.is_some_and(|most| message.receives >= most);
        let dead = message.dead;
        self.incidents.push((id, dead));
        if dead || !is_channel {
            return;
        }
        // What a consumer returns to a queue without a limit comes last.
        if most.is_some() || !by_consumer {
            self.of(id).returned = Some(number);
            self.returns += 1;
        } else {
            let at = self.messages.iter().position(|message| message.id == id).expect("it is there");
            let last = Message { returned: None, ..self.messages.remove(at) };
            self.messages.push(last);
        }
    }

    /// Dead letters go to the end of the list.
    fn redrive(&mut self) {
        let (dead, mut alive): (Vec<_>, Vec<_>) = self.messages.drain(..).partition(|message| message.dead);
        let mut dead: Vec<_> = dead
            .into_iter()
            .map(|message| Message { dead: false, receives: 0, returned: None, ..message })
            .collect();
        dead.sort_by_key(|message| message.id);
        alive.append(&mut dead);
        self.messages = alive;
    }

    fn counts(&self, now: Moment) -> Counts {
        let count =
            |wanted: &dyn Fn(&Message) -> bool| self.messages.iter().filter(|one| wanted(one)).count();
        let waits = |one: &Message| one.is_there() && one.lease.is_none();
        Counts {
            hidden: count(&|one| waits(one) && one.hidden_until > now),
            ready: count(&|one| waits(one) && one.hidden_until <= now),
            in_flight: count(&|one| one.lease.is_some()),
            dead: count(&|one| one.dead),
        }
    }

    fn next_due(&self, now: Moment) -> Option<Moment> {
        let hidden = self.messages.iter().filter(|one| one.is_there()).map(|one| one.hidden_until);
        let leases = self.messages.iter().filter_map(|one| one.lease.map(|(_, until)| until));
        hidden.filter(|until| *until > now).chain(leases).min()
    }
}

/// A call of the broker. Receipts are numbered from the first one issued, modulo their number.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Send {
        group: u64,
        dedup: Option<u64>,
        delay: Option<Duration>,
    },
    Copy(usize, Duration),
    Receive(u64),
    Ack(usize),
    Change(usize, Duration),
    Reject(usize),
    /// An ack that deletes a message which another consumer has received since.
    Supersede(usize),
    Restart,
    Redrive,
    Wait(Duration),
}

fn short() -> impl Strategy<Value = Duration> {
    (0u64..8).prop_map(Duration::from_secs)
}

fn ask() -> impl Strategy<Value = Ask> {
    let send = (0u64..3, prop::option::of(0u64..3), prop::option::of(short()));
    prop_oneof![
        6 => send.prop_map(|(group, dedup, delay)| Ask::Send { group, dedup, delay }),
        1 => (any::<usize>(), short()).prop_map(|(which, after)| Ask::Copy(which, after)),
        8 => (0u64..3).prop_map(Ask::Receive),
        4 => any::<usize>().prop_map(Ask::Ack),
        3 => (any::<usize>(), short()).prop_map(|(which, to)| Ask::Change(which, to)),
        1 => any::<usize>().prop_map(Ask::Reject),
        1 => any::<usize>().prop_map(Ask::Supersede),
        1 => Just(Ask::Restart),
        1 => Just(Ask::Redrive),
        5 => short().prop_map(Ask::Wait),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let flavour = prop::sample::select(vec![Flavour::Standard, Flavour::Fifo, Flavour::Channel]);
    let limits = (prop::option::of(1u32..4), 1u32..5);
    let scope = prop::sample::select(vec![DedupScope::Queue, DedupScope::Group]);
    let prefetch = prop_oneof![2 => Just(u32::MAX), 1 => 1u32..3];
    let drawn = (flavour, 1u64..6, 0u64..2, limits, (0u64..12, scope, prefetch));
    drawn.prop_map(|(flavour, visibility, delay, limits, (window, dedup_scope, prefetch))| Rules {
        flavour,
        visibility: Duration::from_secs(visibility),
        delay: Duration::from_secs(delay),
        receives_max: limits.0,
        in_flight_max: limits.1,
        dedup_window: Duration::from_secs(window),
        dedup_scope,
        retention: Duration::ZERO,
        prefetch,
    })
}

/// A receipt of the broker, with its identity in the specification.
type Pair = (Receipt, (u32, u32));

struct Both {
    broker: Broker<()>,
    list: List,
    now: Moment,
    receipts: Vec<Pair>,
}

impl Both {
    fn new(rules: Rules) -> Self {
        let list = List { rules, messages: Vec::new(), incidents: Vec::new(), returns: 0 };
        Self { broker: Broker::new(rules), list, now: Moment::START, receipts: Vec::new() }
    }

    fn receipt(&self, which: usize) -> Option<Pair> {
        self.receipts.get(which.checked_rem(self.receipts.len())?).copied()
    }

    fn ask(&mut self, ask: Ask) -> Result<(), TestCaseError> {
        let now = self.now;
        match ask {
            Ask::Send { group, dedup, delay } => {
                let answer = match self.broker.accept(now, Incoming { content: (), group, dedup, delay }) {
                    Accepted::New(id) => (id.number(), true),
                    Accepted::Known(id) => (id.number(), false),
                };
                prop_assert_eq!(answer, self.list.send(now, group, dedup, delay));
            }
            Ask::Copy(which, after) => {
                if let Some((receipt, (id, _))) = self.receipt(which) {
                    let copy = self.broker.copy(now, receipt.message, (), after).number();
                    let group = self.list.of(id).group;
                    prop_assert_eq!(copy, self.list.add(group, None, now + after));
                }
            }
            Ask::Receive(consumer) => {
                let (ours, theirs) = (self.broker.receive(now, consumer), self.list.receive(now, consumer));
                prop_assert_eq!(ours.map(|receipt| receipt.message.number()), theirs.map(|(id, _)| id));
                self.receipts.extend(ours.zip(theirs));
            }
            Ask::Ack(which) => {
                if let Some((receipt, known)) = self.receipt(which) {
                    prop_assert_eq!(self.broker.ack(receipt), self.list.ack(known));
                }
            }
            Ask::Change(which, to) => {
                if let Some((receipt, known)) = self.receipt(which) {
                    let ours = self.broker.change_visibility(now, receipt, to);
                    prop_assert_eq!(ours, self.list.change(now, known, to));
                }
            }
            Ask::Reject(which) => {
                if let Some((receipt, known)) = self.receipt(which) {
                    prop_assert_eq!(self.broker.reject(receipt), self.list.reject(known));
                }
            }
            Ask::Supersede(which) => {
                if let Some((receipt, known)) = self.receipt(which) {
                    let ours = self.broker.ack(receipt);
                    prop_assert_eq!(ours, self.list.ack(known));
                    if ours == Ok(Acked::Superseded) {
                        self.broker.delete_superseded(receipt);
                        let message = self.list.of(known.0);
                        (message.lease, message.deleted_by) = (None, Some(known.1));
                    }
                }
            }
            Ask::Restart => {
                self.broker.restart();
                self.list.end_leases_of(|_| true);
            }
            Ask::Redrive => {
                self.broker.redrive();
                self.list.redrive();
            }
            Ask::Wait(duration) => {
                self.now = now + duration;
                self.broker.advance(self.now);
                self.list.end_leases(self.now);
            }
        }
        self.compare()
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.broker.counts(), self.list.counts(self.now));
        prop_assert_eq!(self.broker.next_due(), self.list.next_due(self.now));
        let incident = |incident| match incident {
            Incident::Returned(id) => (id.number(), false),
            Incident::Died(id) | Incident::Expired(id) => (id.number(), true),
        };
        let mut incidents: Vec<_> =
            std::iter::from_fn(|| self.broker.next_incident()).map(incident).collect();
        incidents.sort_unstable();
        self.list.incidents.sort_unstable();
        prop_assert_eq!(incidents, std::mem::take(&mut self.list.incidents));
        for (receipt, known) in self.receipts.iter().copied() {
            let message = self.list.of(known.0);
            prop_assert_eq!(self.broker.receives(receipt.message), message.receives);
            let holds = message.lease.is_some_and(|(lease, _)| lease == known.1);
            prop_assert_eq!(self.broker.holds(receipt), holds);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_broker_behaves_like_a_list(rules in rules(), asks in vec(ask(), 1..80)) {
        let mut both = Both::new(rules);
        for ask in asks {
            both.ask(ask)?;
        }
    }
}
