use std::time::Duration;

/// Addresses and timeouts of the service.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: String,
    pub store_url: String,
    pub partner_url: String,
    pub mail_url: String,
    /// The timeout of each request to others.
    pub timeout: Duration,
    /// How often the worker looks for orders that are not done.
    pub poll: Duration,
}

impl Config {
    /// Reads `ORDERS_LISTEN`, `ORDERS_STORE_URL`, `ORDERS_PARTNER_URL` and `ORDERS_MAIL_URL`.
    pub fn from_env() -> Self {
        let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            listen: var("ORDERS_LISTEN", "127.0.0.1:8080"),
            store_url: var("ORDERS_STORE_URL", "http://127.0.0.1:8081"),
            partner_url: var("ORDERS_PARTNER_URL", "http://127.0.0.1:8082"),
            mail_url: var("ORDERS_MAIL_URL", "http://127.0.0.1:8083"),
            timeout: Duration::from_secs(2),
            poll: Duration::from_secs(5),
        }
    }
}
