//! Random histories, played on the core and on a live PostgreSQL.
//!
//! `SHAKEDOWN_POSTGRES='host=127.0.0.1 port=5432 user=postgres'` names the server for
//! `cargo test -p shakedown-sim --test database histories::` (a database of its own: the tables t, c and d are
//! dropped there). Compared are answers, who blocks on whom, SQLSTATEs and final rows. `SHAKEDOWN_HISTORIES`
//! says how many (2,000 by default) and `SHAKEDOWN_SEED` which. At serializable the comparison is one-sided,
//! for the server's predicate locks depend on its plans: a history is followed up to the first 40001 that only
//! one of the two gives, and in any case what the core commits must fit some serial order.
//!
//! Differences that are none of the core's:
//!
//! - When one statement's end wakes several sessions that want the same thing, the server's scheduler decides
//!   who is first; and its deadlock timers run on a real clock, so that under load one may fire before the
//!   cycle closes, and another session is the victim.
//! - After the first victim of a deadlock of many, two sessions may begin to wait again at almost the same
//!   moment and be in a second cycle. Whose timer runs out first is then a matter of microseconds at the
//!   server, while in the core it is the one that was woken first.
//! - On a machine under load an answer may come later than it is waited for.
//!
//! So a history that differs is played again, at paces that are slower and slower, and where a scheduler had a
//! say with the woken sessions in other orders in the core too. It counts as different if it differs each
//! time: four times in a row at least. Of 2,000 histories some twenty are played a second time.

use std::io::Write;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::random::draw::{History, Levels, histories};
use crate::random::live::{Live, PACES};
use crate::random::serial::is_serializable;
use crate::random::trace::{Trace, play};

/// In how many orders woken sessions are tried where several wait at once.
const ORDERS: usize = 4;

/// The live world is one; tests take turns in it.
static WORLD: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[expect(clippy::disallowed_methods, reason = "which histories to play, and where, is for the caller to say")]
fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// The server to compare with; without one, a test says aloud that it is skipped.
fn server() -> Option<String> {
    let url = given("SHAKEDOWN_POSTGRES");
    if url.is_none() {
        let note = "SKIPPED: name a PostgreSQL in SHAKEDOWN_POSTGRES to compare histories with it";
        // Not `eprintln!`: the test harness would keep it to itself.
        drop(writeln!(std::io::stderr(), "{note}"));
    }
    url
}

fn number(variable: &str, default: u64) -> u64 {
    given(variable).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn run(cases: u32, levels: Levels, mut judge: impl FnMut(&History, &Trace) -> Result<(), String>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 8, ..Config::default() };
    let mut seed = [0_u8; 32];
    seed[..8].copy_from_slice(&number("SHAKEDOWN_SEED", 1).to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let judge = std::cell::RefCell::new(&mut judge);
    let strategy = histories(levels).prop_map(|history| {
        let trace = play(&history, 0);
        (history, trace)
    });
    let result = runner.run(&strategy, |(history, trace)| {
        let mut judge = judge.borrow_mut();
        judge(&history, &trace).map_err(|difference| {
            println!("{difference}\n{}", render(&trace));
            TestCaseError::fail(difference)
        })
    });
    if let Err(error) = result {
        let text = match error {
            proptest::test_runner::TestError::Fail(reason, (_, trace)) => {
                format!("{reason}\n{}", render(&trace))
            }
            other => other.to_string(),
        };
        panic!("{text}");
    }
}

fn render(trace: &Trace) -> String {
    let line = |step: &crate::random::trace::Observed| {
        let replies: Vec<String> =
            step.replies.iter().map(|(session, reply)| format!("T{}: {reply}", session + 1)).collect();
        format!("  T{} | {} | {} {:?}", step.session + 1, step.sql, replies.join("; "), step.blocked)
    };
    trace.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Whether several sessions waited at once or a deadlock timer fired, so that a scheduler had a say.
fn has_race(trace: &Trace) -> bool {
    trace.steps.iter().any(|step| step.replies.keys().filter(|session| **session != step.session).count() > 1)
        || trace.steps.iter().any(|step| step.blocked.len() > 1 || step.deadlock)
}

/// Whether the outcome of a comparison is one that is expected.
type Agrees = fn(&Result<(), String>) -> bool;

/// Plays a history that has differed again, slower and slower; whether it agrees at last.
fn agrees_at_last(live: &mut Live, history: &History, trace: &Trace, agrees: Agrees) -> bool {
    let orders = if has_race(trace) { ORDERS } else { 1 };
    let mut attempts = PACES.iter().flat_map(|pace| (0..orders).map(move |order| (*pace, order)));
    attempts.any(|(pace, order)| agrees(&live.compare(&play(history, order), pace)))
}

#[test]
fn weak_levels_answer_as_a_live_server_does() {
    let Some(url) = server() else { return };
    let _alone = WORLD.lock();
    let mut live = Live::connect(&url, "");
    let cases = u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000)).unwrap_or(u32::MAX);
    let (mut played, mut retried) = (0_u64, 0_u64);
    run(cases, Levels::Weak, |history, trace| {
        played += 1;
        let first = live.compare(trace, PACES[0]);
        if first.is_ok() {
            return first;
        }
        retried += 1;
        if agrees_at_last(&mut live, history, trace, Result::is_ok) { Ok(()) } else { first }
    });
    println!("{played} histories agree, {retried} of them after another attempt");
}

#[test]
fn serializable_histories_agree_up_to_an_abort_of_one_side() {
    let Some(url) = server() else { return };
    let _alone = WORLD.lock();
    let mut live = Live::connect(&url, "set default_transaction_isolation = 'serializable'");
    let cases = u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000) / 4).unwrap_or(u32::MAX);
    let (mut whole, mut parted) = (0_u64, 0_u64);
    run(cases, Levels::Serializable, |history, trace| {
        let agrees: Agrees = |result| result.as_ref().err().is_none_or(|text| text.contains("ERR 40001"));
        let first = live.compare(trace, PACES[0]);
        whole += u64::from(first.is_ok());
        parted += u64::from(first.is_err() && agrees(&first));
        if agrees(&first) || agrees_at_last(&mut live, history, trace, agrees) { Ok(()) } else { first }
    });
    println!("{whole} histories agree, {parted} part where only one side aborts");
}

#[test]
fn what_commits_at_serializable_fits_a_serial_order() {
    let cases = u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000).min(2_000)).unwrap_or(u32::MAX);
    let (mut tried, mut long) = (0_u64, 0_u64);
    run(cases, Levels::Serializable, |_, trace| match is_serializable(trace) {
        Some(true) => {
            tried += 1;
            Ok(())
        }
        Some(false) => Err("no serial order of the committed transactions gives these answers".to_owned()),
        None => {
            long += 1;
            Ok(())
        }
    });
    println!("{tried} histories have a serial order, {long} were too long to try");
}
