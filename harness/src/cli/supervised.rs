//! The command line under supervision: the work is done by a child process. See [`supervision`](crate::supervision).

use super::exit::{CliError, Exit};
use crate::supervision::{Said, Supervisor, link};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The exit code of a command that a second interrupt ended.
const INTERRUPTED: u8 = 130;

/// Has a child do the work that these arguments name, and returns its exit code; none if this process must do it itself: it
/// is the child, or no child can be started.
pub(super) fn by_child(arguments: &[OsString]) -> Option<ExitCode> {
    if link().is_some() {
        // The parent decides what an interrupt does.
        let _ = ctrlc::set_handler(|| {});
        return None;
    }
    // The other end of a self-check has its script on standard input, and is to end as its run does.
    // A server ends no run for another's sake: it has a time limit for each request.
    if arguments.get(1).is_some_and(|command| command == "record" || command == "serve") {
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
        if let Some(Said::Done(code)) = supervisor.hear(&mut child) {
            let was_careful = supervisor.is_careful();
            child.finish();
            return match end {
                Some(end) if was_careful && !supervisor.is_interrupted() => Err(unrepeatable(end)),
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
