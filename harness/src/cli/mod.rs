//! The command line: what it takes, what it prints, and with which exit code it ends.
//!
//! Results go to stdout, progress and errors to stderr. Modules in reading order: `exit` (codes and errors),
//! `config` (the file), `environment` (variables that do not count), `output` (where results go), `amount` (how seeds and durations are written), and
//! one module for each subcommand.

mod amount;
#[cfg_attr(feature = "archive", path = "archive.rs")]
#[cfg_attr(not(feature = "archive"), path = "archive_absent.rs")]
mod archive;
mod bisect;
mod certify;
mod checkpoint_file;
mod completions;
mod config;
mod environment;
mod exit;
mod explain;
mod explore;
#[cfg(feature = "archive")]
mod history;
mod input;
mod list;
mod man;
mod matrix;
mod merge;
mod output;
mod pin;
mod progress;
mod replay;
mod run;
mod self_check;
#[cfg(feature = "serve")]
mod serve;
mod shard;
#[cfg(unix)]
mod supervised;

pub use exit::{CliError, Exit};
pub(crate) use input::read_text;

use crate::catalogue::Catalogue;
use crate::{quiet, supervision};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::{OsStr, OsString};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

/// Rehearses the failures of a system before production does.
///
/// A run is the happy path plus named deviations, such as a lost message, a late response or a crash. Results go to stdout,
/// progress and errors to stderr.
#[derive(Parser)]
#[command(version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten, next_help_heading = "Options of every command")]
    output: output::Output,
}

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Run(run::Run),
    Explore(explore::Explore),
    Certify(certify::Certify),
    Matrix(matrix::Chart),
    Merge(merge::Merge),
    Bisect(bisect::Bisect),
    #[cfg(feature = "archive")]
    History(history::History),
    Replay(replay::Replay),
    Pin(pin::Pin),
    Explain(explain::Explain),
    Completions(completions::Completions),
    Man(man::Man),
    #[cfg(feature = "serve")]
    Serve(serve::Serve),
    #[command(hide = true)]
    Record(self_check::Record),
}

/// The build that makes the runs, as results state it.
const BUILD: &str = concat!("shakedown ", env!("CARGO_PKG_VERSION"));

/// What every subcommand works with.
struct Session {
    catalogue: Catalogue,
    output: output::Output,
}

/// Runs the command that this process's arguments name, over these scenarios.
///
/// ```no_run
/// use shakedown::catalogue::Catalogue;
/// fn main() -> std::process::ExitCode {
///     shakedown::cli::main(Catalogue::new("till"))
/// }
/// ```
pub fn main(catalogue: Catalogue) -> ExitCode {
    quiet::report_internal_errors();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let parser = environment::heed(command(&catalogue), &arguments, &|name: &OsStr| std::env::var_os(name));
    #[cfg(unix)]
    if let Some(code) = supervised::by_child(parser.clone(), &arguments) {
        return code;
    }
    let finished = catch_unwind(AssertUnwindSafe(|| execute(catalogue, parser, &arguments)));
    let exit = match finished {
        Ok(Ok(exit)) => exit,
        Ok(Err(cli_error)) => {
            eprintln!("{cli_error}");
            cli_error.exit
        }
        Err(_) => Exit::Internal,
    };
    if let Some(link) = supervision::link() {
        link.done(exit.code());
    }
    ExitCode::from(exit.code())
}

