//! Rare states that a campaign must have reached for its green to mean something.

use crate::judges::{self, States};
use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact, OfferFact, Request};
use shakedown_sim::{At, Goals, Moment};

/// For the rarest of them, how many seeds a campaign needs before not reaching one says anything.
pub const NEEDS: &[(&str, u64)] = &[("a fill came too late", 20_000)];

/// What goals keep of the facts.
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

/// All of them, in the order in which reports list them.
pub fn all() -> Box<dyn Goals<Fact>> {
    const GOALS: States<Memory> = &[
        ("a page showed an offer that had ended", |memory, _, fact| {
            matches!(fact, Fact::Offer(OfferFact::Shown { open: true, asked, .. })
                if memory.ended.is_some_and(|ended| ended < *asked))
        }),
        ("an order came too late", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Rejected, .. })
                if memory.submissions.contains(request))
        }),
        ("an order came at a price that was no more", |memory, _, fact| {
            matches!(fact, Fact::Edge(EdgeFact::Answered { request, code: Code::Rejected, .. })
                if memory.repriced && memory.submissions.contains(request))
        }),
        ("a fill came too late", |_, _, fact| {
            matches!(fact, Fact::Offer(OfferFact::Filled { kept: false, .. }))
        }),
        ("the cache forgot an offer long after its end", |memory, at, fact| {
            let late = |ended: Moment| at.time.since(ended).as_secs() >= 5;
            matches!(fact, Fact::Offer(OfferFact::Forgotten { .. })) && memory.ended.is_some_and(late)
        }),
        ("a crowd was served", |memory, _, fact| {
            matches!(fact, Fact::Offer(OfferFact::Shown { .. })) && memory.shown >= 500
        }),
    ];
    judges::goals(GOALS)
}
