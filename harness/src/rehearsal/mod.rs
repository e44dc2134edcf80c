//! Rehearsals: what a scenario is expected to do, as tests of a few lines.
//!
//! [`rehearse`] takes the scenario, or [`Entry::rehearse`] the design without some guardrails; what follows says which
//! runs are made ([`Rehearsal::seeds`], [`Rehearsal::deviations`], [`Rehearsal::script`]); and the last word is what is
//! expected of them ([`Rehearsal::holds`], [`Rehearsal::violates`]). The runs are those of `explore` and `certify`, on
//! all processors, and an expectation that is not met panics with the report that these print.
//!
//! In reading order: `observed` hides from the search what it does not look for, `pinned` holds the scripts that a test
//! found once, `unmet` is what such a panic says, `repeated` makes a sample of the runs
//! again, and `supervised` has a child process search.

mod observed;
mod pinned;
mod repeated;
#[cfg(unix)]
mod supervised;
#[cfg(test)]
mod tests;
mod unmet;

pub use unmet::{Found, Unmet};

use crate::campaign::{self, CampaignRequest, DEFAULT_PROFILE, InternalError, Strategy};
use crate::catalogue::Catalogue;
use crate::certification::{self, LayerRequest};
use crate::entry::Entry;
use crate::{findings, quiet, traces, worth};
use observed::{Filter, Seen, observed};
use pinned::PinnedScripts;
use shakedown_reports::EndReason;
use shakedown_sim::search::{Bounded, fit};
use shakedown_sim::{Plan, Rehearse, Runner, Scenario, Script, Variant, Violation, small_variants};
use std::ops::{Bound, Range, RangeBounds};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Begins a rehearsal of a scenario. An [`Entry`] can be rehearsed without some of its guardrails:
/// [`Entry::rehearse`].
///
/// ```
/// # use shakedown::prelude::*;
/// # #[derive(serde::Serialize)] struct Charged;
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// # struct Till { remembers: bool }
/// # impl Scenario for Till {
/// #     type Fact = Charged;
/// #     fn name(&self) -> &str { "till" }
/// #     fn build(&self, stage: &Stage<Charged>) {
/// #         let (till, facts, remembers) = (stage.node(Role::outside("till".into()), |_| {}), stage.facts().clone(), self.remembers);
/// #         till.clone().spawn(async move {
/// #             facts.state(&till, &Charged);
/// #             let answer = Site::new("till".into(), "answer".into());
/// #             if !till.choose(answer, &Alternatives::new(&["arrives", "lost"])).is_benign() && !remembers {
/// #                 facts.state(&till, &Charged);
/// #             }
/// #         });
/// #     }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> {
/// #         vec![invariant("charged-once", |count: &mut u32, at, _: &Charged, findings| {
/// #             *count += 1;
/// #             if *count > 1 { findings.violated("order", &[at.event], || "charged twice".to_owned()); }
/// #         }).boxed()]
/// #     }
/// # }
/// rehearse(Till { remembers: true }).seeds(..500).deviations(1).holds();
/// rehearse(Till { remembers: false }).seeds(..500).violates("charged-once").within(1);
/// rehearse(Till { remembers: false }).script("till/answer @ - #1 = lost").violates("charged-once");
/// ```
pub fn rehearse<S: Scenario + Send + Sync>(scenario: S) -> Rehearsal {
    let scenario = Arc::new(scenario);
    let name = scenario.name().to_owned();
    let entry = Entry::with_runner(name, move |_| Ok(Box::new(Runner::new(Arc::clone(&scenario)))));
    Rehearsal::of(entry, Vec::new())
}

impl Entry {
    /// Begins a rehearsal of the design without these guardrails.
    pub fn rehearse(&self, without: &[&str]) -> Rehearsal {
        Rehearsal::of(self.clone(), without.iter().map(|name| (*name).to_owned()).collect())
    }
}

impl Catalogue {
    /// Begins a rehearsal of the scenario with this name, its design without these guardrails.
    ///
    /// # Panics
    /// If there is no such scenario.
    #[track_caller]
    pub fn rehearse(&self, scenario: &str, without: &[&str]) -> Rehearsal {
        self.find(scenario).unwrap_or_else(|unknown| panic!("{unknown}")).rehearse(without)
    }
}

