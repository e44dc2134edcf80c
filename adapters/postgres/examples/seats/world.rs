//! The world of the service: three guests, two publishers, a server, and what may go wrong.

use crate::service::{self, Form, LEASE};
use shakedown_net::{Link, Network, StreamFaults};
use shakedown_postgres::{ChangeKind, IoStream, RowChange, Schema, Server, ServerFaults, SetupError};
use shakedown_sim::ambient::{Handle, Shared};
use shakedown_sim::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_postgres::{Client, Config, Error, NoTls};

/// What is durable, or known outside.
#[derive(Clone, serde::Serialize)]
pub(crate) enum Known {
    Booked { seat: String, guest: String },
    Written { id: i64 },
    Published { id: i64 },
    Leased { owner: String },
}

impl Fact for Known {
    fn sentence(&self) -> String {
        match self {
            Known::Booked { seat, guest } => format!("holds a booking of seat {seat} for {guest}"),
            Known::Written { id } => format!("holds {id} in the outbox"),
            Known::Published { id } => format!("publishes {id}"),
            Known::Leased { owner } => format!("holds the lease for {owner}"),
        }
    }
}

fn fact(change: &RowChange) -> Option<Known> {
    let value = |column: &str| change.value(column).unwrap_or_default().to_owned();
    match (change.table.as_str(), change.kind) {
        ("public.bookings", ChangeKind::Insert) => {
            Some(Known::Booked { seat: value("seat"), guest: value("guest") })
        }
        ("public.outbox", ChangeKind::Insert) => Some(Known::Written { id: value("id").parse().ok()? }),
        ("public.leases", ChangeKind::Update) => Some(Known::Leased { owner: value("owner") }),
        _ => None,
    }
}

/// Delays of half a second and more let others overtake.
const LATE: StreamFaults = StreamFaults {
    request: Alternatives::new(&["arrives", "3 s"]),
    response: Alternatives::new(&["arrives", "lost"]),
    ..StreamFaults::NONE
};

const LOSSY: ServerFaults = ServerFaults {
    commit: Alternatives::new(&["runs", "lost before", "lost during", "lost after", "restart after"]),
    ..ServerFaults::NONE
};

const CLOCKS: ClockProfile =
    ClockProfile { setting: &[ClockFault::Ahead(Duration::from_secs(60))], jump: &[] };

/// The scenario.
#[derive(Clone)]
pub(crate) struct Seats {
    pub(crate) server: Arc<Server>,
    pub(crate) form: Form,
}

/// Starts a server with the tables of the service.
pub(crate) fn server() -> Result<Arc<Server>, SetupError> {
    Server::start(Schema::new(service::TABLES).rows(service::ROWS)).map(Arc::new)
}

impl Scenario for Seats {
    type Fact = Known;

