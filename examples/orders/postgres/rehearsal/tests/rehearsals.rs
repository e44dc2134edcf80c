//! What the service is expected to do. A failure prints the story of the smallest run that shows it.
#![cfg(shakedown)]

use orders_postgres_rehearsal::catalogue;
use std::process::{Command, Output};

/// Runs the rehearsal's own binary: a fresh process for each call.
fn orders(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_orders-postgres-rehearsal")).args(arguments).output();
    output.expect("the rehearsal's binary starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The service as it is meant to be.
#[cfg(not(any(feature = "naive-check", feature = "naive-outbox", feature = "naive-lease")))]
mod correct {
    use super::*;

    #[test]
    fn the_service_holds_at_one_deviation() {
        catalogue().rehearse("orders", &[]).seeds(..60).deviations(1).holds();
    }

    /// A service whose tables do not exist when a run begins: the two instances migrate at the same time.
    #[test]
    fn a_first_start_holds() {
        catalogue().rehearse("first-start", &[]).seeds(..20).holds();
    }

    #[test]
    fn digests_are_equal_in_fresh_processes_and_at_any_number_of_jobs() {
        let digest = |jobs: &str| {
            let output = orders(&["explore", "orders", "--seeds", "40", "--jobs", jobs]);
            let text = stdout(&output);
            let line = text.lines().find(|line| line.trim_start().starts_with("digest"));
            line.unwrap_or_else(|| panic!("no digest in\n{text}")).to_owned()
        };
        assert_eq!(digest("1"), digest("2"));
    }

    #[test]
    fn a_run_is_the_same_after_others_and_in_a_fresh_process() {
        let output = orders(&["run", "orders", "--seed", "7", "--twice"]);
        assert!(output.status.success(), "{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    }
}

/// The service without one thing that people leave out.
#[cfg(any(feature = "naive-check", feature = "naive-outbox", feature = "naive-lease"))]
mod naive {
    use super::*;

    /// The invariant that the form violates, and a statement of the service that its story names.
    const EXPECTED: (&str, &str) = if cfg!(feature = "naive-check") {
        ("never-oversold", "`commit`")
    } else if cfg!(feature = "naive-outbox") {
        ("orders-are-fulfilled", "`insert outbox`")
    } else {
        ("one-relay", "`update leases`")
    };

    #[test]
    fn it_is_found_by_one_deviation_explained_and_replayed_in_a_fresh_process() {
        let (invariant, statement) = EXPECTED;
        let rehearsal = catalogue().rehearse("orders", &[]).seeds(..400);
        let found = rehearsal.traces(env!("CARGO_TARGET_TMPDIR")).violates(invariant).within(1);
        let story = found.to_string();
        println!("{story}");
        assert!(story.contains(statement), "{story}");
        let output = orders(&["replay", &found.finding.trace]);
        let text = stdout(&output);
        // 1: the violation is there again; 5 would be a drift.
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("exact"), "{text}");
    }
}
