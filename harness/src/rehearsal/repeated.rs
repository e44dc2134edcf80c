//! Repeats a sample of a rehearsal's runs on a fresh thread, with another hash seed and other thread-locals.

use super::observed::{Filter, observed};
use super::{Rehearsal, Source, Unmet, fitting, subject};
use crate::campaign::DEFAULT_PROFILE;
use crate::{quiet, worth};
use shakedown_sim::{Divergence, Plan, Rehearse, Script, Trace};
use std::sync::Arc;

impl Rehearsal {
    /// Repeats a sample of the runs: the first of each source, and some that are chosen at random.
    ///
    /// # Errors
    /// If a repeated run differs from the original.
    pub(super) fn repeat(&self, runner: &mut dyn Rehearse) -> Result<(), Unmet> {
        for script in self.sample(runner)? {
            let here = quiet::running(|| runner.run(Plan::Script(&script)).digest);
            if on_fresh_thread(self, |runner| runner.run(Plan::Script(&script)).digest)? == here {
                continue;
            }
            let first = quiet::running(|| runner.record(Plan::Script(&script)).1);
            let second = on_fresh_thread(self, |runner| runner.record(Plan::Script(&script)).1)?;
            let difference = difference(&first, &second);
            return Err(Unmet::Nondeterministic { subject: subject(runner), difference });
        }
        Ok(())
    }

    fn sample(&self, runner: &mut dyn Rehearse) -> Result<Vec<Script>, Unmet> {
        let filter = Filter { invariant: None, variants: self.named_variants(runner)? };
        let of_seeds = observed(&self.entry, &self.without, filter, &Arc::default());
        let mut of_seeds = of_seeds.runner(&[]).map_err(Unmet::Internal)?;
        let mut scripts = Vec::new();
        for source in &self.sources {
            match source {
                Source::Seeds(seeds) => {
                    scripts.extend(worth::spread(seeds.clone()).into_iter().filter_map(|seed| {
                        worth::script_of(of_seeds.as_mut(), Plan::Profiled(seed, DEFAULT_PROFILE))
                    }))
                }
                Source::Deviations(_) => {
                    let first = self.searched_variants(runner)?.into_iter().take(1);
                    scripts.extend(first.map(|variant| Script { variant, ..runner.happy(0) }));
                }
                Source::Script(text) => scripts.push(fitting(runner, text)?),
            }
        }
        Ok(scripts)
    }
}

/// Calls `run` on a new thread with a new runner.
fn on_fresh_thread<T: Send>(
    rehearsal: &Rehearsal,
    run: impl FnOnce(&mut dyn Rehearse) -> T + Send,
) -> Result<T, Unmet> {
    let (entry, without) = (&rehearsal.entry, &rehearsal.without);
    let again = || {
        let mut runner = entry.runner(without).map_err(Unmet::Internal)?;
        Ok(quiet::running(|| run(runner.as_mut())))
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(again).join();
        thread.unwrap_or_else(|panic| Err(Unmet::Internal(quiet::message_of(panic.as_ref()))))
    })
}

fn difference(first: &Trace, second: &Trace) -> String {
    let step = first.first_difference(second).unwrap_or(first.steps.len());
    let (left, right) = (first.steps.get(step).cloned(), second.steps.get(step).cloned());
    Divergence { step, left, right }.to_string()
}
