//! Progress on stderr: a bar on a terminal; elsewhere a first line after two seconds, then one line for each twentieth
//! of the runs or each half minute.

use super::output::print_note;
use crate::supervision;
use indicatif::{ProgressBar, ProgressFinish, ProgressState, ProgressStyle};
use shakedown_reports::clock;
use shakedown_sim::search::Campaign;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The progress of one campaign.
pub(super) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Where stderr is not a terminal.
    Lines(Lines),
    /// While runs are repeated only to find the one that ends the process.
    Hidden,
}

/// Progress as lines of text.
pub(super) struct Lines {
    name: String,
    total: u64,
    /// Runs of an earlier process. The rate does not count them.
    before: u64,
    began: Instant,
    /// When the last line was printed; `None` before the first.
    last: Option<Instant>,
    steps: u64,
}

const LINE_EVERY: Duration = Duration::from_secs(30);
const STEPS: u64 = 20;
/// A command that ends sooner prints no line.
const FIRST_LINE_AFTER: Duration = Duration::from_secs(2);

impl Progress {
    /// Starts to show the progress of `total` runs.
    pub(super) fn begin(name: &str, total: u64) -> Self {
        Self::resume(name, 0, total)
    }

    /// Starts to show the progress of `total` runs, of which an earlier process has made `before`.
    pub(super) fn resume(name: &str, before: u64, total: u64) -> Self {
        if !supervision::shows_progress() {
            return Self::Hidden;
        }
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(total).with_position(before).with_finish(ProgressFinish::AndClear);
            bar.reset_eta();
            // indicatif truncates `wide_msg` at the end of the line, so the bar never wraps.
            let form = "{prefix} [{bar:16}] {human_pos}/{human_len}, {rate}/s, {eta} left  {wide_msg}";
            let style = ProgressStyle::with_template(form).expect("the template is valid");
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{}", clock::count(state.per_sec() as u64));
            };
            bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
            bar.set_prefix(name.to_owned());
            return Self::Bar(bar);
        }
        let now = Instant::now();
        let steps = before * STEPS / total.max(1);
        Self::Lines(Lines { name: name.to_owned(), total, before, began: now, last: None, steps })
    }

    /// Shows the progress of a campaign.
    pub(super) fn show(&mut self, campaign: &Campaign) {
        self.show_runs(campaign.tally.runs, &summary(campaign));
    }

    /// Shows the number of runs and the intermediate result.
    pub(super) fn show_runs(&mut self, runs: u64, summary: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(runs);
                bar.set_message(summary.to_owned());
            }
            Self::Lines(lines) => lines.show(runs, summary),
            Self::Hidden => {}
        }
    }

    /// Removes the bar. Dropping the progress has the same effect.
    pub(super) fn end(self) {}
}

impl Lines {
    fn show(&mut self, runs: u64, summary: &str) {
        let steps = runs * STEPS / self.total.max(1);
        let due = steps > self.steps || self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        let elapsed = self.began.elapsed();
        if !due || elapsed < FIRST_LINE_AFTER {
            return;
        }
        (self.steps, self.last) = (steps, Some(Instant::now()));
        let rate = (runs.saturating_sub(self.before) as f64 / elapsed.as_secs_f64()) as u64;
        let left = Duration::from_secs(self.total.saturating_sub(runs) / rate.max(1));
        print_note(&format!(
            "{}: {} % of {} runs, {}/s, {} left{}{summary}",
            self.name,
            runs * 100 / self.total.max(1),
            clock::count(self.total),
            clock::count(rate),
            clock::span(left),
            if summary.is_empty() { "" } else { "; " }
        ));
    }
}

fn summary(campaign: &Campaign) -> String {
    let goals = &campaign.tally.goals;
    let reached = goals.iter().filter(|runs| **runs > 0).count();
    format!("{} failing, {reached} of {} goals reached", campaign.failing.len(), goals.len())
}
