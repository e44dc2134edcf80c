//! Reports: from the records that runs and campaigns leave behind to text that people and machines read.
//!
//! Pure functions of finished records: no file, terminal, clock or environment is touched here, and nothing
//! here knows what is simulated. Whoever calls decides where a text goes and how wide and coloured it may be.
//!
//! Modules in reading order: [`records`] (what there is to report), [`clock`] and [`layout`] (how moments and
//! columns are written), [`story`] (which steps tell a failure, and why each happened), [`likely`] (where it was
//! lost), [`knowledge`] (who had not heard of what), [`comparison`] (where two runs part), and one module for each
//! form: [`terminal`], [`json`], [`markdown`], [`mermaid`], [`html`], [`junit`], [`github`], [`chrome`], [`shiviz`];
//! [`certificate`] (the record of an exhaustive search) and [`matrix`] (what breaks without which guardrail), in
//! each form.

pub mod certificate;
pub mod chrome;
pub mod clock;
pub mod comparison;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod knowledge;
pub mod layout;
pub mod likely;
pub mod markdown;
pub mod matrix;
pub mod mermaid;
pub mod records;
pub mod shiviz;
pub mod story;
pub mod terminal;

pub use certificate::Certificate;
pub use layout::Style;
pub use records::{
    Beside, Canary, Ending, Finding, Finished, GoalTally, Holding, Listed, PutBack, Search, Setting, Verdict,
};
