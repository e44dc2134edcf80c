//! Rehearsals: what a scenario is expected to do, as tests of a few lines.
//!
//! [`rehearse`] names the scenario; what follows says which runs are made ([`Rehearsal::seeds`],
//! [`Rehearsal::deviations`], [`Rehearsal::script`]); and the last word is what is expected of them
//! ([`Rehearsal::holds`], [`Rehearsal::violates`]). An expectation that is not met panics with the story of
//! the run, shrunk, and the script that makes it again.
//!
//! In reading order: `told` is what such a panic says, `kept` is the one place that touches files (scripts
//! that broke a test once, run first from then on), `bounded` searches all scripts of few deviations, and
//! `strategies` (feature `proptest`) lets proptest draw scripts and variants.

mod bounded;
mod kept;
#[cfg(feature = "proptest")]
pub mod strategies;
mod told;

pub use told::{Found, Unmet};

use crate::chooser::Profile;
use crate::judge::Violation;
use crate::runner::{Outcome, Plan, Rehearse, Runner};
use crate::scenario::{Scenario, small_variants};
use crate::script::{Deviation, Script, Variant};
use crate::search::{fit, understand};
use kept::Kept;
use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow, Range, RangeBounds};
use std::path::Path;

/// Begins a rehearsal of a scenario.
///
/// ```
/// # use shakedown_sim::*;
/// # #[derive(serde::Serialize)] struct Charged;
/// # impl Fact for Charged { fn sentence(&self) -> String { "charges".to_owned() } }
/// # #[derive(Default)] struct ChargedOnce(u32);
/// # impl Invariant<Charged> for ChargedOnce {
/// #     fn name(&self) -> &'static str { "charged-once" }
/// #     fn about(&self) -> &'static str { "there is at most one charge" }
/// #     fn reset(&mut self) { self.0 = 0; }
/// #     fn observe(&mut self, at: &At<'_>, _: &Charged, findings: &mut Findings) {
/// #         self.0 += 1;
/// #         if self.0 > 1 { findings.violated("order", &[at.event], || "charged twice".to_owned()); }
/// #     }
/// # }
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
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> { vec![Box::<ChargedOnce>::default()] }
/// # }
/// rehearse(Till { remembers: true }).seeds(..500).deviations(1).holds();
/// rehearse(Till { remembers: false }).seeds(..500).violates("charged-once").within(1);
/// rehearse(Till { remembers: false }).script("till/answer @ - #1 = lost").violates("charged-once");
/// ```
pub fn rehearse(scenario: impl Scenario) -> Rehearsal {
    Rehearsal::of(Box::new(Runner::new(scenario)))
}

/// Runs to be made of a scenario, and what is expected of them.
#[must_use = "a rehearsal runs nothing before it is told what to expect"]
pub struct Rehearsal {
    rehearse: Box<dyn Rehearse>,
    sources: Vec<Source>,
    variants: Vec<String>,
    goals: Vec<String>,
    kept: Option<Kept>,
    command: Option<String>,
}

/// Where runs come from.
enum Source {
    Seeds(Range<u64>),
    Deviations(usize),
    Script(String),
}

impl Rehearsal {
    /// A rehearsal of whatever can be run.
    pub fn of(rehearse: Box<dyn Rehearse>) -> Self {
        let (sources, variants, goals) = (Vec::new(), Vec::new(), Vec::new());
        Self { rehearse, sources, variants, goals, kept: None, command: None }
    }

