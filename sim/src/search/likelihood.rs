//! Where a run was lost: the likelihood of its failure along its steps.
//!
//! From each choice of a failing run on, the rest is drawn anew by a number of seeds, the same ones everywhere,
//! while what came before stays as it was. The share that still fails in the same way says how likely the
//! failure had become by then: low where nothing is decided, and one once nothing can avert it.

use super::is_same;
use crate::chooser::Profile;
use crate::judge::Violation;
use crate::runner::{Offered, Plan, Rehearse};
use crate::script::{ChoiceId, Script};

/// How likely a failure is along its run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Likelihood {
    /// How many continuations each point was tried with.
    pub continuations: u32,
    /// A point before the first choice, and one after each.
    pub points: Vec<Point>,
}

/// The failure's likelihood with the first choices of the run as they were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// How many choices are as they were.
    pub choices: u32,
    /// The last of them; none at the beginning.
    pub last: Option<ChoiceId>,
    /// What the last of them took, if it deviated.
    pub deviation: Option<String>,
    /// How many numbered events of the run came before the last of them.
    pub after: u32,
    /// How many continuations failed in the same way.
    pub failed: u32,
}

impl Likelihood {
    /// Continuations of a point, unless somebody wants more.
    pub const CONTINUATIONS: u32 = 64;

    /// The share of failing continuations at a point, in percent.
    pub fn percent(&self, point: &Point) -> u32 {
        (point.failed * 100 + self.continuations / 2) / self.continuations.max(1)
    }

    /// The choice at which the likelihood rose most: where the run was lost, if it was at one choice.
    pub fn turning_point(&self) -> Option<&Point> {
        let rises =
            self.points.windows(2).map(|pair| (pair[1].failed.saturating_sub(pair[0].failed), &pair[1]));
        let rises = rises.filter(|(rise, _)| *rise > 0);
        rises.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, point)| point)
    }
}

/// Works out how likely `violation` is along the run of a script, with so many continuations of each point.
/// Continuations are calm: they show what the steps so far have decided, not what else may go wrong.
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
            // The choices are counted as in the run of the whole script.
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
