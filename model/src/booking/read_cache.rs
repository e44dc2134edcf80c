//! `read-cache`: reads that may be a little old are kept off the database.

use super::offers::{Pages, reply};
use super::rows::Offer;
use crate::backbone::Reply;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::Env;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// Its row of the table.
pub const ROW: Guardrail = Guardrail {
    name: "read-cache",
    system: "caching",
    guarded: "pages are read through the cache: one reader fills an entry, the others wait for it",
    naive: &[Naive {
        what: "each page reads the database",
        breaks: &["primary-within-capacity", "requests-answer-in-time"],
        masked_by: &[],
    }],
};

/// The seam: from where a page is read.
pub trait ReadCache {
    /// The offer for a page.
    fn read(&self, env: Env, pages: Rc<Pages>, offer: u32) -> Pin<Box<dyn Future<Output = Reply<Offer>>>>;
}

/// Guarded: from the cache; of those who miss one reads and fills, and few reads wait at the database.
pub struct ThroughCache;

impl ReadCache for ThroughCache {
    fn read(&self, env: Env, pages: Rc<Pages>, offer: u32) -> Pin<Box<dyn Future<Output = Reply<Offer>>>> {
        Box::pin(async move { pages.cached(&env, offer).await })
    }
}

/// Naive: each page asks the database.
pub struct AllAtPrimary;

impl ReadCache for AllAtPrimary {
    fn read(&self, env: Env, pages: Rc<Pages>, offer: u32) -> Pin<Box<dyn Future<Output = Reply<Offer>>>> {
        Box::pin(async move { reply(pages.primary(&env, offer).await) })
    }
}
