//! A run that ended its process, as the next process treats it: its violation is reported without running it again.

use super::death::Death;
use shakedown_sim::{
    ChoiceCounts, ChoiceId, Deviation, Limits, Moment, Outcome, Plan, Script, SitesMet, Step, Trace,
    Violation,
};

/// A run that ended its process.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct FatalRun {
    /// The scenario, its ablations, and the plan: see [`key`].
    pub(crate) key: String,
    /// The scenario with its ablations: the beginning of the key.
    pub(crate) subject: String,
    /// The script without deviations.
    pub(crate) happy: String,
    /// The steps up to the end of the process.
    pub(crate) steps: Vec<Step>,
    /// How the process ended.
    pub(crate) death: Death,
}

/// Returns the name of a run: equal names mean equal runs.
pub(crate) fn key(subject: &str, plan: Plan<'_>) -> String {
    format!("{subject} {plan:?}")
}

/// A fatal run in the form of a runner's results.
pub(crate) struct KnownRun {
    /// The names of the plans that make it: the original one, and its script.
    keys: Vec<String>,
    pub(crate) outcome: Outcome,
    pub(crate) trace: Trace,
    /// The deviating choices that it met.
    pub(crate) sites: SitesMet,
}

impl KnownRun {
    /// Creates the results of a fatal run.
    pub(crate) fn of(run: FatalRun) -> Self {
        let last = run.steps.last();
        let (time, digest) =
            last.map_or((Moment::START, String::new()), |last| (last.time, last.digest.clone()));
        let deviations = run.steps.iter().filter_map(deviation).collect::<Vec<_>>();
        let happy: Script = run.happy.parse().unwrap_or_default();
        let script = happy.with(deviations);
        let violation = Violation {
            invariant: run.death.invariant().to_owned(),
            message: format!("the code under test {}", run.death.predicate()),
            roles: run.death.kind().to_owned(),
            events: (run.steps.len() as u32).checked_sub(1).into_iter().collect(),
            time,
        };
        let counts = ChoiceCounts {
            offered: script.deviations.len() as u32,
            alternatives: script.deviations.len() as u32,
            deviations: script.deviations.len() as u32,
        };
        let outcome = Outcome {
            digest: digest.parse().unwrap_or_default(),
            events: run.steps.len() as u32,
            ended: time,
            violations: vec![Violation { events: Vec::new(), ..violation.clone() }],
            goals: 0,
            unapplied: Vec::new(),
            choices: counts,
            heals: Moment::START,
            events_before_heal: run.steps.len() as u32,
            last_activity: time,
        };
        let keys = vec![
            key(&run.subject, Plan::Script(&script)),
            key(&run.subject, Plan::Ordered(&script)),
            run.key,
        ];
        let sites = SitesMet::of_deviations(&run.steps);
        let digest = outcome.digest.to_string();
        let (seed, limits, steps) = (None, Limits::default(), run.steps);
        let trace = Trace { script, seed, limits, digest, steps, violations: vec![violation] };
        Self { keys, outcome, trace, sites }
    }

    /// Returns whether a plan with this name makes the run.
    pub(crate) fn is_made_by(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }
}

/// Returns the deviation of a step, if it is one.
fn deviation(step: &Step) -> Option<Deviation> {
    let choice = step.choice.as_ref()?;
    let id = ChoiceId { site: choice.site.clone(), scope: step.scope.parse().ok()?, nth: choice.nth };
    Some(Deviation { id, alternative: choice.taken.clone() })
}

/// Returns the script without deviations of the run that a plan makes.
pub(crate) fn happy_path(plan: Plan<'_>, happy: impl Fn(u64) -> Script) -> Script {
    match plan {
        Plan::Seed(seed) | Plan::Profiled(seed, _) => happy(seed),
        Plan::Script(script) | Plan::Ordered(script) | Plan::Branch { script, .. } => script.with(Vec::new()),
        Plan::Turns { variant, .. } => Script { variant: variant.clone(), ..happy(0) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_sim::Digest;

    #[test]
    fn the_script_of_a_fatal_run_is_read_from_its_steps() {
        let scope = "order-1/attempt-2";
        let choice = shakedown_sim::trace::ChoiceTaken {
            site: "till.charge/response".to_owned(),
            nth: 3,
            taken: "lost".to_owned(),
            alternatives: vec!["arrives".to_owned(), "lost".to_owned()],
            fault: None,
            source: None,
        };
        let step = Step {
            time: Moment::START,
            node: "till".to_owned(),
            scope: scope.to_owned(),
            kind: shakedown_sim::trace::Kind::Deviation,
            causes: Vec::new(),
            text: String::new(),
            because: None,
            choice: Some(choice),
            state: None,
            accesses: Vec::new(),
            routine: false,
            digest: Digest::from_bits(7).to_string(),
        };
        let (subject, happy) = ("till []".to_owned(), "scenario till\n".to_owned());
        let plan = Plan::Seed(7);
        let run = FatalRun {
            key: key(&subject, plan),
            subject: subject.clone(),
            happy,
            steps: vec![step],
            death: Death::Exit(0),
        };
        let known = KnownRun::of(run);
        let script = known.trace.script.to_string();
        assert!(script.contains("till.charge/response @ order-1/attempt-2 #3 = lost"), "{script}");
        assert_eq!(known.outcome.digest, Digest::from_bits(7));
        assert_eq!(
            known.trace.violations[0].message,
            "the code under test ends the process with exit code 0"
        );
        assert!(known.is_made_by(&key(&subject, plan)));
        assert!(known.is_made_by(&key(&subject, Plan::Script(&known.trace.script))));
        assert!(!known.is_made_by(&key("till [\"retries\"]", plan)));
    }
}
