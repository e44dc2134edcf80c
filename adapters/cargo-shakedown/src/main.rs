//! `cargo shakedown test|run|build|check`: Cargo, with tokio replaced by the simulated one.
//!
//! Only the target directory of the workspace is written. Cargo works in a *tree* of symbolic links below that, in which
//! `Cargo.lock` is a copy: so manifests and the lock file stay as they are, also if a run is killed, and Cargo may build the real
//! program at the same time. The tokio in the lock file is copied from Cargo's registry folder under the name `real-tokio`, and the
//! adapter crate `tokio` is built on that copy.
//!
//! Modules in reading order: `tree` (the links), `graph` (what Cargo resolved), `patch` (the two crates), and this page.

mod graph;
mod patch;
mod tree;

use graph::Graph;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Runs Cargo with tokio replaced by the simulated one of Shakedown.

Usage: cargo shakedown <test|run|build|check|clippy|prepare> [arguments of that Cargo command]

  cargo shakedown test             runs the rehearsals among the tests
  cargo shakedown test rehearsal   runs those whose name contains `rehearsal`
  cargo shakedown run -p rehearsal -- explore   runs the rehearsal's own binary
  cargo shakedown prepare          writes the patched crates and prints the patch for Cargo

Crates are built with `--cfg shakedown`, so that `#![cfg(shakedown)]` keeps a rehearsal out of other builds.
Needs a dependency on `shakedown-net`, and Linux for the process's clock, entropy and name resolution.";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "shakedown") {
        arguments.remove(0);
    }
    match arguments.split_first() {
        Some((command, rest)) if !command.starts_with('-') => match run(command, rest) {
            Ok(code) => ExitCode::from(code),
            Err(problem) => {
                eprintln!("error: {problem}");
                ExitCode::from(2)
            }
        },
        Some((flag, _)) if flag == "--help" || flag == "-h" => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Runs a command of Cargo on the patched workspace; returns its exit code.
fn run(command: &str, arguments: &[String]) -> Result<u8, String> {
    let here = env::current_dir().map_err(|error| format!("no current directory: {error}"))?;
    let root = folder_of(&located(&here, &["--workspace"])?)?;
    let package = located(&here, &[])?;
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| here.join(target));
    let own = target.join("shakedown");
    fs::create_dir_all(&own).map_err(|error| format!("{}: {error}", own.display()))?;
    // One command at a time uses a target directory, as with Cargo; the lock ends with the process.
    let lock = File::create(own.join("lock")).map_err(|error| format!("{}: {error}", own.display()))?;
    lock.lock().map_err(|error| format!("{}: {error}", own.display()))?;
    let tree = tree::link(&root, &own.join("tree"), &target)?;
    // The current directory stays outside the tree, so Cargo is given the path of the manifest inside it.
    let manifest = tree.join(package.strip_prefix(&root).unwrap_or(Path::new("Cargo.toml")));
    let graph = Graph::of(&manifest)?;
    let patch = patch::write(&graph, &own)?;
    tree::unlock(&tree, "tokio")?;
    let patch = format!("patch.crates-io.tokio.path={:?}", patch.display().to_string());
    if command == "prepare" {
        println!("{patch}");
        return Ok(0);
    }
    let status = cargo()
        .args(["--config", &patch, command, "--manifest-path"])
        .arg(&manifest)
        .args(arguments)
        .env("CARGO_TARGET_DIR", own.join("build"))
        .env("RUSTFLAGS", rust_flags())
        .status()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    tree::collect(&tree, &root)?;
    Ok(status.code().map_or(101, |code| u8::try_from(code).unwrap_or(101)))
}

/// Returns the compiler's flags with `--cfg shakedown`, which distinguishes rehearsals from other builds.
fn rust_flags() -> String {
    let own = "--cfg shakedown";
    env::var("RUSTFLAGS").map_or_else(|_| own.to_owned(), |flags| format!("{flags} {own}"))
}

/// Returns Cargo as it called this command.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the manifest that Cargo finds from a folder: the package's, or with `--workspace` the workspace's.
fn located(here: &Path, options: &[&str]) -> Result<PathBuf, String> {
    let output = cargo()
        .args(["locate-project", "--message-format", "plain"])
        .args(options)
        .current_dir(here)
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned());
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn folder_of(manifest: &Path) -> Result<PathBuf, String> {
    manifest.parent().map(Path::to_owned).ok_or_else(|| "the workspace has no folder".to_owned())
}
