//! Users who place orders.

use crate::facts::Known;
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::{Facts, Scope};
use std::time::Duration;

/// A user who orders an item at an instance of the service, and tries again until there is a response.
pub(crate) async fn user(
    number: u64,
    item: &str,
    instance: &str,
    entity: Scope,
    facts: Shared<Facts<Known>>,
) {
    Handle::current().work_for(entity);
    tokio::time::sleep(Duration::from_millis(1_100 + 200 * number)).await;
    let http =
        reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build().expect("a client");
    let order = format!("order-{number}");
    let body = serde_json::json!({
        "id": order, "item": item, "quantity": 1, "customer": { "email": "ada@example.org" },
    });
    for _ in 0..5 {
        let sent = http.post(format!("http://{instance}/orders")).json(&body).send().await;
        match sent.map(|response| response.status()) {
            Ok(status) if status.is_success() => return facts.state(&Known::Accepted { order }),
            Ok(status) if status.is_client_error() => return,
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}
