//! Likelihood: how likely the failure was after each step of a failing run.
//!
//! For each choice of a failing run, the rest of the run is drawn again with a number of seeds, the same at each
//! choice, while everything before stays as it was. The share of continuations that fail in the same way shows how
//! likely the failure had become: low where nothing is decided, and one where nothing can prevent it any more.

use super::is_same;
use crate::draws::Profile;
use crate::judge::Violation;
use crate::runner::{Offered, Plan, Rehearse};
use crate::script::{ChoiceId, Script};

/// The likelihood of a failure along its run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Likelihood {
    /// The number of continuations of each point.
    pub continuations: u32,
    /// A point before the first choice, and one after each.
    pub points: Vec<Point>,
}

/// The likelihood of the failure with the first choices of the run unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// The number of unchanged choices.
    pub choices: u32,
    /// The last of them; `None` at the beginning.
    pub last: Option<ChoiceId>,
    /// The alternative of the last of them, if it deviated.
    pub deviation: Option<String>,
    /// The number of numbered events of the run before the last of them.
    pub after: u32,
    /// The number of continuations that failed in the same way.
    pub failed: u32,
}

impl Likelihood {
    /// The default number of continuations of a point.
    pub const CONTINUATIONS: u32 = 64;

    /// Returns the share of failing continuations at a point, in percent.
    pub fn percent(&self, point: &Point) -> u32 {
        (point.failed * 100 + self.continuations / 2) / self.continuations.max(1)
    }

    /// Returns the choice at which the likelihood rose most: the turning point of the run, if a single choice caused
    /// it.
    pub fn turning_point(&self) -> Option<&Point> {
        let rises =
            self.points.windows(2).map(|pair| (pair[1].failed.saturating_sub(pair[0].failed), &pair[1]));
        let rises = rises.filter(|(rise, _)| *rise > 0);
        rises.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, point)| point)
    }
}

/// Computes the likelihood of `violation` along the run of a script, with this number of continuations of each point.
/// Continuations use calm fault rates: they show what the steps so far have decided, not which other faults may
/// happen.
pub fn likelihood(
    rehearse: &mut dyn Rehearse,
    script: &Script,
    violation: &Violation,
    continuations: u32,
) -> Likelihood {
    rehearse.run(Plan::Script(script));
    let offers = rehearse.offers();
    let first = Point { choices: 0, last: None, deviation: None, after: 0, failed: 0 };
    let later = offers.iter().zip(1..).map(|(offered, choices)| Point {
        choices,
        last: Some(offered.id.clone()),
        deviation: taken(script, offered),
        after: offered.after,
        failed: 0,
    });
    let mut points: Vec<Point> = std::iter::once(first).chain(later).collect();
    for point in &mut points {
        let met = &offers[..point.choices as usize];
        let so_far = script.deviations.iter().filter(|one| met.iter().any(|offered| offered.id == one.id));
        let so_far = script.with(so_far.cloned().collect());
        let fails = |seed: &u64| {
            let (from, profile) = (point.choices, Profile::CALM);
            // The choices have the same positions as in the run of the whole script.
            let task_order = script.has_task_order();
            let plan = Plan::Branch { script: &so_far, from, seed: *seed, profile, task_order };
            let outcome = rehearse.run(plan);
            outcome.violations.iter().any(|other| is_same(other, violation))
        };
        point.failed = (0..u64::from(continuations)).filter(fails).count() as u32;
    }
    Likelihood { continuations, points }
}

fn taken(script: &Script, offered: &Offered) -> Option<String> {
    let deviation = script.deviations.iter().find(|deviation| deviation.id == offered.id)?;
    Some(deviation.alternative.clone())
}
