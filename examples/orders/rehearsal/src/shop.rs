//! The world around the service, and what may go wrong there.

use crate::facts::Known;
use crate::invariants;
use crate::users::user;
use orders::outside::{self, Event};
use orders::{Config, run};
use shakedown::prelude::{Alternatives, Duration, Invariant, Role, Scenario, Stage};
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_sim::ambient::Shared;
use shakedown_sim::{CrashFault, CrashProfile, Horizon, Variant};

const LATENCY: Duration = Duration::from_millis(5);

/// What may become of requests to others and of their responses.
const LOSSY: StreamFaults = StreamFaults {
    connect: Alternatives::new(&["accepted", "refused"]),
    request: Alternatives::new(&["arrives", "lost"]),
    response: Alternatives::new(&["arrives", "lost", "reset", "400 ms"]),
};

const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash, CrashFault::ShutDown],
    after: &[CrashFault::Crash],
    restart: Duration::from_secs(2),
    ..CrashProfile::NEVER
};

const SHUTDOWNS: CrashProfile =
    CrashProfile { before: &[CrashFault::ShutDown], after: &[CrashFault::ShutDown], ..CRASHES };

/// Two users who click twice, the service, and the three that it talks to.
pub(crate) struct Shop {
    name: &'static str,
    /// How the service's process may end.
    ends: &'static CrashProfile,
}

impl Shop {
    /// The shop in which the service may crash or shut down.
    pub(crate) const ORDERS: Shop = Shop { name: "orders", ends: &CRASHES };

    /// The shop in which it shuts down at each deployment and does not crash.
    pub(crate) const DEPLOYMENTS: Shop = Shop { name: "deployments", ends: &SHUTDOWNS };
}

impl Scenario for Shop {
    type Fact = Known;

    fn name(&self) -> &str {
        self.name
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(10), settle: Duration::from_secs(20) }
    }

    fn build(&self, stage: &Stage<Known>) {
        let network = Network::on(stage);
        for role in ["store", "partner", "mail"] {
            network.link(role, Link { latency: LATENCY, faults: &LOSSY });
        }
        let facts = Shared::new(stage.facts().clone());
        let state = move |event: Event| {
            facts.state(&match event {
                Event::Charged { order } => Known::Charged(order),
                Event::Mailed { order } => Known::Mailed(order),
            });
        };
        stage.program(Role::outside("store".into()), || outside::serve(outside::store(), "0.0.0.0:80"));
        stage.program(Role::outside("partner".into()), move || {
            outside::serve(outside::partner(state), "0.0.0.0:80")
        });
        stage.program(Role::outside("mail".into()), move || {
            outside::serve(outside::mail(state), "0.0.0.0:80")
        });
        stage.program(Role { single: true, ..Role::new("orders".into(), self.ends) }, || run(config()));
        for number in 1..=2 {
            let entity = stage.entity("order");
            stage
                .program(Role::new("user".into(), &CrashProfile::NEVER), move || user(number, entity, facts));
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
        vec![invariants::charged_once(), invariants::fulfilled()]
    }
}

fn config() -> Config {
    Config {
        listen: "0.0.0.0:80".to_owned(),
        store_url: "http://store".to_owned(),
        partner_url: "http://partner".to_owned(),
        mail_url: "http://mail".to_owned(),
        timeout: std::time::Duration::from_secs(1),
        poll: std::time::Duration::from_secs(4),
    }
}
