//! `certify`: every script of few deviations; a certificate, or the least failure.

use super::Session;
use super::amount;
use super::exit::{CliError, Exit};
use super::explore::{processors, stop_on_interrupt};
use super::output::remark;
use super::progress::Progress as Shown;
use crate::campaign::InternalError;
use crate::certification::{self, LayerRequest, Part, Progress, SCHEMA};
use crate::entry::Entry;
use crate::{findings, quiet, traces};
use shakedown_reports::certificate::{self, Certificate, Depth};
use shakedown_reports::{EndReason, Finding, Verdict};
use shakedown_sim::search::{Bounded, Estimate, Layer, estimate};
use shakedown_sim::{Rehearse, Variant, small_variants};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Runs every script of at most K deviations, fewest first: a certificate, or the least failure
///
/// The result is the same at any number of jobs, and put together from whatever parts.
#[derive(clap::Args)]
pub(super) struct Certify {
    /// Which scenarios; all if none is named
    scenarios: Vec<String>,
    /// At most how many deviations a script has
    #[arg(long, env = "SHAKEDOWN_DEVIATIONS", value_name = "K", default_value = "2",
        value_parser = clap::value_parser!(u8).range(0..=6))]
    deviations: u8,
    /// On how many threads; all processors, if absent
    #[arg(long, short, env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Take a guardrail out of the design (repeatable)
    #[arg(long, env = "SHAKEDOWN_WITHOUT", value_name = "GUARDRAIL", value_delimiter = ',')]
    without: Vec<String>,
    /// Only variants like this, instead of all small ones
    #[arg(long, env = "SHAKEDOWN_VARIANT", value_name = "k=v ...")]
    variant: Option<Variant>,
    /// Also run scripts that come to the same as others
    #[arg(long, env = "SHAKEDOWN_NO_PRUNING")]
    no_pruning: bool,
    /// Only part I of N of the scripts with K deviations
    #[arg(long, env = "SHAKEDOWN_SHARD", value_name = "I/N", value_parser = amount::shard)]
    shard: Option<(usize, usize)>,
    /// Keep here what was run of the scripts with K deviations
    #[arg(long, env = "SHAKEDOWN_CHECKPOINT", value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Go on from what such files hold (repeatable): after an interrupt, or to put shards together
    #[arg(long, env = "SHAKEDOWN_RESUME", value_name = "FILE", value_delimiter = ',')]
    resume: Vec<PathBuf>,
    /// Where the traces of failures go
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = traces::DIRECTORY)]
    traces: PathBuf,
    /// How much time the continuations of one script may take before everything is given up
    #[arg(long, env = "SHAKEDOWN_WATCHDOG", value_name = "DURATION", default_value = "60s", value_parser = amount::span)]
    watchdog: Duration,
}

