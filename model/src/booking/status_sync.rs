//! `status-sync`: the outcome of an attempt is determined by keys, lookups, callbacks and the partner's statement;
//! reservations that must not remain are cancelled.

use super::case::{CallbackEffect, Case, Step};
use super::rows::{Ask, Holding, Known, Standing, Status};
use crate::guardrail::{Guardrail, Naive};
use crate::settings::{CHECK_AGAIN, CHECKS, MAX_ATTEMPTS, PartnerTerms, QUARANTINE, backoff};

/// The row of `status-sync` in the table of guardrails.
pub const ROW: Guardrail = Guardrail {
    name: "status-sync",
    system: "booking",
    guarded: "while an outcome is unknown, nothing is sent again: it is looked up, read in the partner's statement, or decided by a person; a callback is only a hint; a surplus reservation is cancelled",
    naive: &[Naive {
        what: "sends again after a timeout and trusts callbacks",
        breaks: &["no-orphan-reservation", "charged-at-most-once", "local-and-partner-agree"],
        masked_by: &[],
    }],
};

/// The seam: the next step for a booking, and how far a callback is believed.
pub trait StatusSync {
    /// Returns the next step for a booking that has been settled by what is known.
    fn next(&self, case: &Case) -> Step;
    /// Returns the effect of a callback that reports the state `says` of a reservation.
    fn on_callback(&self, terms: &PartnerTerms, known: Option<&Holding>, says: Standing) -> CallbackEffect;
    /// Returns whether the partner's statement is read.
    fn reads_statement(&self) -> bool;
}

/// Guarded: an unknown outcome never counts as a failure, and no surplus reservation remains.
pub struct Recovery;

impl StatusSync for Recovery {
    fn next(&self, case: &Case) -> Step {
        if let Some(doubtful) = case.holdings.iter().find(|holding| holding.doubtful) {
            return case.when(asked_again(doubtful), Step::Read(doubtful.reservation));
        }
        if let Some(surplus) = case.surplus() {
            return cancel(case, surplus);
        }
        match case.booking.status {
            Status::Accepted | Status::OnRequest | Status::Cancelling => pursue(case),
            _ if case.in_doubt().next().is_some() => find_out(case),
            _ => Step::Done,
        }
    }

    fn on_callback(&self, terms: &PartnerTerms, known: Option<&Holding>, says: Standing) -> CallbackEffect {
        match known {
            Some(holding) if holding.standing == Standing::Ended => CallbackEffect::Ignored,
            // A pending reservation was not confirmed before: a report of an older state has no news.
            Some(holding) if says <= holding.standing && !holding.doubtful => CallbackEffect::Ignored,
            _ if terms.lookup => CallbackEffect::Doubt,
            _ => CallbackEffect::Believed,
        }
    }

    fn reads_statement(&self) -> bool {
        true
    }
}

fn asked_again(holding: &Holding) -> shakedown_sim::Moment {
    if holding.checks == 0 { holding.learnt } else { holding.learnt + CHECK_AGAIN }
}

/// Cancels a reservation; a cancellation may be repeated until its response arrives.
fn cancel(case: &Case, surplus: &Holding) -> Step {
    let ask = Ask::Cancel(surplus.reservation);
    let attempts = case.attempts.iter().filter(|attempt| attempt.ask == ask);
    let (count, last) = attempts.fold((0, None), |(count, _), attempt| (count + 1, Some(attempt)));
    match last {
        None => Step::Cancel(surplus.reservation),
        Some(last) if last.known == Known::Refused => Step::Review("the partner refuses to cancel it"),
        Some(_) if count >= MAX_ATTEMPTS => {
            Step::Review("a reservation that must not remain cannot be cancelled")
        }
        Some(last) => case.when(last.learnt + backoff(count), Step::Cancel(surplus.reservation)),
    }
}

/// Continues towards a reservation, or towards the certainty that there is none.
fn pursue(case: &Case) -> Step {
    if case.in_doubt().next().is_some() {
        return find_out(case);
    }
    if let Some(pending) = case.live().find(|holding| holding.standing == Standing::Pending) {
        return if case.terms.lookup { ask_about(case, pending) } else { Step::Done };
    }
    if case.booking.status == Status::Cancelling {
        return Step::Done;
    }
    case.when(case.next_attempt(), Step::Reserve)
}

fn ask_about(case: &Case, pending: &Holding) -> Step {
    // After the last of the checks, each further one is an hour later.
    let hourly = QUARANTINE * pending.checks.saturating_sub(CHECKS.len() as u32 - 2);
    let wait = CHECKS.get(pending.checks as usize).copied().unwrap_or(hourly);
    case.when(pending.learnt + wait, Step::Read(pending.reservation))
}

/// Determines the outcome of the attempts in doubt.
fn find_out(case: &Case) -> Step {
    let in_doubt = || case.in_doubt();
    if let Some(life) = case.terms.resend_for() {
        let first = case
            .attempts
            .iter()
            .filter(|attempt| attempt.ask == Ask::Reserve)
            .map(|attempt| attempt.sent)
            .min();
        let sound = first.is_some_and(|first| case.now < first + life);
        if sound && !case.is_spent() {
            return case.when(case.next_attempt(), Step::Reserve);
        }
    } else if case.terms.by_reference() {
        let checks = in_doubt().map(|attempt| attempt.checks).min().unwrap_or(0) as usize;
        let sent = in_doubt().map(|attempt| attempt.sent).max().unwrap_or(case.now);
        let checked = in_doubt().map(|attempt| attempt.learnt).max().unwrap_or(case.now);
        let last = CHECKS.len() - 1;
        let due = sent + CHECKS[checks.min(last)];
        let due = if checks >= last { due.max(checked + CHECK_AGAIN) } else { due };
        return case.when(due, Step::Lookup);
    }
    Step::Review("the outcome of the request is unknown, and the partner has no lookup")
}

/// Naive: an attempt without a response is repeated, callbacks are believed, nothing is looked up and nothing is
/// undone.
pub struct ResendAndBelieve;

impl StatusSync for ResendAndBelieve {
    fn next(&self, case: &Case) -> Step {
        match case.booking.status {
            Status::Accepted if case.is_spent() => Step::Review("all attempts are used up"),
            Status::Accepted => case.when(case.next_attempt(), Step::Reserve),
            Status::Cancelling => match case.live().next() {
                Some(live) => cancel(case, live),
                None => Step::Done,
            },
            _ => Step::Done,
        }
    }

    fn on_callback(&self, _: &PartnerTerms, _: Option<&Holding>, _: Standing) -> CallbackEffect {
        CallbackEffect::Believed
    }

    fn reads_statement(&self) -> bool {
        false
    }
}
