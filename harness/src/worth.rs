//! What the verdict of a search is worth: until when faults were possible, how many choices were met, and whether a sample
//! of the runs was the same when it was made again.

use crate::quiet;
use shakedown_reports::{EndReason, Fact, clock};
use shakedown_sim::judge::PROCESS_SURVIVES;
use shakedown_sim::search::{Campaign, Tally};
use shakedown_sim::{Plan, Rehearse, Script, Variant, small_variants};
use std::ops::Range;

/// Returns what the totals of a search say about it.
pub(crate) fn facts(tally: &Tally) -> Vec<Fact> {
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text };
    let heals = tally.heals - shakedown_sim::Moment::START;
    let before = tally.events_before_heal * 100 / tally.events.max(1);
    vec![
        fact(
            "faults",
            format!(
                "possible until {} of each run, in which {before} % of its events come",
                clock::span(heals)
            ),
        ),
        fact(
            "choices",
            format!(
                "{} met, {} of them deviated",
                clock::count(tally.choices),
                clock::count(tally.deviations)
            ),
        ),
    ]
}

/// Returns what a search says when its sample was made again.
pub(crate) fn repeated(runs: usize, is_equal: bool) -> Fact {
    let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let text = if is_equal {
        format!("{runs} made again in another process: equal")
    } else {
        format!("{runs} made again in another process: DIFFERENT, so the result cannot be trusted")
    };
    Fact { label: "repeated".to_owned(), text }
}

/// Returns why a search of this scenario shows little or nothing, if it does: some small variant's happy path must offer a
/// choice that can deviate, and each must do most of its work while faults are possible.
pub(crate) fn weakness(runner: &mut dyn Rehearse) -> Option<EndReason> {
    let (mut has_choices, mut is_undisturbed) = (false, false);
    for variant in small_variants(runner.parameters(), &Variant::default()) {
        let happy = Script { variant, ..runner.happy(0) };
        let outcome = quiet::running(|| runner.run(Plan::Script(&happy)));
        runner.each_offer(&mut |_, alternatives| has_choices |= alternatives.deviations() > 0);
        is_undisturbed |= outcome.is_mostly_undisturbed();
    }
    match (has_choices, is_undisturbed) {
        (false, _) => Some(EndReason::Trivial),
        (true, true) => Some(EndReason::Undisturbed),
        (true, false) => None,
    }
}

/// Runs of a sample that are chosen at random.
const RANDOM: u64 = 3;

/// Returns a sample of a campaign's runs, as scripts: the first, some at random, and all that failed.
pub(crate) fn sample_of_campaign(runner: &mut dyn Rehearse, campaign: &Campaign) -> Vec<Script> {
    let mut seeds = spread(campaign.seeds.clone());
    seeds.extend(campaign.failing.iter().map(|run| run.seed));
    seeds.sort_unstable();
    seeds.dedup();
    let scripts = seeds.into_iter().filter_map(|seed| script_of(runner, campaign.plan(seed)));
    scripts.collect()
}

/// Returns the first number of a range and some others of it, which are the same each time.
pub(crate) fn spread(range: Range<u64>) -> Vec<u64> {
    let length = range.end.saturating_sub(range.start);
    // Multiples of the golden ratio are spread evenly over any range.
    let part =
        |number: u64| (u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) * u128::from(length)) >> 64;
    let mut all: Vec<u64> = (0..=RANDOM).map(|number| range.start + part(number) as u64).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(length.min(RANDOM + 1) as usize);
    all
}

/// Makes a run and returns its script; none if it would end the process that makes it again.
pub(crate) fn script_of(runner: &mut dyn Rehearse, plan: Plan<'_>) -> Option<Script> {
    let outcome = quiet::running(|| runner.run(plan));
    let is_fatal = outcome
        .violations
        .iter()
        .any(|one| one.invariant == PROCESS_SURVIVES.0 || one.roles == "thread-panic");
    (!is_fatal).then(|| runner.script())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_the_range_and_holds_its_first() {
        assert_eq!(spread(0..0), [0; 0]);
        assert_eq!(spread(7..8), [7]);
        assert_eq!(spread(100..1_100), [100, 336, 718, 954]);
        let last = spread(u64::MAX - 2..u64::MAX);
        assert!(last.len() <= 2 && last[0] == u64::MAX - 2, "{last:?}");
    }
}
