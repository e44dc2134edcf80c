//! The judge of serializable histories: searches for a serial order of the committed transactions in which each of
//! them would have the same results, with the same final rows.

use std::collections::BTreeMap;

use super::trace::{Reply, Trace, fresh_world, name, reply};
use crate::sql::answer::Seen;

/// A committed transaction: its statements and their results.
#[derive(Clone, Debug, Default)]
struct Committed {
    statements: Vec<(String, Reply)>,
}

/// A transaction in progress in one session.
#[derive(Default)]
struct Running {
    statements: Vec<(String, Reply)>,
    /// Names of savepoints with the number of statements before each.
    savepoints: Vec<usize>,
    in_block: bool,
    failed: bool,
}

/// The greatest number of transactions for which every order is tried.
const TRIED_MAX: usize = 7;

fn sorted(reply: &Reply) -> Reply {
    match reply {
        Reply::Rows(count, rows) => {
            let mut rows = rows.clone();
            rows.sort();
            Reply::Rows(*count, rows)
        }
        error => error.clone(),
    }
}

/// Returns the committed transactions of a trace, without rolled-back parts.
fn committed(trace: &Trace) -> Vec<Committed> {
    let mut running: BTreeMap<usize, Running> = BTreeMap::new();
    let mut pending: BTreeMap<usize, String> = BTreeMap::new();
    let mut done = Vec::new();
    for step in &trace.steps {
        pending.insert(step.session, step.sql.clone());
        for (session, reply) in &step.replies {
            let Some(sql) = pending.remove(session) else {
                continue;
            };
            let own = running.entry(*session).or_default();
            if let Some(finished) = advance(own, sql, reply) {
                done.push(finished);
            }
        }
    }
    done.retain(|transaction| !transaction.statements.is_empty());
    done
}

/// Adds one completed statement of a session; returns the transaction, if the statement committed it.
fn advance(own: &mut Running, sql: String, reply: &Reply) -> Option<Committed> {
    let failed = matches!(reply, Reply::Error(_));
    let word = sql.split(' ').next().unwrap_or_default();
    match word {
        "begin" if !own.in_block => *own = Running { in_block: true, ..Running::default() },
        "begin" => own.failed |= failed,
        "commit" | "rollback" if !sql.contains("savepoint") => {
            let finished = std::mem::take(own);
            let keeps = word == "commit" && !failed && !finished.failed;
            return keeps.then_some(Committed { statements: finished.statements });
        }
        _ if failed => {
            own.failed = own.in_block;
        }
        "savepoint" => own.savepoints.push(own.statements.len()),
        "rollback" => {
            own.failed = false;
            let keep = own.savepoints.last().copied().unwrap_or(0);
            own.statements.truncate(keep);
        }
        "release" => drop(own.savepoints.pop()),
        _ if own.in_block => own.statements.push((sql, sorted(reply))),
        _ => {
            return Some(Committed { statements: vec![(sql, sorted(reply))] });
        }
    }
    None
}

/// Returns whether a trace is serializable; `None` if it is too long to try.
pub(crate) fn is_serializable(trace: &Trace) -> Option<bool> {
    let transactions = committed(trace);
    if transactions.len() > TRIED_MAX {
        return None;
    }
    let mut order = Vec::new();
    Some(try_orders(&transactions, &mut order, trace))
}

fn try_orders(transactions: &[Committed], order: &mut Vec<usize>, trace: &Trace) -> bool {
    // A prefix with a wrong result cannot be repaired by later transactions.
    if !replays(transactions, order, trace) {
        return false;
    }
    if order.len() == transactions.len() {
        return true;
    }
    for next in 0..transactions.len() {
        if !order.contains(&next) {
            order.push(next);
            if try_orders(transactions, order, trace) {
                return true;
            }
            order.pop();
        }
    }
    false
}

fn replays(transactions: &[Committed], order: &[usize], trace: &Trace) -> bool {
    let mut player = fresh_world(false);
    let session = name(0);
    let mut run = |sql: &str| match player.step(&session, sql, 0).expect("drawn SQL is understood") {
        Seen::Done(answer) => sorted(&reply(Ok(answer))),
        Seen::Error(code) => Reply::Error(code),
        Seen::Blocked { .. } => panic!("blocked while alone: {sql}"),
    };
    for transaction in order {
        run("begin");
        for (sql, expected) in &transactions[*transaction].statements {
            // Whether a lock is free depends on the running transactions, not on the committed ones.
            let asks_for_lock = sql.contains("pg_try_advisory");
            if run(sql) != *expected && !asks_for_lock {
                return false;
            }
        }
        if matches!(run("commit"), Reply::Error(_)) {
            return false;
        }
    }
    let complete = order.len() == transactions.len();
    let same_end = |(sql, expected): (&&str, &Reply)| run(sql) == sorted(expected);
    !complete || super::draw::LAST.iter().zip(&trace.last).all(same_end)
}
