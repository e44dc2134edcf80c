//! Bounded exhaustive search, on a scenario whose scripts can be counted by hand.

use crate::rig::{Rig, Said, SaidOnce, say};
use crate::shop::Shop;
use shakedown_sim::search::{self, Bounded, Estimate};
use shakedown_sim::*;

const COIN: Alternatives = Alternatives::new(&["heads", "tails"]);
const DIE: Alternatives = Alternatives::new(&["one", "two", "three"]);

fn draw(env: &Env, point: &'static str, of: &Alternatives) -> usize {
    env.choose(Site::new("game".into(), point.into()), of).index()
}

/// A coin, a die, and after tails a second coin: 1 + 1 + 2 scripts without a second coin, and after tails also one
/// with it alone, and two with the die in between.
fn game(loses: impl Fn(usize, usize, usize) -> bool + Copy + 'static) -> Rig {
    Rig::new(move |stage| {
        let facts = stage.facts().clone();
        let player = stage.node(Role::outside("player".into()), |_| {});
        player.clone().spawn(async move {
            let coin = draw(&player, "coin", &COIN);
            let die = draw(&player, "die", &DIE);
            let again = if coin == 1 { draw(&player, "again", &COIN) } else { 0 };
            say(&facts, &player, "plays");
            if loses(coin, die, again) {
                say(&facts, &player, "plays");
            }
        });
    })
}

fn searched<S: Scenario>(scenario: S, deviations: usize, pruning: bool) -> (Bounded, Runner<S>) {
    let mut runner = Runner::new(scenario);
    let mut search = Bounded::new(vec![runner.variant_of(0)], deviations, pruning);
    search.run(&mut runner);
    (search, runner)
}

fn runs(search: &Bounded) -> Vec<u64> {
    search.depths().iter().map(|depth| depth.tally.runs).collect()
}

/// Returns the first failing script in its written form.
fn failure<S: Scenario>((search, mut runner): (Bounded, Runner<S>)) -> Option<String> {
    let broken = search.broken()?;
    let outcome = runner.run(search.plan(&broken.script));
    assert_eq!(outcome.violations, broken.violations);
    let script = runner.script();
    assert_eq!(runner.run(Plan::Script(&script)), outcome, "by name it is the same run");
    let names = script.deviations.iter().map(|one| format!("{} = {}", one.id.site, one.alternative));
    Some(names.collect::<Vec<_>>().join(", "))
}

#[test]
fn every_script_is_run_once() {
    let (search, _) = searched(game(|_, _, _| false), 4, false);
    // The happy path; tails, two, three; tails with two, three or tails again; tails, two or three, and tails again.
    assert_eq!(runs(&search), [1, 3, 3, 2, 0]);
    assert_eq!(search.sites().keys().collect::<Vec<_>>(), ["game/again", "game/coin", "game/die"]);
    assert_eq!(search.sites()["game/die"], ["one", "two", "three"]);
}

#[test]
fn the_first_failure_is_the_least_one() {
    let first = |loses: fn(usize, usize, usize) -> bool| failure(searched(game(loses), 3, true));
    assert_eq!(first(|_, _, _| true).as_deref(), Some(""));
    assert_eq!(first(|coin, die, _| coin + die >= 2).as_deref(), Some("game/die = three"));
    let both = "game/coin = tails, game/again = tails";
    assert_eq!(first(|_, _, again| again == 1).as_deref(), Some(both));
    assert_eq!(
        first(|_, die, again| die == 2 && again == 1).map(|script| script.len() > both.len()),
        Some(true)
    );
    assert_eq!(first(|_, die, _| die == 3), None);
}

#[test]
fn the_number_of_scripts_is_estimated_before_they_are_run() {
    fn check<S: Scenario>(scenario: impl Fn() -> S, deviations: usize, probes: u32, within: f64) {
        let (search, mut runner) = searched(scenario(), deviations, false);
        let mut estimated = || search::estimate(&mut runner, &search, probes);
        let Estimate { scripts: estimates, .. } = estimated();
        for (estimated, counted) in estimates.iter().zip(runs(&search)) {
            let off = (estimated - counted as f64).abs() / (counted as f64).max(1.0);
            assert!(off <= within, "estimated {estimates:?}, counted {:?}", runs(&search));
        }
        assert_eq!(estimates, estimated().scripts, "it is the same twice");
    }
    check(|| game(|_, _, _| false), 4, 3_000, 0.05);
    check(|| Careful(Shop::default()), 1, 1, 0.0);
    check(|| Careful(Shop::default()), 2, 200, 0.1);
}

