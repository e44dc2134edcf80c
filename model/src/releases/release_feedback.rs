//! `release-feedback`: a release must prove itself on a few nodes before it reaches the others, and missing telemetry
//! counts as a failure.

use super::rollout::{Verdict, Watch, Why};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::{BAKE, COMPLETIONS_TO_GO_ON, POINTS_TO_HALT, TELEMETRY_TIMEOUT};

/// The row of `release-feedback` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "release-feedback",
    system: "releases",
    guarded: "a quarter of the nodes come first; bad results, or no results, withdraw the release",
    naive: &[Naive {
        what: "a deployment is complete once its nodes are up",
        breaks: &["bad-release-is-stopped"],
        masked_by: &[],
    }],
};

/// The seam: whether a release goes to a few nodes first, and when its rollout continues.
pub trait ReleaseFeedback {
    /// Returns whether one node of each tier gets it first.
    fn has_canary(&self) -> bool;
    /// Returns what to do with the release.
    fn verdict(&self, watch: &Watch) -> Verdict;
}

/// Guarded: judged by its results.
pub struct ByResults;

impl ReleaseFeedback for ByResults {
    fn has_canary(&self) -> bool {
        true
    }

    fn verdict(&self, watch: &Watch) -> Verdict {
        let Watch { baked, silent, old, new } = *watch;
        if silent >= TELEMETRY_TIMEOUT {
            Verdict::Halt(Why::NoNews)
        } else if old.unreadable + new.unreadable > 0 {
            Verdict::Halt(Why::Unreadable)
        } else if new.failures_percent() >= old.failures_percent() + POINTS_TO_HALT {
            Verdict::Halt(Why::Results)
        } else if baked < BAKE || !silent.is_zero() {
            Verdict::Wait
        } else if new.completions() < COMPLETIONS_TO_GO_ON {
            Verdict::Probe
        } else {
            Verdict::GoOn
        }
    }
}

/// Naive: judged by whether its nodes are up.
pub struct Green;

impl ReleaseFeedback for Green {
    fn has_canary(&self) -> bool {
        false
    }

    fn verdict(&self, _: &Watch) -> Verdict {
        Verdict::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::releases::telemetry::Counts;
    use shakedown_sim::Duration;

    const GOOD: Counts = Counts { good: 20, bad: 0, unreadable: 0 };

    fn check(watch: Watch, verdict: Verdict) {
        assert_eq!(ByResults.verdict(&watch), verdict, "{watch:?}");
    }

    #[test]
    fn a_rollout_continues_because_of_results_only() {
        let watch = Watch { baked: BAKE, silent: Duration::ZERO, old: GOOD, new: GOOD };
        check(watch, Verdict::GoOn);
        check(Watch { baked: BAKE / 2, ..watch }, Verdict::Wait);
        check(Watch { new: Counts { good: 19, ..GOOD }, ..watch }, Verdict::Probe);
        check(Watch { new: Counts { good: 19, bad: 1, ..GOOD }, ..watch }, Verdict::Halt(Why::Results));
        check(Watch { new: Counts { unreadable: 1, ..GOOD }, ..watch }, Verdict::Halt(Why::Unreadable));
        check(Watch { silent: TELEMETRY_TIMEOUT / 2, ..watch }, Verdict::Wait);
        check(Watch { silent: TELEMETRY_TIMEOUT, ..watch }, Verdict::Halt(Why::NoNews));
    }
}
