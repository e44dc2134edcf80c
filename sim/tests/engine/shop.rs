//! A small flow with a queue, workers and an external till, with enough faults; and the edits that code sees over
//! time, each of which would move every draw of a positional random stream.

use crate::rig::{Said, SaidOnce, say, seconds};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

const LOSS: &[LinkFault] =
    &[LinkFault::Lost, LinkFault::Late(Duration::from_secs(3)), LinkFault::Late(Duration::from_secs(20))];
const DELAYS: DelayRange = DelayRange::ms(500, 20_000);
const CRASHES: &[CrashFault] =
    &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(20))];
const FRAIL: CrashProfile = CrashProfile {
    before: CRASHES,
    after: CRASHES,
    restart: Duration::from_secs(5),
    late_restart: &[Duration::from_secs(30)],
    late_restart_range: DelayRange::ms(1_000, 40_000),
};
const FAULTS: LinkFaults = LinkFaults {
    request: LOSS,
    request_range: DELAYS,
    response: LOSS,
    response_range: DELAYS,
    outage: &[Episode::For(Duration::from_secs(10)), Episode::UntilHealed],
    slowness: &[Episode::For(Duration::from_secs(10)), Episode::UntilHealed],
    slow_by: Duration::from_secs(4),
};

/// The edits of the code since a script was pinned.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Edits {
    pub(crate) draw_at_set_up: bool,
    pub(crate) draw_each_step: bool,
    pub(crate) new_entity: bool,
    pub(crate) background_task: bool,
    pub(crate) extra_step: bool,
}

#[derive(Default)]
pub(crate) struct Shop(pub(crate) Edits);

#[derive(Clone)]
struct Job {
    order: Env,
    number: u32,
    free_at: Moment,
}

#[derive(Clone, Default)]
struct Queue {
    jobs: Rc<RefCell<Vec<Job>>>,
    signal: Signal,
}

impl Queue {
    /// Takes the first free job, and hides it for some time.
    fn take(&self, now: Moment) -> Option<Job> {
        let mut jobs = self.jobs.borrow_mut();
        let job = jobs.iter_mut().find(|job| job.free_at <= now)?;
        job.free_at = now + seconds(15);
        Some(job.clone())
    }

    fn due(&self) -> Option<Moment> {
        self.jobs.borrow().iter().map(|job| job.free_at).min()
    }
}

fn draw(env: &Env, point: &'static str) {
    env.choose(Site::new("edit".into(), point.into()), &Alternatives::new(&["no", "yes"]));
}

impl Scenario for Shop {
    type Fact = Said;
    fn name(&self) -> &str {
        "shop"
    }
    fn parameters(&self) -> &[Parameter] {
        &[Parameter { name: "clients", about: "how many buy", values: &["1", "2", "3"], small: &["1"] }]
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: seconds(120), settle: seconds(600) }
    }
    fn build(&self, stage: &Stage<Said>) {
        let edits = self.0;
        let charge = till(stage);
        let queue = Queue::default();
        let place = desk(stage, &queue);
        for _ in 0..2 {
            let (queue, charge, facts) = (queue.clone(), charge.clone(), stage.facts().clone());
            stage.node(Role::new("worker".into(), &FRAIL), move |env| {
                env.clone().spawn(work(env, queue.clone(), charge.clone(), facts.clone(), edits));
            });
        }
        let clients = stage.variant().number("clients") + u32::from(edits.new_entity);
        for number in 1..=clients {
            let client = stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {});
            client.clone().spawn(order(client.within(stage.entity("order")), number, place.clone(), edits));
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        vec![Box::<SaidOnce>::default()]
    }
}

fn till(stage: &Stage<Said>) -> Endpoint<u32, ()> {
    let link = Link::new("till", Duration::from_millis(20), &FAULTS);
    let charge = Endpoint::new(Op::new("till.charge", "asks the till to charge"), &link);
    let (facts, served) = (stage.facts().clone(), charge.clone());
    stage.node(Role::outside("till".into()), move |env| {
        let facts = facts.clone();
        served.serve(&env, move |env, number| {
            say(&facts, &env, format!("charges order-{number}"));
            async {}
        });
    });
    charge
}

fn desk(stage: &Stage<Said>, queue: &Queue) -> Endpoint<u32, ()> {
    let link = Link::new("desk", Duration::from_millis(5), &FAULTS);
    let place = Endpoint::new(Op::new("desk.place", "places the order"), &link);
    let (queue, served) = (queue.clone(), place.clone());
    stage.node(Role::new("desk".into(), &FRAIL), move |env| {
        let queue = queue.clone();
        served.serve(&env, move |env, number| {
            let queue = queue.clone();
            async move {
                env.crash_point(Side::Before, "enqueue").await;
                let job = Job { order: env.child("job"), number, free_at: Moment::START };
                queue.jobs.borrow_mut().push(job);
                queue.signal.raise(&env);
                env.crash_point(Side::After, "enqueue").await;
            }
        });
    });
    place
}

async fn order(env: Env, number: u32, place: Endpoint<u32, ()>, edits: Edits) {
    if edits.draw_at_set_up {
        draw(&env, "set-up");
    }
    if edits.background_task {
        let beside = env.child("background");
        env.spawn(async move {
            for _ in 0..5 {
                draw(&beside, "beat");
                beside.sleep(seconds(7)).await;
            }
        });
    }
    for _ in 0..3 {
        if env.child("attempt").call(&place, number, seconds(2)).await.is_ok() {
            break;
        }
        env.sleep(seconds(1)).await;
    }
}

async fn work(env: Env, queue: Queue, charge: Endpoint<u32, ()>, facts: Facts<Said>, edits: Edits) {
    let mut poller = Poller::new(&env, &queue.signal, seconds(1));
    loop {
        poller.turn(queue.due()).await;
        while let Some(job) = queue.take(env.now()) {
            let turn = env.within(job.order.scope()).child("turn");
            if edits.draw_each_step {
                draw(&turn, "step");
            }
            if edits.extra_step {
                turn.crash_point(Side::Before, "look up").await;
            }
            if turn.call(&charge, job.number, seconds(2)).await.is_ok() {
                turn.crash_point(Side::Before, "finish").await;
                let finished = |other: &Job| other.order.scope() == job.order.scope();
                queue.jobs.borrow_mut().retain(|other| !finished(other));
                say(&facts, &turn, format!("finishes {}", turn.scope_path()));
            }
        }
    }
}
