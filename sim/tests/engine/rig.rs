//! A scenario made of a closure; its facts are sentences, and its invariant is that no sentence is stated twice.

use shakedown_sim::*;

/// A stated sentence.
#[derive(Clone, serde::Serialize)]
pub(crate) struct Said(pub(crate) String);

impl Fact for Said {
    fn sentence(&self) -> String {
        self.0.clone()
    }
}

pub(crate) fn say(facts: &Facts<Said>, env: &Env, text: impl Into<String>) {
    facts.state(env, &Said(text.into()));
}

/// No sentence is stated twice.
#[derive(Default)]
pub(crate) struct SaidOnce(Vec<(String, u32)>);

impl Invariant<Said> for SaidOnce {
    fn name(&self) -> &'static str {
        "said-once"
    }
    fn about(&self) -> &'static str {
        "no sentence is said twice"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, Said(text): &Said, findings: &mut Findings) {
        if let Some((_, first)) = self.0.iter().find(|(other, _)| other == text) {
            findings.violated("sentence", &[*first, at.event], || format!("twice: {text}"));
        }
        self.0.push((text.clone(), at.event));
    }
}

type Build = Box<dyn Fn(&Stage<Said>)>;

pub(crate) struct Rig {
    build: Build,
    horizon: Horizon,
    start: WallTime,
}

impl Rig {
    pub(crate) fn new(build: impl Fn(&Stage<Said>) + 'static) -> Self {
        let horizon = Horizon { heal: Duration::from_secs(60), settle: Duration::from_secs(60) };
        Self { build: Box::new(build), horizon, start: WallTime::AT_START }
    }

    pub(crate) fn after_workload(mut self) -> Self {
        self.horizon = Horizon::AFTER_WORKLOAD;
        self
    }

    pub(crate) fn starting_at(self, start: WallTime) -> Self {
        Self { start, ..self }
    }

    pub(crate) fn horizon(mut self, heal_s: u64, settle_s: u64) -> Self {
        self.horizon = Horizon { heal: Duration::from_secs(heal_s), settle: Duration::from_secs(settle_s) };
        self
    }
}

impl Scenario for Rig {
    type Fact = Said;
    fn name(&self) -> &str {
        "rig"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        self.horizon
    }
    fn build(&self, stage: &Stage<Said>) {
        stage.starts_at(self.start);
        (self.build)(stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        vec![Box::<SaidOnce>::default()]
    }
}

/// Returns the script of these deviations, one per line.
pub(crate) fn script(deviations: &str) -> Script {
    format!("scenario rig\n{deviations}").parse().unwrap()
}

/// Returns the sentences of a script, each with its time in seconds and its node; all deviations must apply.
pub(crate) fn said(rig: Rig, deviations: &str) -> Vec<String> {
    let mut runner = Runner::new(rig);
    let (outcome, trace) = runner.record(Plan::Script(&script(deviations)));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    let facts = trace.steps.iter().filter(|step| step.kind == trace::Kind::Fact);
    facts.map(|step| format!("{} {} {}", step.time.nanos() as f64 / 1e9, step.node, step.text)).collect()
}

/// Runs a rig once on its happy path.
pub(crate) fn happy(rig: Rig) -> Outcome {
    Runner::new(rig).run(Plan::Script(&script("")))
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
