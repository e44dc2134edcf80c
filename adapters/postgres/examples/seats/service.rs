//! A service on tokio-postgres: it books seats, and publishes each booking through an outbox, under a lease. Three of its parts have a
//! naive form, as it is often written.

use std::time::{Duration, SystemTime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// The tables.
pub(crate) const TABLES: &str = "
    CREATE TABLE seats (id int PRIMARY KEY);
    CREATE TABLE bookings (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), seat int NOT NULL REFERENCES seats, guest text NOT NULL);
    CREATE TABLE outbox (id bigserial PRIMARY KEY, booking uuid NOT NULL, published_at timestamptz);
    CREATE TABLE cursor (last bigint NOT NULL);
    CREATE TABLE leases (name text PRIMARY KEY, owner text NOT NULL, until timestamptz NOT NULL);";

/// The rows with which the service begins.
pub(crate) const ROWS: &str = "
    INSERT INTO seats VALUES (1), (2);
    INSERT INTO cursor VALUES (0);
    INSERT INTO leases VALUES ('publisher', 'nobody', '-infinity')";

/// How long a lease lasts.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// A part of the service that may be naive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// All parts hold.
    Correct,
    /// A seat is looked up and then booked, at read committed, without a lock.
    CheckThenInsert,
    /// The outbox is read from the last id on, which skips what commits late.
    OutboxById,
    /// Whether a lease has expired is judged by the clock of the application.
    LeaseByOwnClock,
}

/// Books a seat for a guest. Returns whether the guest has it.
pub(crate) async fn book(client: &mut Client, form: Form, seat: i32, guest: &str) -> Result<bool, Error> {
    let transaction = client.transaction().await?;
    if form != Form::CheckThenInsert {
        transaction
            .query_typed("SELECT id FROM seats WHERE id = $1 FOR UPDATE", &[(&seat, Type::INT4)])
            .await?;
    }
    let sql = "SELECT guest FROM bookings WHERE seat = $1";
    if let Some(taken) = transaction.query_typed(sql, &[(&seat, Type::INT4)]).await?.first() {
        // A guest who tries again has it already.
        return Ok(taken.get::<_, &str>(0) == guest);
    }
    let sql = "INSERT INTO bookings (seat, guest) VALUES ($1, $2) RETURNING id::text";
    let inserted = transaction.query_typed(sql, &[(&seat, Type::INT4), (&guest, Type::TEXT)]).await?;
    let booking: &str = inserted[0].get(0);
    transaction
        .query_typed("INSERT INTO outbox (booking) VALUES ($1::text::uuid)", &[(&booking, Type::TEXT)])
        .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Takes or renews the lease of publishers. Returns whether `owner` has it.
pub(crate) async fn lease(
    client: &Client,
    form: Form,
    owner: &str,
    clock: SystemTime,
) -> Result<bool, Error> {
    let changed = if form == Form::LeaseByOwnClock {
        let sql = "UPDATE leases SET owner = $1, until = $2 WHERE name = 'publisher' AND (owner = $1 OR until < $3) RETURNING owner";
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&owner, Type::TEXT), (&(clock + LEASE), Type::TIMESTAMPTZ), (&clock, Type::TIMESTAMPTZ)];
        client.query_typed(sql, &parameters).await?
    } else {
        let sql = "UPDATE leases SET owner = $1, until = now() + interval '5 s' \
                   WHERE name = 'publisher' AND (owner = $1 OR until < now()) RETURNING owner";
        client.query_typed(sql, &[(&owner, Type::TEXT)]).await?
    };
    Ok(!changed.is_empty())
}

/// Publishes what the outbox holds, at least once.
pub(crate) async fn publish(client: &mut Client, form: Form, publish: impl Fn(i64)) -> Result<(), Error> {
    let transaction = client.transaction().await?;
    let sql = if form == Form::OutboxById {
        "SELECT id FROM outbox WHERE id > (SELECT last FROM cursor) ORDER BY id"
    } else {
        "SELECT id FROM outbox WHERE published_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED"
    };
    let rows = transaction.query_typed(sql, &[]).await?;
    let Some(last) = rows.last() else { return transaction.rollback().await };
    let last: i64 = last.get(0);
    rows.iter().for_each(|row| publish(row.get(0)));
    if form == Form::OutboxById {
        transaction.query_typed("UPDATE cursor SET last = $1", &[(&last, Type::INT8)]).await?;
    } else {
        let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let sql = "UPDATE outbox SET published_at = now() WHERE id = ANY ($1)";
        transaction.query_typed(sql, &[(&ids, Type::INT8_ARRAY)]).await?;
    }
    transaction.commit().await
}

/// Returns whether it is worth trying again: the connection is lost, or the server says so.
pub(crate) fn is_transient(error: &Error) -> bool {
    error.is_closed()
        || error.as_db_error().is_none_or(|error| {
            let again = [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::TOO_MANY_CONNECTIONS,
                SqlState::CANNOT_CONNECT_NOW,
                SqlState::ADMIN_SHUTDOWN,
            ];
            again.contains(error.code())
        })
}
