//! The topic: delivers events to each of its subscribers, over one queue for each.

use super::events::Event;
use super::relay::Consumer;
use shakedown_sim::{Env, Queue, SendError};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// A topic. Cheap to clone; all clones denote the same topic.
#[derive(Clone)]
pub struct Topic {
    subscribers: Rc<[Queue<Event>]>,
}

impl Topic {
    /// Creates a topic with these subscribers.
    pub fn new(subscribers: impl IntoIterator<Item = Queue<Event>>) -> Self {
        Self { subscribers: subscribers.into_iter().collect() }
    }

    /// Publishes an event to every subscriber.
    ///
    /// # Errors
    /// If some queue has not, or may not have, accepted it: others may have, and will receive it again if it is
    /// published again.
    pub(crate) async fn publish(&self, env: &Env, event: Event) -> Result<(), SendError> {
        for subscriber in self.subscribers.iter() {
            subscriber.send(env, "event", event).await?;
        }
        Ok(())
    }
}

impl Consumer for Topic {
    fn take(&self, env: Env, event: Event) -> Pin<Box<dyn Future<Output = bool>>> {
        let topic = self.clone();
        Box::pin(async move { topic.publish(&env, event).await.is_ok() })
    }
}
