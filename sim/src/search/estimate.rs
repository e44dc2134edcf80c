//! Estimating how many scripts a bounded search will run.
//!
//! A deviation opens choices that the happy path does not have, so the alternatives of the happy path say little
//! about the number of scripts. Instead, the estimate follows a number of scripts downwards, each time to one of
//! their continuations: the product of the numbers of continuations is, on average, the number of scripts at that
//! depth (Knuth, "Estimating the efficiency of backtrack programs", 1975). The savings of pruning are unknown and not
//! subtracted.

use super::bounded::{Bounded, Parent, continuations, ways};
use crate::chooser::Turn;
use crate::draws::below;
use crate::hash::mix;
use crate::runner::Rehearse;

/// The estimated size of a bounded search.
#[derive(Clone, PartialEq, Debug)]
pub struct Estimate {
    /// The estimated number of scripts of each number of deviations, from none.
    pub scripts: Vec<f64>,
    /// The number of runs that the estimate took.
    pub runs: u64,
}

/// Estimates the number of scripts of a search for each number of deviations.
///
/// Follows `probes` scripts of each variant. Each probe takes one run fewer than there are deviations, and each
/// variant one run of the happy path. The result depends on the arguments only.
///
/// ```
/// # use shakedown_sim::*;
/// use shakedown_sim::search::{Bounded, estimate};
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let search = Bounded::new(vec![Variant::default()], 2, true);
/// let estimate = estimate(&mut Runner::new(Calm), &search, 100);
/// assert_eq!((estimate.scripts, estimate.runs), (vec![1.0, 0.0, 0.0], 1));
/// ```
pub fn estimate(rehearse: &mut dyn Rehearse, search: &Bounded, probes: u32) -> Estimate {
    let deviations = search.deviations();
    let mut estimate = Estimate { scripts: vec![0.0; deviations + 1], runs: 0 };
    for variant in 0..search.variants().len() {
        let mut open = |turns: &[Turn]| {
            estimate.runs += 1;
            let script = Parent { variant, turns: turns.to_vec() };
            rehearse.run(search.plan(&script));
            continuations(rehearse, turns).iter().flat_map(ways).collect::<Vec<_>>()
        };
        estimate.scripts[0] += 1.0;
        let first = open(&[]);
        for probe in 0..probes {
            let (mut turns, mut ways, mut product) = (Vec::new(), first.clone(), 1.0);
            for depth in 1..=deviations {
                product *= ways.len() as f64;
                estimate.scripts[depth] += product / f64::from(probes);
                if ways.is_empty() || depth == deviations {
                    break;
                }
                turns.push(ways[place((probe, probes), depth, ways.len())]);
                ways = open(&turns);
            }
        }
    }
    estimate
}

/// Returns which of `of` continuations a probe takes: the first turns are spread evenly, the later ones are drawn.
fn place((probe, probes): (u32, u32), depth: usize, of: usize) -> usize {
    match depth {
        1 => (u64::from(probe) * of as u64 / u64::from(probes)) as usize,
        _ => below(mix(u64::from(probe), depth as u64), of as u32) as usize,
    }
}
