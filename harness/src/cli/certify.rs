//! `certify`: every script of few deviations; a certificate, or the smallest failing script.

mod frontier;
mod merge;
mod shard;

use super::Session;
use super::amount;
use super::checkpoint_file;
use super::exit::{CliError, Exit};
use super::explore::{processors, stop_on_interrupt};
use super::output::print_note;
use super::progress::Progress as Shown;
use super::self_check;
use super::shard::{ShardArgs, Writer};
use crate::campaign::InternalError;
use crate::certification::{self, LayerRequest, joined};
use crate::checkpoint::{self, BLOCK, Checkpoint, Identity, Part, SCHEMA};
use crate::entry::Entry;
use crate::shard::Shard;
use crate::shard::union::Union;
use crate::{findings, quiet, supervision, traces, worth};
use shakedown_reports::certificate::{self, Certificate, Depth};
use shakedown_reports::{EndReason, Finding, Verdict};
use shakedown_sim::search::{Bounded, Estimate, Layer, Parent, Tally, estimate};
use shakedown_sim::{Rehearse, Script, Variant, small_variants};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Runs every script of at most K deviations, fewest first: a certificate, or the smallest failing script
///
/// The result does not depend on the number of threads or of shards.
#[derive(clap::Args)]
pub(super) struct Certify {
    /// The scenarios [default: all]
    scenarios: Vec<String>,
    /// The greatest number of deviations of a script
    #[arg(long, env = "SHAKEDOWN_DEVIATIONS", value_name = "K", default_value = "2",
        value_parser = clap::value_parser!(u8).range(0..=6))]
    deviations: u8,
    /// The number of threads [default: the number of processors]
    #[arg(long, short, env = "SHAKEDOWN_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Take a guardrail out of the design (repeatable)
    #[arg(long, env = "SHAKEDOWN_WITHOUT", value_name = "GUARDRAIL", value_delimiter = ',')]
    without: Vec<String>,
    /// Fix these parameters; the search takes all small values of the others
    #[arg(long, env = "SHAKEDOWN_VARIANT", value_name = "k=v ...")]
    variant: Option<Variant>,
    /// Also let the order of tasks deviate: a task or event yields to another that is due at the same instant
    #[arg(long, env = "SHAKEDOWN_SCHEDULES")]
    schedules: bool,
    /// Also let tasks pause or lose their connection before each statement of a transaction
    #[arg(long, env = "SHAKEDOWN_STATEMENTS")]
    statements: bool,
    /// Also extend scripts whose runs are equivalent to that of another script
    #[arg(long, env = "SHAKEDOWN_NO_PRUNING")]
    no_pruning: bool,
    #[command(flatten)]
    shard: ShardArgs,
    /// Run only the scripts with fewer than K deviations, and keep the result in the directory of --into, where each
    /// shard looks for it instead of running them again
    #[arg(long, env = "SHAKEDOWN_PREPARE", conflicts_with_all = ["shard", "checkpoint", "resume"])]
    prepare: bool,
    /// Save the progress among the scripts with K deviations in this file, for --resume
    #[arg(long, env = "SHAKEDOWN_CHECKPOINT", value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Continue from a file that --checkpoint wrote (repeatable)
    #[arg(long, env = "SHAKEDOWN_RESUME", value_name = "FILE", value_delimiter = ',')]
    resume: Vec<PathBuf>,
    /// Accept a bound that no script reaches, or a scenario with most of its work after the last possible fault
    #[arg(long, env = "SHAKEDOWN_ALLOW_TRIVIAL")]
    allow_trivial: bool,
    /// The directory for the traces of failures
    #[arg(long, env = "SHAKEDOWN_TRACES", value_name = "DIR", default_value = traces::DIRECTORY)]
    traces: PathBuf,
    /// The time limit of the runs that extend one script
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
        if let Some(path) = &self.checkpoint {
            checkpoint_file::check(path)?;
        }
        if self.prepare {
            return self.prepare(session, &entries);
        }
        let shard = self.shard.shard()?;
        if shard.is_none() {
            traces::check(&self.traces)?;
        }
        let mut writer = shard.map(|shard| self.open_shard(session, &entries, shard)).transpose()?;
        let reports = output.open()?;
        let stop = stop_on_interrupt();
        supervision::set_timeout(self.watchdog);
        let (mut certificates, mut exits) = (Vec::new(), Vec::new());
        for (section, entry) in entries.into_iter().enumerate() {
            let kept = writer.as_mut().map(|writer| Kept { writer, section });
            let division = kept.map_or(Division::Whole, Division::Shard);
            let (certificate, exit) = self.checked(entry, &stop, shard, division)?;
            exits.push(exit);
            certificates.push(certificate);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
        output.print(
            |style| {
                certificates.iter().map(|one| certificate::human(style, one)).collect::<Vec<_>>().join("\n")
            },
            || certificate::json(&certificates),
        )?;
        reports.write_certificates(&certificates)?;
        match writer {
            Some(mut writer) => self.end_shard(&mut writer, &certificates, Exit::of(exits)),
            None => Ok(Exit::of(exits)),
        }
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

    /// Returns the certificate and its exit code, once a sample of its scripts was run again elsewhere.
    fn checked(
        &self,
        entry: &Entry,
        stop: &AtomicBool,
        shard: Option<Shard>,
        division: Division<'_>,
    ) -> Result<(Certificate, Exit), CliError> {
        let (mut certificate, sample) = self.certify(entry, stop, shard, division)?;
        let repeated = self_check::repeat(entry, &self.without, &sample, &mut certificate.worth)?;
        if repeated == Exit::Drift && certificate.verdict == Verdict::Held {
            certificate.verdict = Verdict::Inconclusive;
        }
        let exit = Exit::of([exit(&certificate), repeated]);
        Ok((certificate, exit))
    }

    /// Returns the certificate, and a sample of its scripts.
    fn certify(
        &self,
        entry: &Entry,
        stop: &AtomicBool,
        shard: Option<Shard>,
        division: Division<'_>,
    ) -> Result<(Certificate, Vec<Script>), CliError> {
        let mut runner = entry.runner(&self.without).map_err(CliError::input)?;
        let variants = self.variants(runner.as_ref());
        let weakness = worth::weakness(runner.as_mut(), variants.clone());
        let mut certify_run = self.certify_run(entry, variants, stop, shard, division)?;
        let alternatives = quiet::running(|| certify_run.search.begin(runner.as_mut()));
        if supervision::is_first_attempt() {
            print_note(&self.estimate(runner.as_mut(), &certify_run, &alternatives));
        }
        certify_run.continue_from_frontier(runner.as_mut())?;
        let coverage = certify_run.run()?;
        let found = self.tell(entry, runner.as_mut(), &certify_run.search)?;
        let parents = std::mem::take(&mut certify_run.parents);
        let search = &certify_run.search;
        let sample = sample(runner.as_mut(), search, parents);
        let result = (alternatives, coverage, found, weakness);
        let shard = shard.filter(|_| coverage == Coverage::Shard).map(<(usize, usize)>::from);
        let certificate = self.certificate(entry, runner.as_ref(), search, result);
        Ok((Certificate { shard, ..certificate }, sample))
    }

    /// Returns the variants to search.
    fn variants(&self, runner: &dyn Rehearse) -> Vec<Variant> {
        small_variants(runner.parameters(), &self.variant.clone().unwrap_or_default())
    }

    /// Creates a search of which nothing was run, with the earlier runs that it continues from.
    fn certify_run<'a>(
        &'a self,
        entry: &'a Entry,
        variants: Vec<Variant>,
        stop: &'a AtomicBool,
        shard: Option<Shard>,
        division: Division<'a>,
    ) -> Result<CertifyRun<'a>, CliError> {
        let identity = self.identity(entry, &variants);
        let mut resumed = self.resumed(&identity)?;
        resumed.extend(division.kept());
        Ok(CertifyRun {
            options: self,
            shard,
            division,
            request: LayerRequest {
                entry,
                without: &self.without,
                jobs: self.jobs.map_or_else(processors, usize::from),
                stop,
                timeout: self.watchdog,
            },
            resumed,
            checkpoint: Checkpoint::new(identity),
            search: Bounded::new(variants, usize::from(self.deviations), !self.no_pruning)
                .with_task_order(self.schedules)
                .with_statements(self.statements),
            saved: Instant::now(),
            parents: Vec::new(),
        })
    }

    /// What is about to be searched. Probes tell how many runs it takes and, as they deviate like them, how long.
    fn estimate(
        &self,
        runner: &mut dyn Rehearse,
        certify_run: &CertifyRun<'_>,
        alternatives: &[u64],
    ) -> String {
        let deviations = usize::from(self.deviations);
        let began = Instant::now();
        let Estimate { mut scripts, runs } = quiet::running(|| estimate(runner, &certify_run.search, PROBES));
        let per_second = runs as f64 / began.elapsed().as_secs_f64();
        if let (Some(shard), Some(last)) = (certify_run.shard, scripts.last_mut()) {
            *last /= shard.count() as f64;
        }
        let (runs, threads) = (scripts.iter().sum(), certify_run.request.jobs.min(processors()) as f64);
        certificate::estimate(
            &certify_run.request.entry.name,
            alternatives,
            deviations,
            runs,
            per_second * threads,
        )
    }

    /// Returns the identity of the search, without its build, which only its runs tell.
    fn identity(&self, entry: &Entry, variants: &[Variant]) -> Identity {
        Identity {
            schema: SCHEMA.to_owned(),
            scenario: entry.name.clone(),
            without: self.without.clone(),
            variants: variants.iter().map(Variant::to_string).collect(),
            deviations: usize::from(self.deviations),
            pruning: !self.no_pruning,
            task_order: self.schedules,
            statements: self.statements,
            build: String::new(),
        }
    }

    /// Reads the files of `--resume`, and refuses those of another search before anything is run.
    fn resumed(&self, identity: &Identity) -> Result<Vec<(PathBuf, Checkpoint)>, CliError> {
        let read = |path: &PathBuf| {
            let checkpoint = checkpoint_file::read(path)?;
            let of_its_build = Identity { build: checkpoint.identity.build.clone(), ..identity.clone() };
            checkpoint
                .check_identity(&of_its_build)
                .map_err(|error| checkpoint_file::refused(path, &error))?;
            Ok((path.clone(), checkpoint))
        };
        self.resume.iter().map(read).collect()
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
        (alternatives, coverage, findings, weakness): (Vec<u64>, Coverage, Vec<Finding>, Option<EndReason>),
    ) -> Certificate {
        let depths = search.depths();
        let trivial = depths.last().is_none_or(|depth| depth.tally.runs == 0);
        let (verdict, end_reason) = match coverage {
            _ if search.broken().is_some() => (Verdict::Violated, EndReason::MaxFail),
            Coverage::Whole if trivial && !self.allow_trivial => (Verdict::Inconclusive, EndReason::Trivial),
            Coverage::Whole if weakness == Some(EndReason::Undisturbed) && !self.allow_trivial => {
                (Verdict::Inconclusive, EndReason::Undisturbed)
            }
            Coverage::Whole => (Verdict::Held, EndReason::Complete),
            Coverage::Shard => (Verdict::Inconclusive, EndReason::Complete),
            Coverage::Stopped => (Verdict::Inconclusive, EndReason::Interrupted),
        };
        let mut tally = Tally::default();
        depths.iter().for_each(|depth| tally.then(&depth.tally));
        let whole = depths.len() - usize::from(coverage != Coverage::Whole);
        Certificate {
            scenario: entry.name.to_owned(),
            without: self.without.clone(),
            verdict,
            end_reason,
            deviations: usize::from(self.deviations),
            reached: whole.checked_sub(1),
            shard: None,
            variants: search.variants().iter().map(Variant::to_string).zip(alternatives).collect(),
            sites: search.sites().clone(),
            task_order: search.has_task_order(),
            depths: depths
                .iter()
                .map(|depth| Depth { runs: depth.tally.runs, pruned: depth.pruned, runs_saved: depth.spared })
                .collect(),
            digest: search.digest(),
            simulated: tally.simulated,
            worth: worth::facts(&tally),
            invariants: runner.invariants().into_iter().map(|(name, _)| name.to_owned()).collect(),
            assumptions: entry.assumptions.clone(),
            findings,
        }
    }
}

