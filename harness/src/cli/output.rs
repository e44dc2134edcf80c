//! Where results go: stdout in the form asked for, and the files of `--report`.

use super::amount;
use super::exit::CliError;
use crate::{atomic_file, supervision};
use clap::{Args, ValueEnum};
use shakedown_reports::matrix::{self, Matrix};
use shakedown_reports::{
    CampaignResult, Certificate, FailureContext, Style, certificate, chrome, github, html, json, junit,
    markdown, mermaid, shiviz, story,
};
use shakedown_sim::Trace;
use shakedown_sim::search::{Failure, Likelihood};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How results are written; each command takes these.
#[derive(Args)]
pub(super) struct Output {
    /// The form of the result on stdout. Only `explain` has markdown, mermaid and html
    #[arg(long, global = true, env = "SHAKEDOWN_FORMAT", value_name = "FORM", default_value = "human")]
    pub(super) format: Format,
    /// Also write a report to a file (repeatable). Of the result: junit, md, html, json, github (annotations), summary (of
    /// a GitHub job). Of the first failing run: mermaid, chrome (for Perfetto), shiviz
    #[arg(long, global = true, env = "SHAKEDOWN_REPORT", value_name = "KIND=FILE", value_delimiter = ',')]
    pub(super) report: Vec<Report>,
    /// Read the defaults of flags from this file instead of ./shakedown.toml
    #[arg(long, global = true, env = "SHAKEDOWN_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The limit of the memory of all threads together, such as 2GB; a run that exceeds it is a violation. Linux only
    #[arg(long, global = true, env = "SHAKEDOWN_MEMORY_LIMIT", value_name = "SIZE", value_parser = amount::bytes)]
    pub(super) memory_limit: Option<u64>,
}

/// The form of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// Sentences and tables.
    Human,
    /// One object with stable keys.
    Json,
    /// A page for reviewers.
    Markdown,
    /// A sequence diagram.
    Mermaid,
    /// A page for the browser.
    Html,
}

/// What a report file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Junit,
    Markdown,
    Html,
    Json,
    Github,
    Summary,
    Mermaid,
    Chrome,
    Shiviz,
}

impl Kind {
    /// Every kind, with its name.
    const ALL: [(&str, Kind); 9] = [
        ("junit", Kind::Junit),
        ("md", Kind::Markdown),
        ("html", Kind::Html),
        ("json", Kind::Json),
        ("github", Kind::Github),
        ("summary", Kind::Summary),
        ("mermaid", Kind::Mermaid),
        ("chrome", Kind::Chrome),
        ("shiviz", Kind::Shiviz),
    ];

    /// Those that tell one recorded run.
    pub(super) const OF_A_TRACE: [Kind; 6] =
        [Kind::Markdown, Kind::Html, Kind::Json, Kind::Mermaid, Kind::Chrome, Kind::Shiviz];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    fn list(kinds: impl Iterator<Item = Kind>) -> String {
        kinds.map(Kind::name).collect::<Vec<_>>().join(", ")
    }
}

/// A file that a result is also written to.
#[derive(Clone, Debug)]
pub(super) struct Report {
    kind: Kind,
    file: PathBuf,
}

impl FromStr for Report {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').ok_or("expected KIND=FILE, as in `junit=report.xml`")?;
        let kind = Kind::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| {
            format!(
                "there is no report `{name}`; there are: {}",
                Kind::list(Kind::ALL.map(|(_, kind)| kind).into_iter())
            )
        })?;
        if file.is_empty() {
            return Err("the file is missing: expected KIND=FILE, as in `junit=report.xml`".to_owned());
        }
        Ok(Self { kind, file: file.into() })
    }
}

/// The files of `--report`, tried before the work begins, so that a path that cannot be written costs no campaign.
pub(super) struct Reports(Vec<(Report, Destination)>);

/// Where a report goes.
enum Destination {
    /// To a file, which is written completely or not at all.
    File(PathBuf),
    /// To a pipe, a terminal or another device, which is open.
    Stream(File),
}

impl Destination {
    /// Tries a path. A report of an earlier run is removed, so that it does not survive a run that fails.
    fn open(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
                Ok(Self::Stream(File::options().append(true).open(path)?))
            }
            found => {
                atomic_file::check(path)?;
                if found.is_ok() {
                    std::fs::remove_file(path)?;
                }
                Ok(Self::File(path.to_owned()))
            }
        }
    }

    fn write(self, text: &str) -> io::Result<()> {
        match self {
            Self::File(path) => atomic_file::write(&path, text),
            Self::Stream(mut stream) => stream.write_all(text.as_bytes()),
        }
    }
}

