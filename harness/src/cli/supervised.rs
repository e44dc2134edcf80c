//! The command line under supervision: the work is done by a child process. See [`supervision`](crate::supervision).

use super::exit::{CliError, Exit};
use crate::supervision::{ChildReport, Supervisor, link};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The exit code of a command that a second interrupt ended.
const INTERRUPTED: u8 = 130;

/// Starts a child for the command that these arguments name, and returns the child's exit code. Returns `None` if this
/// process must do the work itself: it is the child, the command is not supervised, or no child can be started.
pub(super) fn by_child(parser: clap::Command, arguments: &[OsString]) -> Option<ExitCode> {
    if link().is_some() {
        // The parent decides what an interrupt does.
        let _ = ctrlc::set_handler(|| {});
        return None;
    }
    if !is_supervised(parser, arguments) {
        return None;
    }
    let supervisor = Supervisor::default();
    let child = supervisor.start(command(arguments)?, false).ok()?;
    let interrupt = supervisor.interrupt();
    let set = ctrlc::set_handler(move || {
        if interrupt.pass_on() > 1 {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
    if let Err(error) = set {
        eprintln!("an interrupt will end this without a result: {error}");
    }
    let code = supervise(supervisor, child, arguments).unwrap_or_else(|cli_error| {
        eprintln!("{cli_error}");
        cli_error.exit.code()
    });
    Some(ExitCode::from(code))
}

/// Returns whether these arguments name a command that a child executes.
fn is_supervised(parser: clap::Command, arguments: &[OsString]) -> bool {
    // This process prints the help, or the error about the arguments.
    let Ok(matches) = parser.try_get_matches_from(arguments) else { return false };
    // `record` reads its script from standard input, and ends as its run ends. `serve` has a time limit for each request.
    !matches!(matches.subcommand_name(), Some("record" | "serve"))
}

fn command(arguments: &[OsString]) -> Option<Command> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    let (name, rest) = arguments.split_first()?;
    command.arg0(name).args(rest);
    Some(command)
}

fn supervise(
    mut supervisor: Supervisor,
    mut child: crate::supervision::Child,
    arguments: &[OsString],
) -> Result<u8, CliError> {
    let mut end = None;
    loop {
        if let Some(ChildReport::Done(code)) = supervisor.next_report(&mut child) {
            child.finish();
            return match end {
                Some(end) if supervisor.is_unrepeatable() => Err(unrepeatable(end)),
                _ => Ok(code),
            };
        }
        end = Some(supervisor.note_death(&mut child).map_err(|what| CliError::new(Exit::Drift, what))?);
        let again = command(arguments).map(|command| supervisor.start(command, false));
        child = again.and_then(Result::ok).ok_or_else(|| {
            CliError::new(Exit::Internal, "the child process ended, and no other can be started")
        })?;
    }
}

/// The error about a process that ended while several runs were made, none of which ends it alone.
fn unrepeatable(end: String) -> CliError {
    let what = format!("the code under test {end}, but not when its runs are made one by one");
    CliError::new(Exit::Drift, what).remedy("the result above is of runs on one thread: look for what runs share, or for the memory that they need together")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn a_command_is_supervised_wherever_its_name_stands_among_the_flags() {
        let check = |arguments: &[&str], expected: bool| {
            let parser = super::super::command(&Catalogue::new("till"));
            let arguments: Vec<OsString> = ["till"].iter().chain(arguments).map(OsString::from).collect();
            assert_eq!(is_supervised(parser, &arguments), expected, "{arguments:?}");
        };
        check(&["explore", "till"], true);
        check(&["--format", "json", "explore", "till"], true);
        check(&["record", "till"], false);
        #[cfg(feature = "serve")]
        check(&["serve"], false);
        #[cfg(feature = "serve")]
        check(&["--format", "json", "serve"], false);
        check(&["explore", "--no-such-flag"], false);
    }
}
