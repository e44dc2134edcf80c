//! A scenario of clients that send parcels into a queue at given times, and workers that follow a list of actions for
//! each parcel that they receive; the results of their calls and the milestones of the parcels are recorded in order.

use shakedown_sim::queue::{Counts, Flavour, MessageId, Reached};
use shakedown_sim::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An action of a worker on a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Do {
    /// Works for this many milliseconds.
    Work(u64),
    Ack,
    /// Returns it to the queue for this many milliseconds.
    Nack(u64),
    /// Extends its lease to this many milliseconds from now.
    Extend(u64),
    /// Reaches a crash point.
    Think,
}

/// A message to send: its time in milliseconds, its content, and its group, id and delay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: u64,
    pub(crate) says: u32,
    pub(crate) group: u64,
    pub(crate) dedup: Option<u64>,
    pub(crate) delay: Option<u64>,
}

impl Sent {
    pub(crate) const fn at(at: u64, says: u32) -> Self {
        Self { at, says, group: 0, dedup: None, delay: None }
    }
}

/// An event: its subject (a node, or at the broker a parcel), and what happened.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub(crate) struct LogEntry {
    pub(crate) who: String,
    pub(crate) did: Did,
}

#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub(crate) enum Did {
    Said(String),
    Reached { message: MessageId, reached: Reached },
    IsLeft(Counts),
}

impl Fact for LogEntry {
    fn sentence(&self) -> String {
        format!("{} {:?}", self.who, self.did)
    }
}

type Record = Rc<RefCell<Vec<(u64, LogEntry)>>>;

/// Violates nothing, records everything.
struct Keeper(Record);

impl Invariant<LogEntry> for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }
    fn about(&self) -> &'static str {
        "nothing"
    }
    fn reset(&mut self) {
        self.0.borrow_mut().clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &LogEntry, _: &mut Findings) {
        self.0.borrow_mut().push((at.time.nanos() / 1_000_000, fact.clone()));
    }
}

const FAULTS: &[CrashFault] =
    &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(20))];
const FRAIL: CrashProfile = CrashProfile {
    before: FAULTS,
    after: FAULTS,
    restart: Duration::from_secs(5),
    late_restart: &[],
    ..CrashProfile::NEVER
};

/// The queue, the messages to send, and the actions of each worker on its first delivery, its second, and so on; the
/// last list applies to all further ones.
#[derive(Clone, Debug)]
pub(crate) struct Depot {
    pub(crate) profile: QueueProfile,
    pub(crate) sent: Vec<Sent>,
    pub(crate) workers: Vec<Vec<Vec<Do>>>,
    /// The number of messages that a worker takes at a time.
    pub(crate) prefetch: usize,
    /// The time at which a worker's first wait for a message times out; it then waits again.
    pub(crate) gives_up_at: Option<u64>,
    /// The time at which an operator redrives the dead letters.
    pub(crate) redrive_at: Option<u64>,
    pub(crate) record: Record,
}

impl Depot {
    pub(crate) fn new(profile: QueueProfile, sent: &[Sent], workers: &[&[&[Do]]]) -> Self {
        let lists = |worker: &&[&[Do]]| worker.iter().map(|list| list.to_vec()).collect();
        let workers = workers.iter().map(lists).collect();
        Self {
            profile,
            sent: sent.to_vec(),
            workers,
            prefetch: 1,
            gives_up_at: None,
            redrive_at: None,
            record: Record::default(),
        }
    }

    pub(crate) fn record(&self) -> Vec<(u64, LogEntry)> {
        self.record.borrow().clone()
    }

    fn client(&self, stage: &Stage<LogEntry>, queue: &Queue<u32>, sent: Sent) {
        let (scope, first) = (stage.entity("order"), Cell::new(true));
        let (facts, queue) = (stage.facts().clone(), queue.clone());
        let is_fifo = self.profile.flavour == Flavour::Fifo;
        stage.node(Role::new("client".into(), &FRAIL), move |env| {
            if !first.replace(false) {
                return;
            }
            let (env, facts, queue) = (env.within(scope), facts.clone(), queue.clone());
            env.clone().spawn(async move {
                env.sleep_until(ms(sent.at)).await;
                let message = Message::new("job", sent.says).in_group(sent.group);
                // On a FIFO queue each message has an id, and none a delay.
                let own_id = is_fifo.then(|| 1_000 + u64::from(sent.says));
                let message = sent.dedup.or(own_id).map_or(message.clone(), |id| message.once(id));
                let message = match sent.delay.filter(|_| !is_fifo) {
                    Some(delay) => message.after(Duration::from_millis(delay)),
                    None => message,
                };
                let says = match queue.post(&env, message).await {
                    Ok(()) => format!("has sent {}", sent.says),
                    Err(error) => format!("sending {}: {error}", sent.says),
                };
                say(&facts, &env, says);
            });
        });
    }

