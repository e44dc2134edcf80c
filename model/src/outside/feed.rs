//! The reporting feed: an external consumer that records each event that it receives. It identifies an event by its
//! row and version, so repeats do no harm.

use crate::backbone::events::Event;
use crate::facts::{EventFact, Fact};
use shakedown_sim::{Env, Facts, Queue};

/// Boots the feed, which takes all events of its queue.
pub fn boot(env: &Env, events: &Queue<Event>, facts: &Facts<Fact>) {
    let (env, events, facts) = (env.clone(), events.clone(), facts.clone());
    env.clone().spawn(async move {
        loop {
            let delivery = events.receive(&env).await;
            let Event { subject, version, what, .. } = *delivery.body();
            facts.state(delivery.env(), &Fact::Event(EventFact::Took { subject, version, what }));
            // If this fails, the event is delivered again.
            let _ = delivery.ack().await;
        }
    });
}
