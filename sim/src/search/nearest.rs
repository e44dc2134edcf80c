//! The nearest script without the failure: the smallest change that avoids it.

use super::Needed;
use crate::runner::{Offered, Plan, Rehearse};
use crate::script::{ChoiceId, Deviation, Script};
use std::fmt;

/// The least change of a failing script that avoids the failure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nearest {
    /// The changed deviation, as in the failing script.
    pub deviation: Deviation,
    /// The change.
    pub change: Change,
}

/// A change of a deviation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Its choice takes this other alternative, which also deviates.
    Alternative(String),
    /// It happens at this other choice of its site.
    Elsewhere(ChoiceId),
    /// It does not happen.
    Dropped,
}

impl Nearest {
    /// Returns the changed script, which holds.
    pub fn script(&self, failing: &Script) -> Script {
        let changed = failing.deviations.iter().filter_map(|deviation| {
            if *deviation != self.deviation {
                return Some(deviation.clone());
            }
            match &self.change {
                Change::Alternative(name) => {
                    Some(Deviation { alternative: name.clone(), ..deviation.clone() })
                }
                Change::Elsewhere(id) => Some(Deviation { id: id.clone(), ..deviation.clone() }),
                Change::Dropped => None,
            }
        });
        failing.with(changed.collect())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Alternative(name) => write!(f, "= {name}"),
            Change::Elsewhere(id) => write!(f, "@ {} #{}", id.scope, id.nth),
            Change::Dropped => f.write_str("dropped"),
        }
    }
}

/// The greatest number of runs of a search for the nearest script.
const RUNS_MAX: u32 = 64;
/// The number of later choices of a deviation's site that are tried in its place.
const PLACES_MAX: usize = 3;

/// Returns the first candidate that holds with every deviation applied. The candidates are, in this order: a deviation
/// with another alternative, the adjacent ones first; a deviation at one of the next choices of its site; a deviation
/// dropped, as listed in `needed`. Within each kind the last deviation of the script is changed first, because that
/// changes the least of the run.
pub(crate) fn nearest(rehearse: &mut dyn Rehearse, failing: &Script, needed: &[Needed]) -> Option<Nearest> {
    rehearse.run(Plan::Script(failing));
    let offers = rehearse.offers();
    let backwards = || failing.deviations.iter().rev();
    let others = backwards().flat_map(|deviation| alternatives(deviation, &offers));
    let elsewhere = backwards().flat_map(|deviation| places(deviation, failing, &offers));
    for (deviation, change) in others.chain(elsewhere).take(RUNS_MAX as usize) {
        let nearest = Nearest { deviation, change };
        let outcome = rehearse.run(Plan::Script(&nearest.script(failing)));
        if outcome.violations.is_empty() && outcome.unapplied.is_empty() {
            return Some(nearest);
        }
    }
    let dropped = needed.iter().rev().find(|needed| needed.still_broken.is_empty());
    dropped.map(|needed| Nearest { deviation: needed.deviation.clone(), change: Change::Dropped })
}

/// Returns the other alternatives of a choice, those adjacent to the taken one first.
fn alternatives(deviation: &Deviation, offers: &[Offered]) -> Vec<(Deviation, Change)> {
    let Some(offered) = offers.iter().find(|offered| offered.id == deviation.id) else { return Vec::new() };
    let names = offered.alternatives.names();
    let taken = names.iter().position(|name| *name == deviation.alternative).unwrap_or(names.len());
    let mut others: Vec<usize> = (1..names.len()).filter(|index| *index != taken).collect();
    others.sort_by_key(|index| index.abs_diff(taken));
    let change = |index: usize| (deviation.clone(), Change::Alternative(names[index].clone()));
    others.into_iter().map(change).collect()
}

/// Returns the choices of a deviation's site that follow it in the run and do not deviate.
fn places(deviation: &Deviation, failing: &Script, offers: &[Offered]) -> Vec<(Deviation, Change)> {
    let after = offers.iter().skip_while(|offered| offered.id != deviation.id).skip(1);
    let of_site = after.filter(|offered| offered.id.site == deviation.id.site);
    let free = of_site.filter(|offered| failing.deviations.iter().all(|other| other.id != offered.id));
    free.take(PLACES_MAX).map(|offered| (deviation.clone(), Change::Elsewhere(offered.id.clone()))).collect()
}
