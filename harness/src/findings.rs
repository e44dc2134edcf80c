//! Findings: failing runs, shrunk and grouped by cause, each with its trace file.

use crate::campaign::DEFAULT_PROFILE;
use crate::entry::Entry;
use crate::{context, quiet, supervision, traces};
use shakedown_reports::Finding;
use shakedown_reports::records::REPLAYS;
use shakedown_sim::search::{Campaign, Failure, Group, explain, tell, understand, understand_all};
use shakedown_sim::{Plan, Profile, Rehearse, Script, Trace, Violation};
use std::io::{self, Write};
use std::path::Path;

/// Shrinks the first failures of each kind and returns one finding per signature, in the order of their first
/// failure.
///
/// Most kinds of failure have one cause; then all runs of the kind are counted for it. If the shrunk failures have
/// several causes, each is counted for its own, and the runs that were not shrunk are counted for the first.
///
/// # Errors
/// If the directory `traces` cannot be created. If a trace cannot be written, stderr shows the error and the finding has
/// no trace.
pub fn of_campaign(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    campaign: &Campaign,
    traces: &Path,
) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for group in campaign.groups() {
        findings.extend(of_group(entry, runner, &group, campaign, traces)?);
    }
    findings.sort_by_key(|finding| finding.runs_to_find);
    Ok(findings)
}

fn of_group(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    group: &Group,
    campaign: &Campaign,
    traces: &Path,
) -> io::Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = Vec::new();
    for seed in &group.seeds {
        let outcome = quiet::running(|| runner.run(campaign.plan(*seed)));
        let of_group = |violation: &Violation| {
            (&violation.invariant, &violation.roles) == (&group.invariant, &group.roles)
        };
        let violation = outcome.violations.into_iter().find(of_group).unwrap_or_else(|| group.first.clone());
        let found = runner.script();
        let failure = understood(runner, &found, &violation);
        match findings.iter_mut().find(|finding| finding.failure.signature == failure.signature) {
            Some(known) => known.count += 1,
            None => findings.push(finding(entry, runner, failure, met(campaign, *seed), traces)?),
        }
    }
    let beyond = group.count - group.seeds.len() as u64;
    findings.iter_mut().take(1).for_each(|finding| finding.count += beyond);
    Ok(findings)
}

/// Shrinks and explains a failure. If the user interrupts before it is shrunk, explains it as it was found.
fn understood(runner: &mut dyn Rehearse, found: &Script, violation: &Violation) -> Failure {
    let whole = quiet::running(|| supervision::interruptible(|| understand(runner, found, violation)));
    whole.unwrap_or_else(|| quiet::running(|| tell(runner, found, violation)))
}

/// Returns the seed of a failure, if the seed alone reproduces it, and the number of runs up to it.
fn met(campaign: &Campaign, seed: u64) -> (Option<u64>, u64) {
    let reproduces = match campaign.plan(seed) {
        Plan::Profiled(_, DEFAULT_PROFILE) => true,
        // A run that draws no task order is the same as one of the default profile.
        Plan::Profiled(_, Profile::MIXED) => !DEFAULT_PROFILE.draws_task_order_of(seed),
        _ => false,
    };
    (reproduces.then_some(seed), seed - campaign.seeds.start + 1)
}

/// Returns the finding of one violation of a failing run that is given by its seed.
///
/// # Errors
/// If the directory `traces` cannot be created. If a trace cannot be written, stderr shows the error and the finding has
/// no trace.
pub fn of_failing(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    campaign: &Campaign,
    (seed, violation): (u64, &Violation),
    traces: &Path,
) -> io::Result<Finding> {
    quiet::running(|| runner.run(campaign.plan(seed)));
    let found = runner.script();
    let failure = understood(runner, &found, violation);
    finding(entry, runner, failure, met(campaign, seed), traces)
}

/// Returns the finding of one violation of a script's run. `met` is the seed that drew the script, if any, and the
/// number of runs up to it.
///
/// # Errors
/// If the directory `traces` cannot be created. If a trace cannot be written, stderr shows the error and the finding has
/// no trace.
pub fn of_violation(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    (script, violation): (&Script, &Violation),
    met: (Option<u64>, u64),
    traces: &Path,
) -> io::Result<Finding> {
    let failure = understood(runner, script, violation);
    finding(entry, runner, failure, met, traces)
}

/// Returns the finding of an archived script, without shrinking it. The known signature is kept if a violation of the run
/// still has it; otherwise the first violation is shrunk like a new one.
///
/// # Errors
/// If a trace cannot be written into `traces`.
pub fn of_known(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    (script, signature): (&Script, &str),
    violations: &[Violation],
    traces: &Path,
) -> io::Result<Option<Finding>> {
    let met = (None, 0);
    for violation in violations {
        let failure = quiet::running(|| explain(runner, script, violation));
        if failure.signature == signature {
            return finding(entry, runner, failure, met, traces).map(Some);
        }
    }
    let Some(first) = violations.first() else { return Ok(None) };
    of_violation(entry, runner, (script, first), met, traces).map(Some)
}

