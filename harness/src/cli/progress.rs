//! Progress on stderr: a bar on a terminal, elsewhere a line at every twentieth or half minute.

use super::output::remark;
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
    /// Elsewhere.
    Lines(Lines),
}

/// Lines, seldom.
pub(super) struct Lines {
    name: String,
    total: u64,
    /// Runs that were there before this began: they say nothing of how fast it is.
    before: u64,
    began: Instant,
    last: Instant,
    steps: u64,
}

const LINE_EVERY: Duration = Duration::from_secs(30);
const STEPS: u64 = 20;
/// What is over sooner than this needs no lines.
const SILENT_FIRST: Duration = Duration::from_secs(2);

impl Progress {
    /// Begins to show the progress of `total` runs.
    pub(super) fn begin(name: &str, total: u64) -> Self {
        Self::resume(name, 0, total)
    }

    /// The same if `before` of these runs were made at another time.
    pub(super) fn resume(name: &str, before: u64, total: u64) -> Self {
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(total).with_position(before).with_finish(ProgressFinish::AndClear);
            bar.reset_eta();
            // What does not fit is cut at the end of the line, never wrapped.
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
        Self::Lines(Lines { name: name.to_owned(), total, before, began: now, last: now, steps })
    }

    /// Shows how far the campaign is.
    pub(super) fn show(&mut self, campaign: &Campaign) {
        self.show_runs(campaign.tally.runs, &standing(campaign));
    }

    /// Shows how many runs were made, and how it stands.
    pub(super) fn show_runs(&mut self, runs: u64, standing: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(runs);
                bar.set_message(standing.to_owned());
            }
            Self::Lines(lines) => lines.show(runs, standing),
        }
    }

    /// Takes the bar away; so does dropping it, if nobody comes to say so.
    pub(super) fn end(self) {}
}

impl Lines {
    fn show(&mut self, runs: u64, standing: &str) {
        let steps = runs * STEPS / self.total.max(1);
        let due = steps > self.steps || self.last.elapsed() >= LINE_EVERY;
        let elapsed = self.began.elapsed();
        if !due || elapsed < SILENT_FIRST {
            return;
        }
        (self.steps, self.last) = (steps, Instant::now());
        let rate = (runs.saturating_sub(self.before) as f64 / elapsed.as_secs_f64()) as u64;
        let left = Duration::from_secs(self.total.saturating_sub(runs) / rate.max(1));
        remark(&format!(
            "{}: {} % of {} runs, {}/s, {} left{}{standing}",
            self.name,
            runs * 100 / self.total.max(1),
            clock::count(self.total),
            clock::count(rate),
            clock::span(left),
            if standing.is_empty() { "" } else { "; " }
        ));
    }
}

fn standing(campaign: &Campaign) -> String {
    let goals = &campaign.tally.goals;
    let reached = goals.iter().filter(|runs| **runs > 0).count();
    format!("{} failing, {reached} of {} goals reached", campaign.failing.len(), goals.len())
}
