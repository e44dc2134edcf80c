//! `read-model`: what a list shows of a booking is one version of it.

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

/// Its row of the table.
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

/// What a list is answered.
pub type Listed = Pin<Box<dyn Future<Output = Reply<Summary>>>>;

/// The seam: from where a list is read.
pub trait ReadModel {
    /// The summary of a booking.
    fn list(&self, env: Env, platform: Rc<Platform>, request: ListRequest) -> Listed;
}

/// Guarded: from the projection, which holds one committed version of each row.
pub struct Projection;

impl ReadModel for Projection {
    fn list(&self, env: Env, platform: Rc<Platform>, request: ListRequest) -> Listed {
        Box::pin(async move { projected(&env, &platform, request).await })
    }
}

/// Naive: stitched together when it is asked for, from our row and from what the partner says just now.
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
