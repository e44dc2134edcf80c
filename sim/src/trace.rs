//! The trace of a run: its steps as text, each with its causes; produced by running a script again with recording on.

use crate::access::Access;
use crate::engine::Core;
use crate::event::Event;
use crate::fault::Fault;
use crate::former;
use crate::judge::Violation;
use crate::runner::Outcome;
use crate::scope::Source;
use crate::script::Script;
use crate::time::Moment;
use crate::world::Limits;

pub use crate::event::Kind;

/// A recorded run: [`Runner::record`](crate::Runner::record) returns it, and [`TraceFile`](crate::TraceFile) keeps it.
///
/// ```
/// # use shakedown_sim::*;
/// # struct Calm;
/// # #[derive(serde::Serialize)] struct Nothing;
/// # impl Fact for Nothing { fn sentence(&self) -> String { String::new() } }
/// # impl Scenario for Calm {
/// #     type Fact = Nothing;
/// #     fn name(&self) -> &str { "calm" }
/// #     fn build(&self, stage: &Stage<Nothing>) { stage.node(Role::outside("idler".into()), |_| {}); }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> { Vec::new() }
/// # }
/// let (_, trace) = Runner::new(Calm).record(Plan::Seed(7));
/// let (outcome, again) = Runner::new(Calm).record(Plan::Script(&trace.script));
/// assert_eq!(trace.first_difference(&again), None, "the same script gives the same run");
/// assert_eq!(outcome.digest.to_string(), trace.digest);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// The script: scenario, ablated guardrails, variant, deviations.
    pub script: Script,
    /// The seed that drew the deviations, if one did.
    pub seed: Option<u64>,
    /// The limits of the run.
    pub limits: Limits,
    /// The run's digest, as 16 hexadecimal digits.
    pub digest: String,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Its violations; events are given as steps of this trace.
    pub violations: Vec<Violation>,
}

/// One step of a recorded run.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Step {
    /// The virtual time.
    pub time: Moment,
    /// The node's name.
    pub node: String,
    /// The entity's scope, in written form.
    pub scope: String,
    /// The kind of step.
    pub kind: Kind,
    /// The steps that it follows from, by number.
    pub causes: Vec<u32>,
    /// What happened: a sentence whose subject is the node.
    pub text: String,
    /// The reason, if the code gave one.
    pub because: Option<String>,
    /// The deviating choice, if the step is one.
    pub choice: Option<ChoiceTaken>,
    /// The fact as JSON text with sorted keys, if the step is one: this takes a tenth of the memory of a parsed
    /// value.
    pub state: Option<Box<str>>,
    /// The objects that the step accesses. Earlier traces have none.
    #[serde(default)]
    pub accesses: Vec<Access>,
    /// Whether stories leave it out.
    pub routine: bool,
    /// The run's digest after this step, as 16 hexadecimal digits.
    pub digest: String,
}

impl Step {
    /// Returns the fact as data, if the step is one.
    pub fn fact(&self) -> Option<serde_json::Value> {
        self.state.as_deref().and_then(|state| serde_json::from_str(state).ok())
    }

    /// Returns the outermost entity that the step concerns, if any: `order-1` of `order-1/attempt-2`.
    pub fn entity(&self) -> Option<&str> {
        let outermost = self.scope.split('/').next().unwrap_or_default();
        (outermost != "-").then_some(outermost)
    }
}

/// A deviating choice.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(from = "ChoiceRecord", into = "ChoiceRecord")]
pub struct ChoiceTaken {
    /// The site's written form.
    pub site: String,
    /// The number within site and scope, from 1.
    pub nth: u32,
    /// The alternative that it took.
    pub taken: String,
    /// The alternatives, the benign one first.
    pub alternatives: Vec<String>,
    /// The fault that it took, if a profile lists it: the value whose written form is `taken`.
    pub fault: Option<Fault>,
    /// The file and the line of the code under test at which it was made, `src/worker.rs:42`, if they are known.
    pub source: Option<String>,
}

/// A deviating choice as trace files have it: the fault by its kind, beside its written form.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct ChoiceRecord {
    site: String,
    nth: u32,
    taken: String,
    alternatives: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl From<ChoiceTaken> for ChoiceRecord {
    fn from(choice: ChoiceTaken) -> Self {
        let ChoiceTaken { site, nth, taken, alternatives, fault, source } = choice;
        Self { site, nth, taken, alternatives, fault: fault.map(|fault| fault.kind().to_owned()), source }
    }
}

