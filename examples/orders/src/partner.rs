//! A client of the payment partner.

use crate::store::Order;
use reqwest::{Client, Error};
use std::time::Duration;

pub(crate) struct Partner {
    http: Client,
    url: String,
}

impl Partner {
    pub(crate) fn new(http: Client, url: &str) -> Self {
        Self { http, url: url.to_owned() }
    }

    /// Charges the order, trying three times. The key makes a repeated charge the same charge.
    pub(crate) async fn charge(&self, order: &Order) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            match self.try_charge(order).await {
                Err(error) if attempt < 3 => {
                    tracing::warn!("charging {}: {error}", order.id);
                    tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn try_charge(&self, order: &Order) -> Result<(), Error> {
        #[cfg(not(feature = "naive-retry"))]
        let key = order.payment;
        #[cfg(feature = "naive-retry")]
        let key = uuid::Uuid::new_v4();
        let request =
            self.http.post(format!("{}/charges", self.url)).header("idempotency-key", key.to_string());
        let body = serde_json::json!({ "order": order.id, "amount": order.amount });
        request.json(&body).send().await?.error_for_status().map(drop)
    }
}
