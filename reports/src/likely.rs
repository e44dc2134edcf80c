//! The likelihood of a failure along its run, as a plot: it shows where the failure became likely.

use crate::layout::{Style, pad, width};
use shakedown_sim::search::{Likelihood, likelihood::Point};
use std::fmt::Write as _;

/// The columns of a full bar.
const BAR: usize = 20;
/// A point is shown if the likelihood has changed by this many percent since the last one shown.
const STEP: u32 = 10;

/// Writes a line for the beginning, for each choice that deviated or changed the likelihood, and for the end.
pub fn plot(style: Style, likely: &Likelihood) -> String {
    let heading = format!("likelihood of this failure, of {} continuations each", likely.continuations);
    let mut out = format!("\n  {}\n", style.strong(&heading));
    let turning = likely.turning_point();
    let lines: Vec<(&Point, String)> =
        shown(likely).into_iter().map(|point| (point, label(likely, point))).collect();
    let columns = lines.iter().map(|(_, label)| width(label)).max().unwrap_or(0);
    for (point, label) in lines {
        let percent = likely.percent(point);
        let bar = "#".repeat(percent as usize * BAR / 100);
        let mark = if turning == Some(point) { "  turning point" } else { "" };
        let line = format!("    {percent:>3} %  {}  {}{mark}", pad(&bar, BAR), pad(&label, columns));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn shown(likely: &Likelihood) -> Vec<&Point> {
    let mut shown: Vec<&Point> = Vec::new();
    for point in &likely.points {
        let moved = |last: &&Point| likely.percent(last).abs_diff(likely.percent(point)) >= STEP;
        if point.deviation.is_some() || shown.last().is_none_or(moved) {
            shown.push(point);
        }
    }
    let end = likely.points.last().filter(|end| shown.last() != Some(end));
    shown.extend(end);
    shown
}

fn label(likely: &Likelihood, point: &Point) -> String {
    match (&point.last, &point.deviation) {
        (None, _) => "at the beginning".to_owned(),
        (Some(choice), Some(taken)) => format!("after {choice} = {taken}"),
        (Some(_), None) if likely.points.last() == Some(point) => {
            format!("at the end, after {} choices", point.choices)
        }
        (Some(choice), None) => format!("after {choice}"),
    }
}
