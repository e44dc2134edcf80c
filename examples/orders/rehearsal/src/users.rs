//! Users who place orders.

use crate::facts::Known;
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::{Facts, Scope};
use std::time::Duration;

/// A user who clicks twice.
pub(crate) async fn user(number: u64, entity: Scope, facts: Shared<Facts<Known>>) {
    Handle::current().work_for(entity);
    tokio::time::sleep(Duration::from_millis(200 * number)).await;
    let first = tokio::spawn(place(number, facts));
    tokio::time::sleep(Duration::from_millis(100)).await;
    place(number, facts).await;
    let _ = first.await;
}

async fn place(number: u64, facts: Shared<Facts<Known>>) {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(3)).no_proxy().build();
    let order = format!("order-{number}");
    let body = serde_json::json!({ "id": order, "amount": 40, "email": "ada@example.org" });
    let sent = http.expect("a client").post("http://orders/orders").json(&body).send().await;
    if sent.is_ok_and(|response| response.status().is_success()) {
        facts.state(&Known::Accepted(order));
    }
}
