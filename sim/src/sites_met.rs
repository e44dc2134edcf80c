//! The choices that runs met, and their picks: the evidence behind a green result.

use crate::trace::Step;
use std::collections::BTreeMap;

/// The choices of one site over a number of runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct SiteMet {
    /// The number of choices offered.
    pub offered: u64,
    /// The alternatives, the benign one first, each with how often it was taken.
    pub taken: Vec<(String, u64)>,
    /// How often a length of the range was taken that no alternative names.
    pub taken_of_range: u64,
}

/// The sites that runs met, by their written form.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct SitesMet(pub BTreeMap<String, SiteMet>);

impl SitesMet {
    /// Counts the deviating choices of a recorded run. A recording does not hold the benign ones.
    pub fn of_deviations(steps: &[Step]) -> Self {
        let mut sites = Self::default();
        for choice in steps.iter().filter_map(|step| step.choice.as_ref()) {
            let is_taken = |name: &String| u64::from(*name == choice.taken);
            let taken: Vec<_> =
                choice.alternatives.iter().map(|name| (name.clone(), is_taken(name))).collect();
            let taken_of_range = 1 - taken.iter().map(|(_, times)| times).sum::<u64>();
            let met = SiteMet { offered: 1, taken, taken_of_range };
            sites.0.entry(choice.site.clone()).or_default().add(met);
        }
        sites
    }

    /// Adds the counts of other runs.
    pub fn add(&mut self, other: SitesMet) {
        for (site, met) in other.0 {
            self.0.entry(site).or_default().add(met);
        }
    }

    /// Returns whether no choice was met.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many alternatives other than the benign ones were offered, and how many of them were taken at
    /// least once.
    ///
    /// ```
    /// use shakedown_sim::{SiteMet, SitesMet};
    /// let taken = vec![("arrives".to_owned(), 5), ("lost".to_owned(), 1), ("refused".to_owned(), 0)];
    /// let response = SiteMet { offered: 6, taken, taken_of_range: 0 };
    /// assert_eq!(SitesMet([("pay/response".to_owned(), response)].into()).deviations(), (2, 1));
    /// ```
    pub fn deviations(&self) -> (usize, usize) {
        let others = || self.0.values().flat_map(|met| met.taken.iter().skip(1));
        (others().count(), others().filter(|(_, times)| *times > 0).count())
    }
}

impl SiteMet {
    fn add(&mut self, other: SiteMet) {
        self.offered += other.offered;
        self.taken_of_range += other.taken_of_range;
        for (alternative, times) in other.taken {
            match self.taken.iter_mut().find(|(known, _)| *known == alternative) {
                Some((_, known)) => *known += times,
                None => self.taken.push((alternative, times)),
            }
        }
    }
}
