//! The whole design holds.

use crate::checks::{check_happy_paths, check_seeds, check_two_deviations};
use shakedown_scenarios::visit::ENTRY;

#[test]
fn the_happy_path_of_every_variant_holds() {
    // Patients come, cancel, stay away or come tomorrow; one visit or two.
    check_happy_paths(&ENTRY, 8);
}

#[test]
fn a_thousand_seeds_hold() {
    check_seeds(&ENTRY, 1_000);
}

#[test]
fn every_two_deviations_hold() {
    check_two_deviations(&ENTRY, [10, 100]);
}
