//! The booking partner of the platform's model, over HTTP and JSON with webhooks: an external service for rehearsals of a service that
//! reserves at such a partner. Its behaviour, its faults and the names of their choices are those of
//! [`shakedown_model::outside::partner`].
//!
//! | request | response |
//! |---|---|
//! | `POST /reservations` with `Idempotency-Key` | 200 with a confirmed reservation, 202 with a pending one, 400 without a key, 409, 429, 500, or 200 with a body that is cut off |
//! | `DELETE /reservations/{id}` | 204; 409 if the terms do not allow it; 500 |
//! | `GET /reservations?reference=` | 200 with the reservations under that reference; it may lag. Only with [`PartnerTerms::lookup`] |
//! | `GET /reservations/{id}` | 200 or 404. Only with [`PartnerTerms::lookup`] |
//! | `GET /statement` | 200 with all reservations, true and without lag |
//!
//! Each change of a reservation is reported by a webhook, `POST` of a [`Webhook`], which is repeated until it is accepted with a status
//! of success.
//!
//! [`serve`] serves the partner at a node with `shakedown-http`. A program under `cargo shakedown` gives [`router`] to `axum::serve`,
//! and posts the webhooks with the client of its choice.
//!
//! Modules in reading order: `wire` (JSON bodies), `routes`, `webhooks`.

mod routes;
mod webhooks;
mod wire;

pub use routes::router;
pub use shakedown_model::PartnerTerms;
pub use shakedown_model::booking::rows::Standing;
pub use shakedown_model::facts::PartnerFact;
pub use webhooks::serve;
pub use wire::{NewReservation, Reservation, Webhook};
