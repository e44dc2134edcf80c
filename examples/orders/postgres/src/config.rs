use std::time::Duration;

/// Addresses and timeouts of the service.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: String,
    pub database_url: String,
    pub partner_url: String,
    pub mail_url: String,
    /// The name of this instance: the owner of leases that it takes.
    pub instance: String,
    /// The timeout of each request to others, of each statement, and of each wait for a connection.
    pub timeout: Duration,
    /// How often the relay looks for messages.
    pub poll: Duration,
}

impl Config {
    /// Reads `ORDERS_LISTEN`, `DATABASE_URL`, `ORDERS_PARTNER_URL`, `ORDERS_MAIL_URL` and `ORDERS_INSTANCE`.
    pub fn from_env() -> Self {
        let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        Self {
            listen: var("ORDERS_LISTEN", "127.0.0.1:8080"),
            database_url: var("DATABASE_URL", "postgres://postgres@127.0.0.1/orders"),
            partner_url: var("ORDERS_PARTNER_URL", "http://127.0.0.1:8082"),
            mail_url: var("ORDERS_MAIL_URL", "http://127.0.0.1:8083"),
            instance: var("ORDERS_INSTANCE", "orders-1"),
            timeout: Duration::from_secs(2),
            poll: Duration::from_secs(2),
        }
    }
}