/// Runs to be made of a scenario, and what is expected of them.
#[must_use = "a rehearsal runs nothing before an expectation is given"]
pub struct Rehearsal {
    entry: Entry,
    without: Vec<String>,
    sources: Vec<Source>,
    variants: Vec<String>,
    goals: Vec<String>,
    pinned: Option<PinnedScripts>,
    traces: PathBuf,
    jobs: usize,
    allow_trivial: bool,
    in_process: bool,
}

/// Where runs come from.
#[derive(Debug)]
enum Source {
    Seeds(Range<u64>),
    Deviations(usize),
    Script(String),
}

/// How long one run may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Runs of a rehearsal up to the first that violates what it looks for.
struct Search {
    runs: u64,
    seen: Arc<Seen>,
    found: Option<(Script, Violation, Option<u64>)>,
    /// Whether an exhaustive search had no script of its greatest number of deviations.
    unreached: bool,
}

impl Rehearsal {
    fn of(entry: Entry, without: Vec<String>) -> Self {
        Self {
            entry,
            without,
            sources: Vec::new(),
            variants: Vec::new(),
            goals: Vec::new(),
            pinned: None,
            traces: traces::directory_of_tests(),
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            allow_trivial: false,
            in_process: false,
        }
    }

    /// Makes the runs of these seeds: `..1_000`, or `5_000..6_000`.
    ///
    /// # Panics
    /// If the range has no end, or ends before it begins.
    pub fn seeds(mut self, seeds: impl RangeBounds<u64>) -> Self {
        let start = match seeds.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match seeds.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => panic!("a range of seeds has an end"),
        };
        assert!(start <= end, "the seeds {start}..{end} are no range: the first is greater than the last");
        self.sources.push(Source::Seeds(start..end));
        self
    }

    /// Makes the run of every script of at most `max` deviations, fewest first, over every small variant (or those that
    /// [`Rehearsal::variant`] names).
    pub fn deviations(mut self, max: usize) -> Self {
        self.sources.push(Source::Deviations(max));
        self
    }

    /// Makes the run of this script. It may leave out the lines `scenario` and `without`, and the `variant` where it is
    /// the default.
    pub fn script(mut self, script: impl ToString) -> Self {
        self.sources.push(Source::Script(script.to_string()));
        self
    }

    /// Has [`Rehearsal::seeds`] and [`Rehearsal::deviations`] run this variant, `clients=2 link=slow`, instead of those
    /// that seeds draw, or every small one. Parameters that it leaves out take their defaults. May be called again for
    /// further variants; seeds then take them in turn.
    pub fn variant(mut self, variant: &str) -> Self {
        self.variants.push(variant.to_owned());
        self
    }

    /// Expects that each of these goals is reached by some run, where the scenario is to hold.
    pub fn goals<'a>(mut self, goals: impl IntoIterator<Item = &'a str>) -> Self {
        self.goals.extend(goals.into_iter().map(str::to_owned));
        self
    }

    /// Pins the script of a run that violates what was to hold in `rehearsal-regressions/TEST.script` below `directory`,
    /// and runs what is pinned there first. Give the directory of the test's own crate, `env!("CARGO_MANIFEST_DIR")`, and
    /// a name that no other test of it has; commit the file.
    pub fn pinned(mut self, directory: impl AsRef<Path>, test: &str) -> Self {
        self.pinned = Some(PinnedScripts::new(directory.as_ref(), test));
        self
    }

    /// Says which command runs this scenario, for the lines of a report that can be pasted. Entries of a catalogue
    /// bring it.
    pub fn replayed_by(mut self, program: &str) -> Self {
        self.entry.program = Some(program.to_owned());
        self
    }

    /// Says where traces of failures go, instead of `target/shakedown`.
    pub fn traces(mut self, directory: impl Into<PathBuf>) -> Self {
        self.traces = directory.into();
        self
    }

    /// Runs on so many threads, instead of all processors. The result is the same.
    pub fn jobs(mut self, threads: usize) -> Self {
        self.jobs = threads.max(1);
        self
    }

    /// Accepts a rehearsal that shows little or nothing: no run, a scenario without choices, or a workload that lies mostly
    /// beyond the faults. Otherwise such a rehearsal fails, because it would hold for every design.
    pub fn allow_trivial(mut self) -> Self {
        self.allow_trivial = true;
        self
    }

    /// Makes the runs in the process of the test. Otherwise, where a test binary is run by `cargo test` on Unix, a child process
    /// runs the test as well and makes the runs of its rehearsals, so that a design that ends its process is a violation. Call
    /// this if the test does something between its rehearsals that must not happen twice.
    pub fn in_process(mut self) -> Self {
        self.in_process = true;
        self
    }

    /// Expects that no run violates anything.
    ///
    /// # Panics
    /// If one does; the message is its report. See [`Rehearsal::check`] for the other reasons.
    #[track_caller]
    pub fn holds(self) {
        if let Err(unmet) = self.check() {
            panic!("{unmet}");
        }
    }

    /// Expects that some run violates this invariant, and returns the first that does, shrunk.
    ///
    /// # Panics
    /// If none does.
    #[track_caller]
    pub fn violates(self, invariant: &str) -> Found {
        self.find(invariant).unwrap_or_else(|unmet| panic!("{unmet}"))
    }

    /// Checks that no run violates anything, and returns how many runs were made.
    ///
    /// # Errors
    /// [`Unmet`] holds the first run that violates something, which goal was never reached, or what this rehearsal
    /// names that the scenario does not have.
    pub fn check(self) -> Result<u64, Unmet> {
        let mut runner = self.runner()?;
        let bits = self.goals.iter().map(|goal| self.bit_of(runner.as_ref(), goal));
        let bits = bits.collect::<Result<Vec<_>, _>>()?;
        let search = self.search(runner.as_mut(), None)?;
        if search.found.is_some() {
            let mut found = self.found(search)?;
            let pin = |pinned: &PinnedScripts| pinned.add(&found.finding.failure);
            found.pinned = self.pinned.as_ref().map(pin).transpose()?;
            return Err(Unmet::Violated(Box::new(found)));
        }
        let missed = self.goals.iter().zip(bits).filter(|(_, bit)| search.seen.goals() & bit == 0);
        let goals: Vec<String> = missed.map(|(goal, _)| goal.clone()).collect();
        if goals.is_empty() {
            self.tested(runner.as_mut(), &search)?;
            self.repeat(runner.as_mut())?;
            return Ok(search.runs);
        }
        Err(Unmet::GoalsMissed { subject: subject(runner.as_ref()), goals, runs: search.runs })
    }

    /// Returns the first run that violates this invariant, shrunk.
    ///
    /// # Errors
    /// [`Unmet`] if there is none, or the scenario does not have what this rehearsal names.
    pub fn find(self, invariant: &str) -> Result<Found, Unmet> {
        let mut runner = self.runner()?;
        let known: Vec<_> = runner.invariants().into_iter().map(|(name, _)| name).collect();
        if !known.contains(&invariant) {
            return Err(unknown(runner.as_ref(), "invariant", invariant, &known));
        }
        let search = self.search(runner.as_mut(), Some(invariant))?;
        if search.found.is_some() {
            return self.found(search);
        }
        Err(Unmet::NotViolated {
            subject: subject(runner.as_ref()),
            invariant: invariant.to_owned(),
            runs: search.runs,
            violated: search.seen.violated(),
        })
    }

    /// Rejects a result that shows little or nothing: every design would have it.
    fn tested(&self, runner: &mut dyn Rehearse, search: &Search) -> Result<(), Unmet> {
        let is_search = self.sources.iter().any(|source| !matches!(source, Source::Script(_)));
        let variants = self.searched_variants(runner)?;
        let reason = match () {
            () if self.allow_trivial => return Ok(()),
            () if search.runs == 0 => "no run was made",
            () if !search.seen.met_choices() => "no run met a choice that could deviate",
            () if search.unreached => "no script has as many deviations as were asked for",
            () if is_search && worth::weakness(runner, variants) == Some(EndReason::Undisturbed) => {
                "more than half of the happy path's events come when faults are no longer possible"
            }
            () => return Ok(()),
        };
        Err(Unmet::NothingTested { subject: subject(runner), reason })
    }

    fn runner(&self) -> Result<Box<dyn Rehearse>, Unmet> {
        self.entry.runner(&self.without).map_err(Unmet::Internal)
    }

    /// Searches in a child process where that is possible, else here.
    fn search(&self, runner: &mut dyn Rehearse, invariant: Option<&str>) -> Result<Search, Unmet> {
        #[cfg(unix)]
        if !self.in_process {
            let (sources, variants) = (&self.sources, &self.variants);
            let name =
                format!("{} {:?} {invariant:?} {sources:?} {variants:?}", self.entry.name, self.without);
            if let Some(search) = supervised::by_child(&name) {
                return search;
            }
            let search = self.search_here(runner, invariant);
            supervised::report_search(&name, &search);
            return search;
        }
        self.search_here(runner, invariant)
    }

    /// Makes the runs, what is pinned first, up to the first that violates `invariant`, or anything.
    fn search_here(&self, runner: &mut dyn Rehearse, invariant: Option<&str>) -> Result<Search, Unmet> {
        assert!(!self.sources.is_empty(), "a rehearsal makes runs: call `seeds`, `deviations` or `script`");
        let variants = self.named_variants(runner)?;
        let mut search = Search { runs: 0, seen: Arc::default(), found: None, unreached: false };
        let filter = Filter { invariant: invariant.map(str::to_owned), variants };
        let entry = observed(&self.entry, &self.without, filter, &search.seen);
        for script in self.pinned.as_ref().map(PinnedScripts::read).transpose()?.unwrap_or_default() {
            let ran = search.run_script(&entry, &script);
            ran.map_err(|unmet| {
                self.pinned.as_ref().map_or_else(|| unmet.clone(), |file| file.locate(unmet.clone()))
            })?;
            if search.found.is_some() {
                return Ok(search);
            }
        }
        for source in &self.sources {
            match source {
                Source::Seeds(seeds) => search.run_seeds(&entry, seeds.clone(), self.jobs)?,
                Source::Deviations(max) => {
                    search.run_all(&entry, self.searched_variants(runner)?, *max, self.jobs)?;
                }
                Source::Script(text) => search.run_script(&entry, text)?,
            }
            if search.found.is_some() {
                break;
            }
        }
        Ok(search)
    }

    /// Returns the variants of an exhaustive search: those that this rehearsal names, or else all small ones.
    fn searched_variants(&self, runner: &mut dyn Rehearse) -> Result<Vec<Variant>, Unmet> {
        let named = self.named_variants(runner)?;
        let small = || small_variants(runner.parameters(), &Variant::default());
        Ok(if named.is_empty() { small() } else { named })
    }

    /// Returns the variants that this rehearsal names, completed.
    fn named_variants(&self, runner: &mut dyn Rehearse) -> Result<Vec<Variant>, Unmet> {
        let whole = |variant: &String| Ok(fitting(runner, &format!("variant {variant}"))?.variant);
        self.variants.iter().map(whole).collect()
    }

    fn bit_of(&self, runner: &dyn Rehearse, goal: &str) -> Result<u64, Unmet> {
        let known = runner.goals();
        let bit = known.iter().position(|name| *name == goal).map(|at| 1 << at);
        bit.ok_or_else(|| unknown(runner, "goal", goal, &known))
    }

    /// Shrinks and explains what the search found.
    fn found(&self, search: Search) -> Result<Found, Unmet> {
        // Made now: what is known to end the process is not run.
        let mut runner = self.runner()?;
        let (script, violation, seed) = search.found.expect("the search found something");
        let met = (seed, search.runs);
        let finding =
            findings::of_violation(&self.entry, runner.as_mut(), (&script, &violation), met, &self.traces);
        let finding = finding.map_err(|error| Unmet::File {
            path: self.traces.clone(),
            what: "written",
            problem: error.to_string(),
        })?;
        #[cfg(unix)]
        supervised::report_explained();
        Ok(Found { finding, runs: search.runs, pinned: None, has_binary: self.entry.program.is_some() })
    }
}

