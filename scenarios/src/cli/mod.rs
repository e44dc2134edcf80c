//! The `shakedown` command: what it takes, what it answers, and with which exit code.
//!
//! Results go to stdout, progress and errors to stderr. Modules in reading order: [`exit`] (codes and errors),
//! [`config`] (the file), [`output`] (where results go), [`amount`] (how seeds and durations are written), and
//! one module for each subcommand.

mod amount;
mod certify;
mod config;
mod exit;
mod explain;
mod explore;
mod list;
mod matrix;
mod output;
mod pin;
mod progress;
mod replay;
mod run;
mod self_check;

pub use exit::{CliError, Exit};

use crate::quiet;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// Rehearses the failures of a system before production does.
///
/// A run is the happy path plus deviations: what is lost, late, refused or crashes, each with a name. Results
/// go to stdout, progress and errors to stderr.
#[derive(Parser)]
#[command(name = "shakedown", version, after_help = AFTER, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: output::Output,
}

const AFTER: &str =
    "Every flag has a variable (--max-fail is SHAKEDOWN_MAX_FAIL) and a key of its name in shakedown.toml;
a flag goes before its variable, that before the file, that before the default.

Exit codes: 0 held, 1 violation, 2 usage or input error, 3 inconclusive, 4 nothing selected,
5 nondeterminism or drift, 7 a canary survived or a goal was never reached, 70 internal error.

Examples:
  shakedown list
  shakedown explore booking --seeds 10000
  shakedown explore booking --without execution-log
  shakedown certify booking --deviations 2
  shakedown matrix
  shakedown replay target/shakedown/booking-7ab1c2d3e4f5.trace.jsonl";

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Run(run::Run),
    Explore(explore::Explore),
    Certify(certify::Certify),
    Matrix(matrix::Chart),
    Replay(replay::Replay),
    Pin(pin::Pin),
    Explain(explain::Explain),
    #[command(hide = true)]
    Record(self_check::Record),
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    quiet::install();
    let answered = catch_unwind(AssertUnwindSafe(answer));
    let exit = match answered {
        Ok(Ok(exit)) => exit,
        Ok(Err(cli_error)) => {
            eprintln!("{cli_error}");
            cli_error.exit
        }
        Err(_) => Exit::Internal,
    };
    ExitCode::from(exit.code())
}

fn answer() -> Result<Exit, CliError> {
    let arguments: Vec<_> = std::env::args_os().collect();
    let asked = config::matches(Cli::command(), &arguments)?;
    let matches = match asked {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are answers too, and clap knows where each of them goes.
            let _ = error.print();
            return Ok(if error.use_stderr() { Exit::Input } else { Exit::Held });
        }
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| CliError::input(error.to_string()))?;
    if !matches!(cli.command, Command::Explain(_)) {
        cli.output.of_results()?;
    }
    match cli.command {
        Command::List(list) => list.answer(&cli.output),
        Command::Run(run) => run.answer(&cli.output),
        Command::Explore(explore) => explore.answer(&cli.output),
        Command::Certify(certify) => certify.answer(&cli.output),
        Command::Matrix(matrix) => matrix.answer(&cli.output),
        Command::Replay(replay) => replay.answer(&cli.output),
        Command::Pin(pin) => pin.answer(&cli.output),
        Command::Explain(explain) => explain.answer(&cli.output),
        Command::Record(record) => record.answer(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
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
