//! Clinics: their systems report what happened, a few reports a minute, and now and then many at once.
//!
//! A report is sent again, under the same reference, until it is accepted, for a minute. A report that is not
//! accepted by then stays in the clinic's own list. In a burst, reports come in waves, as they do when clinics close.

use crate::backbone::Reply;
use crate::facts::{Code, Fact, Request};
use crate::filing::api::Api;
use crate::outside::edge::AccessLog;
use crate::settings::BROWSER_TIMEOUT;
use shakedown_sim::{Alternatives, Duration, Endpoint, Env, Facts, Label, Link, Op, Site};

const BURST: Site = Site::new(Label::new("clinic"), Label::new("burst"));
const BURSTS: Alternatives = Alternatives::new(&["none", "as declared", "above what is declared"]);

/// The declared number of reports a minute in a burst: ten times the usual number.
pub const DECLARED: usize = 40;
/// The number of waves of a burst, within a minute.
const WAVES: u32 = 3;
/// The time between two waves.
const WAVE_PERIOD: Duration = Duration::from_secs(20);
/// The number of reports of a wave, in a burst as declared and in one above.
const WAVE: [u32; 2] = [10, 16];
/// How often a report is tried.
const TRIES: u32 = 20;
/// The wait of a clinic between two tries.
const PAUSE: Duration = Duration::from_secs(3);

/// The edge, as a clinic's system calls it.
#[derive(Clone)]
pub struct ReportEdge(Endpoint<u32, Reply<u32>>);

impl ReportEdge {
    /// Creates the operation, over `web`.
    pub fn over(web: &Link) -> Self {
        Self(Endpoint::new(Op::new("edge.report", "reports to the platform"), web))
    }

    /// Boots the edge in front of `api`, with a log of its own.
    pub fn boot(&self, env: &Env, api: &Api, facts: &Facts<Fact>) {
        self.boot_with(env, api, &AccessLog::new(facts));
    }

    /// Boots the edge in front of `api`.
    pub fn boot_with(&self, env: &Env, api: &Api, log: &AccessLog) {
        log.front(env, &self.0, Request::Report, &api.submit);
    }
}

/// Sends the report with this reference until it is accepted.
pub async fn report(env: &Env, edge: &ReportEdge, reference: u32) {
    for _ in 0..TRIES {
        let reply = env.child("request").call(&edge.0, reference, BROWSER_TIMEOUT).await;
        if reply.is_ok_and(|reply| reply.code == Code::Accepted) {
            return;
        }
        env.because(|| "it was not accepted".to_owned());
        env.sleep(PAUSE).await;
    }
}

/// Draws whether a burst begins. Returns the number of reports of each of its waves, with the waits between them.
pub fn burst(env: &Env) -> impl Iterator<Item = (Duration, u32)> + use<> {
    let wave = match BURSTS.names()[env.choose(BURST, &BURSTS).index()] {
        "as declared" => WAVE[0],
        "above what is declared" => WAVE[1],
        _ => 0,
    };
    if wave > 0 {
        env.lasts(WAVE_PERIOD * WAVES);
    }
    (0..WAVES).map(move |number| (WAVE_PERIOD * number, wave)).filter(|(_, wave)| *wave > 0)
}
