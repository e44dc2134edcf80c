//! Environment variables: an empty variable counts as absent, and a flag on the command line overrides a variable
//! that contradicts it.

use clap::builder::Resettable;
use clap::{Arg, Command};
use std::ffi::{OsStr, OsString};

/// Disconnects each flag from its variable if the variable is ignored. `variable` returns the value of a variable.
pub(super) fn heed(
    mut command: Command,
    arguments: &[OsString],
    variable: &dyn Fn(&OsStr) -> Option<OsString>,
) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |inner| without_ignored(inner, arguments, variable));
    }
    without_ignored(command, arguments, variable)
}

fn without_ignored(
    command: Command,
    arguments: &[OsString],
    variable: &dyn Fn(&OsStr) -> Option<OsString>,
) -> Command {
    let is_ignored = |flag: &&Arg| {
        let value = flag.get_env().and_then(variable);
        value.is_some_and(|value| value.is_empty() || contradicts(&command, flag, arguments))
    };
    let ignored: Vec<_> =
        command.get_arguments().filter(is_ignored).map(|flag| flag.get_id().clone()).collect();
    ignored.into_iter().fold(command, |command, id| {
        command.mut_arg(id, |flag| flag.env(Resettable::<clap::builder::OsStr>::Reset))
    })
}

/// Returns whether the command line contains a flag that conflicts with this one.
fn contradicts(command: &Command, flag: &Arg, arguments: &[OsString]) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        command.get_arg_conflicts_with(one).iter().any(|conflict| conflict.get_id() == other.get_id())
    };
    let others = command.get_arguments().filter(|other| is_given(other, arguments));
    others.into_iter().any(|other| excludes(flag, other) || excludes(other, flag))
}

fn is_given(flag: &Arg, arguments: &[OsString]) -> bool {
    let Some(long) = flag.get_long() else { return false };
    let is_it = |argument: &OsString| {
        let argument = argument.to_string_lossy();
        let name = argument.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or_default());
        name == Some(long)
    };
    arguments.iter().take_while(|argument| *argument != "--").any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let seed = Arg::new("seed").long("seed").env("X_SEED").conflicts_with("script");
        let script = Arg::new("script").long("script").env("X_SCRIPT");
        Command::new("x").subcommand(Command::new("run").arg(seed).arg(script))
    }

    #[test]
    fn a_variable_counts_unless_it_is_empty_or_contradicts_a_flag() {
        let check = |arguments: &[&str], variables: &[(&str, &str)], counts: &[&str]| {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let variable = |name: &OsStr| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            };
            let command = heed(command(), &arguments, &variable);
            let run = command.find_subcommand("run").expect("it is there");
            let read: Vec<_> = run.get_arguments().filter_map(|flag| flag.get_env()?.to_str()).collect();
            assert_eq!(read, counts, "{arguments:?} {variables:?}");
        };
        check(&["x", "run"], &[], &["X_SEED", "X_SCRIPT"]);
        check(&["x", "run"], &[("X_SEED", "7")], &["X_SEED", "X_SCRIPT"]);
        check(&["x", "run"], &[("X_SEED", "")], &["X_SCRIPT"]);
        check(&["x", "run", "--script", "a"], &[("X_SEED", "7")], &["X_SCRIPT"]);
        check(&["x", "run", "--script=a"], &[("X_SEED", "7")], &["X_SCRIPT"]);
        check(&["x", "run", "--seed", "1"], &[("X_SCRIPT", "a")], &["X_SEED"]);
        check(&["x", "run", "--seed", "1"], &[("X_SEED", "7")], &["X_SEED", "X_SCRIPT"]);
        check(&["x", "run", "--", "--script"], &[("X_SEED", "7")], &["X_SEED", "X_SCRIPT"]);
    }
}
