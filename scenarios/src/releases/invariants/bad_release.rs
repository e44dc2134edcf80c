//! The spread of a bad release.

use super::super::ledger::Ledger;
use shakedown_model::Fact;
use shakedown_model::facts::ReleaseFact;
use shakedown_model::releases::machine::Tier;
use shakedown_model::settings::BAKE;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// The longest time from the end of the bake to the withdrawal of a bad release.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(300);

/// Verifies that a bad release stays on few machines and is withdrawn in time.
#[derive(Default)]
pub(super) struct BadReleaseIsStopped {
    ledger: Ledger,
    /// The time since which a bad build runs on some machine.
    since: Option<Moment>,
    disturbances: Vec<(Moment, Moment)>,
}

impl BadReleaseIsStopped {
    /// Returns the number of machines of a tier that run a bad build, and the number of all its machines.
    fn share(&self, tier: Tier) -> (usize, usize) {
        let of_tier = self.ledger.machines.values().filter(|running| running.tier == tier);
        let bad = of_tier.clone().filter(|running| running.build.defect.is_some()).count();
        (bad, of_tier.count())
    }

    /// Returns the time by which a build that runs since `since` must be withdrawn. The time of faults in between is
    /// not counted.
    fn due(&self, since: Moment, now: Moment) -> Moment {
        let during = |(from, until): &(Moment, Moment)| (*until).min(now).since((*from).max(since));
        since + BAKE + WITHDRAWN_WITHIN + self.disturbances.iter().map(during).sum()
    }

    fn judge_time(&mut self, now: Moment, events: &[u32], findings: &mut Findings) {
        let Some(since) = self.since else { return };
        if now > self.due(since, now) {
            findings.violated("not withdrawn", events, || {
                let minutes = now.since(since).as_secs() / 60;
                format!("a release that rejects orders has run for {minutes} min")
            });
        }
        if [Tier::Api, Tier::Worker].iter().all(|tier| self.share(*tier).0 == 0) {
            self.since = None;
        }
    }
}

impl Invariant<Fact> for BadReleaseIsStopped {
    fn name(&self) -> &'static str {
        "bad-release-is-stopped"
    }
    fn about(&self) -> &'static str {
        "always: a build that rejects orders without a reason runs on at most a quarter of a tier's \
         machines and is withdrawn 15 minutes after it first ran (10 to bake, 5 to withdraw), plus the \
         time of faults in between. Not judged: whether a good build is withdrawn"
    }
    fn reset(&mut self) {
        *self = Self::default();
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        self.disturbances.push((disturbance.from, disturbance.until));
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        self.ledger.observe(at, fact);
        if let Fact::Release(ReleaseFact::Runs { tier, build, .. }) = fact {
            let (bad, all) = self.share(*tier);
            if bad * 4 > all && build.is_some_and(|build| build.defect.is_some()) {
                let running = self.ledger.machines.values();
                let bad_ones =
                    running.filter(|running| running.tier == *tier && running.build.defect.is_some());
                let events: Vec<u32> = bad_ones.map(|running| running.since).collect();
                findings.violated("past the canary", &events, || {
                    format!("a release that rejects orders runs on {bad} of {all} machines")
                });
            }
            if bad > 0 {
                self.since = self.since.or(Some(at.time));
            }
        }
        self.judge_time(at.time, &[at.event], findings);
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        self.judge_time(Moment::NEVER, &[], findings);
    }
}
