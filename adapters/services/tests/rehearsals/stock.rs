//! Actors with `oneshot` replies, a `watch` channel, and a supervisor.

use crate::rig::{Said, Voice, check, check_that_runs_repeat, crashing};
use services::stock::serve;
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::{Duration, Role, Stage};
use tokio::net::TcpListener;

/// A buyer takes five of seven goods, then two more than are left, then a number at which the actor panics, then one. A clerk waits
/// until fewer than five are left.
fn world(stage: &Stage<Said>, voice: Voice) {
    Network::on(stage)
        .link("stock", Link { latency: Duration::from_millis(200), faults: &StreamFaults::LOSSY });
    stage.program(crashing("stock"), || async { serve(TcpListener::bind("0.0.0.0:80").await?, 7).await });
    stage.program(Role::outside("clerk".into()), move || async move {
        let below = reqwest::get("http://stock/stock/below/5").await;
        voice.says(format!("the clerk receives {}", text(below).await));
    });
    stage.program(Role::outside("buyer".into()), move || async move {
        let http =
            reqwest::Client::builder().timeout(std::time::Duration::from_secs(4)).no_proxy().build().unwrap();
        for count in [5, 4, 1_000, 1] {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            let taken = http.post(format!("http://stock/stock/take/{count}")).send().await;
            voice.says(format!("takes {count}: {}", text(taken).await));
        }
    });
}

async fn text(response: reqwest::Result<reqwest::Response>) -> String {
    match response {
        Ok(response) => {
            let status = response.status().as_u16();
            format!("{status} {}", response.text().await.unwrap_or_default()).trim().to_owned()
        }
        Err(error) if error.is_timeout() => "no response".to_owned(),
        Err(error) if error.is_connect() => "no connection".to_owned(),
        Err(_) => "a broken connection".to_owned(),
    }
}

#[test]
fn it_runs_as_it_is_and_its_supervisor_restarts_what_panics() {
    check(
        world,
        "",
        &[
            "5.8 the clerk receives 200 2",
            "5.8 takes 5: 200 2",
            "11.2 takes 4: 409",
            "16.6 takes 1000: 500",
            "22.0 takes 1: 200 1",
        ],
    );
}

#[test]
fn equal_seeds_give_equal_runs() {
    check_that_runs_repeat(world);
}

#[test]
fn a_crash_restores_what_was_only_in_memory() {
    check(
        world,
        "stock/before response @ buyer-1/stock-1 #2 = crash",
        &[
            "5.8 the clerk receives 200 2",
            "5.8 takes 5: 200 2",
            "14.8 takes 4: no response",
            "20.6 takes 1000: 500",
            "26.0 takes 1: 200 6",
        ],
    );
}
