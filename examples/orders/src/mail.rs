//! A client of the mail provider.

use crate::store::Order;
use reqwest::{Client, Error};

pub(crate) struct Mail {
    http: Client,
    url: String,
}

impl Mail {
    pub(crate) fn new(http: Client, url: &str) -> Self {
        Self { http, url: url.to_owned() }
    }

    /// Confirms the order. The provider sends one mail for each key.
    pub(crate) async fn confirm(&self, order: &Order) -> Result<(), Error> {
        let request = self.http.post(format!("{}/mails", self.url)).header("idempotency-key", &order.id);
        let body = serde_json::json!({ "to": order.email, "order": order.id });
        request.json(&body).send().await?.error_for_status().map(drop)
    }
}
