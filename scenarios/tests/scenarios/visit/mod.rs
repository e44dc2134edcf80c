//! The visit scenario's claims: what holds with every guardrail in place, and that those who judge can find fault.
//! That each guardrail is missed is claimed for every scenario at once, in `ablations.rs`.

mod guarded;
mod planted;
mod stories;

use shakedown_scenarios::visit::Visits;
use shakedown_sim::Runner;

/// A runner of the design without these guardrails.
fn without(names: &[&str]) -> Runner<Visits> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Runner::new(Visits::without(&names).expect("they are guardrails"))
}
