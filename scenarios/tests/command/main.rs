//! The real binary: its output, on stdout and stderr, and its exit codes.

mod answers;
mod archive;
mod bisect;
mod certificates;
#[expect(dead_code, reason = "the tests of the report page use the rest")]
#[path = "../../../reports/tests/browser/chromium.rs"]
mod chromium;
mod cli_errors;
mod matrix;
mod readme;
mod reports;
mod serve;
mod shards;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A design whose campaigns fail soon.
const BROKEN: [&str; 2] = ["--without", "execution-log"];

/// Returns the command in a directory of its own, without variables of the caller.
fn shakedown(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SHAKEDOWN_")) {
        command.env_remove(name);
    }
    command
}

fn answer(directory: &Path, arguments: &[&str]) -> Output {
    shakedown(directory, arguments).output().expect("the binary runs")
}

/// Sends a signal to the command after its first progress line, and returns its output.
fn interrupt(mut command: Command, signal: &str) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut errors = BufReader::new(child.stderr.take().expect("piped"));
    let mut progress = String::new();
    errors.read_line(&mut progress).expect("text");
    assert!(progress.contains(" % of "), "the first line shows progress: {progress}");
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let mut output = child.wait_with_output().expect("it ends");
    errors.read_to_end(&mut output.stderr).expect("it ends");
    output
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

/// Checks that an output matches the published schema of this name, and has no key that the schema does not name.
fn check_schema(printed: &serde_json::Value, name: &str) {
    let path = format!("{}/../reports/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let mut schema = serde_json::from_str(&std::fs::read_to_string(path).expect("published")).expect("JSON");
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> =
        validator.iter_errors(printed).map(|error| format!("{} {error}", error.instance_path())).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{name}");
}

/// Closes every object of a schema to keys that it does not name.
fn close(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(map) => {
            map.values_mut().for_each(close);
            if map.contains_key("properties") && map.contains_key("type") {
                map.entry("additionalProperties").or_insert(false.into());
            }
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(close),
        _ => {}
    }
}

/// Returns the path of the first failure's trace, of a short campaign in this directory.
fn trace(directory: &Path) -> String {
    let mut arguments = vec!["explore", "booking", "--seeds", "300", "--max-fail", "1", "--format", "json"];
    arguments.extend(BROKEN);
    let output = answer(directory, &arguments);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let trace = &json(&output)["scenarios"][0]["violations"][0]["trace"];
    trace.as_str().expect("a violation has a trace").to_owned()
}
