//! Callers as they are in production: clients that retry, senders of webhooks, load balancers.

mod balancers;
mod retries;
mod webhooks;
