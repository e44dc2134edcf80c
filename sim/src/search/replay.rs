//! Replay: runs a recorded script again, and compares the runs.

use crate::draws::Profile;
use crate::judge::Violation;
use crate::runner::{Outcome, Plan, Rehearse};
use crate::script::{Deviation, Script, Variant};
use crate::search::{Failure, is_same, tell};
use crate::trace::Trace;
use crate::trace_file::TraceFile;
use std::collections::{BTreeMap, BTreeSet};

/// The verdict of a replay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The same run: equal digests.
    Exact,
    /// Another run with the same failure: every deviation applied, the same signature.
    Equivalent,
    /// Another run: a deviation was never offered, or the failure has another signature.
    Drifted {
        /// The first step that differs, by its number in the new trace.
        at: u32,
        /// The difference.
        why: String,
    },
    /// Every deviation was applied, and no invariant is violated any more.
    Lost,
}

/// A recorded script, run again.
#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// The verdict.
    pub verdict: Verdict,
    /// The outcome of the new run.
    pub outcome: Outcome,
    /// The new run, recorded.
    pub trace: Trace,
    /// The recorded failure as found in the new run, if it still occurs.
    pub failure: Option<Failure>,
}

/// The reason why a script does not fit a scenario.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misfit {
    /// The script is of another scenario.
    #[error("the script is of the scenario `{named}`, this one is `{here}`")]
    OtherScenario {
        /// The scenario that the script names.
        named: String,
        /// The actual scenario.
        here: String,
    },
    /// The variant names a parameter that the scenario does not have.
    #[error("unknown parameter `{name}`: expected one of {known}")]
    UnknownParameter {
        /// The name.
        name: String,
        /// The known ones.
        known: String,
    },
    /// The variant gives a parameter a value that it does not have.
    #[error("`{value}` is no value of `{parameter}`: expected one of {known}")]
    UnknownValue {
        /// The parameter.
        parameter: String,
        /// The value.
        value: String,
        /// The known ones.
        known: String,
    },
    /// No run of the scenario ever offered a choice at this site.
    #[error("unknown site `{site}`{}", nearest.as_ref().map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default())]
    UnknownSite {
        /// The site.
        site: String,
        /// The known site with the most similar name.
        nearest: Option<String>,
    },
    /// The site has no such alternative.
    #[error("`{alternative}` is no alternative of `{site}`: expected one of {known}")]
    UnknownAlternative {
        /// The site.
        site: String,
        /// The alternative.
        alternative: String,
        /// The known ones.
        known: String,
    },
}

/// The number of seeds that are run to learn the sites of a scenario.
const SEEDS_TO_LEARN_FROM: u64 = 200;

/// Fits a script to this scenario: missing parameters take their defaults. Each deviation that the script's run does not
/// offer must name a site that some run offers.
///
/// # Errors
/// [`Misfit`] names the first part of the script that the scenario does not know.
pub fn fit(rehearse: &mut dyn Rehearse, script: &Script) -> Result<Script, Misfit> {
    fit_knowing(rehearse, script, &BTreeSet::new())
}

fn fit_knowing(
    rehearse: &mut dyn Rehearse,
    script: &Script,
    known: &BTreeSet<&str>,
) -> Result<Script, Misfit> {
    let here = rehearse.happy(0).scenario;
    if here != script.scenario {
        return Err(Misfit::OtherScenario { named: script.scenario.clone(), here });
    }
    let variant = fit_variant(rehearse, &script.variant)?;
    let script = Script { variant, ..script.clone() };
    let unapplied = rehearse.run(Plan::Script(&script)).unapplied;
    let strange: Vec<_> =
        unapplied.iter().filter(|deviation| !known.contains(deviation.id.site.as_str())).collect();
    if !strange.is_empty() {
        let sites = learn_sites(rehearse);
        strange.into_iter().try_for_each(|deviation| sites.knows(deviation))?;
    }
    Ok(script)
}

fn fit_variant(rehearse: &dyn Rehearse, variant: &Variant) -> Result<Variant, Misfit> {
    let parameters = rehearse.parameters();
    if let Some((name, _)) =
        variant.0.iter().find(|(name, _)| !parameters.iter().any(|known| known.name == name))
    {
        let known = list(parameters.iter().map(|parameter| parameter.name));
        return Err(Misfit::UnknownParameter { name: name.clone(), known });
    }
    let values = parameters.iter().map(|parameter| {
        let value = variant.get(parameter.name).or(parameter.values.first().copied()).unwrap_or_default();
        let known = parameter
            .values
            .iter()
            .chain(parameter.small.iter().filter(|small| !parameter.values.contains(small)));
        if known.clone().any(|known| *known == value) {
            return Ok((parameter.name.to_owned(), value.to_owned()));
        }
        let (parameter, known) = (parameter.name.to_owned(), list(known.copied()));
        Err(Misfit::UnknownValue { parameter, value: value.to_owned(), known })
    });
    values.collect::<Result<_, _>>().map(Variant)
}

