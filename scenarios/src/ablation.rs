//! What a scenario's design lacks: checked once, so that each run can be built without asking again.

use shakedown_model::{Design, UnknownGuardrail};
use shakedown_sim::{Rehearse, Runner, Scenario};

/// The guardrails that a design lacks; every name is one that there is.
pub struct Ablation(Vec<String>);

impl Ablation {
    /// The lack of these guardrails.
    ///
    /// # Errors
    /// If a name is no guardrail's.
    pub fn of(names: &[String]) -> Result<Self, UnknownGuardrail> {
        Design::without(names)?;
        Ok(Self(names.to_vec()))
    }

    /// Their names, as they were given.
    pub fn names(&self) -> Vec<String> {
        self.0.clone()
    }

    /// The design that lacks them.
    pub fn design(&self) -> Design {
        Design::without(&self.0).unwrap_or_else(|unknown| unreachable!("checked when it was made: {unknown}"))
    }
}

/// A runner of a scenario, for the catalogue.
///
/// # Errors
/// What kept the scenario from being made, in words.
pub fn rehearse<S: Scenario + 'static>(
    scenario: Result<S, UnknownGuardrail>,
) -> Result<Box<dyn Rehearse>, String> {
    match scenario {
        Ok(scenario) => Ok(Box::new(Runner::new(scenario))),
        Err(unknown) => Err(unknown.to_string()),
    }
}