/// Returns one finding for each cause of a run's violations.
///
/// # Errors
/// If the directory `traces` cannot be created. If a trace cannot be written, stderr shows the error and the finding has
/// no trace.
pub fn of_run(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    run: &Trace,
    traces: &Path,
) -> io::Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = Vec::new();
    for failure in quiet::running(|| understand_all(runner, &run.script, &run.violations)) {
        if findings.iter().all(|finding| finding.failure.signature != failure.signature) {
            findings.push(finding(entry, runner, failure, (run.seed, 1), traces)?);
        }
    }
    Ok(findings)
}

/// Replays the shrunk script of a failure in this process. Returns whether each replay has the digest of the failure's
/// trace and its violation. A run that only the state of the process made fail has neither.
pub(crate) fn replays_identically(runner: &mut dyn Rehearse, failure: &Failure) -> bool {
    let Violation { invariant, roles, .. } = &failure.violation;
    (0..REPLAYS).all(|_| {
        let outcome = quiet::running(|| runner.run(Plan::Script(&failure.shrunk)));
        let is_violated =
            outcome.violations.iter().any(|one| (&one.invariant, &one.roles) == (invariant, roles));
        outcome.digest.to_string() == failure.trace.digest && is_violated
    })
}

/// Replays a failure and writes its trace. `met` is the seed that found it, if any, and the number of runs up to it.
fn finding(
    entry: &Entry,
    runner: &mut dyn Rehearse,
    failure: Failure,
    met: (Option<u64>, u64),
    traces: &Path,
) -> io::Result<Finding> {
    let replays_identical = replays_identically(runner, &failure);
    let context = context::of(entry, runner, &failure);
    let trace = match traces::save(traces, &failure, &context) {
        // If the disk is full, the trace is lost but the result is not.
        Err(error) if traces.is_dir() => {
            let _ = writeln!(
                io::stderr(),
                "{}; the result follows without it",
                traces::unwritable(traces, &error)
            );
            String::new()
        }
        saved => saved?,
    };
    let (seed, runs_to_find) = met;
    Ok(Finding { failure, seed, count: 1, runs_to_find, replays_identical, trace, context })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_sim::{At, Fact, Findings, Invariant, Role, Runner, Scenario, Stage};
    use std::cell::Cell;
    use std::rc::Rc;

    #[derive(serde::Serialize)]
    struct Charged;

    impl Fact for Charged {
        fn sentence(&self) -> String {
            "charges".to_owned()
        }
    }

    /// Fails in the first runs only, as code does that keeps state from one run to the next.
    struct FailsAtFirst(Rc<Cell<u32>>);

    impl Invariant<Charged> for FailsAtFirst {
        fn name(&self) -> &'static str {
            "fails-at-first"
        }
        fn about(&self) -> &'static str {
            "never: a charge in the first runs"
        }
        fn reset(&mut self) {}
        fn observe(&mut self, at: &At<'_>, _: &Charged, findings: &mut Findings) {
            if let Some(left) = self.0.get().checked_sub(1) {
                self.0.set(left);
                findings.violated("charged", &[at.event], || "a charge".to_owned());
            }
        }
    }

    /// A node that charges once.
    struct Till(Rc<Cell<u32>>);

    impl Scenario for Till {
        type Fact = Charged;
        fn name(&self) -> &str {
            "till"
        }
        fn build(&self, stage: &Stage<Charged>) {
            let (facts, node) = (stage.facts().clone(), stage.node(Role::outside("node".into()), |_| {}));
            node.clone().spawn(async move { facts.state(&node, &Charged) });
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<Charged>>> {
            vec![Box::new(FailsAtFirst(Rc::clone(&self.0)))]
        }
    }

    #[test]
    fn a_failure_that_is_not_replayed_is_not_called_identical() {
        for (failing_runs, expected) in [(u32::MAX, true), (2, false), (1, false)] {
            let left = Rc::new(Cell::new(0));
            let runner = &mut Runner::new(Till(Rc::clone(&left)));
            let script = runner.happy(0);
            // The first run also measures the length of the workload, in a run of its own.
            runner.run(Plan::Script(&script));
            left.set(failing_runs);
            let found = runner.run(Plan::Script(&script)).violations.remove(0);
            let failure = tell(runner, &script, &found);
            assert_eq!(replays_identically(runner, &failure), expected, "{failing_runs}");
        }
    }
}