    fn name(&self) -> &str {
        "seats"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(4), settle: Duration::from_secs(12) }
    }

    fn build(&self, stage: &Stage<Known>) {
        let form = self.form;
        Network::on(stage).link("postgres", Link { latency: Duration::from_millis(5), faults: &LATE });
        self.server.serve(stage, Role::outside("postgres".into()), &LOSSY, fact);
        for (number, seat) in [(1, 1), (2, 1), (3, 2)] {
            let guest = stage.entity("guest");
            stage.program(Role::new("guest".into(), &CrashProfile::NEVER), move || async move {
                Handle::current().work_for(guest);
                sleep(200 * number).await;
                guest_books(form, seat, &format!("guest-{number}")).await;
            });
        }
        let facts = Shared::new(stage.facts().clone());
        for number in 1..=2 {
            let role = Role { clock: &CLOCKS, ..Role::new("publisher".into(), &CrashProfile::NEVER) };
            stage.program(role, move || async move {
                sleep(300 * number).await;
                publisher(form, &format!("publisher-{number}"), facts).await;
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Known>>> {
        vec![
            Box::<SeatBookedOnce>::default(),
            Box::<AllPublished>::default(),
            Box::<OneLeaseholder>::default(),
        ]
    }
}

async fn sleep(ms: u64) {
    Handle::current().sleep(Duration::from_millis(ms)).await;
}

/// Connects, and drives the connection in a task of its own.
async fn connect() -> Option<Client> {
    // Without the timeout a connection that stalls keeps its locks, and what it has locked in the outbox is never published.
    let settings = "user=postgres dbname=app options='-c idle_in_transaction_session_timeout=5s'";
    let config: Config = settings.parse().expect("settings");
    let stream = IoStream::connect("postgres").await.ok()?;
    let (client, connection) = within(2, config.connect_raw(stream, NoTls)).await?.ok()?;
    Handle::current().spawn(async move {
        // Its end is seen by the client.
        let _ = connection.await;
    });
    Some(client)
}

/// Waits for at most so many seconds.
async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> Option<T> {
    Handle::current().env().timeout(Duration::from_secs(seconds), future).await
}

/// Whether a try that timed out or failed is worth repeating.
fn failed<T>(result: &Option<Result<T, Error>>) -> bool {
    result.as_ref().is_none_or(|result| result.as_ref().is_err_and(service::is_transient))
}

/// Books, and tries again if it does not learn how that ended.
async fn guest_books(form: Form, seat: i32, guest: &str) {
    for _ in 0..4 {
        if let Some(mut client) = connect().await {
            let booked = within(4, service::book(&mut client, form, seat, guest)).await;
            if !failed(&booked) {
                return;
            }
        }
        sleep(500).await;
    }
}

/// Publishes what the outbox holds, if it has the lease, every two seconds.
async fn publisher(form: Form, owner: &str, facts: Shared<Facts<Known>>) {
    let mut kept = None;
    loop {
        let mut client = match kept.take() {
            Some(client) => client,
            None => match connect().await {
                Some(client) => client,
                None => {
                    sleep(500).await;
                    continue;
                }
            },
        };
        let clock = Handle::current().wall_clock().unix_nanos();
        let clock = SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(clock.unsigned_abs());
        let leased = within(2, service::lease(&client, form, owner, clock)).await;
        let mut fine = matches!(leased, Some(Ok(_)));
        if matches!(leased, Some(Ok(true))) {
            let publish = |id| facts.state(&Known::Published { id });
            fine = matches!(within(2, service::publish(&mut client, form, publish)).await, Some(Ok(())));
        }
        if fine {
            kept = Some(client);
        }
        sleep(2_000).await;
    }
}

/// No seat is booked for two guests.
#[derive(Default)]
struct SeatBookedOnce(BTreeMap<String, (String, u32)>);

impl Invariant<Known> for SeatBookedOnce {
    fn name(&self) -> &'static str {
        "seat-booked-once"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Known, findings: &mut Findings) {
        let Known::Booked { seat, guest } = fact else { return };
        if let Some((first, event)) = self.0.insert(seat.clone(), (guest.clone(), at.event)) {
            findings.violated("seat", &[event, at.event], || {
                format!("seat {seat} is booked for {first} and for {guest}")
            });
        }
    }
}

/// Once healed, what the outbox holds was published.
#[derive(Default)]
struct AllPublished(BTreeMap<i64, Option<u32>>);

impl Invariant<Known> for AllPublished {
    fn name(&self) -> &'static str {
        "bookings-are-published"
    }
    fn reset(&mut self) {
        self.0.clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Known, _: &mut Findings) {
        match fact {
            Known::Written { id } => _ = self.0.entry(*id).or_insert(Some(at.event)),
            Known::Published { id } => _ = self.0.insert(*id, None),
            _ => {}
        }
    }
    fn at_rest(&mut self, _: Moment, findings: &mut Findings) {
        for (id, written) in &self.0 {
            if let Some(event) = written {
                findings.violated("outbox", &[*event], || format!("{id} of the outbox is never published"));
            }
        }
    }
}

/// A lease changes hands only after it has expired, by true time.
#[derive(Default)]
struct OneLeaseholder(Option<(String, Moment, u32)>);

impl Invariant<Known> for OneLeaseholder {
    fn name(&self) -> &'static str {
        "one-leaseholder"
    }
    fn reset(&mut self) {
        self.0 = None;
    }
    fn observe(&mut self, at: &At<'_>, fact: &Known, findings: &mut Findings) {
        let Known::Leased { owner } = fact else { return };
        if let Some((before, since, event)) = self.0.replace((owner.clone(), at.time, at.event))
            && before != *owner
            && at.time.since(since) < LEASE
        {
            findings.violated("lease", &[event, at.event], || {
                format!("{owner} takes the lease {:?} after {before} did", at.time.since(since))
            });
        }
    }
}
