//! The expectations of the service. A failure prints the story of the smallest failing run.
#![cfg(shakedown)]

use orders_rehearsal::catalogue;
use std::process::{Command, Output};

/// The rehearsal's own binary: a fresh process for each call.
fn orders(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_orders-rehearsal")).args(arguments).output();
    output.expect("the rehearsal's binary starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The correct service.
#[cfg(not(any(
    feature = "naive-retry",
    feature = "naive-insert",
    feature = "naive-select",
    feature = "naive-acknowledgement",
    feature = "naive-shutdown"
)))]
mod correct {
    use super::*;

    #[test]
    fn the_service_holds() {
        for scenario in ["orders", "deployments"] {
            catalogue().rehearse(scenario, &[]).seeds(..200).deviations(1).holds();
        }
    }

    /// The service draws uuids, keeps hash maps (axum's and reqwest's among them) and reads `Instant`.
    #[test]
    fn digests_are_equal_in_fresh_processes_and_at_any_number_of_jobs() {
        let digest = |jobs: &str| {
            let output = orders(&["explore", "orders", "--seeds", "60", "--jobs", jobs]);
            let text = stdout(&output);
            let line = text.lines().find(|line| line.trim_start().starts_with("digest"));
            line.unwrap_or_else(|| panic!("no digest in\n{text}")).to_owned()
        };
        let alone = digest("1");
        assert_eq!([digest("1"), digest("3")], [alone.clone(), alone]);
    }

    #[test]
    fn a_run_is_equal_after_other_runs_and_in_a_fresh_process() {
        let output = orders(&["run", "orders", "--seed", "7", "--twice"]);
        assert!(output.status.success(), "{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    }
}

/// A naive form of the service.
#[cfg(any(
    feature = "naive-retry",
    feature = "naive-insert",
    feature = "naive-select",
    feature = "naive-acknowledgement",
    feature = "naive-shutdown"
))]
mod naive {
    use super::*;

    const DOUBLES: bool = cfg!(any(feature = "naive-retry", feature = "naive-insert"));

    fn invariant() -> &'static str {
        if DOUBLES { "charged-once" } else { "accepted-orders-are-fulfilled" }
    }

    #[test]
    fn it_is_found_with_two_deviations_explained_and_replayed_in_a_fresh_process() {
        // A crash loses orders in memory too. So the scenario without crashes shows that this form loses them at a shutdown.
        let scenario = if cfg!(feature = "naive-shutdown") { "deployments" } else { "orders" };
        let rehearsal = catalogue().rehearse(scenario, &[]).seeds(..1_000);
        let found = rehearsal.traces(env!("CARGO_TARGET_TMPDIR")).violates(invariant()).within(2);
        let story = found.to_string();
        println!("{story}");
        names_the_requests_of_the_service(&story);
        if cfg!(feature = "naive-shutdown") {
            let script = found.finding.failure.shrunk.to_string();
            assert!(script.contains("= shutdown"), "it is not a shutdown that loses the order:\n{script}");
        }
        is_replayed_exactly(&found.finding.trace);
    }

    /// The story names the service's own requests.
    fn names_the_requests_of_the_service(story: &str) {
        let requests = if DOUBLES { &["POST /charges"][..] } else { &["POST /orders", "PUT /orders/order-"] };
        assert!(requests.iter().any(|request| story.contains(request)), "{story}");
    }

    fn is_replayed_exactly(trace: &str) {
        let output = orders(&["replay", trace]);
        let text = stdout(&output);
        // 1: the same violation; 5 would be a different run.
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("exact"), "{text}");
    }
}
