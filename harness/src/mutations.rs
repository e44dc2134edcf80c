//! Tests with mutants: traces, checkpoints and scripts that were changed, then sealed again if they have a seal. No
//! mutant causes a panic, and none leads to a green result that differs from the original.

use crate::certification::{self, LayerRequest, joined};
use crate::checkpoint::{Checkpoint, Identity, SCHEMA, build_of};
use crate::entry::Entry;
use crate::quiet;
use shakedown_reports::{FailureContext, Style, terminal};
use shakedown_sim::judge::invariant;
use shakedown_sim::search::{Bounded, Layer, Verdict, explore, fit, replay, understand};
use shakedown_sim::*;
use std::sync::atomic::AtomicBool;

/// Tosses coins; two tails violate the invariant.
struct Tosses;

#[derive(serde::Serialize)]
struct Fell(bool);

impl Fact for Fell {
    fn sentence(&self) -> String {
        format!("falls on {}", if self.0 { "tails" } else { "heads" })
    }
}

impl Scenario for Tosses {
    type Fact = Fell;
    fn name(&self) -> &str {
        "tosses"
    }
    fn build(&self, stage: &Stage<Fell>) {
        let (table, facts) = (stage.node(Role::outside("table".into()), |_| {}), stage.facts().clone());
        for _ in 0..4 {
            let (hand, facts) = (table.clone().within(stage.entity("coin")), facts.clone());
            table.clone().spawn(async move {
                hand.sleep(Duration::from_millis(5)).await;
                let sides = Alternatives::new(&["heads", "tails", "edge"]);
                let side = hand.choose(Site::new("coin".into(), "side".into()), &sides);
                facts.state(&hand, &Fell(!side.is_benign()));
            });
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fell>>> {
        let few = invariant("few-tails", |tails: &mut Vec<u32>, at, fact: &Fell, findings| {
            if fact.0 {
                tails.push(at.event);
            }
            if tails.len() > 2 {
                findings.violated("coin", tails, || "three coins fall on tails".to_owned());
            }
        });
        vec![few.boxed()]
    }
}

/// The number of mutants of each kind.
const MUTANTS: u64 = 10_000;

/// A random number generator with a fixed seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// Numbers and words that parsers often handle wrongly.
const ODD: [&str; 12] = [
    "0",
    "1",
    "2",
    "4294967295",
    "18446744073709551615",
    "-1",
    "1e99",
    "null",
    "\"\"",
    "[]",
    "tails",
    "\u{202e}",
];

/// Changes one to three places of a text: a character, a number, a word or a line.
fn mutant(text: &str, seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(lines.len());
        let other = dice.below(lines.len());
        match dice.below(8) {
            0 => lines.swap(at, other),
            1 => lines.insert(at, lines[other].clone()),
            2 if lines.len() > 1 => drop(lines.remove(at)),
            3 | 4 => lines[at] = with_other_number(&lines[at], &mut dice),
            _ => lines[at] = with_other_characters(&lines[at], &mut dice),
        }
    }
    lines.concat()
}

fn with_other_number(line: &str, dice: &mut Dice) -> String {
    let is_number = |character: char| character.is_ascii_digit();
    let starts: Vec<usize> = line.match_indices(is_number).map(|(at, _)| at).collect();
    let Some(&start) = starts.get(dice.below(starts.len())) else { return line.to_owned() };
    let end = start + line[start..].find(|character| !is_number(character)).unwrap_or(line.len() - start);
    format!("{}{}{}", &line[..start], ODD[dice.below(ODD.len())], &line[end..])
}

fn with_other_characters(line: &str, dice: &mut Dice) -> String {
    let mut characters: Vec<char> = line.chars().collect();
    let at = dice.below(characters.len().saturating_sub(1));
    match dice.below(4) {
        0 => characters.truncate(at),
        1 => characters.splice(at..at, ODD[dice.below(ODD.len())].chars()).for_each(drop),
        2 => drop(characters.remove(at)),
        _ => characters[at] = char::from(32 + dice.below(95) as u8),
    }
    if characters.last() != Some(&'\n') {
        characters.push('\n');
    }
    characters.into_iter().collect()
}

/// Changes a sealed text and seals it again.
fn sealed_mutant(sealed: &str, seed: u64) -> String {
    let text = seal::open(sealed).expect("it is sealed");
    let changed = mutant(text, seed);
    format!("{changed}{}", seal::seal(&changed))
}

#[test]
fn no_mutant_of_a_trace_panics_or_replays_as_another_green() {
    let mut runner = Runner::new(Tosses);
    let failing = explore(&mut runner, 0..20_000, 1).failing.remove(0);
    let found = runner.script_of(failing.seed);
    let file = TraceFile::from(&understand(&mut runner, &found, &failing.violations[0])).to_string();
    let mut read = 0;
    for seed in 0..MUTANTS {
        let Ok(mutant) = sealed_mutant(&file, seed).parse::<TraceFile>() else { continue };
        read += 1;
        let Ok(replayed) = quiet::running(|| replay(&mut runner, &mutant)) else { continue };
        if matches!(replayed.verdict, Verdict::Exact) {
            assert_eq!(replayed.outcome.digest.to_string(), mutant.trace.digest, "mutant {seed}");
            assert!(!replayed.outcome.violations.is_empty(), "mutant {seed} is green");
        }
        if let Some(failure) = mutant.failure() {
            terminal::explanation(Style::PLAIN, &failure, &FailureContext::default());
        }
    }
    assert!(read > MUTANTS / 20, "only {read} mutants are read at all");
}

#[test]
fn no_mutant_of_a_script_panics_or_has_a_deviation_that_is_lost() {
    let mut runner = Runner::new(Tosses);
    let text = "scenario tosses\ncoin/side @ coin-1 #1 = tails\ncoin/side @ coin-2 #1 = edge\ncoin/side @ coin-4 #1 = tails\n";
    let mut ran = 0;
    for seed in 0..MUTANTS {
        let Ok(script) = mutant(text, seed).parse::<Script>() else { continue };
        assert_eq!(script.to_string().parse::<Script>().as_ref(), Ok(&script), "mutant {seed}");
        let Ok(script) = quiet::running(|| fit(&mut runner, &script)) else { continue };
        let outcome = quiet::running(|| runner.run(Plan::Script(&script)));
        ran += 1;
        let mut applied = runner.script().deviations;
        applied.extend(outcome.unapplied);
        let lost = script.deviations.iter().find(|deviation| !applied.contains(deviation));
        assert_eq!(lost, None, "mutant {seed}: {script}");
    }
    assert!(ran > MUTANTS / 20, "only {ran} mutants are run at all");
}

#[test]
fn no_mutant_of_a_checkpoint_panics_or_certifies_anything_else() {
    let entry = Entry::new("tosses", |_| Tosses);
    let mut runner = entry.runner(&[]).expect("it can be built");
    let mut search = Bounded::new(vec![Variant::default()], 2, true);
    search.begin(runner.as_mut());
    let stop = AtomicBool::new(false);
    let timeout = Duration::from_secs(60);
    let request = LayerRequest { entry: &entry, without: &[], jobs: 1, stop: &stop, timeout };
    let run =
        |search: &Bounded, parents| certification::run(&request, search, parents, |_| {}).expect("it runs");
    let layer = joined(run(&search, 0..search.parents().len()));
    search.advance(layer);
    let identity = Identity {
        schema: SCHEMA.to_owned(),
        scenario: "tosses".to_owned(),
        without: Vec::new(),
        variants: vec![String::new()],
        deviations: 2,
        pruning: true,
        task_order: false,
        statements: false,
        build: build_of(&search),
    };
    let mut checkpoint = Checkpoint::new(identity.clone());
    run(&search, 0..search.parents().len()).into_iter().for_each(|part| checkpoint.add(part));
    let (sealed, whole) = (checkpoint.to_string(), checkpoint.layer().tally);
    assert!(checkpoint.layer().broken.is_none() && whole.runs > 0);
    let mut layers: Vec<Layer> = Vec::new();
    for seed in 0..MUTANTS {
        let Ok(mutant) = sealed_mutant(&sealed, seed).parse::<Checkpoint>() else { continue };
        if mutant.check(&identity, &search).is_err() {
            continue;
        }
        let is_forged =
            |part: &&crate::checkpoint::Part| joined(run(&search, part.from..part.to)) != part.layer;
        let is_known = layers.contains(&mutant.layer());
        if !is_known && mutant.sample().iter().any(is_forged) {
            continue;
        }
        let mut resumed = mutant.clone();
        for gap in mutant.gaps(0..search.parents().len()) {
            run(&search, gap).into_iter().for_each(|part| resumed.add(part));
        }
        assert_eq!(resumed.layer().tally, whole, "mutant {seed} certifies something else");
        layers.push(mutant.layer());
    }
    assert!(!layers.is_empty(), "no mutant is accepted: those that change nothing are");
}