fn execute(catalogue: Catalogue, parser: clap::Command, arguments: &[OsString]) -> Result<Exit, CliError> {
    let matches = match config::matches(parser, arguments)? {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are results too, and clap knows where each of them goes.
            let _ = error.print();
            return Ok(if error.use_stderr() { Exit::Input } else { Exit::Held });
        }
    };
    let Cli { command, output } =
        Cli::from_arg_matches(&matches).map_err(|error| CliError::input(error.to_string()))?;
    if !matches!(command, Command::Explain(_)) {
        output.of_results()?;
    }
    if let Some(bytes) = output.memory_limit {
        limit_memory(bytes)?;
    }
    let session = Session { catalogue: catalogue.called(&program_path()), output };
    match command {
        Command::List(list) => list.execute(&session),
        Command::Run(run) => run.execute(&session),
        Command::Explore(explore) => explore.execute(&session),
        Command::Certify(certify) => certify.execute(&session),
        Command::Matrix(matrix) => matrix.execute(&session),
        Command::Merge(merge) => merge.execute(&session),
        Command::Bisect(bisect) => bisect.execute(&session),
        #[cfg(feature = "archive")]
        Command::History(history) => history.execute(&session),
        Command::Replay(replay) => replay.execute(&session),
        Command::Pin(pin) => pin.execute(&session),
        Command::Explain(explain) => explain.execute(&session),
        Command::Completions(completions) => completions.execute(&session),
        Command::Man(man) => man.execute(&session),
        #[cfg(feature = "serve")]
        Command::Serve(serve) => serve.execute(session),
        Command::Record(record) => record.execute(&session),
    }
}

/// Limits the memory of this process, which makes the runs.
#[cfg(target_os = "linux")]
fn limit_memory(bytes: u64) -> Result<(), CliError> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::As, limit)
        .map_err(|error| CliError::input(format!("the memory cannot be limited: {error}")))
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_: u64) -> Result<(), CliError> {
    Err(CliError::input("--memory-limit works on Linux only"))
}

/// Returns the name of the running binary, for lines that somebody may type.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let stem = Path::new(&called).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if stem.is_empty() { "shakedown".to_owned() } else { stem }
}

/// Returns the program as the reader's shell finds it from the working directory: by its name if it was called by
/// name, else by its path.
fn program_path() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let path = Path::new(&called);
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    if path.as_os_str().is_empty() { "shakedown".to_owned() } else { path.to_string_lossy().into_owned() }
}

/// The command with the binary's name, and examples out of the catalogue.
fn command(catalogue: &Catalogue) -> clap::Command {
    let command = Cli::command().name(program()).after_help(after_help(catalogue));
    match catalogue.described() {
        Some(about) => command.about(about.to_owned()),
        None => command,
    }
}

fn after_help(catalogue: &Catalogue) -> String {
    let program = program();
    let mut help = String::from(
        "Every flag has a variable (--max-fail is SHAKEDOWN_MAX_FAIL) and a key of its name in shakedown.toml. \
         A flag overrides its variable, which overrides the file, which overrides the default.\n\n\
         Exit codes: 0 held, 1 violation, 2 usage or input error, 3 inconclusive, 4 nothing selected, \
         5 nondeterminism or drift, 7 a canary survived or a goal was never reached, 70 internal error.",
    );
    let Some(entry) = catalogue.entries().first() else { return help };
    let name = &entry.name;
    help.push_str(&format!("\n\nExamples:\n  {program} list\n  {program} explore {name} --seeds 10000"));
    if let Some(guardrail) = entry.removable().first() {
        help.push_str(&format!("\n  {program} explore {name} --without {guardrail}"));
    }
    help.push_str(&format!(
        "\n  {program} certify {name} --deviations 2\n  {program} matrix\n  {program} replay target/shakedown/{name}-7ab1c2d3e4f5.trace.jsonl"
    ));
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_well_formed() {
        command(&Catalogue::new("till")).debug_assert();
    }

    #[test]
    fn every_flag_has_its_variable() {
        let mut command = Cli::command();
        command.build();
        let hidden = |command: &clap::Command| command.is_hide_set() || command.get_name() == "help";
        for command in command.get_subcommands().filter(|command| !hidden(command)) {
            for flag in command.get_arguments().filter(|argument| argument.get_long().is_some()) {
                let long = flag.get_long().unwrap_or_default();
                if ["help", "version"].contains(&long) {
                    continue;
                }
                let variable = format!("SHAKEDOWN_{}", long.replace('-', "_").to_uppercase());
                assert_eq!(
                    flag.get_env().and_then(|name| name.to_str()),
                    Some(variable.as_str()),
                    "--{long}"
                );
            }
        }
    }
}
