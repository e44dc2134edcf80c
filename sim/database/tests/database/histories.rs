//! Random histories, played on the core and on a live PostgreSQL.
//!
//! `SHAKEDOWN_POSTGRES='host=127.0.0.1 port=5432 user=postgres'` names the server for `cargo test -p
//! shakedown-database --test database histories::` (a database of its own: its tables are dropped there). The
//! comparison covers replies, blocking sessions, SQLSTATEs and final rows. `SHAKEDOWN_HISTORIES` sets the number
//! (2,000 by default) and `SHAKEDOWN_SEED` the seed. At serializable the server may abort more transactions than the
//! core, because its predicate locks depend on its plans: a session that the server alone aborts with 40001 is
//! aborted in the core too, and everything else must agree. The transactions that the core commits must fit some
//! serial order in any case.
//!
//! Differences that are not faults of the core:
//!
//! - When the end of one statement wakes several sessions that wait for the same lock, the server's scheduler decides
//!   which is first; and its deadlock timers run on a real clock, so that under load one may fire before the cycle
//!   closes, and another session is the victim.
//! - After the first victim of a deadlock of many, two sessions may begin to wait again at almost the same moment and
//!   be in a second cycle. On the server the timer that expires first then depends on microseconds, while in the core
//!   it is that of the session that was woken first.
//! - On a machine under load a reply may come after its timeout.
//!
//! So a history that differs is played again, at slower and slower paces and, where a scheduler was involved, with
//! the woken sessions in other orders in the core too. It counts as different if it differs each time: four times in
//! a row at least. Of 2,000 histories about twenty are played a second time.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::random::draw::{History, Levels, histories};
use crate::random::live::{Compared, Live, PACES, Pace};
use crate::random::recording::record;
use crate::random::serial::is_serializable;
use crate::random::trace::{Trace, play, play_with_aborts};

/// The number of orders of woken sessions that are tried where several wait at once.
const ORDERS: usize = 4;

/// There is only one live server; tests take turns.
static WORLD: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[expect(clippy::disallowed_methods, reason = "which histories to play, and where, is for the caller to say")]
fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// Returns the server to compare with; without one, a test prints that it is skipped.
fn server() -> Option<String> {
    let url = given("SHAKEDOWN_POSTGRES");
    if url.is_none() {
        let note = "SKIPPED: name a PostgreSQL in SHAKEDOWN_POSTGRES to compare histories with it";
        // Not `eprintln!`: the test harness would capture it.
        drop(writeln!(std::io::stderr(), "{note}"));
    }
    url
}

