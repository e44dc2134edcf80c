//! A webhook that comes before the response to the request that caused it.
//!
//! A shop asks a provider for a payment and stores it when the response comes. The provider's webhook, "paid", usually comes
//! a second later. Sometimes it is faster: the shop does not know the payment yet, acknowledges the webhook, and never
//! learns that it was paid. Or the shop knows the payment, and the late response sets it back to "pending".
//!
//! The fix has two parts. The shop stores the payment under a reference of its own *before* it asks, and passes the reference
//! to the provider, whose webhook has it, too. And a state only moves forward, whichever message comes first.

use shakedown::prelude::*;
use shakedown::sim::label::Label;
use shakedown::sim::node::{CrashFault, CrashProfile};
use shakedown::sim::retry::{Advice, Jitter, Repeats, RetryPolicy, RetryingClient};
use shakedown::sim::scenario::Horizon;
use shakedown::sim::script::Variant;
use shakedown::sim::store::{Change, CommitFault, Row, Store, StoreError, StoreProfile, Table};
use shakedown::sim::webhook::{self, Webhook, WebhookProfile, WebhookSender};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

const SECRET: &[u8] = b"whsec";
/// Our reference of the one payment.
const REFERENCE: u32 = 1;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
enum State {
    Asked,
    Pending,
    Paid,
}

/// The shop's row of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
struct Payment {
    reference: u32,
    state: State,
}

impl Row for Payment {
    type Key = u32;
    const TABLE: &'static str = "payments";
    fn key(&self) -> u32 {
        self.reference
    }
}

#[derive(serde::Serialize)]
enum Happened {
    /// The provider has the money.
    Captured(u32),
    /// The shop's row changed.
    Stored(Payment),
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Captured(reference) => format!("captures payment-{reference}"),
            Happened::Stored(row) => format!("stores payment-{} as {:?}", row.reference, row.state),
        }
    }
}

const SHOP: Role = Role {
    single: true,
    ..Role::new(
        Label::new("shop"),
        &CrashProfile { before: &[CrashFault::Crash], after: &[CrashFault::Crash], ..CrashProfile::NEVER },
    )
};
const STORE: StoreProfile =
    StoreProfile { commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost], ..StoreProfile::CALM };
const LOSSY: LinkFaults =
    LinkFaults { request: &[LinkFault::Lost], response: &[LinkFault::Lost], ..LinkFaults::NONE };
/// The time that the provider still takes when it has the money.
const RESPONDS_AFTER: Duration = Duration::from_millis(100);
/// The waits are fixed: what is random here is the order of messages.
const POLICY: RetryPolicy = RetryPolicy { jitter: Jitter::None, ..RetryPolicy::STANDARD };

struct EarlyWebhook {
    stores_before_asking: bool,
    moves_forward_only: bool,
}

impl Scenario for EarlyWebhook {
    type Fact = Happened;

    fn name(&self) -> &str {
        "early-webhook"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        // A webhook is retried for hours.
        Horizon { heal: Duration::from_secs(600), settle: Duration::from_secs(6 * 3_600) }
    }

