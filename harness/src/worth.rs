//! What the verdict of a search is worth: until when faults were possible, how many choices were met, and whether a sample
//! of the runs was the same when it was made again.

use crate::campaign::Strategy;
use crate::quiet;
use shakedown_reports::records::is_fatal;
use shakedown_reports::{EndReason, Fact, clock};
use shakedown_sim::search::{Campaign, Tally, with_fixed};
use shakedown_sim::{Plan, Rehearse, Script, Variant};
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
                "possible in the first {} of each run, in which {before} % of its events come",
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

/// The number of sites and of alternatives that each fact lists.
const LISTED_MAX: usize = 8;

/// Returns which choices a campaign met, and which faults happened and which did not. A campaign that ended at a failing
/// run has counted later runs, too, and lists nothing.
pub(crate) fn choices_met(campaign: &Campaign, end_reason: EndReason) -> Vec<Fact> {
    let sites = &campaign.sites;
    if sites.is_empty() || end_reason == EndReason::MaxFail {
        return Vec::new();
    }
    let fact = |label: &str, text: String| Fact { label: label.to_owned(), text };
    let alternatives = sites.0.iter().flat_map(|(site, met)| {
        met.taken.iter().skip(1).map(move |(alternative, times)| (format!("{site} = {alternative}"), *times))
    });
    let (mut happened, never): (Vec<_>, Vec<_>) = alternatives.partition(|(_, times)| *times > 0);
    happened.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let all = happened.len() + never.len();
    let times = happened.iter().map(|(what, times)| format!("{what} ({})", clock::count(*times)));
    let mut facts = vec![
        fact("sites", format!("{} met: {}", sites.0.len(), listed(sites.0.keys().cloned()))),
        fact("happened", format!("{} of {all} alternatives: {}", happened.len(), listed(times))),
    ];
    if !never.is_empty() {
        let names = never.iter().map(|(what, _)| what.clone());
        facts.push(fact("never", format!("{} of {all} alternatives: {}", never.len(), listed(names))));
    }
    facts
}

/// Returns the first names, and the number of the others.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(LISTED_MAX);
    let mut text = names.take(LISTED_MAX).collect::<Vec<_>>().join(", ");
    match (text.is_empty(), more) {
        (true, _) => "none".clone_into(&mut text),
        (false, 0) => {}
        (false, more) => text += &format!(", and {more} more"),
    }
    text
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

/// Returns why a search over these variants shows little or nothing, if it does: the happy path of one must offer a choice
/// that can deviate, and each must do most of its work while faults are possible.
pub(crate) fn weakness(runner: &mut dyn Rehearse, variants: Vec<Variant>) -> Option<EndReason> {
    let (mut has_choices, mut is_undisturbed) = (false, false);
    for variant in variants {
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

/// Returns a sample of a campaign's runs, as scripts: the first, some at random, and all that failed. The runs have
/// these `fixed` parameters.
pub(crate) fn sample_of_campaign(
    runner: &mut dyn Rehearse,
    campaign: &Campaign,
    fixed: Option<&Variant>,
    strategy: Strategy,
) -> Vec<Script> {
    let mut seeds = campaign.seeds.clone();
    seeds.end = seeds.end.min(seeds.start.saturating_add(strategy.seeds_first()));
    let failing: Vec<u64> = campaign.failing.iter().map(|run| run.seed).collect();
    let mut seeds = spread(seeds);
    seeds.extend(&failing);
    seeds.sort_unstable();
    seeds.dedup();
    let scripts = seeds.into_iter().filter_map(|seed| match fixed {
        Some(fixed) if !failing.contains(&seed) => {
            let script = with_fixed(runner.happy(seed), fixed);
            script_of(runner, Plan::drawn_from(&script, seed, campaign.profile))
        }
        _ => script_of(runner, campaign.plan(seed)),
    });
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
    let is_fatal = outcome.violations.iter().any(is_fatal);
    (!is_fatal).then(|| runner.script())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;
    use shakedown_sim::search::explore_variant;
    use shakedown_sim::{Profile, Runner};

    #[test]
    fn a_sample_holds_runs_of_the_campaign_also_if_parameters_are_fixed() {
        let runner = &mut Runner::new(Draws::OfVariant);
        let fixed: Variant = "coins=6".parse().expect("a variant");
        let profile = Profile::STORM.with_task_order();
        let campaign = explore_variant(runner, (profile, &fixed), 0..64, usize::MAX);
        let sample = sample_of_campaign(runner, &campaign, Some(&fixed), Strategy::Seeds);
        assert_eq!(sample.len(), 4);
        for (seed, script) in spread(0..64).into_iter().zip(sample) {
            assert_eq!(script.variant.get("coins"), Some("6"), "{script}");
            explore_variant(runner, (profile, &fixed), seed..seed + 1, usize::MAX);
            assert_eq!(runner.script(), script, "seed {seed}");
        }
    }

    #[test]
    fn a_sample_is_spread_over_the_range_and_holds_its_first() {
        assert_eq!(spread(0..0), [0; 0]);
        assert_eq!(spread(7..8), [7]);
        assert_eq!(spread(100..1_100), [100, 336, 718, 954]);
        let last = spread(u64::MAX - 2..u64::MAX);
        assert!(last.len() <= 2 && last[0] == u64::MAX - 2, "{last:?}");
    }
}
