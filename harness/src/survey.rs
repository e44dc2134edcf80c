//! The survey: finds the choice sites of a scenario by running it.

use shakedown_sim::{Plan, Rehearse, Script, Variant, small_variants};
use std::collections::BTreeMap;

/// The number of seeds that the survey runs in addition to the happy paths. They reach sites that only a failure
/// leads to.
const SEEDS: u64 = 512;

/// Returns the choice sites by their written form, each with the names of its alternatives, the benign one first:
/// those met on the happy path of each small variant, and in some seeds.
pub fn sites(runner: &mut dyn Rehearse) -> BTreeMap<String, Vec<String>> {
    let mut sites = BTreeMap::new();
    for variant in small_variants(runner.parameters(), &Variant::default()) {
        let happy = Script { variant, ..runner.happy(0) };
        runner.run(Plan::Script(&happy));
        take_offers(runner, &mut sites);
    }
    for seed in 0..SEEDS {
        runner.run(Plan::Seed(seed));
        take_offers(runner, &mut sites);
    }
    sites
}

fn take_offers(runner: &dyn Rehearse, sites: &mut BTreeMap<String, Vec<String>>) {
    for offered in runner.offers() {
        let names = offered.alternatives.names();
        if names.len() > 1 && !sites.contains_key(&offered.id.site) {
            sites.insert(offered.id.site, names.iter().map(|name| (*name).to_owned()).collect());
        }
    }
}