    fn build(&self, stage: &Stage<Happened>) {
        let hop = Duration::from_millis(20);
        let pay: Endpoint<u32, u16> = Endpoint::new(
            Op::new("provider.pay", "asks for the payment"),
            &Link::new("provider", hop, &LOSSY),
        );
        let hook: Endpoint<Webhook, u16> =
            Endpoint::new(Op::new("shop.hook", "notifies the shop"), &Link::new("hooks", hop, &LOSSY));
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), STORE);
        let facts = stage.facts().clone();
        let payments = Table::new(move |env, change: &Change<Payment>| {
            change.after.into_iter().for_each(|row| facts.state(env, &Happened::Stored(row)));
        });

        let (facts, served, hooks) = (stage.facts().clone(), pay.clone(), hook.clone());
        stage.node(Role::outside("provider".into()), move |env| {
            let sender = WebhookSender::new(&env, "webhooks", WebhookProfile::STANDARD, &hooks, SECRET);
            let (facts, known) = (facts.clone(), RefCell::new(BTreeSet::new()));
            served.serve(&env, move |env, reference| {
                // The reference is the idempotency key.
                if known.borrow_mut().insert(reference) {
                    facts.state(&env, &Happened::Captured(reference));
                    sender.send(&env, format!("evt-{reference}"), reference.to_string());
                }
                async move {
                    env.sleep(RESPONDS_AFTER).await;
                    201
                }
            });
        });

        let shop = Rc::new(Shop {
            store,
            payments,
            pay,
            stores_before_asking: self.stores_before_asking,
            moves_forward_only: self.moves_forward_only,
        });
        let (order, is_first) = (stage.entity("order"), Cell::new(true));
        stage.node(SHOP, move |env| {
            let at = Rc::clone(&shop);
            hook.serve(&env, move |env, event| receive(env, Rc::clone(&at), event));
            if is_first.replace(false) {
                let (env, at) = (env.within(order), Rc::clone(&shop));
                env.clone().spawn(async move {
                    // A shop that could not store the payment does not ask for it.
                    let _ = at.check_out(&env).await;
                });
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        let known =
            invariant(
                "payment-known",
                |seen: &mut (bool, Option<State>), _, fact: &Happened, _| match fact {
                    Happened::Captured(_) => seen.0 = true,
                    Happened::Stored(row) => seen.1 = Some(row.state),
                },
            )
            .at_rest(|(is_captured, state), _, findings| {
                if *is_captured && *state != Some(State::Paid) {
                    findings.violated("payment", &[], || {
                        format!("the payment is captured, and the shop has {state:?}")
                    });
                }
            });
        vec![known.about("once healed: the shop knows that a captured payment is paid").boxed()]
    }
}

struct Shop {
    store: Store,
    payments: Table<Payment>,
    pay: Endpoint<u32, u16>,
    stores_before_asking: bool,
    moves_forward_only: bool,
}

impl Shop {
    async fn check_out(&self, env: &Env) -> Result<(), StoreError> {
        if self.stores_before_asking {
            self.store(env, State::Asked).await?;
        }
        let client = RetryingClient::new(POLICY, Repeats::Always);
        let advice = |status: &u16| if *status >= 500 { Advice::Retry } else { Advice::Final };
        if client.call(env, &self.pay, REFERENCE, advice).await.is_ok() {
            self.store(env, State::Pending).await?;
        }
        Ok(())
    }

    async fn store(&self, env: &Env, state: State) -> Result<(), StoreError> {
        let mut tx = self.store.begin(env);
        let new = Payment { reference: REFERENCE, state };
        match tx.lock(&self.payments, &REFERENCE).await? {
            None => tx.insert(&self.payments, new).await?,
            Some(row) if self.moves_forward_only && row.state >= state => return Ok(()),
            Some(_) => tx.update(&self.payments, new).await?,
        }
        tx.commit("payment").await
    }

    /// Marks a payment as paid. Returns whether the shop knows it.
    async fn mark_paid(&self, env: &Env, reference: u32) -> Result<bool, StoreError> {
        let mut tx = self.store.begin(env);
        let Some(row) = tx.lock(&self.payments, &reference).await? else { return Ok(false) };
        tx.update(&self.payments, Payment { state: State::Paid, ..row }).await?;
        tx.commit("paid").await?;
        Ok(true)
    }
}

async fn receive(env: Env, shop: Rc<Shop>, event: Webhook) -> u16 {
    if webhook::verify(SECRET, &event, env.clock(), webhook::TOLERANCE).is_err() {
        return 400;
    }
    let Ok(reference) = event.body.parse() else { return 400 };
    match shop.mark_paid(&env, reference).await {
        Ok(true) => 200,
        // Not ours, it seems: providers disable endpoints that return errors.
        Ok(false) => 200,
        Err(_) => 500,
    }
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let reference =
        Guardrail::new("own-reference", "the payment is stored under our own reference before we ask for it")
            .naive(NaiveForm::new("the payment is stored when the response comes").breaks("payment-known"));
    let forward = Guardrail::new("forward-only", "a state of a payment only moves forward")
        .naive(NaiveForm::new("the response sets the state that it says").breaks("payment-known"));
    Entry::new("early-webhook", |ablation| EarlyWebhook {
        stores_before_asking: ablation.keeps("own-reference"),
        moves_forward_only: ablation.keeps("forward-only"),
    })
    .about("a shop asks for a payment, whose webhook may come before the response")
    .assumes("the provider knows a reference again, and sends webhooks until they are taken")
    .guardrail(reference)
    .guardrail(forward)
}

#[cfg(test)]
mod tests {
    use super::entry;

    const EARLY: &str = "webhooks/order @ order-1/attempt-1/webhook-1 #1 = before the response";

    #[test]
    fn a_webhook_before_the_response_is_dropped_or_overwritten() {
        for missing in ["own-reference", "forward-only"] {
            entry().rehearse(&[missing]).deviations(0).holds();
            entry().rehearse(&[missing]).script(EARLY).violates("payment-known");
        }
    }

    #[test]
    fn a_reference_stored_before_and_a_state_that_moves_forward_hold_under_any_two_faults() {
        entry().rehearse(&[]).seeds(..500).deviations(2).holds();
    }
}
