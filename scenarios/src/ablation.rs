//! The ablated guardrails of a scenario's design: checked once, so that each run can be built without another check.

use shakedown_model::{Design, UnknownGuardrail};
use shakedown_sim::{Rehearse, Runner, Scenario};

/// The ablated guardrails of a design; every name exists.
pub struct Ablation(Vec<String>);

impl Ablation {
    /// Creates the ablation of these guardrails.
    ///
    /// # Errors
    /// If a name is not that of a guardrail.
    pub fn of(names: &[String]) -> Result<Self, UnknownGuardrail> {
        Design::without(names)?;
        Ok(Self(names.to_vec()))
    }

    /// Returns the names, as they were given.
    pub fn names(&self) -> Vec<String> {
        self.0.clone()
    }

    /// Returns the design without these guardrails.
    pub fn design(&self) -> Design {
        Design::without(&self.0).unwrap_or_else(|unknown| unreachable!("checked when it was made: {unknown}"))
    }
}

/// Creates a runner of a scenario, for the catalogue.
///
/// # Errors
/// The reason why the scenario could not be created, as text.
pub fn rehearse<S: Scenario + 'static>(
    scenario: Result<S, UnknownGuardrail>,
) -> Result<Box<dyn Rehearse>, String> {
    match scenario {
        Ok(scenario) => Ok(Box::new(Runner::new(scenario))),
        Err(unknown) => Err(unknown.to_string()),
    }
}
