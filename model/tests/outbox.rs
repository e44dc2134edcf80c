//! The relay loses no late commit; simpler cursors do.

use shakedown_model::backbone::events::Event;
use shakedown_model::backbone::relay::{self, Consumer, Place, Posted};
use shakedown_model::booking::events::{ACCEPTED, BOOKING};
use shakedown_model::{Backbone, Design, Fact};
use shakedown_sim::*;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The writers of the published events, in order.
type Published = Rc<RefCell<Vec<u32>>>;

/// How a relay recognizes new events.
#[derive(Clone, Copy)]
enum Relay {
    /// The relay of the platform.
    Ours,
    /// A relay that remembers the greatest published position, as computed by `place`, and reads above it; below the
    /// horizon only, or without a horizon.
    Planted { place: fn(&Posted) -> Place, minds_horizon: bool },
}

const BY_NUMBER: fn(&Posted) -> Place = |posted| (0, posted.id);
const BY_TRANSACTION: fn(&Posted) -> Place = Posted::place;

/// Two writers and a relay. The first writer gets its transaction's id before the second; it also draws its number
/// first, unless `first_is_slow`.
struct Post {
    relay: Relay,
    first_is_slow: bool,
    published: Published,
}

impl Scenario for Post {
    type Fact = Fact;
    fn name(&self) -> &str {
        "post"
    }
    fn build(&self, stage: &Stage<Fact>) {
        self.published.borrow_mut().clear();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let late = StoreProfile {
            commit_faults: const { &[CommitFault::Late(Duration::from_secs(10))] },
            ..StoreProfile::CALM
        };
        let design = Design::guarded().backbone;
        let backbone = Backbone::new(Store::new(&server, late), design, stage.facts());
        let backbone = Rc::new(backbone.with_outbox(stage.facts()));
        for writer in 1..=2 {
            let node = stage.node(Role::new("writer".into(), &CrashProfile::NEVER), |_| {});
            let (env, at) = (node.within(stage.entity("writer")), Rc::clone(&backbone));
            let pause = if writer == 1 && self.first_is_slow { 2 } else { 0 };
            node.spawn(async move { write(&env, &at, writer, Duration::from_millis(pause)).await });
        }
        let (node, published) =
            (stage.node(Role::outside("relay".into()), |_| {}), Rc::clone(&self.published));
        match self.relay {
            Relay::Ours => relay::boot(&node, &backbone, Rc::new([Rc::new(Listener(published))])),
            Relay::Planted { place, minds_horizon } => {
                node.clone().spawn(relay(node, backbone, (place, minds_horizon), published));
            }
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        Vec::new()
    }
}

async fn write(env: &Env, backbone: &Backbone, writer: u32, pause: Duration) {
    // The second starts slightly after the first.
    env.sleep(Duration::from_millis(u64::from(writer))).await;
    let mut tx = backbone.store.begin(env);
    tx.id().await.expect("it has an id");
    env.sleep(pause).await;
    let subject = BOOKING.row(writer);
    let event = Event { subject, version: 1, what: ACCEPTED, party: 0, context: env.scope() };
    relay::post(&mut tx, backbone, event).await.expect("it is posted");
    let _ = tx.commit("event").await;
}

struct Listener(Published);

impl Consumer for Listener {
    fn take(&self, _: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>> {
        receive(&self.0, event);
        Box::pin(async { true })
    }
}

fn receive(published: &Published, event: Event) {
    published.borrow_mut().push(event.subject.row_of(BOOKING).expect("only bookings are written"));
}

async fn relay(
    env: Env,
    backbone: Rc<Backbone>,
    (place, minds_horizon): (fn(&Posted) -> Place, bool),
    published: Published,
) {
    let posted = &backbone.outbox.as_ref().expect("there is one").posted;
    let mut cursor = (0, 0);
    // It polls as long as a writer is active.
    for _ in 0..200 {
        let mut tx = backbone.store.begin(&env);
        let horizon = tx.horizon().await.expect("it can be read");
        let horizon = if minds_horizon { horizon } else { u64::MAX };
        let is_new = |row: &Posted| place(row) > cursor && row.transaction < horizon;
        let mut waiting = tx.scan(posted, is_new).await.expect("it can be read");
        waiting.sort_by_key(place);
        for row in waiting {
            receive(&published, row.event);
            cursor = place(&row);
        }
        env.sleep(Duration::from_millis(100)).await;
    }
}

/// Checks the writers of the published events for these deviations.
fn check(relay: Relay, (first_is_slow, deviation): (bool, &str), expected: &[u32]) {
    let published = Published::default();
    let mut runner = Runner::new(Post { relay, first_is_slow, published: Rc::clone(&published) });
    let script: Script = format!("scenario post\n{deviation}").parse().expect("a script");
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!((outcome.unapplied.len(), outcome.violations.len()), (0, 0), "{deviation}");
    assert_eq!(*published.borrow(), expected, "{deviation}");
}

/// The first transaction, by id and by number, commits long after the second.
const FIRST_IS_LATE: (bool, &str) = (false, "store/commit event @ writer-1 = late 10 s");
/// The second writer draws its number while the first is active, and commits long after it.
const SECOND_IS_LATE: (bool, &str) = (true, "store/commit event @ writer-2 = late 10 s");

#[test]
fn the_relay_publishes_late_commits_in_the_order_of_transactions() {
    for (first_is_slow, deviation) in [(false, ""), (true, ""), FIRST_IS_LATE, SECOND_IS_LATE] {
        check(Relay::Ours, (first_is_slow, deviation), &[1, 2]);
    }
}

#[test]
fn a_cursor_on_the_number_alone_loses_what_commits_late() {
    let by_number = Relay::Planted { place: BY_NUMBER, minds_horizon: false };
    check(by_number, (false, ""), &[1, 2]);
    check(by_number, FIRST_IS_LATE, &[2]);
    check(by_number, SECOND_IS_LATE, &[1]);
}

#[test]
fn minding_the_horizon_does_not_save_a_cursor_on_the_number() {
    let by_number = Relay::Planted { place: BY_NUMBER, minds_horizon: true };
    check(by_number, FIRST_IS_LATE, &[1, 2]);
    check(by_number, SECOND_IS_LATE, &[1]);
}

#[test]
fn nor_does_the_transaction_id_save_one_that_reads_above_the_horizon() {
    let by_transaction = Relay::Planted { place: BY_TRANSACTION, minds_horizon: false };
    check(by_transaction, SECOND_IS_LATE, &[1, 2]);
    check(by_transaction, FIRST_IS_LATE, &[2]);
}
