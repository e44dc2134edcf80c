use crate::App;
use crate::store::{Order, State as OrderState};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::Arc;
use uuid::Uuid;

#[derive(serde::Deserialize)]
struct NewOrder {
    /// The client's own number for it: a repeated request is the same order.
    id: String,
    amount: u64,
    email: String,
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().route("/orders", post(place)).route("/orders/{id}", get(show)).with_state(app)
}

async fn place(State(app): State<Arc<App>>, Json(new): Json<NewOrder>) -> Result<StatusCode, StatusCode> {
    let order = Order {
        id: new.id,
        amount: new.amount,
        email: new.email,
        payment: Uuid::new_v4(),
        state: OrderState::Accepted,
    };
    let id = order.id.clone();
    insert(&app, order).await?;
    // A full queue is no harm: the worker looks for itself, too.
    let _ = app.nudge.try_send(id);
    Ok(StatusCode::ACCEPTED)
}

/// Stores the order unless it is there.
#[cfg(not(any(feature = "naive-insert", feature = "naive-acknowledgement")))]
async fn insert(app: &Arc<App>, order: Order) -> Result<(), StatusCode> {
    app.store.insert(&order).await.map_err(unavailable)
}

/// Looks whether the order is there, and stores it if not.
#[cfg(feature = "naive-insert")]
async fn insert(app: &Arc<App>, order: Order) -> Result<(), StatusCode> {
    if app.store.find(&order.id).await.map_err(unavailable)?.is_none() {
        app.store.save(&order).await.map_err(unavailable)?;
    }
    Ok(())
}

/// Stores the order after the client has received its response.
#[cfg(feature = "naive-acknowledgement")]
async fn insert(app: &Arc<App>, order: Order) -> Result<(), StatusCode> {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if app.store.insert(&order).await.is_ok() {
            let _ = app.nudge.try_send(order.id);
        }
    });
    Ok(())
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Order>, StatusCode> {
    app.store.find(&id).await.map_err(unavailable)?.map(Json).ok_or(StatusCode::NOT_FOUND)
}

fn unavailable(error: reqwest::Error) -> StatusCode {
    tracing::warn!("store: {error}");
    StatusCode::SERVICE_UNAVAILABLE
}
