//! The time until which faults are possible, and a run's counts of its choices.

use crate::rig::{Rig, Said, say, script, seconds};
use shakedown_sim::search::explore;
use shakedown_sim::*;

const FRAIL: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };
const TOSS: Alternatives = Alternatives::new(&["heads", "tails"]);

/// A player that tosses a coin at these times, in seconds, and states twice that it fell on tails.
fn tosses(at: &'static [u64]) -> Rig {
    Rig::new(move |stage| {
        let (facts, player) = (stage.facts().clone(), stage.node(Role::outside("player".into()), |_| {}));
        player.clone().spawn(async move {
            for at in at {
                player.sleep_until(Moment::START + seconds(*at)).await;
                let toss = player.child("toss");
                if !toss.choose(Site::new("coin".into(), "side".into()), &TOSS).is_benign() {
                    (0..2).for_each(|_| say(&facts, &toss, format!("tails at {at}")));
                }
                player.note(|| "tosses a coin".to_owned());
            }
        });
    })
}

fn happy(rig: Rig) -> Outcome {
    Runner::new(rig).run(Plan::Script(&script("")))
}

#[test]
fn by_default_faults_are_possible_as_long_as_the_workload_lasts() {
    let outcome = happy(tosses(&[75]).after_workload());
    assert!(outcome.heals > Moment::START + seconds(75), "{}", outcome.heals);
    assert_eq!(outcome.choices, ChoiceCounts { offered: 1, alternatives: 1, deviations: 0 });
    assert!(!outcome.is_mostly_undisturbed());
    let mut runner = Runner::new(tosses(&[75]).after_workload());
    assert_eq!(explore(&mut runner, 0..100, 1).failing.len(), 1, "a fault at 75 s is found");
}

#[test]
fn a_short_workload_heals_after_a_minute_and_an_endless_one_does_too() {
    assert_eq!(happy(tosses(&[5]).after_workload()).heals, Moment::START + seconds(60));
    let endless = Rig::new(|stage| {
        let env = stage.node(Role::outside("clock".into()), |_| {});
        env.clone().spawn(async move {
            loop {
                env.sleep(seconds(1)).await;
            }
        });
    });
    let outcome = happy(endless.after_workload());
    assert_eq!(outcome.heals, Moment::START + seconds(60));
    assert_eq!(outcome.violations[0].invariant, "comes-to-rest");
}

#[test]
fn a_recorded_run_is_the_same_though_the_workload_is_measured_first() {
    let plain = happy(tosses(&[75]).after_workload());
    let (recorded, trace) = Runner::new(tosses(&[75]).after_workload()).record(Plan::Script(&script("")));
    assert_eq!(recorded, plain);
    assert_eq!(trace.steps.iter().filter(|step| step.text == "tosses a coin").count(), 1);
}

#[test]
fn a_mostly_undisturbed_run_is_reported() {
    let outcome = happy(tosses(&[10, 70, 80, 90]));
    assert_eq!(outcome.heals, Moment::START + seconds(60));
    assert_eq!(outcome.last_activity, Moment::START + seconds(90));
    assert!(outcome.is_mostly_undisturbed(), "{outcome:?}");
    assert!(!happy(tosses(&[10, 20, 30, 90])).is_mostly_undisturbed());
}

#[test]
fn choices_met_and_faults_that_happened_are_counted_by_site() {
    let mut runner = Runner::new(tosses(&[1, 2, 3]));
    let campaign = explore(&mut runner, 0..50, usize::MAX);
    let met = runner.take_sites_met();
    let coin = &met.0["coin/side"];
    assert_eq!((coin.offered, campaign.tally.choices), (150, 150));
    assert_eq!(coin.taken.iter().map(|(_, times)| times).sum::<u64>(), 150);
    assert_eq!(coin.taken[1], ("tails".to_owned(), campaign.tally.deviations));
    assert!(campaign.tally.deviations > 0);
    assert_eq!(met.deviations(), (1, 1));
    assert_eq!(runner.take_sites_met(), SitesMet::default(), "what was taken is not counted again");
}

/// The first node that states a fact is alive whenever another one states a fact, and at rest.
#[derive(Default)]
struct FirstLives(Option<NodeId>);

impl Invariant<Said> for FirstLives {
    fn name(&self) -> &'static str {
        "first-lives"
    }
    fn about(&self) -> &'static str {
        "the node that speaks first is alive whenever another speaks, and at rest"
    }
    fn reset(&mut self) {
        self.0 = None;
    }
    fn observe(&mut self, at: &At<'_>, _: &Said, findings: &mut Findings) {
        let first = *self.0.get_or_insert(at.node);
        if !at.is_alive(first) {
            findings.violated("node", &[at.event], || "it is dead as another speaks".to_owned());
        }
    }
    fn judge_rest(&mut self, rest: &Rest<'_>, findings: &mut Findings) {
        if self.0.is_some_and(|first| !rest.is_alive(first)) {
            findings.violated("node", &[], || "it is dead at rest".to_owned());
        }
    }
}

/// A node that states a fact and may then crash for five seconds, and one that states a fact a second later.
struct Mortal;

impl Scenario for Mortal {
    type Fact = Said;
    fn name(&self) -> &str {
        "rig"
    }
    fn build(&self, stage: &Stage<Said>) {
        let (facts, first) = (stage.facts().clone(), stage.node(Role::new("mortal".into(), &FRAIL), |_| {}));
        first.clone().spawn(async move {
            say(&facts, &first, "lives");
            first.crash_point(Side::Before, "breath").await;
        });
        let (facts, other) = (stage.facts().clone(), stage.node(Role::outside("witness".into()), |_| {}));
        other.clone().spawn(async move {
            other.sleep(seconds(1)).await;
            say(&facts, &other, "watches");
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        vec![Box::<FirstLives>::default()]
    }
}

#[test]
fn judges_can_ask_whether_a_node_is_alive() {
    let broken = |deviations| {
        let outcome = Runner::new(Mortal).run(Plan::Script(&script(deviations)));
        assert_eq!(outcome.unapplied, []);
        outcome.violations.into_iter().map(|one| one.message).collect::<Vec<_>>()
    };
    assert_eq!(broken(""), Vec::<String>::new());
    let crash = "mortal/before breath @ - #1 = crash".to_owned();
    assert_eq!(broken(&crash), ["it is dead as another speaks"], "at rest it is back");
}
