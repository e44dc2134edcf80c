//! Claims about messages: who receives what is published.

use super::bench::{Lines, Nothing, client, lines_of};
use shakedown_sim::kv::{Kv, KvError, KvFailover, KvFaults, KvProfile, MessageFault};
use shakedown_sim::*;

const SECOND: Duration = Duration::from_secs(1);
const NEWS: KvProfile = KvProfile {
    subscriber_backlog: 2,
    faults: KvFaults {
        message: &[MessageFault::Disconnected, MessageFault::Late(Duration::from_millis(1_500))],
        failover: &[KvFailover::Crash(SECOND)],
        ..KvFaults::NONE
    },
    ..KvProfile::REDIS
};

/// A publisher that sends a message each second, and a subscriber that comes at 1.5 s, takes so long for each, and
/// subscribes again when its connection breaks.
fn publishes(takes: Duration) -> impl Fn(&Stage<Nothing>, Kv, Lines) {
    move |stage, kv, lines| {
        let (sender, reader) = (client(stage, "post"), client(stage, "reader"));
        let (from, to) = (kv.client(&sender), kv.client(&reader));
        sender.clone().spawn(async move {
            for number in 1..=6 {
                let env = sender.child("item");
                let _ = from.within(&env).publish("news", &number.to_string()).await;
                sender.sleep(SECOND).await;
            }
        });
        reader.clone().spawn(async move {
            reader.sleep(Duration::from_millis(1_500)).await;
            loop {
                let Ok(subscription) = to.within(&reader.child("turn")).subscribe(&["news"]).await else {
                    reader.sleep(SECOND).await;
                    continue;
                };
                loop {
                    match subscription.next().await {
                        Ok(message) => lines.say(message.body()),
                        Err(error) => {
                            assert_eq!(error, KvError::ConnectionLost);
                            break lines.say("lost");
                        }
                    }
                    reader.sleep(takes).await;
                }
            }
        });
    }
}

fn check(takes: Duration, deviations: &str, expected: &[&str]) {
    assert_eq!(lines_of(NEWS, &ClockProfile::RIGHT, deviations, publishes(takes)), expected, "{deviations}");
}

#[test]
fn what_was_published_before_a_subscription_is_missed() {
    check(Duration::ZERO, "", &["3", "4", "5", "6"]);
}

#[test]
fn a_broken_connection_misses_its_message() {
    let broken = "kv/message @ post-1/item-4/message-1 #1 = disconnected";
    check(Duration::ZERO, broken, &["3", "lost", "5", "6"]);
}

#[test]
fn a_late_message_holds_up_the_next() {
    check(Duration::ZERO, "kv/message @ post-1/item-4/message-1 #1 = 1500 ms", &["3", "4", "5", "6"]);
}

#[test]
fn a_subscriber_that_reads_too_slowly_is_disconnected() {
    check(SECOND * 4, "", &["3", "lost"]);
}
