//! The person in charge of a rollout: starts it, may recall the release, and may replay a dead letter at the end.

use crate::backbone::jobs::{self, JobState};
use crate::releases::Shop;
use crate::releases::manager::recall;
use shakedown_sim::{Alternatives, Duration, Env, Label, Site, StoreError};
use std::rc::Rc;

const SUPERVISOR: Label = Label::new("supervisor");
const TIERS: Site = Site::new(SUPERVISOR, Label::new("tiers"));
const ORDERS: Alternatives = Alternatives::new(&["as planned", "the other way round"]);
const SECOND_THOUGHTS: Site = Site::new(SUPERVISOR, Label::new("second thoughts"));
const THOUGHTS: Alternatives = Alternatives::new(&[
    "keeps it",
    "recalls it after 3 min",
    "recalls it after 20 min",
    "recalls it after 1 h",
]);
const DEAD_LETTERS: Site = Site::new(SUPERVISOR, Label::new("dead letters"));
const REPLAYS: Alternatives = Alternatives::new(&["leaves them", "has them replayed"]);

/// The wait of the supervisor before repeating what failed in the store.
const AGAIN: Duration = Duration::from_secs(5);

/// Draws whether the tiers are rolled out in reverse order.
pub fn reverses(env: &Env) -> bool {
    !env.choose(TIERS, &ORDERS).is_benign()
}

/// Draws whether the release is recalled, and when.
pub fn think_again(env: &Env, shop: &Rc<Shop>, number: u32) {
    let minutes = match THOUGHTS.names()[env.choose(SECOND_THOUGHTS, &THOUGHTS).index()] {
        "recalls it after 3 min" => 3,
        "recalls it after 20 min" => 20,
        "recalls it after 1 h" => 60,
        _ => return,
    };
    let (env, shop) = (env.clone(), Rc::clone(shop));
    env.clone().spawn(async move {
        env.sleep(Duration::from_secs(60 * minutes)).await;
        env.note(|| format!("recalls R{number}"));
        while recall(&env.child("recall"), &shop, number).await.is_err() {
            env.sleep(AGAIN).await;
        }
    });
}

/// Draws whether the dead letters are replayed.
pub async fn look_through(env: &Env, shop: &Shop) {
    if env.choose(DEAD_LETTERS, &REPLAYS).is_benign() {
        return;
    }
    while replay(&env.child("replay"), shop).await.is_err() {
        env.sleep(AGAIN).await;
    }
}

async fn replay(env: &Env, shop: &Shop) -> Result<(), StoreError> {
    let mut tx = shop.backbone.store.begin(env);
    for job in tx.scan(&shop.backbone.jobs, |job| job.state == JobState::DeadLetter).await? {
        let reason = ("the supervisor", "it may be read now");
        jobs::replay(&mut tx, &shop.backbone, job.id, reason, env.now()).await?;
    }
    tx.commit("replay").await
}
