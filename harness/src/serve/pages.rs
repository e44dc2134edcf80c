//! The page, its assets, and what it may choose from.

use super::refusal::Refusal;
use crate::catalogue::Catalogue;
use crate::entry::Entry;
use crate::guardrail::Guardrail;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use shakedown_reports::html::live;

const PAGE: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/app.css");
/// In an order in which each file uses only what stands before it.
const SCRIPTS: [&str; 6] = [
    include_str!("assets/api.js"),
    include_str!("assets/script.js"),
    include_str!("assets/bench.js"),
    include_str!("assets/editor.js"),
    include_str!("assets/campaign.js"),
    include_str!("assets/app.js"),
];

pub(super) async fn page() -> Html<&'static str> {
    Html(PAGE)
}

pub(super) async fn script() -> Response {
    let text = live::EXPLORER.concat() + &SCRIPTS.concat();
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response()
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], format!("{}{STYLE}", live::STYLE)).into_response()
}

/// A scenario as the page offers it.
#[derive(Serialize)]
pub(super) struct OfferedScenario {
    name: String,
    about: String,
    parameters: Vec<OfferedParameter>,
    guardrails: Vec<OfferedGuardrail>,
    /// The number of runs that its goals need.
    seeds: u64,
}

#[derive(Serialize)]
struct OfferedParameter {
    name: &'static str,
    about: &'static str,
    /// The default first.
    values: Vec<&'static str>,
}

#[derive(Serialize)]
struct OfferedGuardrail {
    name: String,
    system: String,
    about: String,
    forms: Vec<OfferedForm>,
}

#[derive(Serialize)]
struct OfferedForm {
    name: String,
    about: String,
}

/// Returns the scenarios of a catalogue.
///
/// # Errors
/// If the design of one cannot be built.
pub(super) fn scenarios(catalogue: &Catalogue) -> Result<Vec<OfferedScenario>, Refusal> {
    catalogue.entries().iter().map(scenario).collect()
}

fn scenario(entry: &Entry) -> Result<OfferedScenario, Refusal> {
    let runner = entry.runner(&[]).map_err(Refusal::input)?;
    let parameters = runner.parameters().iter().map(|parameter| {
        let small = parameter.small.iter().filter(|value| !parameter.values.contains(value));
        let values = parameter.values.iter().chain(small).copied().collect();
        OfferedParameter { name: parameter.name, about: parameter.about, values }
    });
    Ok(OfferedScenario {
        name: entry.name.clone(),
        about: entry.about.clone(),
        parameters: parameters.collect(),
        guardrails: entry.guardrails.iter().map(guardrail).collect(),
        seeds: runner.goals().iter().map(|goal| entry.need(goal)).max().unwrap_or(crate::entry::LEAST_NEED),
    })
}

fn guardrail(guardrail: &Guardrail) -> OfferedGuardrail {
    let form = |name: String, about: &str| OfferedForm { name, about: about.to_owned() };
    let mut forms: Vec<OfferedForm> =
        guardrail.forms().map(|(name, naive)| form(name, &naive.about)).collect();
    if forms.is_empty() {
        forms.push(form(guardrail.name.clone(), "it is missing"));
    }
    let (name, system, about) = (guardrail.name.clone(), guardrail.system.clone(), guardrail.about.clone());
    OfferedGuardrail { name, system, about, forms }
}
