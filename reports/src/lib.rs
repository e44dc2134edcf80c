//! Reports: from the records of runs and campaigns to text that people and machines read.
//!
//! Pure functions of finished records: nothing here touches a file, a terminal, a clock or the environment, and
//! nothing knows what is simulated. The caller decides where a text goes and how wide and coloured it may be.
//!
//! Modules in reading order: [`records`] (what there is to report), `as_text` (how traces hold some of it), [`printable`] (text of a model made harmless),
//! [`clock`] and [`layout`] (how times and columns are written), [`groups`] and [`counts`] (findings by their cause, and how many),
//! [`story`] (which steps explain a failure, and why
//! each happened), [`likely`] (where the failure became likely), [`knowledge`] (what a node could not know),
//! [`comparison`] (where two runs differ), [`commands`] (what a reader pastes), and one module for each form: [`terminal`], [`json`], [`markdown`],
//! [`mermaid`], [`html`], [`junit`], [`github`], [`chrome`], [`shiviz`]; [`certificate`] (the record of an exhaustive
//! search) and [`matrix`] (what fails without which guardrail) have all forms.

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
