//! A client of the payment partner and the mail provider.

use crate::Config;
use crate::outbox::Message;
use reqwest::{Client, Error};

pub(crate) struct Partner {
    http: Client,
    partner_url: String,
    mail_url: String,
}

impl Partner {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let http = Client::builder().timeout(config.timeout).no_proxy().build()?;
        Ok(Self { http, partner_url: config.partner_url.clone(), mail_url: config.mail_url.clone() })
    }

    /// Charges an order. The partner makes one charge for each key.
    pub(crate) async fn charge(&self, message: &Message) -> Result<(), Error> {
        let request = self.http.post(format!("{}/charges", self.partner_url));
        let body = serde_json::json!({ "order": message.order, "amount": message.amount });
        let request = request.header("idempotency-key", message.payment.to_string()).json(&body);
        request.send().await?.error_for_status().map(drop)
    }

    /// Confirms an order by mail. The provider sends one mail for each key.
    pub(crate) async fn confirm(&self, message: &Message) -> Result<(), Error> {
        let request = self.http.post(format!("{}/mails", self.mail_url));
        let body = serde_json::json!({ "to": message.email, "order": message.order });
        request
            .header("idempotency-key", &message.order)
            .json(&body)
            .send()
            .await?
            .error_for_status()
            .map(drop)
    }
}