/// The sites of a scenario with their alternatives, as found in a number of runs.
struct Sites(BTreeMap<String, crate::choice::OfferedAlternatives>);

fn learn_sites(rehearse: &mut dyn Rehearse) -> Sites {
    let mut sites = BTreeMap::new();
    for seed in 0..SEEDS_TO_LEARN_FROM {
        let happy = rehearse.happy(seed);
        for plan in
            [Plan::Ordered(&happy), Plan::Profiled(seed, Profile::MIXED.with_task_order().with_statements())]
        {
            rehearse.run(plan);
            sites
                .extend(rehearse.offers().into_iter().map(|offered| (offered.id.site, offered.alternatives)));
        }
    }
    Sites(sites)
}

impl Sites {
    fn knows(&self, deviation: &Deviation) -> Result<(), Misfit> {
        let site = deviation.id.site.clone();
        let Some(alternatives) = self.0.get(&site) else {
            let nearest = self.0.keys().min_by_key(|known| distance(known, &site)).cloned();
            return Err(Misfit::UnknownSite { site, nearest });
        };
        if alternatives.pick(&deviation.alternative).is_none() {
            let (alternative, known) =
                (deviation.alternative.clone(), list(alternatives.names().iter().map(String::as_str)));
            return Err(Misfit::UnknownAlternative { site, alternative, known });
        }
        Ok(())
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
}

/// Returns the number of characters to add, remove or change to get from one text to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Runs the script of a recorded run again and compares.
///
/// # Errors
/// [`Misfit`] if the scenario does not know a name in the script. A site that the recorded run took and that no
/// longer exists is not a misfit but a drift.
pub fn replay(rehearse: &mut dyn Rehearse, file: &TraceFile) -> Result<Replay, Misfit> {
    let recorded = &file.trace;
    let taken: BTreeSet<&str> = recorded
        .steps
        .iter()
        .filter_map(|step| step.choice.as_ref())
        .map(|choice| choice.site.as_str())
        .collect();
    let script = fit_knowing(rehearse, &recorded.script, &taken)?;
    let (outcome, trace) = rehearse.record(Plan::Script(&script));
    let broken =
        file.explained.as_ref().map(|explained| &explained.violation).or(recorded.violations.first());
    let same = broken.and_then(|broken| trace.violations.iter().find(|other| is_same(other, broken)));
    let failure = same.map(|violation| tell(rehearse, &script, violation));
    let verdict = verdict(file, broken, &outcome, &trace, failure.as_ref());
    Ok(Replay { verdict, outcome, trace, failure })
}

fn verdict(
    file: &TraceFile,
    broken: Option<&Violation>,
    outcome: &Outcome,
    trace: &Trace,
    failure: Option<&Failure>,
) -> Verdict {
    if trace.digest == file.trace.digest {
        return Verdict::Exact;
    }
    let at = trace.first_difference(&file.trace).unwrap_or_default() as u32;
    let drifted = |why: String| Verdict::Drifted { at, why };
    let breaks = trace.violations.first().map(|violation| violation.invariant.as_str());
    if let Some(deviation) = outcome.unapplied.first() {
        let ending =
            if broken.is_some() && breaks.is_none() { ", and nothing is broken any more" } else { "" };
        return drifted(format!("`{deviation}` was never offered{ending}"));
    }
    match (broken, breaks, failure) {
        (None, None, _) => Verdict::Equivalent,
        (None, Some(breaks), _) => drifted(format!("the recorded run held, this one breaks {breaks}")),
        (Some(_), None, _) => Verdict::Lost,
        (Some(broken), Some(breaks), None) => {
            drifted(format!("the recorded run breaks {}, this one {breaks}", broken.invariant))
        }
        (Some(_), Some(_), Some(failure)) => match &file.explained {
            Some(explained) if explained.signature != failure.signature => {
                drifted(format!("the failure has another signature: {}", failure.signature))
            }
            _ => Verdict::Equivalent,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (one, other, edits) in [("", "", 0), ("pay", "pay", 0), ("pay", "pray", 1), ("abc", "xyz", 3)] {
            assert_eq!(distance(one, other), edits, "{one} {other}");
        }
    }
}