impl Output {
    /// Opens the files of `--report`.
    ///
    /// # Errors
    /// If one cannot be written, or two are to be the same.
    pub(super) fn open(&self) -> Result<Reports, CliError> {
        let mut files: Vec<PathBuf> = Vec::new();
        for Report { file, .. } in &self.report {
            let resolved = atomic_file::resolved(file).unwrap_or_else(|_| file.clone());
            if files.contains(&resolved) {
                return Err(CliError::input("two reports cannot be one file").at(file.display()));
            }
            files.push(resolved);
        }
        let opened = self.report.iter().map(|report| match Destination::open(&report.file) {
            Ok(destination) => Ok((report.clone(), destination)),
            Err(error) => Err(CliError::input(format!("cannot be written: {error}"))
                .at(report.file.display())
                .remedy("`--report KIND=FILE` needs a file in a directory that exists")),
        });
        opened.collect::<Result<_, _>>().map(Reports)
    }

    /// Opens the files of `--report` for a command that can write only these kinds.
    ///
    /// # Errors
    /// If another kind was asked for, or a file cannot be written.
    pub(super) fn open_for(&self, command: &str, kinds: &[Kind]) -> Result<Reports, CliError> {
        match self.report.iter().find(|report| !kinds.contains(&report.kind)) {
            None => self.open(),
            Some(other) => {
                let known = Kind::list(kinds.iter().copied());
                Err(CliError::input(format!("`{command}` writes no `{}` report", other.kind.name()))
                    .remedy(format!("it writes: {known}")))
            }
        }
    }

    /// Refuses a form on stdout that only `explain` has.
    ///
    /// # Errors
    /// If one was asked for.
    pub(super) fn of_results(&self) -> Result<(), CliError> {
        match self.format {
            Format::Human | Format::Json => Ok(()),
            _ => Err(CliError::input("only `explain` prints this form").remedy(
                "`--format` human and json go with every command; `--report KIND=FILE` writes the others",
            )),
        }
    }

    /// Refuses `--report` for a command that has nothing to put there.
    ///
    /// # Errors
    /// If one was asked for.
    pub(super) fn without_reports(&self, command: &str) -> Result<(), CliError> {
        match self.report.first() {
            None => Ok(()),
            Some(_) => Err(CliError::input(format!("`{command}` writes no report files"))
                .remedy("`--report` goes with `run`, `explore`, `certify`, `matrix`, `replay` and `explain`; `--format json` goes with every command")),
        }
    }

    /// Puts the result on stdout in the form asked for.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(super) fn print(
        &self,
        human: impl FnOnce(Style) -> String,
        json: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => put(&json()),
            _ => put(&human(style())),
        }
    }

    /// Puts text on stdout that has one form only.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(super) fn print_text(&self, text: &str) -> Result<(), CliError> {
        put(text)
    }

    /// Puts a story on stdout in the form asked for.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(super) fn print_story(
        &self,
        story: &Story<'_>,
        human: impl FnOnce(Style) -> String,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Human => put(&human(style())),
            Format::Json => put(&story.form(Kind::Json)),
            Format::Markdown => put(&story.form(Kind::Markdown)),
            Format::Mermaid => put(&story.form(Kind::Mermaid)),
            Format::Html => put(&story.form(Kind::Html)),
        }
    }
}

/// A recorded run to be told, with what is known of its failure.
pub(super) struct Story<'a> {
    pub(super) trace: &'a Trace,
    pub(super) failure: Option<&'a Failure>,
    pub(super) context: &'a FailureContext,
    pub(super) likely: Option<&'a Likelihood>,
    /// Where its trace is.
    pub(super) path: &'a str,
}

impl Story<'_> {
    /// The story in one of [`Kind::OF_A_TRACE`].
    fn form(&self, kind: Kind) -> String {
        let rows = || self.failure.map_or_else(|| story::of_run(self.trace), story::of_failure);
        match (kind, self.failure) {
            (Kind::Html, Some(failure)) => html::failure(failure, self.path, self.context),
            (Kind::Html, None) => html::passing_run(self.trace, self.path, &self.context.program),
            (Kind::Markdown, Some(failure)) => markdown::page(failure, self.context),
            (Kind::Markdown, None) => markdown::passing_run(self.trace),
            (Kind::Mermaid | Kind::Chrome | Kind::Shiviz, _) => {
                of_a_run(kind, Some(self.trace), self.failure)
            }
            _ => json::story(self.trace, &rows(), self.failure, self.likely),
        }
    }
}

