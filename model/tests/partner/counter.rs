//! A partner, a client that sends it one request after the other, and a receiver of its callbacks.

use shakedown_model::booking::api::Api;
use shakedown_model::booking::connector::{CancelRequest, PartnerApi, Record, ReserveRequest};
use shakedown_model::facts::PartnerFact;
use shakedown_model::outside::partner::Partner;
use shakedown_model::{Fact, PartnerTerms};
use shakedown_sim::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A request of the client.
#[derive(Clone, Copy)]
pub(crate) enum Ask {
    /// A reservation under this key.
    Reserve(u64),
    /// The end of a reservation.
    Cancel(u32),
    /// The reservations of a reference.
    Lookup(u32),
    /// The state of a reservation.
    Read(u32),
    /// The statement.
    Statement,
    /// No request for this many seconds.
    Wait(u64),
}

/// The reference under which every reservation is made, and its price.
pub(crate) const REFERENCE: u32 = 7;
const PRICE: u32 = 100;

/// The source of a line of the record, each with its millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whose {
    Ledger,
    Client,
    Callback,
}

pub(crate) type Lines = Rc<RefCell<Vec<(Whose, u64, String)>>>;

pub(crate) struct Counter {
    pub(crate) terms: PartnerTerms,
    pub(crate) asks: Vec<Ask>,
    /// The number of callbacks that are not accepted before one is.
    pub(crate) deaf: u32,
    pub(crate) lines: Lines,
}

/// Violates nothing, records the partner's ledger as lines.
struct Keeper(Lines);

impl Invariant<Fact> for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }
    fn about(&self) -> &'static str {
        "nothing"
    }
    fn reset(&mut self) {
        self.0.borrow_mut().clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        let line = match fact {
            Fact::Partner(PartnerFact::Asked { attempt }) => format!("asked {attempt}"),
            Fact::Partner(PartnerFact::Reserved { reservation, standing }) => {
                format!("reserved {reservation} {standing:?}")
            }
            Fact::Partner(PartnerFact::Settled { reservation }) => format!("settled {reservation}"),
            Fact::Partner(PartnerFact::Ended { reservation, asked: true }) => {
                format!("ended {reservation} as asked")
            }
            Fact::Partner(PartnerFact::Ended { reservation, .. }) => format!("ended {reservation} by itself"),
            Fact::Partner(PartnerFact::Charged { reservation, amount }) => {
                format!("charged {reservation} {amount}")
            }
            Fact::Partner(PartnerFact::Refunded { reservation, amount }) => {
                format!("refunded {reservation} {amount}")
            }
            Fact::Partner(PartnerFact::KeyForgotten { reservation }) => format!("forgot {reservation}"),
            Fact::Partner(PartnerFact::Held { reservation }) => format!("held {reservation}"),
            _ => return,
        };
        self.0.borrow_mut().push((Whose::Ledger, at.time.nanos() / 1_000_000, line));
    }
}

const LOSING: LinkFaults = LinkFaults::LOSSY;
const HOP: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_secs(5);

impl Scenario for Counter {
    type Fact = Fact;

    fn name(&self) -> &str {
        "counter"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3 * 3_600), settle: Duration::from_secs(3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let operations = PartnerApi::over(&Link::new("partner", HOP, &LinkFaults::NONE));
        let back = Link::new("back", HOP, &LOSING);
        let api = Api::over(&Link::new("inside", HOP, &LinkFaults::NONE), &back);
        let partner = Partner::new(self.terms, stage.facts(), &api);

        let (lines, deaf) = (self.lines.clone(), Rc::new(Cell::new(self.deaf)));
        stage.node(Role::outside("taker".into()), move |env| {
            let (lines, deaf) = (lines.clone(), deaf.clone());
            api.callback.serve(&env, move |env, callback| {
                let record = text(&callback.record);
                lines.borrow_mut().push((
                    Whose::Callback,
                    ms(&env),
                    format!("event {}: {record}", callback.event),
                ));
                let takes = deaf.get() == 0;
                deaf.set(deaf.get().saturating_sub(1));
                async move { takes }
            });
        });
        let at = operations.clone();
        stage.node(Role::outside("partner".into()), move |env| partner.boot(&env, &at));
        let client = stage.node(Role::outside("client".into()), |_| {});
        let (asks, lines) = (self.asks.clone(), self.lines.clone());
        client.clone().spawn(async move {
            for (attempt, step) in (1..).zip(asks) {
                let env = client.child("ask");
                if let Some(answer) = ask(&env, &operations, attempt, step).await {
                    lines.borrow_mut().push((Whose::Client, ms(&env), answer));
                }
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        vec![Box::new(Keeper(self.lines.clone()))]
    }
}

fn ms(env: &Env) -> u64 {
    env.now().nanos() / 1_000_000
}

async fn ask(env: &Env, operations: &PartnerApi, attempt: u32, step: Ask) -> Option<String> {
    fn told<T>(answer: Result<T, CallError>, text: impl Fn(T) -> String) -> Option<String> {
        Some(answer.map_or_else(|error| error.to_string(), text))
    }
    match step {
        Ask::Reserve(key) => {
            let request = ReserveRequest { attempt, key, reference: REFERENCE, price: PRICE };
            told(env.call(&operations.reserve, request, TIMEOUT).await, |answer| format!("{answer:?}"))
        }
        Ask::Cancel(reservation) => {
            let request = CancelRequest { attempt, reservation };
            told(env.call(&operations.cancel, request, TIMEOUT).await, |answer| format!("{answer:?}"))
        }
        Ask::Lookup(reference) => told(env.call(&operations.lookup, reference, TIMEOUT).await, list),
        Ask::Read(reservation) => {
            let found = env.call(&operations.read, reservation, TIMEOUT).await;
            told(found, |found| found.map_or("nothing".to_owned(), |record| text(&record)))
        }
        Ask::Statement => told(env.call(&operations.statement, (), TIMEOUT).await, list),
        Ask::Wait(seconds) => {
            env.sleep(Duration::from_secs(seconds)).await;
            None
        }
    }
}

fn text(record: &Record) -> String {
    let reference = record.reference.map_or(String::new(), |reference| format!(" for {reference}"));
    format!("R{} {:?}{reference}", record.reservation, record.standing)
}

fn list(records: Vec<Record>) -> String {
    records.iter().map(text).collect::<Vec<_>>().join(", ")
}