impl Search {
    fn run_seeds(&mut self, entry: &Entry, seeds: Range<u64>, jobs: usize) -> Result<(), Unmet> {
        let request = CampaignRequest {
            entry,
            without: &[],
            variant: None,
            seeds,
            profile: DEFAULT_PROFILE,
            strategy: Strategy::Seeds,
            jobs,
            failures_max: 1,
            deadline: None,
            stop: &AtomicBool::new(false),
            timeout: TIMEOUT,
            sites: None,
        };
        let (campaign, _) = campaign::run(&request, |_| {}).map_err(internal)?;
        self.runs += campaign.tally.runs;
        if let Some(failing) = campaign.failing.first() {
            let mut runner = entry.runner(&[]).map_err(Unmet::Internal)?;
            quiet::running(|| runner.run(campaign.plan(failing.seed)));
            self.found = Some((runner.script(), failing.violations[0].clone(), Some(failing.seed)));
        }
        Ok(())
    }

    fn run_all(
        &mut self,
        entry: &Entry,
        variants: Vec<Variant>,
        max: usize,
        jobs: usize,
    ) -> Result<(), Unmet> {
        let stop = AtomicBool::new(false);
        let request = LayerRequest { entry, without: &[], jobs, stop: &stop, timeout: TIMEOUT };
        let mut bounded = Bounded::new(variants, max, true);
        certification::run_all(&request, &mut bounded).map_err(internal)?;
        self.runs += bounded.depths().iter().map(|depth| depth.tally.runs).sum::<u64>();
        self.unreached |= bounded.depths().last().is_none_or(|depth| depth.tally.runs == 0);
        if let Some(broken) = bounded.broken() {
            let mut runner = entry.runner(&[]).map_err(Unmet::Internal)?;
            quiet::running(|| runner.run(bounded.plan(&broken.script)));
            self.found = Some((runner.script(), broken.violations[0].clone(), None));
        }
        Ok(())
    }

