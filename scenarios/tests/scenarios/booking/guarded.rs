//! The whole design holds.

use crate::checks::{check_happy_paths, check_seeds, check_two_deviations};
use shakedown_scenarios::booking::ENTRY;

#[test]
fn the_happy_path_of_every_variant_holds() {
    // Four partners, one or two customers and intents, three isolation levels, reviews left or worked, three statements.
    check_happy_paths(&ENTRY, 288);
}

#[test]
fn two_thousand_seeds_hold() {
    check_seeds(&ENTRY, 2_000);
}

#[test]
fn every_two_deviations_hold_for_every_kind_of_partner() {
    check_two_deviations(&ENTRY, [60, 2_000]);
}