impl Certify {
    pub(super) fn execute(self, session: &Session) -> Result<Exit, CliError> {
        let output = &session.output;
        let entries = session.catalogue.select(&self.scenarios)?;
        for entry in &entries {
            let runner = entry.runner(&self.without).map_err(CliError::input)?;
            self.check_variant(runner.as_ref())?;
        }
        if entries.is_empty() {
            return Err(CliError::new(Exit::Nothing, "nothing is selected: no scenario"));
        }
        if entries.len() > 1 && (self.checkpoint.is_some() || !self.resume.is_empty()) {
            let remedy = "name one scenario beside --checkpoint and --resume";
            return Err(CliError::input("a checkpoint is of one scenario").remedy(remedy));
        }
        let reports = output.open()?;
        let stop = stop_on_interrupt();
        let mut certificates = Vec::new();
        for entry in entries {
            certificates.push(self.certify(entry, &stop)?);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        output.print(
            |style| {
                certificates.iter().map(|one| certificate::human(style, one)).collect::<Vec<_>>().join("\n")
            },
            || certificate::json(&certificates),
        );
        reports.write_certificates(&certificates)?;
        Ok(Exit::of(certificates.iter().map(exit)))
    }

    fn check_variant(&self, runner: &dyn Rehearse) -> Result<(), CliError> {
        let Some(variant) = &self.variant else { return Ok(()) };
        for (name, value) in &variant.0 {
            let parameter = runner.parameters().iter().find(|parameter| parameter.name == name);
            let names: Vec<&str> = runner.parameters().iter().map(|parameter| parameter.name).collect();
            let valid = parameter.map_or(names, |parameter| parameter.values.to_vec());
            if parameter.is_none() || !valid.contains(&value.as_str()) {
                return Err(CliError::input(format!("there is no variant `{name}={value}`"))
                    .remedy(format!("there are: {}", valid.join(", "))));
            }
        }
        Ok(())
    }

    fn certify(&self, entry: &Entry, stop: &AtomicBool) -> Result<Certificate, CliError> {
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let variants = small_variants(runner.parameters(), &self.variant.clone().unwrap_or_default());
        let mut hunt = Hunt {
            asked: self,
            order: LayerRequest {
                entry,
                without: &self.without,
                jobs: self.jobs.map_or_else(processors, usize::from),
                stop,
                timeout: self.watchdog,
            },
            progress: self.progress(entry, &variants)?,
            search: Bounded::new(variants, usize::from(self.deviations), !self.no_pruning),
            saved: Instant::now(),
        };
        let alternatives = quiet::running(|| hunt.search.begin(runner.as_mut()));
        remark(&self.estimate(runner.as_mut(), &hunt, &alternatives));
        let complete = hunt.run()?;
        let found = self.tell(entry, runner.as_mut(), &hunt.search)?;
        Ok(self.certificate(entry, runner.as_ref(), &hunt.search, (alternatives, complete, found)))
    }

    /// What is about to be searched. Probes tell how many runs it takes and, as they deviate like them, how long.
    fn estimate(&self, runner: &mut dyn Rehearse, hunt: &Hunt<'_>, alternatives: &[u64]) -> String {
        let deviations = usize::from(self.deviations);
        let began = Instant::now();
        let Estimate { mut scripts, runs } = quiet::running(|| estimate(runner, &hunt.search, PROBES));
        let per_second = runs as f64 / began.elapsed().as_secs_f64();
        if let (Some((_, of)), Some(last)) = (self.shard, scripts.last_mut()) {
            *last /= of as f64;
        }
        let (runs, threads) = (scripts.iter().sum(), hunt.order.jobs.min(processors()) as f64);
        certificate::estimate(&hunt.order.entry.name, alternatives, deviations, runs, per_second * threads)
    }

    /// The search that is asked for, with what the files of `--resume` hold of it.
    fn progress(&self, entry: &Entry, variants: &[Variant]) -> Result<Progress, CliError> {
        let mut progress = Progress {
            schema: SCHEMA.to_owned(),
            scenario: entry.name.to_owned(),
            without: self.without.clone(),
            variants: variants.iter().map(Variant::to_string).collect(),
            deviations: usize::from(self.deviations),
            pruning: !self.no_pruning,
            above: None,
            parts: Vec::new(),
        };
        for path in &self.resume {
            let wrong = |what: String| CliError::input(what).at(path.display());
            let text =
                std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
            let kept: Progress = serde_json::from_str(&text).map_err(|error| {
                wrong(format!("no checkpoint: {error}")).remedy("`certify --checkpoint FILE` writes one")
            })?;
            if !progress.is_of(&kept) {
                return Err(wrong("the checkpoint of another search".to_owned()).remedy(
                    "scenario, --without, --variant, --deviations and --no-pruning must be as they were",
                ));
            }
            if progress.above.is_some() && kept.above.is_some() && progress.above != kept.above {
                return Err(changed(path));
            }
            progress.above = kept.above.or(progress.above);
            kept.parts.into_iter().for_each(|part| progress.add(part));
        }
        Ok(progress)
    }

    /// The first failing script, told.
    fn tell(
        &self,
        entry: &Entry,
        runner: &mut dyn Rehearse,
        search: &Bounded,
    ) -> Result<Vec<Finding>, CliError> {
        let Some(broken) = search.broken() else { return Ok(Vec::new()) };
        let trace = quiet::running(|| runner.record(search.plan(&broken.script))).1;
        let mut found = findings::of_run(entry, runner, &trace, &self.traces)
            .map_err(|error| traces::unwritable(&self.traces, &error))?;
        let runs = search.depths().iter().map(|depth| depth.tally.runs).sum();
        found.iter_mut().for_each(|finding| finding.runs_to_find = runs);
        Ok(found)
    }

    fn certificate(
        &self,
        entry: &Entry,
        runner: &dyn Rehearse,
        search: &Bounded,
        (alternatives, complete, findings): (Vec<u64>, bool, Vec<Finding>),
    ) -> Certificate {
        let depths = search.depths();
        let (verdict, end_reason) = match () {
            () if search.broken().is_some() => (Verdict::Violated, EndReason::MaxFail),
            () if complete => (Verdict::Held, EndReason::Complete),
            () => (Verdict::Inconclusive, EndReason::Interrupted),
        };
        let whole = depths.len() - usize::from(!complete || (self.shard.is_some() && self.resume.is_empty()));
        Certificate {
            scenario: entry.name.to_owned(),
            without: self.without.clone(),
            verdict,
            end_reason,
            deviations: usize::from(self.deviations),
            reached: whole.checked_sub(1),
            shard: self.shard,
            variants: search.variants().iter().map(Variant::to_string).zip(alternatives).collect(),
            sites: search.sites().clone(),
            depths: depths
                .iter()
                .map(|depth| Depth { runs: depth.tally.runs, pruned: depth.pruned, runs_saved: depth.spared })
                .collect(),
            digest: search.digest(),
            simulated: depths.iter().map(|depth| depth.tally.simulated).sum(),
            invariants: runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
            assumptions: entry.assumptions.clone(),
            findings,
        }
    }
}

/// One search under way.
struct Hunt<'a> {
    asked: &'a Certify,
    order: LayerRequest<'a>,
    search: Bounded,
    progress: Progress,
    saved: Instant,
}

