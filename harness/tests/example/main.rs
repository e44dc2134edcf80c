//! The examples, catalogues outside of ours, driven through their binaries: every command works on them.

mod commands;
mod environment;
mod reports;
#[cfg(unix)]
mod supervision;
mod worth;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// An ablation that fails soon.
const ABLATION: [&str; 2] = ["--without", "order-memory"];

/// The directory of the examples, built as they are now.
fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "shakedown", "--examples", "--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the examples build");
        let test = std::env::current_exe().expect("the test has a path");
        let directory = test.parent().and_then(Path::parent).expect("it is in `deps`");
        directory.join("examples")
    })
}

fn till(directory: &Path, arguments: &[&str]) -> Command {
    command("till", directory, arguments)
}

/// The binary of an example in this directory, with no variable of the caller's.
fn command(example: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(examples().join(format!("{example}{}", std::env::consts::EXE_SUFFIX)));
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
