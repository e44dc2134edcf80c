//! An axum router with state, a worker task, back-off, and a client behind a trait.

use crate::rig::{Said, Voice, check, check_that_runs_repeat, crashing};
use axum::routing::post;
use axum::{Json, Router};
use services::newsletter::{HttpMailer, Subscriber, serve};
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::{Duration, Role, Stage};
use std::sync::Arc;
use tokio::net::TcpListener;

async fn listener() -> TcpListener {
    TcpListener::bind("0.0.0.0:80").await.unwrap()
}

/// A reader subscribes two addresses at a newsletter, which sends mails by a provider.
fn world(stage: &Stage<Said>, voice: Voice) {
    let network = Network::on(stage);
    for role in ["provider", "newsletter"] {
        network.link(role, Link { latency: Duration::from_millis(200), faults: &StreamFaults::LOSSY });
    }
    stage.program(Role::outside("provider".into()), move || async move {
        let mail =
            move |Json(to): Json<Subscriber>| async move { voice.says(format!("mails {}", to.address)) };
        axum::serve(listener().await, Router::new().route("/mails", post(mail))).await
    });
    stage.program(crashing("newsletter"), || async {
        serve(listener().await, Arc::new(HttpMailer::new("http://provider"))).await
    });
    stage.program(Role::outside("reader".into()), move || async move {
        let http =
            reqwest::Client::builder().timeout(std::time::Duration::from_secs(9)).no_proxy().build().unwrap();
        for address in ["ada", "bob"] {
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
            let body = serde_json::json!({ "address": address });
            match http.post("http://newsletter/subscribers").json(&body).send().await {
                Ok(response) => voice.says(format!("{address}: {}", response.status().as_u16())),
                Err(error) if error.is_timeout() => voice.says(format!("{address}: no response")),
                Err(_) => voice.says(format!("{address}: no connection")),
            }
        }
    });
}

#[test]
fn it_runs_as_it_is() {
    check(world, "", &["10.8 ada: 201", "11.2 mails ada", "21.2 bob: 201", "21.2 mails bob"]);
}

#[test]
fn equal_seeds_give_equal_runs() {
    check_that_runs_repeat(world);
}

#[test]
fn it_backs_off_and_tries_again() {
    check(
        world,
        "provider/connect @ newsletter-1/provider-1 #1 = refused",
        &["10.8 ada: 201", "11.7 mails ada", "21.2 bob: 201", "21.2 mails bob"],
    );
    check(
        world,
        "provider/response @ newsletter-1/provider-1 #1 = lost",
        &["10.8 ada: 201", "11.2 mails ada", "13.3 mails ada", "21.2 bob: 201", "21.2 mails bob"],
    );
}

#[test]
fn a_graceful_shutdown_sends_what_is_waiting() {
    check(
        world,
        "newsletter/before response @ reader-1/newsletter-1 #1 = shutdown",
        &["10.8 ada: 201", "11.2 mails ada", "21.6 bob: 201", "22.0 mails bob"],
    );
}

#[test]
fn a_crash_loses_what_is_waiting() {
    check(
        world,
        "newsletter/before response @ reader-1/newsletter-1 #1 = crash",
        &["19.0 ada: no response", "29.8 bob: 201", "30.2 mails bob"],
    );
}