/// How often a checkpoint is written.
const SAVE_EVERY: Duration = Duration::from_secs(20);
/// Scripts of each variant that are followed to estimate how many there are.
const PROBES: u32 = 400;

impl Hunt<'_> {
    /// Runs layer after layer. Answers whether everything that was asked for was run.
    fn run(&mut self) -> Result<bool, CliError> {
        while self.search.next().is_some() {
            let (layer, complete) = match self.search.keeps() {
                true => self.layer()?,
                false => self.last_layer()?,
            };
            let complete = complete || layer.broken.is_some();
            self.search.advance(layer);
            if !complete {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Shows the progress of the layer at hand, of which these parents are left and some runs were made before.
    fn show(&self, before: u64, left: &[Range<usize>]) -> Shown {
        let layer = self.search.next().unwrap_or_default();
        let name = format!("{} {layer}/{}", self.order.entry.name, self.asked.deviations);
        let left: u64 = left.iter().map(|parents| self.search.expected(parents.clone())).sum();
        Shown::resume(&name, before, before + left)
    }

    fn layer(&self) -> Result<(Layer, bool), CliError> {
        let parents = 0..self.search.parents().len();
        let mut shown = self.show(0, std::slice::from_ref(&parents));
        let (layer, ran) = certification::run(&self.order, &self.search, parents.clone(), |layer, _| {
            shown.show_runs(layer.tally.runs, "");
        })
        .map_err(internal)?;
        shown.end();
        Ok((layer, ran == parents.len()))
    }

    /// The layer that parts are made of: what no file holds of it is run.
    fn last_layer(&mut self) -> Result<(Layer, bool), CliError> {
        let wanted = self.wanted()?;
        let gaps = self.progress.gaps(wanted.clone());
        let mut shown = self.show(self.progress.runs(), &gaps);
        for gap in gaps {
            if self.order.stop.load(Ordering::Relaxed) {
                break;
            }
            self.fill(gap, &mut shown)?;
        }
        shown.end();
        save(self.asked.checkpoint.as_deref(), &self.progress)?;
        Ok((self.progress.layer(), self.progress.gaps(wanted).is_empty()))
    }

    /// Which parents of the last layer are asked for, now that it is known whether what files hold is of them.
    fn wanted(&mut self) -> Result<Range<usize>, CliError> {
        let (above, parents) = (self.search.digest().to_string(), self.search.parents().len());
        if self.progress.above.as_ref().is_some_and(|other| *other != above)
            || self.progress.parts.iter().any(|part| part.to > parents)
        {
            return Err(changed(self.asked.resume.first().map_or(Path::new(""), PathBuf::as_path)));
        }
        self.progress.above = Some(above);
        Ok(match self.asked.shard {
            Some((shard, of)) => parents * (shard - 1) / of..parents * shard / of,
            None => 0..parents,
        })
    }

    /// Runs what continues these parents, and adds it to what there is.
    fn fill(&mut self, gap: Range<usize>, shown: &mut Shown) -> Result<(), CliError> {
        let (before, from) = (self.progress.runs(), gap.start);
        let (progress, checkpoint, saved) = (&self.progress, &self.asked.checkpoint, &mut self.saved);
        let mut written = Ok(());
        let ran = certification::run(&self.order, &self.search, gap, |layer, ran| {
            shown.show_runs(before + layer.tally.runs, "");
            if saved.elapsed() >= SAVE_EVERY {
                let mut now = progress.clone();
                now.add(Part { from, to: from + ran, layer: layer.clone() });
                written = save(checkpoint.as_deref(), &now);
                *saved = Instant::now();
            }
        });
        let (layer, ran) = ran.map_err(internal)?;
        self.progress.add(Part { from, to: from + ran, layer });
        written
    }
}

fn internal(failed: InternalError) -> CliError {
    CliError::new(Exit::Internal, failed.to_string())
}

fn changed(file: &Path) -> CliError {
    CliError::new(Exit::Drift, "its runs are not those of today's code")
        .at(file.display())
        .remedy("begin again without --resume")
}

/// Writes a checkpoint, wholly or not at all.
fn save(file: Option<&Path>, progress: &Progress) -> Result<(), CliError> {
    let Some(file) = file else { return Ok(()) };
    let text = serde_json::to_string(progress).expect("a checkpoint has text keys");
    let beside = file.with_extension("partly");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| CliError::input(format!("cannot be written: {error}")).at(file.display()))
}

fn exit(certificate: &Certificate) -> Exit {
    if certificate.findings.iter().any(|finding| !finding.replays_identical) {
        return Exit::Drift;
    }
    match certificate.verdict {
        Verdict::Held => Exit::Held,
        Verdict::Violated => Exit::Violation,
        Verdict::Inconclusive => Exit::Inconclusive,
    }
}
