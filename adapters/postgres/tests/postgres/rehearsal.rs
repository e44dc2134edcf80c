//! A service with three naive parts, each found, shrunk and replayed; and the form that holds.

use crate::seats::{Seats, server};
use crate::service::Form;
use shakedown_sim::search::*;
use shakedown_sim::*;
use std::process::Command;

/// Finds what a form breaks, shrinks it, and replays it.
fn is_found(form: Form, invariant: &str, expected: &[&str]) {
    let mut runner = Runner::new(Seats { server: server().unwrap(), form });
    let found = (0..400).find_map(|seed| {
        let violations = runner.run(Plan::Seed(seed)).violations;
        let broken = violations.into_iter().find(|found| found.invariant == invariant)?;
        Some((seed, Rehearse::script(&runner), broken))
    });
    let (seed, script, violation) = found.expect("a seed that fails");
    let failure = understand(&mut runner, &script, &violation);
    println!("seed {seed}\n{failure}");
    let shrunk: Vec<_> = failure.shrunk.deviations.iter().map(|deviation| deviation.to_string()).collect();
    assert_eq!(shrunk, expected);
    let again = replay(&mut runner, &TraceFile::from(&failure)).expect("its own script fits");
    assert_eq!(again.verdict, Verdict::Exact);
}

#[test]
fn a_check_before_an_insert_at_read_committed_is_found() {
    is_found(Form::CheckThenInsert, "seat-booked-once", &["postgres/request @ guest-1/postgres-1 #4 = 3 s"]);
}

#[test]
fn an_outbox_read_by_id_that_skips_a_late_commit_is_found() {
    is_found(Form::OutboxById, "bookings-are-published", &["postgres/request @ guest-1/postgres-1 #7 = 3 s"]);
}

#[test]
fn a_lease_judged_by_the_clock_of_the_application_is_found() {
    is_found(Form::LeaseByOwnClock, "one-leaseholder", &["publisher/clock @ publisher-2 #1 = 1 min ahead"]);
}

#[test]
fn the_correct_form_is_certified_at_one_deviation() {
    let mut runner = Runner::new(Seats { server: server().unwrap(), form: Form::Correct });
    let mut search = Bounded::new(small_variants(&[], &Variant::default()), 1, true);
    search.run(&mut runner);
    let tried: u64 = search.depths().iter().map(|depth| depth.tally.runs).sum();
    if let Some(broken) = search.broken() {
        let found = runner.run(search.plan(&broken.script));
        let script = Rehearse::script(&runner);
        panic!("{}", understand(&mut runner, &script, &found.violations[0]));
    }
    assert!(tried > 30, "{tried} runs");
    println!("certified at one deviation in {tried} runs");
}

/// Set in a process that prints the digests of its runs.
const CHILD: &str = "SHAKEDOWN_POSTGRES_DIGESTS";
const SEEDS: u64 = 24;

#[test]
fn the_same_seeds_have_the_same_digests_in_fresh_processes() {
    if std::env::var_os(CHILD).is_some() {
        let mut runner = Runner::new(Seats { server: server().unwrap(), form: Form::CheckThenInsert });
        for seed in 0..SEEDS {
            println!("\ndigest {seed} {:016x}", runner.run(Plan::Seed(seed)).digest.bits());
        }
        return;
    }
    let digests = || -> Vec<String> {
        let output = Command::new(std::env::current_exe().expect("the path of this binary"))
            .args([
                "--exact",
                "rehearsal::the_same_seeds_have_the_same_digests_in_fresh_processes",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .output()
            .expect("this binary runs");
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().filter(|line| line.starts_with("digest ")).map(str::to_owned).collect()
    };
    let first = digests();
    assert_eq!(first.len() as u64, SEEDS);
    assert_eq!(first, digests());
    // Runs that went before do not matter: the last seed alone is the same run, event by event.
    let mut runner = Runner::new(Seats { server: server().unwrap(), form: Form::CheckThenInsert });
    let last = SEEDS - 1;
    let alone = runner.run(Plan::Seed(last)).digest;
    assert_eq!(format!("digest {last} {:016x}", alone.bits()), first[last as usize]);
    self_check(&mut runner, Plan::Seed(3)).expect("the seed decides everything");
}
