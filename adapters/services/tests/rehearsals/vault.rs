//! TLS between two nodes: rustls takes the date from the process's clock, and ring its random numbers from the process's entropy.

use crate::rig::{Said, Voice, check, check_that_runs_repeat, crashing};
use services::vault::{client, serve, server};
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::{Duration, Role, Stage};
use std::error::Error;
use tokio::net::TcpListener;

const KEY: &[u8] = include_bytes!("certificates/key.pem");
/// Valid from 2025-01-01 to 2035-01-01.
const VALID: &[u8] = include_bytes!("certificates/valid.pem");
/// Valid from 2025-01-01 to 2026-01-01 00:00:30 UTC.
const EXPIRING: &[u8] = include_bytes!("certificates/expiring.pem");

/// A reader opens a connection every 20 s.
fn world(stage: &Stage<Said>, voice: Voice, certificate: &'static [u8]) {
    Network::on(stage)
        .link("vault", Link { latency: Duration::from_millis(100), faults: &StreamFaults::LOSSY });
    stage.program(crashing("vault"), move || async move {
        serve(TcpListener::bind("0.0.0.0:443").await?, server(certificate, KEY).unwrap()).await
    });
    stage.program(Role::outside("reader".into()), move || async move {
        for _ in 0..2 {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            match client(certificate).get("https://vault/secret").send().await {
                Ok(response) => voice.says(response.text().await.unwrap_or_else(|error| cause(&error))),
                Err(error) => voice.says(cause(&error)),
            }
        }
    });
}

fn valid(stage: &Stage<Said>, voice: Voice) {
    world(stage, voice, VALID);
}

fn expiring(stage: &Stage<Said>, voice: Voice) {
    world(stage, voice, EXPIRING);
}

/// Returns the innermost cause of an error.
fn cause(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => cause(source),
        None => error.to_string(),
    }
}

/// States the random bytes that ring takes.
fn random(stage: &Stage<Said>, voice: Voice) {
    stage.program(Role::outside("reader".into()), move || async move {
        let mut bytes = [0; 8];
        tokio_rustls::rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).unwrap();
        voice.says(format!("{bytes:?}"));
    });
}

#[test]
fn https_works_as_it_is() {
    check(valid, "", &["20.6 swordfish", "41.2 swordfish"]);
}

#[test]
fn equal_seeds_give_equal_runs() {
    check_that_runs_repeat(valid);
    check_that_runs_repeat(random);
}

#[test]
fn a_certificate_expires_at_its_virtual_date() {
    check(
        expiring,
        "",
        &[
            "20.6 swordfish",
            "41.0 invalid peer certificate: certificate expired: verification time 1767225641 (UNIX), but certificate is not valid after \
             1767225630 (11 seconds ago)",
        ],
    );
}

#[test]
fn a_lost_message_of_the_handshake_is_a_timeout() {
    check(
        valid,
        "vault/response @ reader-1/vault-1 #1 = lost",
        &["29.0 operation timed out", "49.6 swordfish"],
    );
}
