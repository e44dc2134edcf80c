//! The world around the service, and what may go wrong there.

use crate::facts::Known;
use crate::invariants;
use crate::users::user;
use orders::outside::{self, Event};
use orders_postgres::{Config, migrate, run};
use shakedown::prelude::{Alternatives, Duration, Invariant, Role, Scenario, Stage};
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_postgres::{Schema, Server, ServerFaults, Servers};
use shakedown_sim::ambient::Shared;
use shakedown_sim::{ClockFault, ClockProfile, CrashFault, CrashProfile, Horizon, Variant};
use std::sync::{Arc, LazyLock};

/// What the migrations put on sale.
pub(crate) const STOCK: [(&str, i64); 2] = [("lamp", 1), ("book", 100)];

/// Servers whose database the service has migrated before.
pub(crate) static MIGRATED: LazyLock<Servers> =
    LazyLock::new(|| Servers::new(Schema::new("").prepared_by(|| async { migrate(&config(0)).await })));

/// Servers whose database is empty.
pub(crate) static EMPTY: LazyLock<Servers> = LazyLock::new(|| Servers::new(Schema::new("")));

/// What may become of requests to others and of their responses.
const LOSSY: StreamFaults = StreamFaults {
    connect: Alternatives::new(&["accepted", "refused"]),
    request: Alternatives::new(&["arrives", "lost"]),
    response: Alternatives::new(&["arrives", "lost"]),
};

/// What may become of statements and of their responses: a delay lets others overtake.
const LATE: StreamFaults = StreamFaults {
    request: Alternatives::new(&["arrives", "900 ms"]),
    response: Alternatives::new(&["arrives", "lost"]),
    ..StreamFaults::NONE
};

const SERVER: ServerFaults = ServerFaults {
    session: Alternatives::new(&["accepted", "too many connections"]),
    commit: ServerFaults::LOSSY.commit,
    ..ServerFaults::NONE
};

const CRASHES: CrashProfile = CrashProfile {
    before: &[CrashFault::Crash],
    after: &[CrashFault::Crash],
    restart: Duration::from_secs(2),
    ..CrashProfile::NEVER
};

const CLOCKS: ClockProfile =
    ClockProfile { setting: &[ClockFault::Ahead(Duration::from_secs(60))], jump: &[] };

/// Two users who order the last lamp, one who orders a book, two instances of the service, their database, and the two that they talk to.
pub(crate) struct Shop {
    pub(crate) name: &'static str,
    pub(crate) server: Arc<Server>,
}

impl Scenario for Shop {
    type Fact = Known;

    fn name(&self) -> &str {
        self.name
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(6), settle: Duration::from_secs(14) }
    }

    fn build(&self, stage: &Stage<Known>) {
        let network = Network::on(stage);
        network.link("postgres", Link { latency: Duration::from_millis(2), faults: &LATE });
        for role in ["partner", "mail"] {
            network.link(role, Link { latency: Duration::from_millis(5), faults: &LOSSY });
        }
        self.server.serve(stage, Role::outside("postgres".into()), &SERVER, Known::of_row);
        let facts = Shared::new(stage.facts().clone());
        let state = move |event: Event| {
            facts.state(&match event {
                Event::Charged { order } => Known::Charged { order },
                Event::Mailed { order } => Known::Mailed { order },
            });
        };
        stage.program(Role::outside("partner".into()), move || {
            outside::serve(outside::partner(state), "0.0.0.0:80")
        });
        stage.program(Role::outside("mail".into()), move || {
            outside::serve(outside::mail(state), "0.0.0.0:80")
        });
        for number in 1..=2 {
            let role = Role { clock: &CLOCKS, ..Role::new("orders".into(), &CRASHES) };
            stage.program(role, move || async move {
                // One starts after the other, as in a deployment.
                tokio::time::sleep(std::time::Duration::from_millis(100 * (number - 1))).await;
                run(config(number)).await
            });
        }
        for (number, item, instance) in
            [(1, "lamp", "orders-1"), (2, "lamp", "orders-2"), (3, "book", "orders-2")]
        {
            let entity = stage.entity("order");
            stage.program(Role::new("user".into(), &CrashProfile::NEVER), move || {
                user(number, item, instance, entity, facts)
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
        vec![
            invariants::never_oversold(),
            invariants::charged_once(),
            invariants::one_relay(),
            invariants::fulfilled(),
        ]
    }
}

fn config(number: u64) -> Config {
    Config {
        listen: "0.0.0.0:80".to_owned(),
        // Without a password sqlx searches the home folder for `.pgpass`, which is outside the simulation, and logs its path.
        database_url: "postgres://postgres:unused@postgres/app".to_owned(),
        partner_url: "http://partner".to_owned(),
        mail_url: "http://mail".to_owned(),
        instance: format!("orders-{number}"),
        timeout: std::time::Duration::from_secs(2),
        poll: std::time::Duration::from_secs(2),
    }
}
