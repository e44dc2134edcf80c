//! What surrounds each run of a supervised process.

use super::fatal_run::{self, KnownRun};
use super::message::{Attempt, ToParent};
use super::{Link, link};
use shakedown_sim::choice::{OfferedAlternatives, Site};
use shakedown_sim::observer::ShowStep;
use shakedown_sim::{
    Coverage, Digest, Limits, Offered, Outcome, Parameter, Plan, Rehearse, Script, SitesMet, Trace,
};

/// Surrounds a runner of `scenario` without these guardrails, if this process is supervised.
pub(crate) fn supervised(scenario: &str, without: &[String], runner: Box<dyn Rehearse>) -> Box<dyn Rehearse> {
    let Some(link) = link() else { return runner };
    // The threads of campaigns have no name: they have a watchdog of their own, and their runs are not streamed.
    let is_alone = std::thread::current().name().is_some();
    let subject = format!("{scenario} {without:?}");
    Box::new(Supervised { link, subject, is_alone, runner, last: None })
}

struct Supervised {
    link: &'static Link,
    subject: String,
    is_alone: bool,
    runner: Box<dyn Rehearse>,
    /// The last run, if it was a fatal one that was not made.
    last: Option<&'static KnownRun>,
}

/// How a run is made.
enum Way {
    Plain,
    Announced(String),
    Watched(String),
    Known(&'static KnownRun),
}

impl Supervised {
    fn way(&self, plan: Plan<'_>) -> Way {
        let known = self.link.known();
        if known.is_empty() && !self.link.is_careful() {
            return Way::Plain;
        }
        let key = fatal_run::key(&self.subject, plan);
        if let Some(run) = known.iter().find(|run| run.is_made_by(&key)) {
            return Way::Known(run);
        }
        match self.link.attempt() {
            Attempt::Watching(wanted) if *wanted == key => Way::Watched(key),
            Attempt::Careful | Attempt::Watching(_) => Way::Announced(key),
            // What is like a fatal run may be fatal: shrinking meets many of them.
            Attempt::Normal if self.is_alone && matches!(plan, Plan::Script(_) | Plan::Ordered(_)) => {
                Way::Watched(key)
            }
            Attempt::Normal => Way::Plain,
        }
    }

    /// Makes a run in the way that it needs. `of_known` makes the result of a run that must not be made.
    fn make<T>(
        &mut self,
        plan: Plan<'_>,
        run: impl FnOnce(&mut dyn Rehearse) -> T,
        of_known: impl FnOnce(&KnownRun) -> T,
    ) -> T {
        self.last = None;
        if self.is_alone {
            self.link.end_if_interrupted();
        }
        match self.way(plan) {
            Way::Known(known) => {
                self.last = Some(known);
                of_known(known)
            }
            Way::Plain => self.guarded(run),
            Way::Announced(key) => {
                self.link.send(&ToParent::Running { key, subject: self.subject.clone() });
                let result = self.guarded(run);
                self.link.send(&ToParent::Over);
                result
            }
            Way::Watched(key) => {
                self.watch(key, plan);
                self.guarded(run)
            }
        }
    }

    fn guarded<T>(&mut self, run: impl FnOnce(&mut dyn Rehearse) -> T) -> T {
        let runner = self.runner.as_mut();
        if self.is_alone { self.link.guarded(|| run(runner)) } else { run(runner) }
    }

    /// Makes a run whose steps the parent sees.
    fn watch(&mut self, key: String, plan: Plan<'_>) {
        let link = self.link;
        let happy = fatal_run::happy_path(plan, |seed| self.runner.happy(seed));
        link.send(&ToParent::Running { key, subject: self.subject.clone() });
        link.send(&ToParent::Happy(happy.to_string()));
        self.runner.observe(Some(Box::new(move |at, step| link.send(&ToParent::Step(at, Box::new(step))))));
        self.guarded(|runner| runner.record(plan));
        self.runner.observe(None);
        link.send(&ToParent::Over);
    }
}

impl Rehearse for Supervised {
    fn run(&mut self, plan: Plan<'_>) -> Outcome {
        self.make(plan, |runner| runner.run(plan), |known| known.outcome.clone())
    }
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        self.make(plan, |runner| runner.record(plan), |known| (known.outcome.clone(), known.trace.clone()))
    }
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        self.make(plan, |runner| runner.cover(plan), |known| (known.outcome.clone(), Coverage::default()))
    }
    fn script(&self) -> Script {
        self.last.map_or_else(|| self.runner.script(), |known| known.trace.script.clone())
    }
    fn offers(&self) -> Vec<Offered> {
        if self.last.is_some() { Vec::new() } else { self.runner.offers() }
    }
    fn each_offer(&self, take: &mut dyn FnMut(Site, OfferedAlternatives)) {
        if self.last.is_none() {
            self.runner.each_offer(take);
        }
    }
    fn effects(&self) -> Option<Digest> {
        if self.last.is_some() { None } else { self.runner.effects() }
    }
    fn happy(&self, seed: u64) -> Script {
        self.runner.happy(seed)
    }
    fn parameters(&self) -> &[Parameter] {
        self.runner.parameters()
    }
    fn invariants(&self) -> Vec<(&'static str, &'static str)> {
        self.runner.invariants()
    }
    fn goals(&self) -> Vec<&'static str> {
        self.runner.goals()
    }
    fn limits(&self) -> Limits {
        self.runner.limits()
    }
    fn take_sites_met(&mut self) -> SitesMet {
        self.runner.take_sites_met()
    }
    fn observe(&mut self, show: Option<ShowStep>) {
        self.runner.observe(show);
    }
}
