//! Rare states that a campaign must reach before its passing result means something.

use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact, OfferFact, Request};
use shakedown_sim::{At, Goals, Moment};

/// The rarest goals, each with the number of seeds after which missing it is a finding.
pub const NEEDS: &[(&str, u64)] = &[("fill rejected: its lease was gone", 20_000)];

/// The state that goals accumulate.
#[derive(Default)]
struct Memory {
    ended: Option<Moment>,
    repriced: bool,
    shown: u32,
    submissions: Vec<u32>,
}

impl judges::Memory for Memory {
    fn observe(&mut self, at: &At<'_>, fact: &Fact) {
        match fact {
            Fact::Offer(OfferFact::Offer { after, .. }) if !after.open => self.ended = Some(at.time),
            Fact::Offer(OfferFact::Offer { .. }) => self.repriced = true,
            Fact::Offer(OfferFact::Shown { .. }) => self.shown += 1,
            Fact::Edge(EdgeFact::Entered { request, what: Request::Submit }) => {
                self.submissions.push(*request);
            }
            _ => {}
        }
    }
}

/// Returns all goals, in the order of reports.
pub fn all() -> Box<dyn Goals<Fact>> {
    const GOALS: States<Memory> = &[
        ("page showed an ended offer", |memory, _, fact| {
            matches!(fact, Fact::Offer(OfferFact::Shown { open: true, asked, .. })
                if memory.ended.is_some_and(|ended| ended < *asked))
        }),
        ("order rejected after the change", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Rejected, .. })
                if memory.submissions.contains(request))
        }),
        ("order rejected at the old price", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Rejected, .. })
                if memory.repriced && memory.submissions.contains(request))
        }),
        ("fill rejected: its lease was gone", |_, _, fact| {
            matches!(fact, Fact::Offer(OfferFact::Filled { kept: false, .. }))
        }),
        ("cache entry removed long after the offer ended", |memory, at, fact| {
            let late = |ended: Moment| at.time.since(ended).as_secs() >= 5;
            matches!(fact, Fact::Offer(OfferFact::Forgotten { .. })) && memory.ended.is_some_and(late)
        }),
        ("burst of readers served", |memory, _, fact| {
            matches!(fact, Fact::Offer(OfferFact::Shown { .. })) && memory.shown >= 240
        }),
    ];
    judges::goals(GOALS)
}
