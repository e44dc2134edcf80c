//! What must hold.

use crate::facts::Known;
use shakedown::prelude::*;
use std::collections::BTreeMap;

pub(crate) fn charged_once() -> Box<dyn Invariant<Known>> {
    let once = invariant("charged-once", |seen: &mut BTreeMap<String, u32>, at, fact: &Known, findings| {
        let Known::Charged(order) = fact else { return };
        if let Some(first) = seen.insert(order.clone(), at.event) {
            findings.violated("order", &[first, at.event], || format!("{order} is charged twice"));
        }
    });
    once.about("the partner holds at most one charge for each order").boxed()
}

/// What is known of an order.
#[derive(Default)]
struct Progress {
    /// The event by which its user knows that it is accepted.
    accepted: Option<u32>,
    is_charged: bool,
    is_mailed: bool,
}

pub(crate) fn fulfilled() -> Box<dyn Invariant<Known>> {
    let fulfilled = invariant(
        "accepted-orders-are-fulfilled",
        |orders: &mut BTreeMap<String, Progress>, at, fact: &Known, _| match fact {
            Known::Accepted(order) => orders.entry(order.clone()).or_default().accepted = Some(at.event),
            Known::Charged(order) => orders.entry(order.clone()).or_default().is_charged = true,
            Known::Mailed(order) => orders.entry(order.clone()).or_default().is_mailed = true,
        },
    );
    fulfilled
        .about("once healed, each order that its user knows to be accepted is charged and confirmed by mail")
        .at_rest(|orders, _, findings| {
            for (order, Progress { accepted, is_charged, is_mailed }) in orders {
                let Some(accepted) = accepted.filter(|_| !(*is_charged && *is_mailed)) else { continue };
                let missing = if *is_charged { "confirmed" } else { "charged" };
                findings
                    .violated("order", &[accepted], || format!("{order} is accepted and never {missing}"));
            }
        })
        .boxed()
}
