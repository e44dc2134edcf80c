//! What surrounds each run of a supervised process.

use super::fatal_run::{self, KnownRun};
use super::message::{Attempt, ToParent};
use super::{Link, link};
use shakedown_sim::choice::{OfferedAlternatives, Site};
use shakedown_sim::observer::ShowStep;
use shakedown_sim::{
    Coverage, Digest, Limits, Offered, Outcome, Parameter, Plan, Rehearse, Script, SitesMet, Trace,
};
use std::sync::{Mutex, PoisonError};

/// Surrounds a runner of `scenario` without these guardrails, if this process is supervised.
pub(crate) fn supervised(scenario: &str, without: &[String], runner: Box<dyn Rehearse>) -> Box<dyn Rehearse> {
    let (link, known) = (link(), known());
    if link.is_none() && known.is_empty() {
        return runner;
    }
    // The threads of campaigns have no name: they have a watchdog of their own, and their runs are not streamed.
    let is_alone = std::thread::current().name().is_some();
    let subject = format!("{scenario} {without:?}");
    Box::new(Supervised { link, known, subject, is_alone, runner, last: None, sites: SitesMet::default() })
}

/// Fatal runs that a child of this process has found, for this process.
static FATAL: Mutex<Vec<&'static KnownRun>> = Mutex::new(Vec::new());

/// Makes this process report these runs as failed without making them.
#[cfg(unix)]
pub(crate) fn take_as_known(fatal: &[super::fatal_run::FatalRun]) {
    let mut all = FATAL.lock().unwrap_or_else(PoisonError::into_inner);
    // They are few, and every runner of this process refers to them.
    let known = fatal.iter().map(|run| &*Box::leak(Box::new(KnownRun::of(run.clone()))));
    all.extend(known);
}

/// Returns the fatal runs that are known to this process.
fn known() -> Vec<&'static KnownRun> {
    let found = FATAL.lock().unwrap_or_else(PoisonError::into_inner);
    let received = link().into_iter().flat_map(|link| link.known());
    found.iter().copied().chain(received).collect()
}

struct Supervised {
    link: Option<&'static Link>,
    known: Vec<&'static KnownRun>,
    subject: String,
    is_alone: bool,
    runner: Box<dyn Rehearse>,
    /// The last run, if it was a fatal one that was not made.
    last: Option<&'static KnownRun>,
    /// The choices of fatal runs that were not made.
    sites: SitesMet,
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
        if self.known.is_empty() && !self.link.is_some_and(Link::is_careful) {
            return Way::Plain;
        }
        let key = fatal_run::key(&self.subject, plan);
        if let Some(run) = self.known.iter().find(|run| run.is_made_by(&key)) {
            return Way::Known(run);
        }
        let Some(link) = self.link else { return Way::Plain };
        match link.attempt() {
            Attempt::Watching(wanted) if *wanted == key => Way::Watched(key),
            Attempt::Careful | Attempt::Watching(_) => Way::Announced(key),
            // A script close to a fatal run may be fatal too: shrinking tries many such scripts.
            Attempt::Normal if self.is_alone && matches!(plan, Plan::Script(_) | Plan::Ordered(_)) => {
                Way::Watched(key)
            }
            Attempt::Normal => Way::Plain,
        }
    }

    /// Makes a run in the way that it needs. `of_known` returns the result of a run that must not be made.
    fn make<T>(
        &mut self,
        plan: Plan<'_>,
        run: impl FnOnce(&mut dyn Rehearse) -> T,
        of_known: impl FnOnce(&KnownRun) -> T,
    ) -> T {
        self.last = None;
        if let (Some(link), true) = (self.link, self.is_alone) {
            link.end_if_interrupted();
        }
        match self.way(plan) {
            Way::Known(known) => {
                self.last = Some(known);
                self.sites.add(known.sites.clone());
                of_known(known)
            }
            Way::Plain => self.guarded(run),
            Way::Announced(key) => {
                self.send(&ToParent::Running { key, subject: self.subject.clone() });
                let result = self.guarded(run);
                self.send(&ToParent::Over);
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
        match self.link {
            Some(link) if self.is_alone => link.guarded(|| run(runner)),
            _ => run(runner),
        }
    }

    fn send(&self, message: &ToParent) {
        self.link.into_iter().for_each(|link| link.send(message));
    }

    /// Makes a run and streams its steps to the parent.
    fn watch(&mut self, key: String, plan: Plan<'_>) {
        let Some(link) = self.link else { return };
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
    fn offer_statements(&mut self, are_offered: bool) {
        self.runner.offer_statements(are_offered);
    }
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
        let mut sites = self.runner.take_sites_met();
        sites.add(std::mem::take(&mut self.sites));
        sites
    }
    fn observe(&mut self, show: Option<ShowStep>) {
        self.runner.observe(show);
    }
}
