//! The beginning of a session on the real server.

use super::Relay;
use crate::backend::Parameters;
use crate::connection::Connection;
use crate::engine::FIRST_PROCESS;
use crate::frame::{self, frame};
use crate::opening::{self, Opening, secret_of};
use shakedown_sim::ambient::Handle;
use std::io;

/// Opens the session that a client requests and returns its number. `None` if it was refused and the client has received the error.
pub(super) async fn open(relay: &Relay, client: &mut Connection, own: Handle) -> io::Result<Option<usize>> {
    let mut parameters = match opening::read(client).await? {
        Opening::Startup(parameters) => parameters,
        Opening::Cancel { process, secret } => {
            if secret == secret_of(process) {
                relay.cancel(own, process);
            }
            return Ok(None);
        }
        Opening::Refused => return Ok(None),
    };
    if let Some(refusal) = unserved(relay, &parameters).or_else(|| relay.refuses(own)) {
        client.send(&refusal).await?;
        return Ok(None);
    }
    // The database is there under its own name; without one the client means that of its user.
    parameters.retain(|(name, _)| name != "database");
    parameters.push(("database".to_owned(), relay.server.database().to_owned()));
    let opened = match relay.engine() {
        Some(mut engine) => engine.open(&parameters, own),
        None => return Ok(None),
    };
    match opened {
        Ok(number) => {
            let greeting = greeting(relay, number);
            client.send(&greeting).await?;
            Ok(Some(number))
        }
        Err(error) => {
            client.send(&error).await?;
            Ok(None)
        }
    }
}

/// Returns why a session with these parameters is not served, as a message.
fn unserved(relay: &Relay, parameters: &Parameters) -> Option<Vec<u8>> {
    let value =
        |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if value("replication").is_some_and(|value| !matches!(value, "false" | "off" | "no" | "0")) {
        return Some(frame::fatal("0A000", "the simulation does not serve replication connections"));
    }
    let (user, own) = (value("user").unwrap_or_default(), relay.server.database());
    let database = value("database").unwrap_or(user);
    (database != own).then(|| {
        let text = format!(
            "database \"{database}\" does not exist: the simulation's is \"{own}\" (`Schema::database`)"
        );
        frame::fatal("3D000", &text)
    })
}

/// Returns the messages that a client receives when its session begins. No password is requested.
fn greeting(relay: &Relay, number: usize) -> Vec<u8> {
    let process = (FIRST_PROCESS + number as u32) as i32;
    let mut greeting = frame(b'R', &0_i32.to_be_bytes());
    if let Some(mut engine) = relay.engine()
        && let Some(slot) = engine.slot(number)
    {
        greeting.append(&mut slot.out);
    }
    greeting.extend(frame(b'K', &[process.to_be_bytes(), secret_of(process).to_be_bytes()].concat()));
    greeting.extend(frame(b'Z', b"I"));
    greeting
}