impl Reports {
    /// Writes the files.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write(self, results: &[CampaignResult]) -> Result<(), CliError> {
        self.put(|kind| match kind {
            Kind::Markdown => markdown::campaigns(results),
            Kind::Html => html::campaigns(results),
            Kind::Json => json::campaigns(results, &[]),
            Kind::Junit => junit::campaigns(results),
            other => alike(other, results),
        })
    }

    /// Writes the files of an exhaustive search.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_certificates(self, all: &[Certificate]) -> Result<(), CliError> {
        self.put(|kind| match kind {
            Kind::Markdown => certificate::page(all),
            Kind::Html => html::certificates(all),
            Kind::Json => certificate::json(all),
            Kind::Junit => certificate::junit(all),
            other => alike(other, &all.iter().map(Certificate::campaign).collect::<Vec<_>>()),
        })
    }

    /// Writes the files of a matrix.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_matrix(self, all: &Matrix) -> Result<(), CliError> {
        self.put(|kind| match kind {
            Kind::Markdown => matrix::page(all),
            Kind::Html => html::matrix(all),
            Kind::Json => matrix::json(all),
            Kind::Junit => matrix::junit(all),
            Kind::Github => github::matrix_annotations(all),
            Kind::Summary => github::matrix_summary(all),
            other => {
                let failure = all.shown().map(|finding| &finding.failure);
                of_a_run(other, failure.map(|failure| &*failure.trace), failure)
            }
        })
    }

    /// Writes the files of a replay. What it came to is JSON; the other forms tell the run that it made.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_replay(
        self,
        result: &json::Replayed<'_>,
        run: &CampaignResult,
    ) -> Result<(), CliError> {
        let run = std::slice::from_ref(run);
        self.put(|kind| match kind {
            Kind::Markdown => markdown::campaigns(run),
            Kind::Html => html::campaigns(run),
            Kind::Json => json::replayed(result),
            Kind::Junit => junit::campaigns(run),
            other => alike(other, run),
        })
    }

    /// Writes the files of a story, each one of [`Kind::OF_A_TRACE`].
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_story(self, story: &Story<'_>) -> Result<(), CliError> {
        self.put(|kind| story.form(kind))
    }

    fn put(self, form: impl Fn(Kind) -> String) -> Result<(), CliError> {
        for (report, destination) in self.0 {
            destination.write(&form(report.kind)).map_err(|error| {
                CliError::input(format!("cannot be written: {error}")).at(report.file.display())
            })?;
        }
        Ok(())
    }
}

/// The forms that are the same for whatever was run.
fn alike(kind: Kind, results: &[CampaignResult]) -> String {
    match kind {
        Kind::Github => github::annotations(results),
        Kind::Summary => github::summary(results),
        _ => {
            let failing = results.iter().find_map(|result| result.findings.first());
            let failure = failing.map(|finding| &finding.failure);
            let run = || results.iter().find_map(CampaignResult::shown);
            of_a_run(kind, failure.map(|failure| &*failure.trace).or_else(run), failure)
        }
    }
}

/// The forms that show one run, if there is one to show.
fn of_a_run(kind: Kind, trace: Option<&Trace>, failure: Option<&Failure>) -> String {
    let diagram =
        |trace| mermaid::diagram(trace, &failure.map_or_else(|| story::of_run(trace), story::of_failure));
    match kind {
        Kind::Chrome => chrome::trace_events(trace),
        Kind::Shiviz => shiviz::log(trace),
        _ => trace.map_or_else(mermaid::empty, diagram),
    }
}

/// A terminal is taken to have at least so many columns.
const COLUMNS_MIN: usize = 40;

/// Stdout as style: its width and whether it takes colour. `NO_COLOR` and `CLICOLOR_FORCE` are obeyed.
fn style() -> Style {
    let stdout = io::stdout();
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let size = stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout)).flatten();
    let width = size.map_or(Style::PLAIN.width, |(width, _)| usize::from(width.0).max(COLUMNS_MIN));
    Style { width, colour }
}

/// Prints a line on stderr, unless runs are only repeated. It ignores errors: a closed stderr does not end a search.
pub(super) fn print_note(text: &str) {
    match supervision::link() {
        Some(link) => link.note(text),
        None => drop(writeln!(io::stderr().lock(), "{text}")),
    }
}

/// Prints a line on stdout at once. It ignores errors: who reads it may have gone.
#[cfg(feature = "serve")]
pub(super) fn print_line(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes to stdout. A reader that has gone away (`| head`) has read what it wanted.
fn put(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::input(format!("cannot be written: {error}")).at("stdout"))
        }
        _ => Ok(()),
    }
}
