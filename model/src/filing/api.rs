//! The filing API: a clinic's report is accepted, once, if there is capacity.

use super::office::{Office, job_for};
use super::review_queue;
use super::rows::{Filing, FilingState};
use crate::backbone::threads::Threads;
use crate::backbone::{Code, Reply, admission, jobs};
use shakedown_sim::{Endpoint, Env, Link, Op, StoreError};
use std::rc::Rc;

/// The operations of the filing API.
#[derive(Clone)]
pub struct Api {
    /// Submits a report, under the clinic's reference.
    pub submit: Endpoint<u32, Reply<u32>>,
    /// Lists the dead letters.
    pub dead_letters: Endpoint<(), Option<Vec<review_queue::Listed>>>,
    /// Replays a dead letter.
    pub replay: Endpoint<review_queue::Decision, bool>,
}

impl Api {
    /// Creates the operations: those of clinics over `inside`, those of the review queue over `review_queue`.
    pub fn over(inside: &Link, review_queue: &Link) -> Self {
        Self {
            submit: Endpoint::new(Op::routine("filing.submit", "passes on the report"), inside),
            dead_letters: Endpoint::new(Op::routine("desk.list", "looks at the dead letters"), review_queue),
            replay: Endpoint::new(Op::new("desk.replay", "presses \"replay\""), review_queue),
        }
    }

    /// Boots a node of the API with enough threads for any load.
    pub fn boot(&self, env: &Env, office: &Rc<Office>) {
        self.boot_on(env, office, &Threads::plenty());
    }

    /// Boots a node of the API, which serves each request on one of its threads.
    pub fn boot_on(&self, env: &Env, office: &Rc<Office>, threads: &Threads) {
        let at = Rc::clone(office);
        threads.serve(env, &self.submit, move |env, reference| submit(env, Rc::clone(&at), reference));
        let at = Rc::clone(office);
        threads.serve(env, &self.dead_letters, move |env, ()| review_queue::list(env, Rc::clone(&at)));
        let at = Rc::clone(office);
        threads.serve(env, &self.replay, move |env, decision| {
            review_queue::replay(env, Rc::clone(&at), decision)
        });
    }
}

async fn submit(env: Env, office: Rc<Office>, reference: u32) -> Reply<u32> {
    match accept(&env, &office, reference).await {
        Ok(Some(filing)) => Reply { code: Code::Accepted, body: Some(filing) },
        Ok(None) | Err(_) => Reply { code: Code::Unavailable, body: None },
    }
}

/// Accepts a report, with its job. Returns its number, or `None` if there is no capacity.
async fn accept(env: &Env, office: &Office, reference: u32) -> Result<Option<u32>, StoreError> {
    let (backbone, now, context) = (&office.backbone, office.backbone.now(env), env.scope());
    let mut tx = backbone.store.begin(env);
    if let Some(before) = tx.get_by_unique(&office.filings, u64::from(reference)).await? {
        env.because(|| "this was reported before".to_owned());
        return Ok(Some(before.id));
    }
    if !admission::admits(&mut tx, backbone).await? {
        env.note(|| "has no capacity for more work".to_owned());
        return Ok(None);
    }
    let (id, state) = (office.numbers.next(), FilingState::Open);
    let filing = Filing { id, reference, state, accepted: now, context };
    if !tx.insert_or_ignore(&office.filings, filing).await? {
        let before = tx.get_by_unique(&office.filings, u64::from(reference)).await?;
        return Ok(before.map(|before| before.id));
    }
    tx.insert(&backbone.jobs, jobs::first(backbone, job_for(id, context), now)).await?;
    tx.commit("accept").await?;
    Ok(Some(id))
}
