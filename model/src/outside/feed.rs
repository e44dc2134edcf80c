//! The reporting feed: a consumer outside that records each event that it receives. It knows an event by the row
//! and the version that it made, and repeats do not trouble it.

use crate::backbone::events::Event;
use crate::facts::{EventFact, Fact};
use shakedown_sim::{Env, Facts, Queue};

/// Boots the feed: it takes whatever comes over its queue.
pub fn boot(env: &Env, events: &Queue<Event>, facts: &Facts<Fact>) {
    let (env, events, facts) = (env.clone(), events.clone(), facts.clone());
    env.clone().spawn(async move {
        loop {
            let delivery = events.receive(&env).await;
            let Event { subject, version, what, .. } = *delivery.body();
            facts.state(delivery.env(), &Fact::Event(EventFact::Took { subject, version, what }));
            // If that fails, the event comes again.
            let _ = delivery.ack().await;
        }
    });
}