/// States a fact when it is dropped.
struct Parting(Env, Facts<Said>);

impl Drop for Parting {
    fn drop(&mut self) {
        say(&self.1, &self.0, format!("leaves {}", self.0.scope_path()));
    }
}

fn frail() -> Rig {
    worker(false)
}

/// A node that may go down before and after no effect, then at one effect of each kind, in order; its destructor
/// states a fact if `polite`.
fn worker(polite: bool) -> Rig {
    const FRAIL: CrashProfile = CrashProfile {
        before: &[CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(5))],
        after: &[CrashFault::Crash],
        ..CrashProfile::NEVER
    };
    Rig::new(move |stage| {
        let facts = stage.facts().clone();
        stage.node(Role::new("worker".into(), &FRAIL), move |env| {
            let (env, facts) = (env.child("life"), facts.clone());
            env.clone().spawn(async move {
                let _parting = polite.then(|| Parting(env.clone(), facts.clone()));
                env.crash_point(Side::After, "dreams").await;
                env.crash_point(Side::Before, "wakes").await;
                say(&facts, &env, format!("wakes in {}", env.scope_path()));
                env.crash_point(Side::After, "wakes").await;
                env.sleep(Duration::from_secs(1)).await;
                env.crash_point(Side::Before, "leaves").await;
            });
        });
    })
}

#[test]
fn going_down_here_or_there_is_the_same_if_nothing_lies_between() {
    let check = |polite: bool, pruned: u64| {
        let (search, _) = searched(worker(polite), 1, true);
        assert_eq!((runs(&search)[1], search.depths()[1].pruned), (8, 0), "nothing continues the last layer");
        let (search, _) = searched(worker(polite), 2, true);
        assert_eq!(search.depths()[1].pruned, pruned);
        let (whole, _) = searched(worker(polite), 2, false);
        assert_eq!(runs(&whole)[2] - runs(&search)[2], search.depths()[1].spared);
    };
    // A crash after the dream is equivalent to one before the wake-up; a crash after the wake-up is not, nor is one a
    // second later.
    check(true, 1);
    // So is a shutdown, before the wake-up and before the end, if no destructor states a fact.
    check(false, 3);
}

#[test]
fn pruning_changes_no_verdict() {
    fn check<S: Scenario>(scenario: impl Fn() -> S, deviations: usize) {
        let (pruned, whole) =
            (searched(scenario(), deviations, true), searched(scenario(), deviations, false));
        let saved = |search: &Bounded| search.depths().iter().map(|depth| depth.spared).sum::<u64>();
        assert!(saved(&whole.0) == 0 && runs(&pruned.0).iter().sum::<u64>() <= runs(&whole.0).iter().sum());
        assert_eq!(failure(pruned), failure(whole));
    }
    check(frail, 3);
    check(|| worker(true), 3);
    check(|| game(|coin, die, again| coin + die + again == 4), 3);
    check(Shop::default, 1);
    check(Shop::default, 2);
    check(|| Careful(Shop::default()), 2);
}

/// The shop, judged by the harness only.
struct Careful(Shop);

impl Scenario for Careful {
    type Fact = Said;
    fn name(&self) -> &str {
        "careful"
    }
    fn parameters(&self) -> &[Parameter] {
        self.0.parameters()
    }
    fn horizon(&self, variant: &Variant) -> Horizon {
        self.0.horizon(variant)
    }
    fn build(&self, stage: &Stage<Said>) {
        self.0.build(stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Said>>> {
        Vec::<SaidOnce>::new().into_iter().map(|one| Box::new(one) as Box<dyn Invariant<Said>>).collect()
    }
}
