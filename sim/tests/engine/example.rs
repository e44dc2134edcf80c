//! The example keeps its promises: it is short, and it finds its double charge.

use std::process::Command;

#[test]
fn the_example_is_short() {
    let source = include_str!("../../examples/once.rs");
    let lines = source.lines().count();
    assert!(lines < 80, "{lines} lines");
    let crates: Vec<_> = source.match_indices("shakedown_").map(|(at, _)| &source[at..at + 13]).collect();
    assert!(crates.iter().all(|name| *name == "shakedown_sim"), "{crates:?}");
}

#[test]
fn the_example_explains_its_double_charge() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--example", "once"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let seed: u64 = told.lines().next().and_then(|line| line.strip_prefix("seed ")).unwrap().parse().unwrap();
    assert!(seed < 20, "found at seed {seed}");
    let story: Vec<_> = told.lines().skip(1).collect();
    assert_eq!(story[..14], STORY, "{told}");
    assert!(story[14].starts_with("shrunk ") && story[15] == "replayed  exact", "{told}");
}

const STORY: [&str; 14] = [
    "charged-once: order-1 is charged twice",
    "",
    "the happy path, except",
    "  1  till.charge/response @ order-1/attempt-1 #1 = lost",
    "",
    "why",
    "  00:00:00.000  client-1  asks the till to charge",
    "  00:00:00.020  till      charges order-1",
    "  00:00:00.020  till      till.charge/response = lost",
    "  00:00:02.000  client-1  times out: no response within 2 s",
    "  00:00:02.000  client-1  asks the till to charge",
    "  00:00:02.020  till      charges order-1",
    "",
    "needed    without (1) it holds",
];