    /// Makes the runs of these seeds: `..1_000`, or `5_000..6_000`.
    ///
    /// # Panics
    /// If the range has no end.
    pub fn seeds(mut self, seeds: impl RangeBounds<u64>) -> Self {
        let start = match seeds.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match seeds.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => panic!("a range of seeds has an end"),
        };
        self.sources.push(Source::Seeds(start..end));
        self
    }

    /// Makes the run of every script of at most `most` deviations, fewest first, over every small variant (or
    /// those that [`Rehearsal::variant`] names).
    pub fn deviations(mut self, most: usize) -> Self {
        self.sources.push(Source::Deviations(most));
        self
    }

    /// Makes the run of this script. It may leave out what goes without saying: the lines `scenario` and
    /// `without`, and the `variant` where it is the default.
    pub fn script(mut self, script: impl ToString) -> Self {
        self.sources.push(Source::Script(script.to_string()));
        self
    }

    /// Has [`Rehearsal::seeds`] and [`Rehearsal::deviations`] take this variant, `clients=2 link=slow`, instead of
    /// those that seeds draw, or every small one. What it leaves out takes its default. May be said again for
    /// further variants; seeds then take them in turn.
    pub fn variant(mut self, variant: &str) -> Self {
        self.variants.push(variant.to_owned());
        self
    }

    /// Expects these goals to be reached, each by some run, where the scenario is to hold.
    pub fn goals<'a>(mut self, goals: impl IntoIterator<Item = &'a str>) -> Self {
        self.goals.extend(goals.into_iter().map(str::to_owned));
        self
    }

    /// Keeps the script of a run that breaks what was to hold in `rehearsal-regressions/TEST.script` below
    /// `directory`, and runs what is kept there before all else. Give the directory of the test's own crate,
    /// `env!("CARGO_MANIFEST_DIR")`, and a name that no other test of it has; and commit the file.
    pub fn kept(mut self, directory: impl AsRef<Path>, test: &str) -> Self {
        self.kept = Some(Kept::new(directory.as_ref(), test));
        self
    }

    /// Says which command runs scripts of this scenario, so that a failure can tell the whole line to paste.
    pub fn replayed_by(mut self, command: &str) -> Self {
        self.command = Some(command.to_owned());
        self
    }

    /// Expects that no run breaks anything.
    ///
    /// # Panics
    /// If one does, with its story. See [`Rehearsal::check`] for what else may be the matter.
    #[track_caller]
    pub fn holds(self) {
        if let Err(unmet) = self.check() {
            panic!("{unmet}");
        }
    }

    /// Expects that some run breaks this invariant, and answers the first that does, shrunk.
    ///
    /// # Panics
    /// If none does.
    #[track_caller]
    pub fn violates(self, invariant: &str) -> Found {
        self.find(invariant).unwrap_or_else(|unmet| panic!("{unmet}"))
    }

    /// Whether no run breaks anything; answers how many runs were made.
    ///
    /// # Errors
    /// [`Unmet`] tells the first run that breaks something, which goal was never reached, or what this
    /// rehearsal names that the scenario does not know.
    pub fn check(mut self) -> Result<u64, Unmet> {
        let bits = self.goals.iter().map(|goal| self.bit_of(goal)).collect::<Result<Vec<_>, _>>()?;
        let walk = self.walk(None)?;
        if let Some((script, violation)) = &walk.found {
            let mut found = self.tell(script, violation, &walk);
            found.kept = self.kept.as_ref().map(|kept| kept.keep(&found.failure)).transpose()?;
            return Err(Unmet::Broken(Box::new(found)));
        }
        let missed = self.goals.iter().zip(bits).filter(|(_, bit)| walk.goals & bit == 0);
        let missed: Vec<String> = missed.map(|(goal, _)| goal.clone()).collect();
        match missed.is_empty() {
            true => Ok(walk.runs),
            false => Err(Unmet::Missed { subject: self.subject(), goals: missed, runs: walk.runs }),
        }
    }

    /// The first run that breaks this invariant, shrunk.
    ///
    /// # Errors
    /// [`Unmet`] if there is none, or the scenario does not know what this rehearsal names.
    pub fn find(mut self, invariant: &str) -> Result<Found, Unmet> {
        let known: Vec<_> = self.rehearse.invariants().into_iter().map(|(name, _)| name).collect();
        if !known.contains(&invariant) {
            return Err(self.unknown("invariant", invariant, &known));
        }
        let walk = self.walk(Some(invariant))?;
        match &walk.found {
            Some((script, violation)) => Ok(self.tell(script, violation, &walk)),
            None => Err(Unmet::Unbroken {
                subject: self.subject(),
                invariant: invariant.to_owned(),
                runs: walk.runs,
                broken: walk.broken.into_iter().collect(),
            }),
        }
    }

    /// Makes the runs, what is kept first, up to the first that breaks `invariant`, or anything.
    fn walk(&mut self, invariant: Option<&str>) -> Result<Walk, Unmet> {
        let mut walk = Walk { invariant: invariant.map(str::to_owned), ..Walk::default() };
        let kept = self.kept.as_ref().map(Kept::read).transpose()?.unwrap_or_default();
        let sources = std::mem::take(&mut self.sources);
        assert!(!sources.is_empty(), "a rehearsal makes runs: say `seeds`, `deviations` or `script`");
        let (kept_count, variants) = (kept.len(), self.named_variants()?);
        for (at, source) in kept.into_iter().map(Source::Script).chain(sources).enumerate() {
            let flow = match source {
                Source::Seeds(seeds) => Self::walk_seeds(self.rehearse.as_mut(), &mut walk, seeds, &variants),
                Source::Deviations(most) => {
                    let all_small = || small_variants(self.rehearse.parameters(), &Variant::default());
                    let variants = if variants.is_empty() { all_small() } else { variants.clone() };
                    bounded::search(self.rehearse.as_mut(), &mut walk, variants, most)
                }
                Source::Script(text) => {
                    let blame = |unmet| match &self.kept {
                        Some(kept) if at < kept_count => kept.blame(unmet),
                        _ => unmet,
                    };
                    let flow = Self::walk_script(self.rehearse.as_mut(), &mut walk, &text);
                    flow.map_err(blame)?
                }
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(walk)
    }

    /// Makes the runs of these seeds: of the variant that each draws, or of these in turn.
    fn walk_seeds(
        rehearse: &mut dyn Rehearse,
        walk: &mut Walk,
        mut seeds: Range<u64>,
        variants: &[Variant],
    ) -> ControlFlow<()> {
        let happy = rehearse.happy(0);
        let of = |variant: &Variant| Script { variant: variant.clone(), ..happy.clone() };
        let scripts: Vec<Script> = variants.iter().map(of).collect();
        seeds.try_for_each(|seed| match scripts.get((seed % scripts.len().max(1) as u64) as usize) {
            Some(script) => {
                let (profile, task_order) = (Profile::MIXED, false);
                walk.run(rehearse, Plan::Branch { script, from: 0, seed, profile, task_order })
            }
            None => walk.run(rehearse, Plan::Seed(seed)),
        })
    }

    /// Makes the run of a script all of whose deviations must be offered, unless it breaks what is looked for.
    fn walk_script(
        rehearse: &mut dyn Rehearse,
        walk: &mut Walk,
        text: &str,
    ) -> Result<ControlFlow<()>, Unmet> {
        let script = Self::fitting(rehearse, text)?;
        let flow = walk.run(rehearse, Plan::Script(&script));
        match walk.unapplied.first() {
            Some(deviation) if flow.is_continue() => {
                let problem = format!("`{deviation}` was never offered");
                Err(Unmet::Unfit { script: text.to_owned(), problem })
            }
            _ => Ok(flow),
        }
    }

    /// A script as it was given, completed and checked.
    fn fitting(rehearse: &mut dyn Rehearse, text: &str) -> Result<Script, Unmet> {
        let happy = rehearse.happy(0);
        let named = text.lines().any(|line| line.trim_start().starts_with("scenario "));
        let whole = if named { text.to_owned() } else { format!("scenario {}\n{text}", happy.scenario) };
        let unfit = |problem: String| Unmet::Unfit { script: text.to_owned(), problem };
        let script: Script = whole.parse().map_err(|error| unfit(format!("{error}")))?;
        if !script.without.is_empty() && script.without != happy.without {
            let (theirs, ours) = (script.without.join(", "), happy.without.join(", "));
            return Err(unfit(format!("it is of a design without `{theirs}`, this one lacks `{ours}`")));
        }
        let script = Script { without: happy.without, ..script };
        fit(rehearse, &script).map_err(|misfit| unfit(misfit.to_string()))
    }

    /// The variants that this rehearsal names, completed.
    fn named_variants(&mut self) -> Result<Vec<Variant>, Unmet> {
        let named = std::mem::take(&mut self.variants);
        let whole = |variant: &String| {
            let script = Self::fitting(self.rehearse.as_mut(), &format!("variant {variant}"))?;
            Ok(script.variant)
        };
        named.iter().map(whole).collect()
    }

    fn bit_of(&self, goal: &str) -> Result<u64, Unmet> {
        let known = self.rehearse.goals();
        let bit = known.iter().position(|name| *name == goal).map(|at| 1 << at);
        bit.ok_or_else(|| self.unknown("goal", goal, &known))
    }

    fn unknown(&self, kind: &'static str, name: &str, known: &[&str]) -> Unmet {
        Unmet::Unknown { subject: self.subject(), kind, name: name.to_owned(), known: known.join(", ") }
    }

    fn tell(&mut self, script: &Script, violation: &Violation, walk: &Walk) -> Found {
        let failure = understand(self.rehearse.as_mut(), script, violation);
        Found { failure, runs: walk.runs, command: self.command.clone(), kept: None }
    }

    /// The scenario with what its design lacks.
    fn subject(&self) -> String {
        told::subject(&self.rehearse.happy(0))
    }
}

/// What the runs made so far add up to.
#[derive(Default)]
struct Walk {
    /// What must be broken for a run to end the walk; anything, if none is named.
    invariant: Option<String>,
    runs: u64,
    goals: u64,
    /// What any run broke.
    broken: BTreeSet<String>,
    found: Option<(Script, Violation)>,
    /// What the last script names and its run did not offer.
    unapplied: Vec<Deviation>,
}

impl Walk {
    fn run(&mut self, rehearse: &mut dyn Rehearse, plan: Plan<'_>) -> ControlFlow<()> {
        self.runs += 1;
        let outcome = rehearse.run(plan);
        let outcome = self.look(outcome);
        self.unapplied = outcome.unapplied;
        match outcome.violations.into_iter().next() {
            None => ControlFlow::Continue(()),
            Some(violation) => {
                self.found = Some((rehearse.script(), violation));
                ControlFlow::Break(())
            }
        }
    }

    /// Takes in what a run came to, and leaves of its violations those that are looked for.
    fn look(&mut self, mut outcome: Outcome) -> Outcome {
        self.goals |= outcome.goals;
        for violation in &outcome.violations {
            if !self.broken.contains(&violation.invariant) {
                self.broken.insert(violation.invariant.clone());
            }
        }
        if let Some(invariant) = &self.invariant {
            outcome.violations.retain(|violation| violation.invariant == *invariant);
        }
        outcome
    }
}
