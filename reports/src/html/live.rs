//! Parts of the page for a server that shows runs as they are made: the same markup, style and scripts as a report's.

use super::article::{self, RunView};
use super::escape::Text;
use super::pair::{self, Side};
use super::summary;
use crate::comparison::{Comparison, compare};
use crate::records::{FailureContext, Finding};
use shakedown_sim::Trace;
use shakedown_sim::search::Failure;

/// The style sheet.
pub const STYLE: &str = super::STYLE;

/// The scripts that define `Explorer`, which mounts into the article of a run.
pub const EXPLORER: [&str; 3] = super::EXPLORER;

/// Writes the article of a run. `failures` are those of the run itself, in order, and `context` is that of the first.
///
/// ```
/// use shakedown_reports::html::live;
/// # use shakedown_sim::{Limits, Script, Trace};
/// let script: Script = "scenario till".parse().expect("a script");
/// let trace = Trace { script, seed: None, limits: Limits::default(), digest: String::new(), steps: vec![], violations: vec![] };
/// let article = live::run(&trace, &[], &Default::default());
/// assert!(article.starts_with("<article class=\"run\""));
/// assert!(article.contains("shakedown run till"));
/// ```
pub fn run(trace: &Trace, failures: &[Failure], context: &FailureContext) -> String {
    let failure = failures.first();
    let also = failures.iter().skip(1).map(|failure| &failure.violation).collect();
    let command = Some(context.program.run(&trace.script));
    article::article(&RunView { trace, failure, also, command, context }, 1)
}

/// Both sides of a comparison show at most so many steps that they share.
const SHARED_MAX: usize = 200;

/// A side names at most so many violations.
const MESSAGES_MAX: usize = 3;

/// One of two runs to compare.
pub struct Compared<'a> {
    /// What its column is called.
    pub heading: &'a str,
    /// The run.
    pub trace: &'a Trace,
    /// The steps that tell its failure; none if it holds.
    pub slice: &'a [u32],
}

impl Compared<'_> {
    fn side(&self) -> Side<'_> {
        let (heading, violations) = (self.heading, &self.trace.violations);
        let messages: Vec<&str> = violations.iter().map(|violation| violation.message.as_str()).collect();
        let end = match messages.len() {
            0 => "No invariant is violated.".to_owned(),
            many if many > MESSAGES_MAX => {
                format!("{}; and {} more", messages[..MESSAGES_MAX].join("; "), many - MESSAGES_MAX)
            }
            _ => messages.join("; "),
        };
        Side { heading, holds: violations.is_empty(), end }
    }
}

/// Writes two runs side by side, with the first difference. The run that fails decides whose steps are compared: those of the
/// entities in its story.
pub fn beside(left: &Compared<'_>, right: &Compared<'_>) -> String {
    let mut comparison = if left.slice.is_empty() && !right.slice.is_empty() {
        let Comparison { shared, left: of_right, right: of_left } =
            compare(right.trace, right.slice, left.trace);
        Comparison { shared, left: of_left, right: of_right }
    } else {
        compare(left.trace, left.slice, right.trace)
    };
    comparison.shared.drain(..comparison.shared.len().saturating_sub(SHARED_MAX));
    pair::pair(&comparison, &left.side(), &right.side())
}

/// Writes findings by their cause. `address` returns where the run of a finding is shown.
pub fn findings(findings: &[Finding], address: &dyn Fn(&Finding) -> String) -> String {
    summary::findings(findings, &|finding| Some(address(finding)))
}

/// Returns text as markup that shows it literally, in an element or a quoted attribute.
///
/// ```
/// assert_eq!(shakedown_reports::html::live::text("a < b"), "a &lt; b");
/// ```
pub fn text(text: &str) -> String {
    Text(text).to_string()
}
