//! `history`: shows the history in an archive.

use super::Session;
use super::archive::{open, refused};
use super::exit::{CliError, Exit};
use crate::archive::history::{DesignHistory, FindingLine, FindingLines};
use serde::Serialize;
use shakedown_reports::Style;
use shakedown_reports::clock::count;
use std::fmt::Write;

/// Shows the history in an archive: findings that are new, back or gone, with their builds, and unstable goals
///
/// The last campaign of each design is compared with the one before.
#[derive(clap::Args)]
pub(super) struct History {
    /// The scenarios [default: all]
    scenarios: Vec<String>,
    /// The archive: an SQLite file, or the URL of a PostgreSQL database
    #[arg(long, env = "SHAKEDOWN_ARCHIVE", value_name = "FILE|URL")]
    archive: String,
}

/// The result for programs.
#[derive(Serialize)]
struct Histories<'a> {
    designs: &'a [DesignHistory],
}

impl History {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        session.output.without_reports("history")?;
        session.catalogue.select(&self.scenarios)?;
        let is_url = self.archive.contains("://");
        if !is_url && !std::path::Path::new(&self.archive).exists() {
            return Err(CliError::input("there is no such archive")
                .at(&self.archive)
                .remedy("`explore --archive FILE` creates one"));
        }
        let mut archive = open(&self.archive)?;
        let histories = archive
            .history(session.catalogue.name(), &self.scenarios)
            .map_err(|error| refused(&self.archive, &error))?;
        session.output.print(
            |style| histories.iter().map(|one| human(style, one)).collect::<Vec<_>>().join("\n"),
            || serde_json::to_string_pretty(&Histories { designs: &histories }).expect("text keys") + "\n",
        )?;
        Ok(if histories.is_empty() { Exit::Nothing } else { Exit::Held })
    }
}

/// Writes the history of a design for a terminal.
fn human(style: Style, history: &DesignHistory) -> String {
    let mut out = String::new();
    let without = match history.without.as_slice() {
        [] => String::new(),
        names => format!("  without {}", names.join(", ")),
    };
    let _ = writeln!(out, "{}{without}  {}", style.strong(&history.scenario), history.command);
    for (label, line) in [("last", Some(&history.last)), ("before", history.previous.as_ref())] {
        let Some(line) = line else { continue };
        let (runs, failing) = (count(line.runs as u64), count(line.failing as u64));
        let _ = writeln!(
            out,
            "  {label:<9}campaign {}  build {}  {}, {runs} runs, {failing} failing  ({})",
            line.campaign, line.build, line.verdict, line.search
        );
    }
    if history.searches_differ {
        let _ = writeln!(
            out,
            "  {:<9}the two campaigns differ in seeds, profile or number of runs: findings may be new or gone because of that",
            "note"
        );
    }
    for (label, lines) in [
        ("new", &history.new),
        ("back", &history.returned),
        ("gone", &history.gone),
        ("standing", &history.standing),
    ] {
        out.push_str(&findings(label, lines));
    }
    for goal in &history.unstable_goals {
        let _ = writeln!(
            out,
            "  {:<9}{}: reached in {} of {} campaigns",
            "unstable", goal.name, goal.reached_in, goal.of
        );
    }
    out
}

fn findings(label: &str, lines: &FindingLines) -> String {
    let mut out = String::new();
    let line = |one: &FindingLine| {
        let since = match label {
            "gone" => format!("first in {}, last in {}", one.first_build, one.last_build),
            "back" => format!("since {}, first in {}", one.since_build, one.first_build),
            _ => format!("since {}", one.since_build),
        };
        format!("  {label:<9}{}  {}: {}  ({since})\n", one.signature, one.invariant, one.message)
    };
    lines.findings.iter().map(line).for_each(|line| out.push_str(&line));
    let more = lines.count - lines.findings.len() as i64;
    if more > 0 {
        let _ = writeln!(out, "  {label:<9}and {} more", count(more as u64));
    }
    out
}
