//! `examples/till.rs`, a catalogue outside of ours, driven through its binary: every command works on it.

mod commands;
mod reports;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// An ablation that fails soon.
const ABLATION: [&str; 2] = ["--without", "order-memory"];

/// The binary of the example, built as it is now.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "shakedown", "--example", "till", "--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the example builds");
        let test = std::env::current_exe().expect("the test has a path");
        let directory = test.parent().and_then(Path::parent).expect("it is in `deps`");
        directory.join("examples").join(format!("till{}", std::env::consts::EXE_SUFFIX))
    })
}

/// The binary in this directory, with no variable of the caller's.
fn till(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SHAKEDOWN_")) {
        command.env_remove(name);
    }
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    till(directory, arguments).output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&stdout(output)).expect("one JSON object on stdout")
}

/// The path of the trace of a short campaign's first failure.
fn trace(directory: &Path) -> String {
    let campaign = ["explore", "till", "--seeds", "100", "--max-fail", "1", "--format", "json"];
    let output = run(directory, &[&campaign[..], &ABLATION].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let trace = &json(&output)["scenarios"][0]["violations"][0]["trace"];
    trace.as_str().expect("a violation has a trace").to_owned()
}
