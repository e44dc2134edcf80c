//! Random histories, played on the core and on a live PostgreSQL.
//!
//! `SHAKEDOWN_POSTGRES='host=127.0.0.1 port=5432 user=postgres'` names the server for `cargo test -p
//! shakedown-database --test database histories::` (a database of its own: its tables are dropped there). Several
//! servers are separated by semicolons; a thread of its own plays histories on each, because a history mostly waits.
//! They must be servers, not databases of one server: transactions elsewhere on a server hold back its oldest
//! snapshot, and then it aborts more at serializable.
//!
//! The comparison covers replies, blocking sessions, SQLSTATEs and final rows. `SHAKEDOWN_HISTORIES` sets the number
//! (2,000 by default), `SHAKEDOWN_SEED` the seed and `SHAKEDOWN_FIRST_HISTORY` the first (0 by default). At
//! serializable the core marks pages, as the server does, and the server may still abort more transactions, because
//! its predicate locks depend on its plans: a session that the server alone aborts with 40001 is aborted in the core
//! too, and everything else must agree. In 20,000 histories there were nine. The transactions that the core
//! commits must fit some serial order in any case.
//!
//! Differences that are not faults of the core:
//!
//! - When the end of one statement wakes several sessions that wait for the same lock, the server's scheduler decides
//!   which is first; and its deadlock timers run on a real clock, so that under load one may fire before the cycle
//!   closes, and another session is the victim. After a deadlock both sides pause, so that no timer that is about to
//!   fire races with the next wait.
//! - After the first victim of a deadlock of many, two sessions may begin to wait again at almost the same moment and
//!   be in a second cycle. On the server the timer that expires first then depends on microseconds, while in the core
//!   it is that of the session that was woken first.
//! - On a machine under load a reply may come after its timeout.
//!
//! So a history that differs is played again, at slower and slower paces and, where a scheduler was involved, with
//! the woken sessions in other orders in the core too. It counts as different if it differs each time: four times in
//! a row at least. Of 2,000 histories about ten are played a second time.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::random::draw::{Draw, History, Levels, histories};
use crate::random::live::{Compared, Live, PACES, Pace};
use crate::random::recording::record;
use crate::random::serial::is_serializable;
use crate::random::trace::{Trace, play, play_with_aborts};
use crate::sql::case::read_cases;
use crate::sql::player::Player;

/// The number of orders of woken sessions that are tried where several wait at once.
const ORDERS: usize = 4;

/// The live servers are shared; tests take turns.
static WORLD: Mutex<()> = Mutex::new(());

#[expect(clippy::disallowed_methods, reason = "which histories to play, and where, is for the caller to say")]
fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// Returns the servers to compare with; without one, a test prints that it is skipped.
fn servers() -> Option<Vec<String>> {
    let urls = given("SHAKEDOWN_POSTGRES");
    if urls.is_none() {
        let note = "SKIPPED: name a PostgreSQL in SHAKEDOWN_POSTGRES to compare histories with it";
        // Not `eprintln!`: the test harness would capture it.
        drop(writeln!(std::io::stderr(), "{note}"));
    }
    urls.map(|urls| urls.split(';').map(|url| url.trim().to_owned()).collect())
}