/// How a search is divided.
enum Division<'a> {
    /// Not at all.
    Whole,
    /// A shard is run and kept.
    Shard(Kept<'a>),
    /// Shards are put together.
    Merge(Merged<'a>),
}

/// Where a shard is kept.
struct Kept<'a> {
    writer: &'a mut Writer,
    /// The place of the search in the file.
    section: usize,
}

/// The shards of one search.
struct Merged<'a> {
    union: &'a Union,
    checkpoints: Vec<(PathBuf, Checkpoint)>,
}

/// How much of a search was run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coverage {
    /// All of it.
    Whole,
    /// The requested shard, and not every other shard.
    Shard,
    /// Less than the requested parents.
    Stopped,
}

/// One search under way.
struct CertifyRun<'a> {
    options: &'a Certify,
    shard: Option<Shard>,
    division: Division<'a>,
    request: LayerRequest<'a>,
    search: Bounded,
    resumed: Vec<(PathBuf, Checkpoint)>,
    checkpoint: Checkpoint,
    saved: Instant,
    /// Some of the parents of the last layer that was run.
    parents: Vec<Parent>,
}

/// How often a checkpoint is written.
const SAVE_EVERY: Duration = Duration::from_secs(20);
/// Scripts of each variant that are followed to estimate how many there are.
const PROBES: u32 = 400;

