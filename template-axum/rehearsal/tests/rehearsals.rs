//! What the till is expected to do. A failure prints the story of the smallest run that shows it.
#![cfg(shakedown)]

use rehearsal::catalogue;

#[test]
fn the_whole_design_holds() {
    catalogue().rehearse("till", &[]).seeds(..200).deviations(1).holds();
}

#[test]
fn with_a_key_for_each_attempt_one_lost_response_charges_twice() {
    let found = catalogue().rehearse("till", &["repeated-key"]).seeds(..1_000).violates("charged-once");
    found.within(1);
}
