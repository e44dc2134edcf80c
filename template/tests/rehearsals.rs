//! What the till is expected to do. A failure prints the story of the smallest run that shows it.

use till::catalogue;

const REPEAT: &str = "the till receives an order again";

#[test]
fn the_whole_design_holds() {
    catalogue().rehearse("till", &[]).seeds(..1_000).deviations(2).goals([REPEAT]).holds();
}

#[test]
fn without_memory_one_lost_response_charges_twice() {
    let found = catalogue().rehearse("till", &["order-memory"]).seeds(..1_000).violates("charged-once");
    found.within(1);
}

#[test]
fn without_retries_one_lost_request_charges_never() {
    let found = catalogue().rehearse("till", &["retries"]).deviations(1).violates("every-order-charged");
    found.within(1);
}

#[test]
fn pinned_scripts_come_out_as_expected() {
    let checked = catalogue().check_regressions();
    assert!(checked.as_ref().is_ok_and(|scripts| *scripts > 0), "{checked:?}");
}