impl CertifyRun<'_> {
    /// Runs layer after layer and returns how much of the search was run.
    fn run(&mut self) -> Result<Coverage, CliError> {
        let coverage = self.run_above()?;
        if self.search.next().is_none() || coverage != Coverage::Whole {
            return Ok(coverage);
        }
        self.keep_frontier()?;
        self.sample_parents();
        let (layer, covered) = self.last_layer()?;
        let coverage = if layer.broken.is_some() { Coverage::Whole } else { covered };
        self.search.advance(layer);
        Ok(coverage)
    }

    /// Runs the layers above the last.
    fn run_above(&mut self) -> Result<Coverage, CliError> {
        while self.search.next().is_some() && self.search.keeps() {
            self.sample_parents();
            let (layer, is_complete) = self.layer()?;
            let is_broken = layer.broken.is_some();
            self.search.advance(layer);
            if !is_complete && !is_broken {
                return Ok(Coverage::Stopped);
            }
        }
        Ok(Coverage::Whole)
    }

    fn sample_parents(&mut self) {
        let parents = self.search.parents();
        let some = worth::spread(0..parents.len() as u64);
        self.parents = some.into_iter().map(|at| parents[at as usize].clone()).collect();
    }

    /// Shows the progress of the layer at hand, of which these parents are left and some runs were made before.
    fn show(&self, before: u64, left: &[Range<usize>]) -> Shown {
        let layer = self.search.next().unwrap_or_default();
        let name = format!("{} {layer}/{}", self.request.entry.name, self.options.deviations);
        let left: u64 = left.iter().map(|parents| self.search.expected(parents.clone())).sum();
        Shown::resume(&name, before, before + left)
    }

    fn layer(&self) -> Result<(Layer, bool), CliError> {
        let parents = 0..self.search.parents().len();
        let mut shown = self.show(0, std::slice::from_ref(&parents));
        let parts = certification::run(&self.request, &self.search, parents.clone(), |parts| {
            shown.show_runs(runs_of(parts), "");
        })
        .map_err(internal)?;
        shown.end();
        let ran = parts.last().map_or(0, |part| part.to);
        Ok((joined(parts), ran == parents.len()))
    }

    /// Runs what is missing of the last layer.
    fn last_layer(&mut self) -> Result<(Layer, Coverage), CliError> {
        self.resume()?;
        let all = 0..self.search.parents().len();
        let wanted = match self.shard {
            Some(shard) => checkpoint::shard(all.end, shard.number(), shard.count()),
            None => all.clone(),
        };
        let gaps = self.checkpoint.gaps(wanted.clone());
        self.division.check_gaps(&gaps, &self.search)?;
        let mut shown = self.show(self.checkpoint.runs(), &gaps);
        for gap in gaps {
            if self.request.stop.load(Ordering::Relaxed) {
                break;
            }
            self.fill(gap, &mut shown)?;
        }
        shown.end();
        self.save()?;
        let is_covered = |parents: Range<usize>| self.checkpoint.gaps(parents).is_empty();
        let coverage = match () {
            () if is_covered(all) => Coverage::Whole,
            () if is_covered(wanted) => Coverage::Shard,
            () => Coverage::Stopped,
        };
        Ok((self.checkpoint.layer(), coverage))
    }

    /// Takes in the files of `--resume`, now that the layers above are known: each is checked, and a sample of its parts
    /// is run again.
    fn resume(&mut self) -> Result<(), CliError> {
        self.checkpoint.identity.build = checkpoint::build_of(&self.search);
        for (path, resumed) in std::mem::take(&mut self.resumed) {
            let checked = resumed.check(&self.checkpoint.identity, &self.search);
            checked.map_err(|error| self.division.refused(checkpoint_file::refused(&path, &error)))?;
            for part in resumed.sample() {
                let again = certification::run(&self.request, &self.search, part.from..part.to, |_| {});
                let again = again.map_err(internal)?;
                let is_complete = again.last().is_some_and(|last| last.to == part.to);
                if is_complete && joined(again) != part.layer {
                    return Err(self.division.refused(checkpoint_file::differs(&path, part)));
                }
            }
            resumed.parts().iter().cloned().for_each(|part| self.checkpoint.add(part));
        }
        // Earlier processes of this command ran these before one of them ended.
        if let Some(link) = supervision::link() {
            link.parts(&self.name()).iter().cloned().for_each(|part| self.checkpoint.add(part));
        }
        Ok(())
    }

    /// Returns the name by which the search is known to the next process, if this one ends early.
    fn name(&self) -> String {
        format!("{:?} {:?}", self.checkpoint.identity, self.shard)
    }

    /// Runs the children of these parents and adds them to the checkpoint: whole blocks only, unless a script violates an
    /// invariant.
    fn fill(&mut self, gap: Range<usize>, shown: &mut Shown) -> Result<(), CliError> {
        let (before, end) = (self.checkpoint.runs(), gap.end);
        let is_whole =
            |part: &Part| part.to.is_multiple_of(BLOCK) || part.to == end || part.layer.broken.is_some();
        let (mut written, mut kept) = (Ok(()), gap.start);
        let (name, link) = (self.name(), supervision::link());
        let parts = certification::run(&self.request, &self.search, gap, |parts| {
            shown.show_runs(before + runs_of(parts), "");
            let further = || parts.iter().filter(|part| part.from >= kept && is_whole(part)).cloned();
            if link.is_some_and(|link| link.keep_parts(&name, || further().collect())) {
                kept = further().next_back().map_or(kept, |part| part.to);
            }
            let is_kept = self.options.checkpoint.is_some() || matches!(self.division, Division::Shard(_));
            if is_kept && self.saved.elapsed() >= SAVE_EVERY {
                let mut now = self.checkpoint.clone();
                parts.iter().filter(|part| is_whole(part)).cloned().for_each(|part| now.add(part));
                written = checkpoint_file::write(self.options.checkpoint.as_deref(), &now)
                    .and_then(|()| self.division.keep(&now));
                self.saved = Instant::now();
            }
        });
        parts.map_err(internal)?.into_iter().filter(is_whole).for_each(|part| self.checkpoint.add(part));
        written
    }

    fn save(&mut self) -> Result<(), CliError> {
        checkpoint_file::write(self.options.checkpoint.as_deref(), &self.checkpoint)?;
        self.division.keep(&self.checkpoint)
    }
}

/// Returns a sample of the scripts of a search: the first happy path, some that the last layer continued, and the one that
/// violates an invariant.
fn sample(runner: &mut dyn Rehearse, search: &Bounded, parents: Vec<Parent>) -> Vec<Script> {
    let first = Parent { variant: 0, turns: Vec::new() };
    let broken = search.broken().map(|broken| broken.script.clone());
    let mut scripts: Vec<Script> = Vec::new();
    for parent in std::iter::once(first).chain(parents).chain(broken) {
        let script = worth::script_of(runner, search.plan(&parent));
        scripts.extend(script.filter(|script| !scripts.contains(script)));
    }
    scripts
}

fn runs_of(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.layer.tally.runs).sum()
}

fn internal(failed: InternalError) -> CliError {
    CliError::new(Exit::Internal, failed.to_string())
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
