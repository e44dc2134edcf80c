//! The names that most tests and catalogues need: `use shakedown::prelude::*;`.

pub use crate::ablation::Ablation;
pub use crate::catalogue::Catalogue;
pub use crate::entry::Entry;
pub use crate::guardrail::{Guardrail, NaiveForm};
pub use crate::rehearsal::rehearse;
pub use shakedown_sim::judge::invariant;
pub use shakedown_sim::{
    Alternatives, At, Duration, Endpoint, Env, Fact, Facts, Findings, Goals, Invariant, Link, LinkFault,
    LinkFaults, Op, Parameter, Role, Scenario, Site, Stage,
};
