use crate::App;
use crate::orders::{self, NewOrder, Order, Placed};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::Arc;

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().route("/orders", post(place)).route("/orders/{id}", get(show)).with_state(app)
}

async fn place(State(app): State<Arc<App>>, Json(order): Json<NewOrder>) -> StatusCode {
    // A connection may stall in the middle of the transaction; the client then tries again.
    match tokio::time::timeout(app.config.timeout, orders::place(&app.pool, &order)).await {
        Ok(Ok(Placed::Accepted)) => StatusCode::ACCEPTED,
        Ok(Ok(Placed::SoldOut)) => StatusCode::CONFLICT,
        Ok(Ok(Placed::UnknownItem)) => StatusCode::NOT_FOUND,
        Ok(Err(error)) => unavailable(&error),
        Err(timeout) => unavailable(&timeout),
    }
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Order>, StatusCode> {
    let order = orders::find(&app.pool, &id).await.map_err(|error| unavailable(&error))?;
    order.map(Json).ok_or(StatusCode::NOT_FOUND)
}

fn unavailable(error: &dyn std::error::Error) -> StatusCode {
    tracing::warn!("database: {error}");
    StatusCode::SERVICE_UNAVAILABLE
}
