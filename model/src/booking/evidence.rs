//! Evidence: updates attempts and reservations with the result of a step.

use super::case::Evidence;
use super::connector::Record;
use super::inbox;
use super::platform::Platform;
use super::rows::{Ask, Attempt, Booking, Holding, Known, Standing};
use crate::settings::{CHECKS, QUARANTINE};
use shakedown_sim::{Moment, StoreError, Transaction};

/// The result of a step.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// None yet: the first turn.
    None,
    /// An attempt ended like this; its row is included in case it is not on record.
    Attempt(Attempt, Evidence),
    /// The booking's reference was looked up at the partner, at this time.
    Looked(Moment, Option<Vec<Record>>),
    /// The state of a reservation was read at the partner.
    Read(u32, Option<Record>),
}

/// Updates the rows with the result of the last step. Returns the evidence in it.
pub(super) async fn take_in(
    tx: &mut Transaction,
    platform: &Platform,
    booking: &Booking,
    news: &News,
    late: bool,
    now: Moment,
) -> Result<Vec<Evidence>, StoreError> {
    match news {
        News::None => Ok(Vec::new()),
        News::Attempt(attempt, evidence) => {
            settle_attempt(tx, platform, &Attempt { late, ..*attempt }, *evidence, now).await?;
            if let Evidence::Standing(reservation, standing) = *evidence {
                learn(tx, platform, booking.id, (reservation, standing), now).await?;
            }
            Ok(vec![*evidence])
        }
        News::Looked(asked, found) => looked(tx, platform, booking, *asked, found.as_deref()).await,
        News::Read(reservation, found) => {
            let Some(record) = found else {
                return doubt_on(tx, platform, *reservation, now).await.map(|()| Vec::new());
            };
            learn(tx, platform, booking.id, (record.reservation, record.standing), now).await?;
            Ok(vec![Evidence::Standing(record.reservation, record.standing)])
        }
    }
}

async fn settle_attempt(
    tx: &mut Transaction,
    platform: &Platform,
    attempt: &Attempt,
    evidence: Evidence,
    now: Moment,
) -> Result<(), StoreError> {
    let known = match evidence {
        Evidence::Standing(reservation, _) => Known::Effect(reservation),
        Evidence::Refused => Known::Refused,
        Evidence::NoEffect => Known::NoEffect,
        Evidence::Unknown => Known::Unknown,
    };
    let table = &platform.tables.attempts;
    let row = tx.lock(table, &attempt.id).await?.unwrap_or(*attempt);
    if row.known.is_open() {
        tx.update(table, Attempt { known, learnt: now, late: attempt.late, ..row }).await?;
    }
    // To the partner, attempts under one key are the same attempt.
    if let Known::Effect(_) = known {
        let same =
            |other: &Attempt| other.key == attempt.key && other.ask == attempt.ask && other.known.is_open();
        for other in tx.scan(table, |other| same(other) && other.id != attempt.id).await? {
            tx.update(table, Attempt { known, learnt: now, ..other }).await?;
        }
    }
    Ok(())
}

/// Records what was learned about a reservation. An ended reservation stays ended.
async fn learn(
    tx: &mut Transaction,
    platform: &Platform,
    booking: u32,
    (reservation, standing): (u32, Standing),
    now: Moment,
) -> Result<(), StoreError> {
    let table = &platform.tables.holdings;
    let before = tx.lock(table, &reservation).await?;
    let ended = before.is_some_and(|holding| holding.standing == Standing::Ended);
    let standing = if ended { Standing::Ended } else { standing };
    let checks = before.filter(|before| before.standing == standing).map_or(0, |before| before.checks + 1);
    let learnt = before.filter(|before| before.standing == standing).map_or(now, |before| before.learnt);
    let mut after = Holding { reservation, booking, standing, doubtful: false, learnt, checks };
    if before.is_none() {
        inbox::catch_up(tx, platform, &mut after).await?;
    }
    if before != Some(after) { tx.update(table, after).await } else { Ok(()) }
}

async fn doubt_on(
    tx: &mut Transaction,
    platform: &Platform,
    reservation: u32,
    now: Moment,
) -> Result<(), StoreError> {
    let table = &platform.tables.holdings;
    match tx.lock(table, &reservation).await? {
        Some(holding) => {
            tx.update(table, Holding { checks: holding.checks + 1, learnt: now, doubtful: true, ..holding })
                .await
        }
        None => Ok(()),
    }
}

/// Records a lookup: each reservation found belongs to an attempt in doubt; "not found" settles the others once no
/// request can still be pending or hidden.
pub(super) async fn looked(
    tx: &mut Transaction,
    platform: &Platform,
    booking: &Booking,
    asked: Moment,
    found: Option<&[Record]>,
) -> Result<Vec<Evidence>, StoreError> {
    let table = &platform.tables.attempts;
    let all = tx.scan(table, |attempt| attempt.booking == booking.id && attempt.ask == Ask::Reserve).await?;
    let mut in_doubt = all.iter().filter(|attempt| attempt.known.is_open());
    let Some(found) = found else {
        // The lookup used up one of the checks, except the last: that one is repeated until it succeeds.
        for attempt in in_doubt {
            let checks = (attempt.checks + 1).min(CHECKS.len() as u32 - 1);
            tx.update(table, Attempt { learnt: asked, checks, ..*attempt }).await?;
        }
        return Ok(Vec::new());
    };
    let mut evidence = Vec::new();
    for record in found {
        learn(tx, platform, booking.id, (record.reservation, record.standing), asked).await?;
        evidence.push(Evidence::Standing(record.reservation, record.standing));
        let known = Known::Effect(record.reservation);
        if !all.iter().any(|attempt| attempt.known == known)
            && let Some(attempt) = in_doubt.next()
        {
            tx.update(table, Attempt { known, learnt: asked, ..*attempt }).await?;
        }
    }
    for attempt in in_doubt {
        let late = asked >= attempt.sent + QUARANTINE;
        let known = if late { Known::NoEffect } else { Known::Unknown };
        tx.update(table, Attempt { known, learnt: asked, checks: attempt.checks + 1, ..*attempt }).await?;
        evidence.push(if late { Evidence::NoEffect } else { Evidence::Unknown });
    }
    Ok(evidence)
}
