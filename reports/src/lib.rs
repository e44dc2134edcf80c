//! Reports: convert the records of runs and campaigns into text for people and programs.
//!
//! All functions are pure functions of finished records: no code here uses a file, a terminal, a clock or the
//! environment, and none knows the simulated domain. The caller decides where a text goes, its width and its colour.
//!
//! Modules in reading order: [`records`] (the input of reports), `as_text` (the text form of some values in traces), [`printable`] (makes text of a
//! model harmless), [`clock`] and [`layout`] (times and columns), [`groups`] and [`counts`] (findings by their cause, and their numbers), [`story`]
//! (the steps that explain a failure, and the reason of each), [`likely`] (where the failure became likely), [`knowledge`] (facts that a node could
//! not know), [`comparison`] (differences of two runs), [`commands`] (commands to paste), and one module for each form: [`terminal`], [`json`],
//! [`markdown`], [`mermaid`], [`html`], [`junit`], [`github`], [`chrome`], [`shiviz`]; [`certificate`] (the record of an exhaustive search) and
//! [`matrix`] (the failures without each guardrail) have all forms.

mod as_text;
pub mod certificate;
pub mod chrome;
pub mod clock;
pub mod commands;
pub mod comparison;
pub mod counts;
pub mod github;
pub mod groups;
pub mod html;
pub mod json;
pub mod junit;
pub mod knowledge;
pub mod layout;
pub mod likely;
pub mod markdown;
pub mod matrix;
pub mod mermaid;
pub mod printable;
pub mod records;
pub mod shiviz;
pub mod story;
pub mod terminal;

pub use certificate::Certificate;
pub use commands::Program;
pub use layout::Style;
pub use records::{
    CampaignResult, Canary, EndReason, Fact, FailureContext, Finding, GoalTally, ListedScenario, PassingRun,
    RestoredGuardrail, Search, Setting, Verdict,
};
