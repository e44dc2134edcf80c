//! The whole design holds.

use crate::checks::{check_bounded, check_one_deviation, check_seeds};
use shakedown_scenarios::notifications::ENTRY;

#[test]
fn two_thousand_seeds_hold() {
    check_seeds(&ENTRY, 2_000);
}

#[test]
fn every_one_deviation_holds_for_one_customer_and_for_two() {
    check_one_deviation(&ENTRY, 2, 100);
}

#[test]
fn every_two_deviations_hold_for_one_customer() {
    let runs = check_bounded(&ENTRY, 2);
    assert!(runs[1] > 100 && runs[1] < 300 && runs[2] > 10_000, "{runs:?}");
}
