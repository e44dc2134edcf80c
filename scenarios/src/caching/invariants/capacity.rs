//! The load on the database.

use shakedown_model::Fact;
use shakedown_model::facts::OfferFact;
use shakedown_model::settings::PRIMARY_READS_MAX;
use shakedown_sim::{At, Duration, Findings, Invariant, Moment};
use std::collections::VecDeque;

const SECOND: Duration = Duration::from_secs(1);

/// Verifies that page reads stay within the database's capacity.
#[derive(Default)]
pub(super) struct PrimaryWithinCapacity {
    /// The times of reads within the last second.
    reads: VecDeque<Moment>,
}

impl Invariant<Fact> for PrimaryWithinCapacity {
    fn name(&self) -> &'static str {
        "primary-within-capacity"
    }
    fn about(&self) -> &'static str {
        "always: in no second do pages begin or await more than 200 reads at the database. Not judged: \
         reads within transactions that write"
    }
    fn reset(&mut self) {
        self.reads.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Offer(OfferFact::Read { .. }) = fact else { return };
        while self.reads.front().is_some_and(|read| *read + SECOND <= at.time) {
            self.reads.pop_front();
        }
        self.reads.push_back(at.time);
        if self.reads.len() > PRIMARY_READS_MAX {
            findings.violated("too many reads", &[at.event], || {
                format!("pages made more than {PRIMARY_READS_MAX} reads at the database within one second")
            });
        }
    }
}
