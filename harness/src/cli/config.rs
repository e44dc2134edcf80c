//! The configuration file: the name of a flag is its key; flags and variables take precedence over it.
//!
//! ```toml
//! # shakedown.toml, in the working directory, or the file that --config names
//! jobs = 2
//! max-fail = 4
//! without = ["retry-key"]
//! ```
//!
//! Its values become the defaults of the flags, so clap's own order of precedence does the rest.

use super::exit::CliError;
use super::input::read_text;
use clap::{ArgMatches, Command};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Read if it exists and no other file is named.
const FILE: &str = "shakedown.toml";

/// Parses the arguments with the file's values as defaults. The inner error is clap's: wrong arguments, or a
/// call for help.
///
/// # Errors
/// If the file cannot be read, or holds a key that is not a flag.
pub(super) fn matches(
    command: Command,
    arguments: &[OsString],
) -> Result<Result<ArgMatches, clap::Error>, CliError> {
    let plain = match command.clone().try_get_matches_from(arguments) {
        Ok(plain) => plain,
        Err(error) => return Ok(Err(error)),
    };
    // Each run of a self-check must be the same in any environment.
    if plain.subcommand_name() == Some("record") {
        return Ok(Ok(plain));
    }
    let named = plain.subcommand().and_then(|(_, matches)| matches.get_one::<PathBuf>("config").cloned());
    let path = match named {
        Some(path) => path,
        None if Path::new(FILE).exists() => PathBuf::from(FILE),
        None => return Ok(Ok(plain)),
    };
    let values = read(&path)?;
    let command = with_defaults(command, &values, &path)?;
    let matches = command.try_get_matches_from(arguments);
    matches.map(Ok).map_err(|error| {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        CliError::input(first).at(path.display()).remedy("a key takes what the flag of its name takes")
    })
}

type Values = Vec<(String, Vec<String>)>;

fn read(path: &Path) -> Result<Values, CliError> {
    let wrong = |what: String| CliError::input(what).at(path.display());
    let text = read_text(path)?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| wrong(error.to_string().trim_end().to_owned()))?;
    let values = table.into_iter().map(|(key, value)| match flatten(&value) {
        Some(values) => Ok((key, values)),
        None => Err(wrong(format!("`{key}` holds a {}", value.type_str()))
            .remedy("a value is a text, a number, true or false, or a list of texts")),
    });
    values.collect()
}

fn flatten(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(set) => Some(vec![set.to_string()]),
        toml::Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Makes each value the default of the flag with its name, in every command that has this flag.
fn with_defaults(mut command: Command, values: &Values, path: &Path) -> Result<Command, CliError> {
    let mut known = flags(&command);
    known.sort();
    known.dedup();
    for (key, values) in values {
        if !known.contains(key) {
            let like = crate::names::suggest(key, known.iter().map(String::as_str));
            let like = like.map(|like| format!(", did you mean `{like}`?")).unwrap_or_default();
            return Err(CliError::input(format!("there is no flag for the key `{key}`{like}"))
                .at(path.display())
                .remedy(format!("the keys are {}", known.join(", "))));
        }
        command = set_default(command, key, values);
        let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(name, |inner| set_default(inner, key, values));
        }
    }
    Ok(command)
}

fn set_default(command: Command, key: &str, values: &[String]) -> Command {
    let Some(id) =
        command.get_arguments().find(|flag| flag.get_long() == Some(key)).map(|flag| flag.get_id().clone())
    else {
        return command;
    };
    let values: Vec<clap::builder::OsStr> = values.iter().map(|value| value.clone().into()).collect();
    command.mut_arg(id, |flag| flag.default_values(values))
}

fn flags(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|flag| flag.get_long()).map(str::to_owned);
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set()).flat_map(flags);
    own.chain(inner).filter(|flag| flag != "config").collect()
}