    /// Makes the run of a script all of whose deviations must be offered, unless it violates what is looked for.
    fn run_script(&mut self, entry: &Entry, text: &str) -> Result<(), Unmet> {
        let mut runner = entry.runner(&[]).map_err(Unmet::Internal)?;
        let script = fitting(runner.as_mut(), text)?;
        let outcome = quiet::running(|| runner.run(Plan::Script(&script)));
        self.runs += 1;
        if let Some(violation) = outcome.violations.into_iter().next() {
            self.found = Some((runner.script(), violation, None));
            return Ok(());
        }
        match outcome.unapplied.first() {
            Some(deviation) => {
                let problem = format!("`{deviation}` was never offered");
                Err(Unmet::Unfit { script: text.to_owned(), problem })
            }
            None => Ok(()),
        }
    }
}

/// A script as it was given, completed and checked.
fn fitting(runner: &mut dyn Rehearse, text: &str) -> Result<Script, Unmet> {
    let happy = runner.happy(0);
    let named = text.lines().any(|line| line.trim_start().starts_with("scenario "));
    let whole = if named { text.to_owned() } else { format!("scenario {}\n{text}", happy.scenario) };
    let unfit = |problem: String| Unmet::Unfit { script: text.to_owned(), problem };
    let script: Script = whole.parse().map_err(|error| unfit(format!("{error}")))?;
    if !script.without.is_empty() && script.without != happy.without {
        let (theirs, ours) = (script.without.join(", "), happy.without.join(", "));
        return Err(unfit(format!("it is of a design without `{theirs}`, this one lacks `{ours}`")));
    }
    let script = Script { without: happy.without, ..script };
    quiet::running(|| fit(runner, &script)).map_err(|misfit| unfit(misfit.to_string()))
}

fn internal(error: InternalError) -> Unmet {
    Unmet::Internal(error.to_string())
}

fn subject(runner: &dyn Rehearse) -> String {
    unmet::subject(&runner.happy(0))
}

fn unknown(runner: &dyn Rehearse, kind: &'static str, name: &str, known: &[&str]) -> Unmet {
    Unmet::Unknown { subject: subject(runner), kind, name: name.to_owned(), known: known.join(", ") }
}