fn number(variable: &str, default: u64) -> u64 {
    given(variable).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The number of failures after which a run stops.
const FAILURES_MAX: usize = 5;

/// The number of simpler histories that are tried for each failure.
const SIMPLER_MAX: u32 = 60;

/// Returns the first difference in a history, if there is one; it is tried again at these paces first.
type Judge<'a> = &'a mut dyn FnMut(&History, &Trace, &[Pace]) -> Result<(), String>;

/// Draws histories and judges each. A history that fails is made smaller and passed to `keep`, which returns its
/// location; the run continues.
fn run(cases: u32, levels: Levels, judge: Judge<'_>, keep: &mut dyn FnMut(&History) -> String) {
    let number_of_seed = number("SHAKEDOWN_SEED", 1);
    println!("{cases} histories of seed {number_of_seed}");
    let mut seed = [0_u8; 32];
    seed[..8].copy_from_slice(&number_of_seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let strategy = histories(levels);
    let mut failures = Vec::new();
    for case in 0..cases {
        let mut tree = strategy.new_tree(&mut runner).expect("every history can be drawn");
        let history = tree.current();
        let Err(difference) = judge(&history, &play(&history, 0), &PACES) else { continue };
        let (history, difference) = smaller(&mut tree, (history, difference), judge);
        let kept = keep(&history);
        failures.push(format!(
            "history {case} of seed {number_of_seed}: {difference}\n{}\n  kept: {kept}",
            render(&play(&history, 0))
        ));
        println!("{}", failures[failures.len() - 1]);
        if failures.len() == FAILURES_MAX {
            break;
        }
    }
    assert!(failures.is_empty(), "{} histories differ\n{}", failures.len(), failures.join("\n\n"));
}

/// Returns the smallest history found that still fails.
fn smaller<T: ValueTree<Value = History>>(
    tree: &mut T,
    failed: (History, String),
    judge: Judge<'_>,
) -> (History, String) {
    let mut smallest = failed;
    let mut goes_on = tree.simplify();
    for _ in 0..SIMPLER_MAX {
        if !goes_on {
            break;
        }
        let history = tree.current();
        goes_on = match judge(&history, &play(&history, 0), &PACES[..1]) {
            Err(difference) => {
                smallest = (history, difference);
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    smallest
}

/// Stores histories that differ, as cases with the live server's replies.
fn keep(live: &mut Live, history: &History) -> String {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differing-histories.jsonl");
    let title = format!("seed {} {:?}", number("SHAKEDOWN_SEED", 1), history.levels);
    let written = record(live, &title, history).and_then(|line| {
        let file = OpenOptions::new().create(true).append(true).open(&place);
        file.and_then(|mut file| writeln!(file, "{line}")).map_err(|error| error.to_string())
    });
    written.map_or_else(|error| format!("no: {error}"), |()| place.display().to_string())
}

fn render(trace: &Trace) -> String {
    let line = |step: &crate::random::trace::Observed| {
        let replies: Vec<String> =
            step.replies.iter().map(|(session, reply)| format!("T{}: {reply}", session + 1)).collect();
        format!("  T{} | {} | {} {:?}", step.session + 1, step.sql, replies.join("; "), step.blocked)
    };
    trace.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns whether several sessions waited at once or a deadlock timer fired, so that a scheduler was involved.
fn has_race(trace: &Trace) -> bool {
    trace.steps.iter().any(|step| step.replies.keys().filter(|session| **session != step.session).count() > 1)
        || trace.steps.iter().any(|step| step.blocked.len() > 1 || step.deadlock)
}

/// The number of aborts of the live server alone that are followed in one history.
const ABORTS_MAX: usize = 12;

/// Compares a history, with woken sessions in this order. If `follows_aborts`, a session that the live server alone
/// aborts with 40001 is aborted in the core too, and everything else must still agree. Returns the number of such
/// aborts.
fn compare(
    live: &mut Live,
    history: &History,
    order: usize,
    pace: Pace,
    follows_aborts: bool,
) -> (Compared, usize) {
    let mut aborts = Vec::new();
    loop {
        let compared = live.compare(&play_with_aborts(history, order, &aborts), pace);
        let aborted = compared.as_ref().err().and_then(|difference| difference.aborted);
        match aborted.filter(|abort| follows_aborts && !aborts.contains(abort)) {
            Some(abort) if aborts.len() < ABORTS_MAX => aborts.push(abort),
            _ => return (compared, aborts.len()),
        }
    }
}

/// Plays a history on both sides, and repeats one that differs, slower and slower. Returns the first difference if it
/// differs each time, and the numbers of attempts and of aborts by the live server alone.
fn judge(
    live: &mut Live,
    history: &History,
    trace: &Trace,
    paces: &[Pace],
    follows_aborts: bool,
) -> (Result<(), String>, usize, usize) {
    let (first, aborts) = compare(live, history, 0, PACES[0], follows_aborts);
    let Err(difference) = first else { return (Ok(()), 1, aborts) };
    let orders = if has_race(trace) { ORDERS } else { 1 };
    let attempts = paces.iter().flat_map(|pace| (0..orders).map(move |order| (*pace, order)));
    for (number, (pace, order)) in attempts.enumerate() {
        let (compared, aborts) = compare(live, history, order, pace, follows_aborts);
        if compared.is_ok() {
            return (Ok(()), number + 2, aborts);
        }
    }
    (Err(difference.text), 0, aborts)
}

#[test]
fn weak_levels_reply_as_a_live_server_does() {
    let Some(url) = server() else { return };
    let _alone = WORLD.lock();
    let live = RefCell::new(Live::connect(&url, ""));
    let cases = u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000)).unwrap_or(u32::MAX);
    let (mut played, mut retried) = (0_u64, 0_u64);
    let mut judge = |history: &History, trace: &Trace, paces: &[Pace]| {
        let (result, attempts, _) = judge(&mut live.borrow_mut(), history, trace, paces, false);
        played += 1;
        retried += u64::from(attempts > 1);
        result
    };
    run(cases, Levels::Weak, &mut judge, &mut |history| keep(&mut live.borrow_mut(), history));
    println!("{played} histories agree, {retried} of them after another attempt");
}

#[test]
fn serializable_histories_agree_but_for_transactions_that_only_the_server_aborts() {
    let Some(url) = server() else { return };
    let _alone = WORLD.lock();
    let settings = "set default_transaction_isolation = 'serializable'";
    let live = RefCell::new(Live::connect(&url, settings));
    let cases = u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000) / 4).unwrap_or(u32::MAX);
    let (mut played, mut aborted) = (0_u64, 0_usize);
    let mut judge = |history: &History, trace: &Trace, paces: &[Pace]| {
        let (result, _, aborts) = judge(&mut live.borrow_mut(), history, trace, paces, true);
        played += 1;
        aborted += aborts;
        result
    };
    run(cases, Levels::Serializable, &mut judge, &mut |history| keep(&mut live.borrow_mut(), history));
    println!("{played} histories agree, with {aborted} transactions that only the server aborts");
}

#[test]
fn what_commits_at_serializable_fits_a_serial_order() {
    let cases = u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000).min(2_000)).unwrap_or(u32::MAX);
    let (mut tried, mut long) = (0_u64, 0_u64);
    let mut judge = |_: &History, trace: &Trace, _: &[Pace]| match is_serializable(trace) {
        Some(true) => {
            tried += 1;
            Ok(())
        }
        Some(false) => Err("no serial order of the committed transactions gives these answers".to_owned()),
        None => {
            long += 1;
            Ok(())
        }
    };
    run(cases, Levels::Serializable, &mut judge, &mut |_| "only here".to_owned());
    println!("{tried} histories have a serial order, {long} were too long to try");
}
