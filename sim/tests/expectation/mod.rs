//! The expected results of a scenario in these tests: runs of scripts, and of every script of few deviations.

use shakedown_sim::search::{Bounded, Failure, fit, understand};
use shakedown_sim::*;

/// The runs of a scenario.
#[must_use]
pub(crate) struct Expectation<S: Scenario> {
    runner: Runner<S>,
    source: Option<Source>,
}

enum Source {
    Deviations(usize),
    Script(String),
}

/// Begins an expectation of a scenario.
pub(crate) fn expect<S: Scenario>(scenario: S) -> Expectation<S> {
    Expectation { runner: Runner::new(scenario), source: None }
}

impl<S: Scenario> Expectation<S> {
    /// Runs every script up to this many deviations.
    pub(crate) fn deviations(self, max: usize) -> Self {
        Self { source: Some(Source::Deviations(max)), ..self }
    }

    /// Runs this script, given without its first line, which names the scenario.
    pub(crate) fn script(self, script: impl ToString) -> Self {
        Self { source: Some(Source::Script(script.to_string())), ..self }
    }

    /// Expects no violation.
    #[track_caller]
    pub(crate) fn holds(mut self) {
        if let Some((script, violation)) = self.run(None) {
            panic!("{}", understand(&mut self.runner, &script, &violation));
        }
    }

    /// Expects a violation of this invariant, and returns the first run with one, shrunk.
    #[track_caller]
    pub(crate) fn violates(mut self, invariant: &str) -> Failure {
        let (script, violation) =
            self.run(Some(invariant)).unwrap_or_else(|| panic!("nothing breaks {invariant}"));
        understand(&mut self.runner, &script, &violation)
    }

    /// Returns the first run with a violation; it must be of `invariant`, if one is named.
    fn run(&mut self, invariant: Option<&str>) -> Option<(Script, Violation)> {
        let violations = match self.source.take().expect("`deviations` or `script`") {
            Source::Deviations(max) => {
                let variants = small_variants(self.runner.scenario().parameters(), &Variant::default());
                let mut search = Bounded::new(variants, max, true);
                search.run(&mut self.runner);
                let broken = search.broken()?;
                self.runner.run(search.plan(&broken.script)).violations
            }
            Source::Script(text) => {
                let happy = self.runner.happy(0);
                let script: Script =
                    format!("scenario {}\n{text}", happy.scenario).parse().expect("a script");
                let script = Script { without: happy.without, ..script };
                let script = fit(&mut self.runner, &script).expect("it fits");
                let outcome = self.runner.run(Plan::Script(&script));
                assert!(
                    !outcome.violations.is_empty() || outcome.unapplied.is_empty(),
                    "{:?}",
                    outcome.unapplied
                );
                outcome.violations
            }
        };
        let wanted = |violation: &Violation| invariant.is_none_or(|name| violation.invariant == name);
        violations.into_iter().find(wanted).map(|violation| (self.runner.script(), violation))
    }
}