fn number(variable: &str, default: u64) -> u64 {
    given(variable).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The number of failures after which a run stops.
const FAILURES_MAX: usize = 3;

/// The number of simpler histories that are tried for each failure.
const SIMPLER_MAX: u32 = 30;

/// Judges histories; each thread of a run has one.
trait Judge: Send {
    /// Whether reads at serializable mark pages.
    const MARKS_PAGES: bool;

    /// Returns the first difference in a history, if there is one; it is tried again at these paces first.
    fn judge(&mut self, history: &History, trace: &Trace, paces: &[Pace]) -> Result<(), String>;

    /// Stores a history that failed, and returns its location.
    fn keep(&mut self, history: &History) -> String;
}

/// Draws histories and judges each, in one thread per judge. A history that fails is made smaller and kept; the run
/// continues.
fn run<J: Judge>(cases: u32, levels: Levels, judges: &mut [J]) {
    let seed = number("SHAKEDOWN_SEED", 1);
    println!("{cases} histories of seed {seed}");
    let first = u32::try_from(number("SHAKEDOWN_FIRST_HISTORY", 0)).unwrap_or(u32::MAX);
    let next = AtomicU32::new(first);
    let failed = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for judge in judges {
            threads.spawn(|| {
                while failed.load(Ordering::Relaxed) < FAILURES_MAX {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= first.saturating_add(cases) {
                        return;
                    }
                    if let Err(failure) = run_case(seed, case, levels, judge) {
                        failed.fetch_add(1, Ordering::Relaxed);
                        println!("{failure}");
                        failures.lock().expect("no thread panics with it").push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panics with it");
    assert!(failures.is_empty(), "{} histories differ\n{}", failures.len(), failures.join("\n\n"));
}

/// Draws and judges one history. Its seed is its own, so that the threads need no order.
fn run_case<J: Judge>(number_of_seed: u64, case: u32, levels: Levels, judge: &mut J) -> Result<(), String> {
    let mut seed = [0_u8; 32];
    seed[..8].copy_from_slice(&number_of_seed.to_le_bytes());
    seed[8..12].copy_from_slice(&case.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let mut tree = histories(levels).new_tree(&mut runner).expect("every history can be drawn");
    let history = tree.current();
    let trace = play(&history, J::MARKS_PAGES);
    let Err(difference) = judge.judge(&history, &trace, &PACES) else {
        return Ok(());
    };
    // A smaller one takes minutes to find.
    println!("history {case} of seed {number_of_seed}: {difference}\n{}\n  now made smaller", render(&trace));
    let (history, difference) = smaller(&mut tree, (history, difference), judge);
    let kept = judge.keep(&history);
    let trace = render(&play(&history, J::MARKS_PAGES));
    Err(format!("history {case} of seed {number_of_seed}: {difference}\n{trace}\n  kept: {kept}"))
}

/// Returns the smallest history found that still fails.
fn smaller<T: ValueTree<Value = History>, J: Judge>(
    tree: &mut T,
    failed: (History, String),
    judge: &mut J,
) -> (History, String) {
    let mut smallest = failed;
    let mut goes_on = tree.simplify();
    for _ in 0..SIMPLER_MAX {
        if !goes_on {
            break;
        }
        let history = tree.current();
        goes_on = match judge.judge(&history, &play(&history, J::MARKS_PAGES), &PACES[..1]) {
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
        // One write, because other threads append too.
        file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .map_err(|error| error.to_string())
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
        let compared =
            live.compare(&play_with_aborts(history, order, &aborts, Comparison::MARKS_PAGES), pace);
        let aborted = compared.as_ref().err().and_then(|difference| difference.aborted);
        match aborted.filter(|abort| follows_aborts && !aborts.contains(abort)) {
            Some(abort) if aborts.len() < ABORTS_MAX => aborts.push(abort),
            _ => return (compared, aborts.len()),
        }
    }
}

/// Compares histories with a live server.
struct Comparison {
    live: Live,
    /// Whether sessions that the live server alone aborts with 40001 are aborted in the core too.
    follows_aborts: bool,
    played: u64,
    retried: u64,
    /// The aborts by the live server alone.
    aborted: usize,
}

impl Comparison {
    /// Connects to each of these servers.
    fn with_each(servers: &[String], settings: &'static str, follows_aborts: bool) -> Vec<Self> {
        let connect = |server: &String| Self {
            live: Live::connect(server, settings),
            follows_aborts,
            played: 0,
            retried: 0,
            aborted: 0,
        };
        servers.iter().map(connect).collect()
    }
}

impl Judge for Comparison {
    const MARKS_PAGES: bool = true;

    /// Plays a history on both sides, and repeats one that differs, slower and slower. Returns the first difference
    /// if it differs each time.
    fn judge(&mut self, history: &History, trace: &Trace, paces: &[Pace]) -> Result<(), String> {
        self.played += 1;
        let (first, aborts) = compare(&mut self.live, history, 0, PACES[0], self.follows_aborts);
        let Err(difference) = first else {
            self.aborted += aborts;
            return Ok(());
        };
        self.retried += 1;
        let orders = if has_race(trace) { ORDERS } else { 1 };
        for (pace, order) in paces.iter().flat_map(|pace| (0..orders).map(move |order| (*pace, order))) {
            let (compared, aborts) = compare(&mut self.live, history, order, pace, self.follows_aborts);
            if compared.is_ok() {
                self.aborted += aborts;
                return Ok(());
            }
        }
        Err(difference.text)
    }

    fn keep(&mut self, history: &History) -> String {
        keep(&mut self.live, history)
    }
}

/// Checks that the committed transactions of a history fit a serial order.
#[derive(Default)]
struct SerialOrder {
    tried: u64,
    long: u64,
}

impl Judge for SerialOrder {
    // More transactions commit.
    const MARKS_PAGES: bool = false;

    fn judge(&mut self, _: &History, trace: &Trace, _: &[Pace]) -> Result<(), String> {
        match is_serializable(trace) {
            Some(true) => self.tried += 1,
            Some(false) => {
                return Err("no serial order of the committed transactions returns these rows".to_owned());
            }
            None => self.long += 1,
        }
        Ok(())
    }

    fn keep(&mut self, _: &History) -> String {
        "only here".to_owned()
    }
}

/// Returns the number of histories to play.
fn cases() -> u32 {
    u32::try_from(number("SHAKEDOWN_HISTORIES", 2_000)).unwrap_or(u32::MAX)
}

#[test]
fn weak_levels_reply_as_a_live_server_does() {
    let Some(servers) = servers() else { return };
    let _alone = WORLD.lock();
    let mut comparisons = Comparison::with_each(&servers, "", false);
    run(cases(), Levels::Weak, &mut comparisons);
    let played: u64 = comparisons.iter().map(|comparison| comparison.played).sum();
    let retried: u64 = comparisons.iter().map(|comparison| comparison.retried).sum();
    println!("{played} histories agree, {retried} of them after another attempt");
}

#[test]
fn serializable_histories_agree_but_for_transactions_that_only_the_server_aborts() {
    let Some(servers) = servers() else { return };
    let _alone = WORLD.lock();
    let settings = "set default_transaction_isolation = 'serializable'";
    let mut comparisons = Comparison::with_each(&servers, settings, true);
    run(cases(), Levels::Serializable, &mut comparisons);
    let played: u64 = comparisons.iter().map(|comparison| comparison.played).sum();
    let aborted: usize = comparisons.iter().map(|comparison| comparison.aborted).sum();
    println!("{played} histories agree, with {aborted} transactions that only the server aborts");
}

/// What the recorder writes is what the core replies, also for the commit of a transaction that has failed.
#[test]
fn a_recorded_history_is_a_case() {
    let Some(servers) = servers() else { return };
    let _alone = WORLD.lock();
    let steps = [
        (0, "begin"),
        (0, "insert into t values (1, 9, 9)"),
        (1, "begin"),
        (1, "update t set v = 11 where id = 1"),
        (2, "update t set v = v + 1 where id = 1 returning v"),
        (0, "commit"),
        (1, "commit"),
    ];
    let steps = steps.map(|(session, sql)| Draw { session, sql: sql.to_owned() }).to_vec();
    let history = History { levels: Levels::Weak, steps };
    let line = record(&mut Live::connect(&servers[0], ""), "a failed transaction", &history);
    let line = line.expect("the server replies");
    assert_eq!(line.matches(r#""ROLLBACK""#).count(), 1, "{line}");
    let cases = read_cases(&line).expect("a recorded case has a known form");
    cases[0].play(Player::default()).expect("the core replies as the server does");
}

#[test]
fn what_commits_at_serializable_fits_a_serial_order() {
    let mut judges = [SerialOrder::default()];
    run(cases().min(2_000), Levels::Serializable, &mut judges);
    let [SerialOrder { tried, long }] = judges;
    println!("{tried} histories have a serial order, {long} were too long to try");
}
