//! A sender of webhooks.

use crate::rig::{Rig, said, say, script, seconds};
use shakedown_sim::webhook::*;
use shakedown_sim::*;
use std::cell::Cell;

const SECRET: &[u8] = b"secret";
const LOSSY: LinkFaults = LinkFaults { response: &[LinkFault::Lost], ..LinkFaults::NONE };
const CLOCKS: ClockProfile =
    ClockProfile { setting: &[ClockFault::Ahead(Duration::from_secs(600))], jump: &[] };
const SHOP: Role = Role { clock: &CLOCKS, ..Role::outside(Label::new("shop")) };

/// A shop that returns these statuses, the last one again and again, and a provider that sends two events, ten seconds
/// apart. After eight days somebody enables the endpoint and resends the first.
fn provider(profile: WebhookProfile, statuses: &'static [u16]) -> Rig {
    let rig = Rig::new(move |stage| {
        let link = Link::new("hooks", Duration::ZERO, &LOSSY);
        let hook: Endpoint<Webhook, u16> = Endpoint::new(Op::new("shop.hook", "notifies the shop"), &link);
        let (facts, served) = (stage.facts().clone(), hook.clone());
        stage.node(SHOP, move |env| {
            let (facts, next) = (facts.clone(), Cell::new(0));
            served.serve(&env, move |env, event| {
                let number = next.replace(next.get() + 1);
                let status = match verify(SECRET, &event, env.clock(), TOLERANCE) {
                    Ok(()) => statuses[number.min(statuses.len() - 1)],
                    Err(_) => 400,
                };
                say(&facts, &env, format!("{number}: {} gets {status}", event.id));
                async move { status }
            });
        });
        let env = stage.node(Role::outside("provider".into()), |_| {});
        let sender = WebhookSender::new(&env, "webhooks", profile, &hook, SECRET);
        let (facts, first, second) = (stage.facts().clone(), stage.entity("event"), stage.entity("event"));
        env.clone().spawn(async move {
            sender.send(&env.within(first), "evt-1", "1");
            env.sleep(seconds(10)).await;
            sender.send(&env.within(second), "evt-2", "2");
            env.sleep(seconds(8 * 86_400)).await;
            let states = ["evt-1", "evt-2"].map(|id| sender.state(id));
            say(
                &facts,
                &env,
                format!("{states:?} given up {:?}, disabled {}", sender.given_up(), sender.is_disabled()),
            );
            sender.enable();
            assert!(sender.resend("evt-1") && !sender.resend("evt-3"));
        });
    });
    rig.horizon(9 * 86_400, 86_400)
}

const PLAIN: WebhookProfile =
    WebhookProfile { may_be_early: false, may_be_copied: false, delays: None, ..WebhookProfile::STANDARD };

fn check(profile: WebhookProfile, statuses: &'static [u16], deviations: &str, expected: &[&str]) {
    assert_eq!(said(provider(profile, statuses), deviations), expected, "{deviations}");
}

const DELIVERED: &str = "691210 provider [Some(Delivered), Some(Delivered)] given up [], disabled false";

#[test]
fn an_event_is_sent_until_it_is_taken_and_a_later_one_overtakes_it() {
    let expected = [
        "1 shop 0: evt-1 gets 500",
        "6 shop 1: evt-1 gets 301",
        "11 shop 2: evt-2 gets 204",
        "306 shop 3: evt-1 gets 204",
        DELIVERED,
        "691210 shop 4: evt-1 gets 204",
    ];
    check(PLAIN, &[500, 301, 204], "", &expected);
}

#[test]
fn an_event_is_given_up_after_days_and_can_be_resent_by_hand() {
    let said = said(provider(PLAIN, &[500]), "");
    assert_eq!(
        said.iter().filter(|said| said.contains("evt-1 gets")).count(),
        11,
        "ten attempts, and one by hand"
    );
    assert_eq!(
        said[said.len() - 3..][0].split(' ').next(),
        Some("272116"),
        "after three days and some hours"
    );
    let given_up = "[Some(GivenUp), Some(GivenUp)] given up [\"evt-1\", \"evt-2\"], disabled false";
    assert_eq!(said[said.len() - 2], format!("691210 provider {given_up}"));
    let by_hand = WebhookProfile { ..WebhookProfile::GITHUB };
    let plain = WebhookProfile { may_be_early: false, may_be_copied: false, delays: None, ..by_hand };
    let expected = [
        "1 shop 0: evt-1 gets 500",
        "11 shop 1: evt-2 gets 200",
        "691210 provider [Some(GivenUp), Some(Delivered)] given up [\"evt-1\"], disabled false",
        "691210 shop 2: evt-1 gets 200",
    ];
    check(plain, &[500, 200], "", &expected);
}

#[test]
fn gone_disables_the_endpoint() {
    let expected = [
        "1 shop 0: evt-1 gets 410",
        "691210 provider [Some(GivenUp), Some(GivenUp)] given up [\"evt-1\", \"evt-2\"], disabled true",
        "691210 shop 1: evt-1 gets 200",
    ];
    check(PLAIN, &[410, 200], "", &expected);
}

#[test]
fn an_event_comes_early_late_twice_or_again_after_a_lost_response() {
    let later = ["11 shop 1: evt-2 gets 200", DELIVERED, "691210 shop 2: evt-1 gets 200"];
    let with = |deviation: &str, first: &[&str]| {
        check(WebhookProfile::STANDARD, &[200], deviation, &[first, &later].concat());
    };
    with("", &["1 shop 0: evt-1 gets 200"]);
    with("webhooks/order @ event-1/webhook-1 #1 = before the response", &["0 shop 0: evt-1 gets 200"]);
    let twice =
        said(provider(WebhookProfile::STANDARD, &[200]), "webhooks/copies @ event-1/webhook-1 #1 = twice");
    assert_eq!(twice[..2], ["1 shop 0: evt-1 gets 200", "1.1 shop 1: evt-1 gets 200"]);
    let late =
        said(provider(WebhookProfile::STANDARD, &[200]), "webhooks/delay @ event-1/webhook-1 #1 = 30 s");
    assert_eq!(late[..2], ["11 shop 0: evt-2 gets 200", "31 shop 1: evt-1 gets 200"]);
    let lost = "shop.hook/response @ event-1/webhook-1/attempt-1 #1 = lost";
    let again = said(provider(WebhookProfile::STANDARD, &[200]), lost);
    assert_eq!(again[2], "21 shop 2: evt-1 gets 200", "the timeout of 15 s, and a wait of 5 s");
}

#[test]
fn a_receiver_whose_clock_is_wrong_rejects_what_is_sound() {
    let said = said(provider(PLAIN, &[200]), "shop/clock @ event-1/webhook-1/attempt-1 #1 = 10 min ahead");
    assert_eq!(said[..2], ["1 shop 0: evt-1 gets 400", "6 shop 1: evt-1 gets 400"]);
}

#[test]
fn an_event_is_not_given_up_if_another_attempt_delivered_it() {
    let profile = WebhookProfile { may_be_early: false, delays: None, ..WebhookProfile::GITHUB };
    let twice = script("webhooks/copies @ event-1/webhook-1 #1 = twice");
    let (_, trace) = Runner::new(provider(profile, &[200, 500, 200])).record(Plan::Script(&twice));
    let states: Vec<&str> = trace.steps.iter().map(|step| step.text.as_str()).collect();
    assert!(states.iter().any(|text| text.contains("1: evt-1 gets 500")), "{states:?}");
    assert!(!states.iter().any(|text| text.starts_with("gives up")), "{states:?}");
}
