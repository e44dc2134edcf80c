//! `read-model`: the entry of a booking in a list is one version of its row.

use super::platform::Platform;
use super::rows::Standing;
use super::summaries::{ListRequest, Summary, projected};
use crate::backbone::Code;
use crate::backbone::Reply;
use crate::guardrail::{Guardrail, Naive};
use crate::settings::PARTNER_TIMEOUT;
use shakedown_sim::Env;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// The row of `read-model` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "read-model",
    system: "consistency",
    guarded: "a list shows one committed version of a row, from a projection",
    naive: &[Naive {
        what: "a list is assembled from our row and the partner's live response",
        breaks: &["screens-show-one-version", "screens-agree-at-rest"],
        masked_by: &[],
    }],
};

/// The response to a request for a list.
pub type Listed = Pin<Box<dyn Future<Output = Reply<Summary>>>>;

/// The seam: the source of a list's data.
pub trait ReadModel {
    /// Returns the summary of a booking.
    fn list(&self, env: Env, platform: Rc<Platform>, request: ListRequest) -> Listed;
}

/// Guarded: the projection, which holds one committed version of each row.
pub struct Projection;

impl ReadModel for Projection {
    fn list(&self, env: Env, platform: Rc<Platform>, request: ListRequest) -> Listed {
        Box::pin(async move { projected(&env, &platform, request).await })
    }
}

/// Naive: combined at the time of the request, from our row and the partner's live state.
pub struct Stitched;

impl ReadModel for Stitched {
    fn list(&self, env: Env, platform: Rc<Platform>, request: ListRequest) -> Listed {
        Box::pin(async move {
            let read =
                platform.backbone.store.begin(&env).get(&platform.tables.bookings, &request.booking).await;
            let row = match read {
                Ok(Some(row)) => row,
                Ok(None) => return Reply::bare(Code::Rejected),
                Err(_) => return Reply::bare(Code::Unavailable),
            };
            let live = env.call(&platform.partner.lookup, row.id, PARTNER_TIMEOUT).await.unwrap_or_default();
            let standing = live.iter().find(|record| record.standing == Standing::Confirmed);
            let reservation = standing.map(|record| record.reservation);
            Reply::of(Summary { reservation, ..Summary::of(&row) })
        })
    }
}
