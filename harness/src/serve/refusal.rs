//! Responses to requests that cannot be fulfilled: a status and a sentence, as JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// Why a request is not fulfilled.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The request is wrong: says what, and what would be right.
    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn busy(most: usize) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{most} runs are being simulated already"))
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        let message = format!("not ended after {limit:?}: the run probably loops without awaiting anything");
        Self::new(StatusCode::GATEWAY_TIMEOUT, message)
    }

    pub(super) fn internal(message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("internal error: {message}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({ "error": self.message }))).into_response()
    }
}
