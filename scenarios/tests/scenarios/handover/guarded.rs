//! The whole design holds.

use crate::checks::{check_bounded, check_one_deviation, check_seeds};
use shakedown_scenarios::handover::ENTRY;

#[test]
fn two_thousand_seeds_hold() {
    check_seeds(&ENTRY, 2_000);
}

#[test]
fn every_one_deviation_holds_for_every_variant() {
    // Two kinds of partner, one or two customers.
    check_one_deviation(&ENTRY, 4, 80);
}

#[test]
fn every_two_deviations_hold_for_one_customer() {
    let runs = check_bounded(&ENTRY, 2);
    assert!(runs[1] > 200 && runs[1] < 400 && runs[2] > 10_000, "{runs:?}");
}
