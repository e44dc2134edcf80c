//! A client of the document store: create if absent, replace, list.

use reqwest::{Client, Error, StatusCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Accepted,
    Charged,
    Done,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub amount: u64,
    pub email: String,
    /// The key by which the partner knows the payment.
    pub payment: Uuid,
    pub state: State,
}

pub(crate) struct Store {
    http: Client,
    url: String,
}

impl Store {
    pub(crate) fn new(http: Client, url: &str) -> Self {
        Self { http, url: url.to_owned() }
    }

    /// Stores the order unless there is one with its id.
    #[cfg(not(feature = "naive-insert"))]
    pub(crate) async fn insert(&self, order: &Order) -> Result<(), Error> {
        let request = self.http.put(self.at(&order.id)).header("if-none-match", "*").json(order);
        let response = request.send().await?;
        if response.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(());
        }
        response.error_for_status().map(drop)
    }

    /// Stores the order in the place of what is there.
    pub(crate) async fn save(&self, order: &Order) -> Result<(), Error> {
        self.http.put(self.at(&order.id)).json(order).send().await?.error_for_status().map(drop)
    }

    pub(crate) async fn find(&self, id: &str) -> Result<Option<Order>, Error> {
        let response = self.http.get(self.at(id)).send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        response.error_for_status()?.json().await.map(Some)
    }

    /// Returns the orders that are not done.
    #[cfg(not(feature = "naive-shutdown"))]
    pub(crate) async fn open(&self) -> Result<Vec<Order>, Error> {
        let url = format!("{}/orders", self.url);
        let all: Vec<Order> = self.http.get(url).send().await?.error_for_status()?.json().await?;
        Ok(all.into_iter().filter(|order| order.state != State::Done).collect())
    }

    fn at(&self, id: &str) -> String {
        format!("{}/orders/{id}", self.url)
    }
}
