//! Where results go: stdout in the form asked for, and the files of `--report`.

use super::exit::Complaint;
use clap::{Args, ValueEnum};
use shakedown_reports::matrix::{self, Matrix};
use shakedown_reports::{Certificate, Finished, Paper, certificate, html, json, junit, markdown};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;

/// How results are written; each command takes these.
#[derive(Args)]
pub(super) struct Output {
    /// The form of the result on stdout
    #[arg(long, global = true, env = "SHAKEDOWN_FORMAT", value_name = "FORM", default_value = "human")]
    pub(super) format: Format,
    /// Also write the result of run, explore, certify or matrix to a file: md, html, json or junit
    #[arg(long, global = true, env = "SHAKEDOWN_REPORT", value_name = "KIND=FILE", value_delimiter = ',')]
    pub(super) report: Vec<Report>,
    /// Read defaults of the flags from this file instead of ./shakedown.toml
    #[arg(long, global = true, env = "SHAKEDOWN_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// The form of a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// Sentences and tables.
    Human,
    /// One object with stable keys.
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Markdown,
    Html,
    Json,
    Junit,
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
        let (kind, file) = text.split_once('=').ok_or("expected KIND=FILE, as in `junit=report.xml`")?;
        let kind = match kind {
            "md" => Kind::Markdown,
            "html" => Kind::Html,
            "json" => Kind::Json,
            "junit" => Kind::Junit,
            _ => return Err(format!("there is no report `{kind}`; there are: md, html, json, junit")),
        };
        if file.is_empty() {
            return Err("the file is missing: expected KIND=FILE, as in `junit=report.xml`".to_owned());
        }
        Ok(Self { kind, file: file.into() })
    }
}

/// Files opened before the work begins, so that a path that cannot be written costs no campaign.
pub(super) struct Reports(Vec<(Report, File)>);

impl Output {
    /// Opens the files of `--report`.
    ///
    /// # Errors
    /// If one cannot be written.
    pub(super) fn open(&self) -> Result<Reports, Complaint> {
        let opened = self.report.iter().map(|report| {
            match File::options().create(true).append(true).open(&report.file) {
                Ok(file) => Ok((report.clone(), file)),
                Err(error) => Err(Complaint::input(format!("cannot be written: {error}"))
                    .at(report.file.display())
                    .remedy("`--report KIND=FILE` wants a file in a directory that exists")),
            }
        });
        opened.collect::<Result<_, _>>().map(Reports)
    }

    /// Refuses `--report` for a command that has nothing to put there.
    ///
    /// # Errors
    /// If one was asked for.
    pub(super) fn without_reports(&self, command: &str) -> Result<(), Complaint> {
        match self.report.first() {
            None => Ok(()),
            Some(_) => Err(Complaint::input(format!("`{command}` writes no report files"))
                .remedy("`--report` goes with `run`, `explore`, `certify` and `matrix`; `--format json` goes with every command")),
        }
    }

    /// Puts the result on stdout in the form asked for.
    pub(super) fn print(&self, human: impl FnOnce(Paper) -> String, json: impl FnOnce() -> String) {
        match self.format {
            Format::Human => put(&human(paper())),
            Format::Json => put(&json()),
        }
    }
}

impl Reports {
    /// Writes the files.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write(self, results: &[Finished]) -> Result<(), Complaint> {
        self.put(|kind| match kind {
            Kind::Markdown => markdown::finished(results),
            Kind::Html => html::finished(results),
            Kind::Json => json::finished(results, &[]),
            Kind::Junit => junit::finished(results),
        })
    }

    /// Writes the files of an exhaustive search.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_certificates(self, all: &[Certificate]) -> Result<(), Complaint> {
        self.put(|kind| match kind {
            Kind::Markdown => certificate::page(all),
            Kind::Html => html::certificates(all),
            Kind::Json => certificate::json(all),
            Kind::Junit => certificate::junit(all),
        })
    }

    /// Writes the files of a matrix.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn write_matrix(self, all: &Matrix) -> Result<(), Complaint> {
        self.put(|kind| match kind {
            Kind::Markdown => matrix::page(all),
            Kind::Html => html::matrix(all),
            Kind::Json => matrix::json(all),
            Kind::Junit => matrix::junit(all),
        })
    }

    fn put(mut self, form: impl Fn(Kind) -> String) -> Result<(), Complaint> {
        for (report, file) in &mut self.0 {
            let text = form(report.kind);
            let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
            written.map_err(|error| {
                Complaint::input(format!("cannot be written: {error}")).at(report.file.display())
            })?;
        }
        Ok(())
    }
}

/// Stdout as paper: its width and whether it takes colour. `NO_COLOR` and `CLICOLOR_FORCE` are obeyed.
fn paper() -> Paper {
    let stdout = io::stdout();
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    let size = stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout)).flatten();
    let width = size.map_or(Paper::PLAIN.width, |(width, _)| usize::from(width.0).clamp(60, 160));
    Paper { width, colour }
}

/// Writes to stdout. A reader that has gone away (`| head`) has read what it wanted.
fn put(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
