//! What must hold.

use crate::facts::Known;
use crate::shop::STOCK;
use orders_postgres::LEASE;
use shakedown::prelude::*;
use shakedown_sim::Moment;
use std::collections::BTreeMap;

pub(crate) fn never_oversold() -> Box<dyn Invariant<Known>> {
    let sold =
        invariant("never-oversold", |sold: &mut BTreeMap<String, (i64, u32)>, at, fact: &Known, findings| {
            let Known::Sold { item, quantity, .. } = fact else { return };
            let (sum, before) = sold.get(item).copied().unwrap_or((0, at.event));
            sold.insert(item.clone(), (sum + quantity, at.event));
            let stock = STOCK.iter().find(|(name, _)| name == item).map_or(0, |(_, stock)| *stock);
            if sum + quantity > stock {
                findings.violated("item", &[before, at.event], || {
                    format!("{} of item `{item}` are sold and there are {stock}", sum + quantity)
                });
            }
        });
    sold.about("no more of an item is sold than there is").boxed()
}

pub(crate) fn charged_once() -> Box<dyn Invariant<Known>> {
    let once = invariant("charged-once", |seen: &mut BTreeMap<String, u32>, at, fact: &Known, findings| {
        let Known::Charged { order } = fact else { return };
        if let Some(first) = seen.insert(order.clone(), at.event) {
            findings.violated("order", &[first, at.event], || format!("{order} is charged twice"));
        }
    });
    once.about("the partner holds at most one charge for each order").boxed()
}

/// The last change of the lease.
#[derive(Default)]
struct Holder(Option<(String, Moment, u32)>);

pub(crate) fn one_relay() -> Box<dyn Invariant<Known>> {
    let one = invariant("one-relay", |holder: &mut Holder, at, fact: &Known, findings| {
        let Known::Leased { owner } = fact else { return };
        if let Some((before, since, event)) = holder.0.replace((owner.clone(), at.time, at.event))
            && before != *owner
            && at.time.since(since) < LEASE
        {
            findings.violated("lease", &[event, at.event], || {
                format!("{owner} takes the lease {:?} after {before} did", at.time.since(since))
            });
        }
    });
    one.about("the lease of the relay changes hands only after it has expired").boxed()
}

/// What is known of all orders.
#[derive(Default)]
struct Orders {
    of: BTreeMap<String, Progress>,
    /// The event of the last charge.
    charged: Option<u32>,
}

/// What is known of an order.
#[derive(Default)]
struct Progress {
    /// The event by which it is sold, and the last charge of another order before it.
    sold: Option<(u32, Option<u32>)>,
    is_charged: bool,
    is_mailed: bool,
}

pub(crate) fn fulfilled() -> Box<dyn Invariant<Known>> {
    let fulfilled =
        invariant("orders-are-fulfilled", |Orders { of, charged }: &mut Orders, at, fact: &Known, _| {
            match fact {
                Known::Sold { order, .. } | Known::Accepted { order } => {
                    of.entry(order.clone()).or_default().sold.get_or_insert((at.event, *charged));
                }
                Known::Charged { order } => {
                    of.entry(order.clone()).or_default().is_charged = true;
                    *charged = Some(at.event);
                }
                Known::Mailed { order } => of.entry(order.clone()).or_default().is_mailed = true,
                Known::Leased { .. } => {}
            }
        });
    fulfilled
        .about("once healed, each order that the database holds, or its user knows to be accepted, is charged and confirmed by mail")
        .at_rest(|orders, _, findings| {
            for (order, Progress { sold, is_charged, is_mailed }) in &orders.of {
                let Some((sold, before)) = sold.filter(|_| !(*is_charged && *is_mailed)) else { continue };
                let missing = if *is_charged { "confirmed" } else { "charged" };
                // What the relay did last before the order became visible says how it came to miss the order.
                let events: Vec<u32> = before.into_iter().chain([sold]).collect();
                findings.violated("order", &events, || format!("{order} is accepted and never {missing}"));
            }
        })
        .boxed()
}