    fn worker(&self, stage: &Stage<LogEntry>, queue: &Queue<u32>, lists: Vec<Vec<Do>>) {
        let (facts, queue, prefetch) = (stage.facts().clone(), queue.clone(), self.prefetch);
        let gives_up_after = self.gives_up_at.map(Duration::from_millis);
        let (lists, taken) = (Rc::new(lists), Rc::new(Cell::new(0)));
        let is_channel = self.profile.flavour == Flavour::Channel;
        stage.node(Role::new("worker".into(), &FRAIL), move |env| {
            for _ in 0..prefetch {
                let (env, facts, queue) = (env.clone(), facts.clone(), queue.clone());
                let (lists, taken) = (Rc::clone(&lists), Rc::clone(&taken));
                env.clone().spawn(async move {
                    if let Some(timeout) = gives_up_after {
                        let received = env.timeout(timeout, queue.receive(&env)).await;
                        assert!(received.is_none(), "it gives up before it receives anything");
                    }
                    loop {
                        let delivery = queue.receive(&env).await;
                        let list = &lists[taken.replace(taken.get() + 1).min(lists.len() - 1)];
                        work(&facts, &delivery, list, is_channel).await;
                    }
                });
            }
        });
    }
}

fn ms(ms: u64) -> Moment {
    Moment::START + Duration::from_millis(ms)
}

fn say(facts: &Facts<LogEntry>, env: &Env, text: String) {
    facts.state(env, &LogEntry { who: env.node_name(), did: Did::Said(text) });
}

async fn work(facts: &Facts<LogEntry>, delivery: &Delivery<u32>, list: &[Do], is_channel: bool) {
    let (env, says) = (delivery.env(), *delivery.body());
    say(facts, env, format!("receives {says} ({})", delivery.receive_count()));
    for step in list {
        let (does, result) = match *step {
            Do::Work(ms) => {
                env.sleep(Duration::from_millis(ms)).await;
                continue;
            }
            Do::Think => {
                env.crash_point(Side::Before, "thought").await;
                continue;
            }
            Do::Ack => ("acks", delivery.ack().await),
            // A channel returns messages without a delay.
            Do::Nack(_) if is_channel => ("gives back", delivery.nack(Duration::ZERO).await),
            Do::Nack(ms) => ("gives back", delivery.nack(Duration::from_millis(ms)).await),
            Do::Extend(ms) => ("keeps", delivery.extend(Duration::from_millis(ms)).await),
        };
        let how = result.map_or_else(|error| format!(": {error}"), |()| String::new());
        say(facts, env, format!("{does} {says}{how}"));
    }
}

impl Scenario for Depot {
    type Fact = LogEntry;

    fn name(&self) -> &str {
        "depot"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(3_600) }
    }

    fn build(&self, stage: &Stage<LogEntry>) {
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let facts = stage.facts().clone();
        let queue = Queue::<u32>::new(&broker, "jobs", self.profile).observed_by(move |env, milestone| {
            let did = Did::Reached { message: milestone.message, reached: milestone.reached };
            facts.state(env, &LogEntry { who: milestone.body.to_string(), did });
        });
        self.workers.iter().for_each(|lists| self.worker(stage, &queue, lists.clone()));
        self.sent.iter().for_each(|sent| self.client(stage, &queue, *sent));
        if let Some(at) = self.redrive_at {
            let operator = stage.node(Role::outside("operator".into()), |_| {});
            let (facts, queue) = (stage.facts().clone(), queue.clone());
            operator.clone().spawn(async move {
                operator.sleep_until(ms(at)).await;
                let dead: Vec<_> = queue.dead_letters().into_iter().map(|dead| dead.body).collect();
                say(&facts, &operator, format!("finds {dead:?}"));
                let redriven = queue.redrive(&operator).await;
                say(&facts, &operator, format!("redrives {redriven:?}"));
            });
        }
        let (facts, env) = (stage.facts().clone(), broker.clone());
        stage.at_rest(move || {
            facts.state(&env, &LogEntry { who: env.node_name(), did: Did::IsLeft(queue.counts()) });
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<LogEntry>>> {
        vec![Box::new(Keeper(self.record.clone()))]
    }
}
