//! Placing and reading orders.

use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::{Json, Uuid};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct NewOrder {
    /// The client's own id for it: a repeated request is the same order.
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) quantity: i64,
    pub(crate) customer: Customer,
}

/// A column of type JSONB.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) email: String,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) quantity: i64,
    pub(crate) customer: Json<Customer>,
    pub(crate) payment: Uuid,
    /// Seconds since 1970, by the clock of the database.
    pub(crate) placed_at: i64,
}

/// What became of a new order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Placed {
    /// It is accepted, now or before.
    Accepted,
    SoldOut,
    UnknownItem,
}

/// Naive: at read committed, two transactions both see the last item unsold.
const LOCK: &str = if cfg!(feature = "naive-check") { "" } else { "FOR UPDATE" };

/// Accepts an order if enough of the item is left, together with the message about it.
pub(crate) async fn place(pool: &PgPool, order: &NewOrder) -> Result<Placed, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Transactions that sell one item run one after another, so the sum below includes every earlier sale.
    let sql = format!("SELECT stock FROM items WHERE id = $1 {LOCK}");
    let stock = sqlx::query_scalar(&sql).bind(&order.item).fetch_optional(&mut *transaction).await?;
    let Some(stock): Option<i64> = stock else { return Ok(Placed::UnknownItem) };
    let sql = "SELECT coalesce(sum(quantity), 0)::bigint, coalesce(bool_or(id = $2), false) FROM orders WHERE item = $1";
    let sold = sqlx::query_as(sql).bind(&order.item).bind(&order.id).fetch_one(&mut *transaction).await?;
    let (sold, is_known): (i64, bool) = sold;
    if is_known {
        return Ok(Placed::Accepted);
    }
    if sold + order.quantity > stock {
        return Ok(Placed::SoldOut);
    }
    let sql = "WITH placed AS (
                   INSERT INTO orders (id, item, quantity, customer) VALUES ($1, $2, $3, $4)
                   RETURNING id, item, quantity, customer, payment
               )
               INSERT INTO outbox (order_id, message)
               SELECT placed.id, jsonb_build_object('order', placed.id, 'payment', payment,
                   'amount', quantity * price, 'email', customer->>'email')
               FROM placed JOIN items ON items.id = placed.item";
    sqlx::query(sql)
        .bind(&order.id)
        .bind(&order.item)
        .bind(order.quantity)
        .bind(Json(&order.customer))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Placed::Accepted)
}

pub(crate) async fn find(pool: &PgPool, id: &str) -> Result<Option<Order>, sqlx::Error> {
    let sql =
        "SELECT id, item, quantity, customer, payment, extract(epoch FROM placed_at)::bigint AS placed_at
               FROM orders WHERE id = $1";
    sqlx::query_as(sql).bind(id).fetch_optional(pool).await
}
