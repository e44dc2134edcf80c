//! How long faults are possible: by default for as long as the workload of the happy path lasts.

use super::{Plan, Runner};
use crate::scenario::{Horizon, Scenario};
use crate::time::{Duration, Moment};
use crate::world::{Limits, World};

/// The least time to heal of a scenario that derives it from its workload.
const HEAL_LEAST: Duration = Duration::from_secs(60);
/// A workload that is still active after this time counts as endless.
const WORKLOAD_MAX: Duration = Duration::from_secs(24 * 3_600);
/// The limits of the run that measures the end of a workload.
const MEASURED: Limits = Limits { events: 100_000, choices: 500_000, polls: 200_000 };

impl<S: Scenario> Runner<S> {
    /// Returns the horizon of the current variant.
    pub(super) fn horizon(&mut self) -> Horizon {
        let given = self.scenario.horizon(&self.variant);
        if given.heal < Horizon::AFTER_WORKLOAD.heal {
            return given;
        }
        let heal = match self.heals.get(&self.variant_text) {
            Some(known) => *known,
            None => {
                let heal = self.measure_workload();
                self.heals.insert(self.variant_text.clone(), heal);
                heal
            }
        };
        Horizon { heal, ..given }
    }

    /// Returns the end of the happy path's workload, but at least the least time to heal.
    fn measure_workload(&mut self) -> Duration {
        // In a world of its own, so that nothing of this run is recorded or counted.
        let world = std::mem::replace(&mut self.world, World::new());
        {
            // An observer sees this run, too: it may end the process.
            let (mut core, mut outer) = (self.world.core.borrow_mut(), world.core.borrow_mut());
            core.observer = outer.observer.take();
            core.recording = core.observer.is_some().then(Vec::new);
        }
        let (limits, variant) = (self.limits, self.variant.clone());
        self.limits = MEASURED;
        let horizon = Horizon { heal: WORKLOAD_MAX, settle: Duration::ZERO };
        self.execute_within(Plan::Turns { variant: &variant, turns: &[], task_order: false }, horizon);
        self.limits = limits;
        let has_ended = self.facts.take_violations().iter().all(|one| one.invariant != "comes-to-rest")
            && self.world.core.borrow().run_abort.is_none();
        let activity = self.activity.last;
        let observer = self.world.core.borrow_mut().observer.take();
        (self.world, self.spoilt) = (world, false);
        self.world.core.borrow_mut().observer = observer;
        // What it logged was captured with what the next run logs.
        drop(self.world.core.borrow().log.take());
        if has_ended {
            HEAL_LEAST.max(activity.since(Moment::START) + Duration::from_secs(1))
        } else {
            HEAL_LEAST
        }
    }
}
