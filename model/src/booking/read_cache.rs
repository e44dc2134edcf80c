//! `read-cache`: reads of data that may be slightly old do not go to the database.

use super::offers::{Pages, reply};
use super::rows::Offer;
use crate::backbone::Reply;
use crate::guardrail::{Guardrail, Naive};
use shakedown_sim::Env;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `read-cache` in the table of guardrails.
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

/// The seam: the source of a page's data.
pub trait ReadCache {
    /// Returns the offer for a page.
    fn read(&self, env: Env, pages: Rc<Pages>, offer: u32) -> Pin<Box<dyn Future<Output = Reply<Offer>>>>;
}

/// Guarded: the cache; of the requests that miss, one reads and fills, and few reads wait at the database.
pub struct ThroughCache;

impl ReadCache for ThroughCache {
    fn read(&self, env: Env, pages: Rc<Pages>, offer: u32) -> Pin<Box<dyn Future<Output = Reply<Offer>>>> {
        Box::pin(async move { pages.cached(&env, offer).await })
    }
}

/// Naive: each page reads the database.
pub struct AllAtPrimary;

impl ReadCache for AllAtPrimary {
    fn read(&self, env: Env, pages: Rc<Pages>, offer: u32) -> Pin<Box<dyn Future<Output = Reply<Offer>>>> {
        Box::pin(async move { reply(pages.primary(&env, offer).await) })
    }
}