impl From<ChoiceRecord> for ChoiceTaken {
    fn from(record: ChoiceRecord) -> Self {
        let ChoiceRecord { site, nth, taken, mut alternatives, fault, source } = record;
        let site = former::site(&site).into_owned();
        let today = |word: &str| former::alternative(&site, word).to_owned();
        let taken = today(&taken);
        alternatives.iter_mut().for_each(|word| *word = today(word));
        // Earlier files do not name the kind.
        let kind = fault.as_deref().or_else(|| former::fault_kind(&site));
        let fault = kind.and_then(|kind| Fault::read(kind, &taken));
        Self { site, nth, taken, alternatives, fault, source }
    }
}

pub(crate) fn of_run(
    core: &Core,
    events: Vec<Event>,
    outcome: &Outcome,
    script: Script,
    seed: Option<u64>,
) -> Trace {
    let numbers = events.iter().enumerate().filter(|(_, event)| event.number.is_some());
    let step_of: Vec<u32> = numbers.map(|(at, _)| at as u32).collect();
    let mut violations = outcome.violations.clone();
    violations.iter_mut().for_each(|violation| number_steps(&mut violation.events, &step_of));
    Trace {
        script,
        seed,
        limits: core.limits,
        digest: outcome.digest.to_string(),
        steps: events.into_iter().map(|event| step(core, event, &step_of)).collect(),
        violations,
    }
}

/// Converts numbers of events to numbers of steps. They differ because some steps, such as log lines, have no event
/// number.
fn number_steps(events: &mut Vec<u32>, step_of: &[u32]) {
    events.retain(|event| (*event as usize) < step_of.len());
    events.iter_mut().for_each(|event| *event = step_of[*event as usize]);
}

/// Returns the file and the line of a place.
fn source(place: Source) -> String {
    format!("{}:{}", place.file(), place.line())
}

pub(crate) fn step(core: &Core, mut event: Event, step_of: &[u32]) -> Step {
    number_steps(&mut event.causes, step_of);
    let choice = event.choice.map(|chosen| ChoiceTaken {
        site: chosen.site.to_string(),
        nth: chosen.nth,
        taken: chosen.alternatives.name_of(chosen.pick),
        alternatives: chosen.alternatives.names(),
        fault: chosen.alternatives.fault_of(chosen.pick),
        source: chosen.place.map(source),
    });
    Step {
        time: event.time,
        node: core.nodes.all().get(event.node.0 as usize).map(|node| node.name()).unwrap_or_default(),
        scope: core.scopes.path(event.scope).to_string(),
        kind: event.kind,
        causes: event.causes,
        text: event.text,
        because: event.because,
        choice,
        state: event.state,
        accesses: event.accesses,
        routine: event.routine,
        digest: event.digest.to_string(),
    }
}

impl Trace {
    /// Returns the first step at which two recordings of what should be one run differ; `None` if they are equal.
    pub fn first_difference(&self, other: &Trace) -> Option<usize> {
        let pairs = self.steps.iter().zip(&other.steps);
        let differs = pairs.enumerate().find(|(_, (a, b))| a.digest != b.digest || a.text != b.text);
        let shorter = self.steps.len().min(other.steps.len());
        match differs {
            Some((at, _)) => Some(at),
            None => (self.steps.len() != other.steps.len() || self.digest != other.digest).then_some(shorter),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a trace whose steps have these causes and no text.
    pub(crate) fn trace_of(causes: &[&[u32]]) -> Trace {
        let step = |causes: &&[u32]| Step {
            time: Moment::START,
            node: "node".to_owned(),
            scope: "-".to_owned(),
            kind: Kind::Note,
            causes: causes.to_vec(),
            text: String::new(),
            because: None,
            choice: None,
            state: None,
            accesses: Vec::new(),
            routine: false,
            digest: String::new(),
        };
        Trace {
            script: Script::default(),
            seed: None,
            limits: Limits::default(),
            digest: String::new(),
            steps: causes.iter().map(step).collect(),
            violations: Vec::new(),
        }
    }

    #[test]
    fn the_first_difference_is_the_first_unequal_or_missing_step() {
        let trace = trace_of(&[&[], &[0], &[1]]);
        let mut other = trace.clone();
        assert_eq!(trace.first_difference(&other), None);
        other.steps[1].text = "else".to_owned();
        assert_eq!(trace.first_difference(&other), Some(1));
        other.steps.truncate(1);
        assert_eq!(trace.first_difference(&other), Some(1));
    }
}
