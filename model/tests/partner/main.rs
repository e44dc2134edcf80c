//! The partner behaves as its documentation says, as tables of claims: requests and deviations in; the partner's
//! ledger, the responses to the client, and the callbacks out.

mod counter;

mod callbacks;
mod outcomes;
mod questions;

use counter::{Ask, Counter, Whose};
use shakedown_model::PartnerTerms;
use shakedown_sim::{Plan, Runner, Script};

/// The partner's terms, the requests, the deviations, and the number of callbacks that are not accepted at first.
#[derive(Clone, Copy)]
struct Case<'a> {
    terms: PartnerTerms,
    asks: &'a [Ask],
    deviations: &'a str,
    deaf: u32,
}

impl<'a> Case<'a> {
    fn new(terms: PartnerTerms, asks: &'a [Ask], deviations: &'a str) -> Self {
        Self { terms, asks, deviations, deaf: 0 }
    }

    /// Returns all events, in order; the deviations must apply, and the partner must come to rest by itself.
    fn happens(&self) -> Vec<(Whose, u64, String)> {
        let (terms, asks, deaf) = (self.terms, self.asks.to_vec(), self.deaf);
        let mut runner = Runner::new(Counter { terms, asks, deaf, lines: Default::default() });
        let script: Script = format!("scenario counter\n{}", self.deviations).parse().unwrap();
        let outcome = runner.run(Plan::Script(&script));
        assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
        assert_eq!(outcome.violations, [], "{}", self.deviations);
        runner.scenario().lines.borrow().clone()
    }

    fn of(&self, whose: Whose) -> Vec<String> {
        let lines = self.happens().into_iter().filter(|(of, ..)| *of == whose);
        lines
            .map(|(_, ms, text)| if whose == Whose::Callback { format!("{ms} {text}") } else { text })
            .collect()
    }

    fn answers(self, expected: &[&str]) -> Self {
        assert_eq!(self.of(Whose::Client), expected, "answers: {}", self.deviations);
        self
    }

    fn ledger(self, expected: &[&str]) -> Self {
        assert_eq!(self.of(Whose::Ledger), expected, "ledger: {}", self.deviations);
        self
    }

    fn calls_back(self, expected: &[&str]) -> Self {
        assert_eq!(self.of(Whose::Callback), expected, "callbacks: {}", self.deviations);
        self
    }
}

const EVERY_KIND: [PartnerTerms; 4] =
    [PartnerTerms::KEYS, PartnerTerms::SHORT_KEYS, PartnerTerms::LOOKUP, PartnerTerms::NEITHER];
