//! The clinics' importer: sends the rows of their feeds.
//!
//! A row announces a visit or cancels one. Each is sent at least once: until it gets a final response, and sometimes
//! once more much later. A row may be late, and so arrive after one that was written later. A rejected row is final:
//! the clinic is notified and handles it. A row that is not known yet is sent again.
//!
//! It never changes a row's number, or invents a row that no clinic has written.
//!
//! Sources: delivery guarantees of queue and feed services (at least once, unordered) as their vendors document
//! them; HL7 v2 chapters 2 and 10 on acknowledgement and on scheduling messages.

use crate::facts::Code;
use crate::outside::edge::VisitEdge;
use crate::settings::EDGE_TIMEOUT;
use crate::visit::api::{ClinicRow, Verdict};
use crate::visit::rows::Action;
use shakedown_sim::{Alternatives, Duration, Env, Label, Site};

const IMPORTER: Label = Label::new("importer");
const DELAY: Site = Site::new(IMPORTER, Label::new("delay"));
const COPIES: Site = Site::new(IMPORTER, Label::new("copies"));

const DELAYS: Alternatives = Alternatives::delays(&["on time", "20 s", "20 min", "2 h"], (1_000, 7_200_000));
const COPY: Alternatives = Alternatives::new(&["once", "twice"]);

/// The waits before a row without a response is sent again; the last one is repeated.
const AGAIN: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(600)];
/// The time of a copy, if there is one.
const COPY_AFTER: Duration = Duration::from_secs(1_800);
/// Marks the keys of rows, so that no form has the same key.
const ROW: u64 = 1 << 62;

/// Sends a row, within the scope of its visit: the `number`th of that visit.
pub async fn send(env: Env, edge: VisitEdge, visit: u32, (number, says): (u32, Action)) {
    let env = env.child("row");
    env.sleep(env.choose_delay(DELAY, &DELAYS)).await;
    let row = ClinicRow { visit, says, key: ROW | u64::from(visit) << 16 | u64::from(number) };
    let copies = env.choose(COPIES, &COPY);
    deliver(&env.child("copy"), &edge, row).await;
    if !copies.is_benign() {
        env.sleep(COPY_AFTER).await;
        deliver(&env.child("copy"), &edge, row).await;
    }
}

/// Sends a row until it gets a final response.
async fn deliver(env: &Env, edge: &VisitEdge, row: ClinicRow) {
    for again in AGAIN.iter().chain(std::iter::repeat(&AGAIN[AGAIN.len() - 1])) {
        let reply = env.child("request").call(&edge.import, row, EDGE_TIMEOUT).await;
        match reply.map(|reply| (reply.code, reply.body)) {
            Ok((Code::Accepted | Code::Ok, _)) | Ok((Code::Rejected, Some(Verdict::Refused))) => return,
            _ => env.because(|| "the row was not accepted".to_owned()),
        }
        env.sleep(*again).await;
    }
}
