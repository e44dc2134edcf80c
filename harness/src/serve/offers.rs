//! Which choices a run offers, by the steps of its trace.

use serde::Serialize;
use shakedown_sim::script::ChoiceId;
use shakedown_sim::{Deviation, Offered, Trace};
use std::collections::BTreeMap;

/// The choices of a run, with each site named once.
#[derive(Serialize)]
pub(super) struct Offers {
    sites: Vec<OfferedSite>,
    choices: Vec<OfferedChoice>,
    /// How many further choices the run offers.
    left_out: usize,
}

#[derive(Serialize)]
struct OfferedSite {
    name: String,
    /// The benign alternative first.
    alternatives: Vec<String>,
}

#[derive(Serialize)]
struct OfferedChoice {
    /// The step during which it is offered.
    step: usize,
    site: usize,
    scope: String,
    nth: u32,
    /// The alternative that deviates, if one is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<String>,
}

/// A page lists at most this many choices.
const CHOICES_MAX: usize = 20_000;

impl Offers {
    /// Returns the choices of a recorded run that can deviate.
    pub(super) fn of(trace: &Trace, offers: &[Offered]) -> Self {
        let steps = Steps::of(trace);
        let taken: BTreeMap<&ChoiceId, &Deviation> =
            trace.script.deviations.iter().map(|deviation| (&deviation.id, deviation)).collect();
        let can_deviate: Vec<&Offered> =
            offers.iter().filter(|offered| offered.alternatives.deviations() > 0).collect();
        let (mut places, mut sites, mut choices) = (BTreeMap::new(), Vec::new(), Vec::new());
        for offered in can_deviate.iter().take(CHOICES_MAX) {
            let ChoiceId { site, scope, nth } = &offered.id;
            let place = *places.entry(site.clone()).or_insert_with(|| {
                sites.push(OfferedSite { name: site.clone(), alternatives: offered.alternatives.names() });
                sites.len() - 1
            });
            let taken = taken.get(&offered.id).map(|deviation| deviation.alternative.clone());
            let step = steps.during(offered.after, taken.is_some());
            choices.push(OfferedChoice { step, site: place, scope: scope.to_string(), nth: *nth, taken });
        }
        Self { sites, choices, left_out: can_deviate.len().saturating_sub(CHOICES_MAX) }
    }
}

/// The steps of a trace that have a number.
struct Steps(Vec<usize>);

impl Steps {
    fn of(trace: &Trace) -> Self {
        let numbered = trace.steps.iter().enumerate().filter(|(_, step)| step.kind.is_numbered());
        Self(numbered.map(|(at, _)| at).collect())
    }

    /// Returns the step during which a choice is met after so many numbered ones: the last of these, or the deviation itself.
    fn during(&self, after: u32, deviates: bool) -> usize {
        let number = if deviates { after as usize } else { (after as usize).saturating_sub(1) };
        self.0.get(number).or(self.0.last()).copied().unwrap_or_default()
    }
}
