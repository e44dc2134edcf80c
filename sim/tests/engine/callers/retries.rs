//! A client that retries.

use crate::rig::{Rig, said, say, seconds};
use shakedown_sim::retry::*;
use shakedown_sim::*;
use std::cell::Cell;

/// A response: its status, and the seconds of its `Retry-After`.
type Response = (u16, u64);

const POLICY: RetryPolicy = RetryPolicy { jitter: Jitter::None, attempts: 4, ..RetryPolicy::STANDARD };
const LOSSY: LinkFaults = LinkFaults {
    request: &[LinkFault::Lost, LinkFault::Refused],
    response: &[LinkFault::Lost],
    ..LinkFaults::NONE
};

fn advice((status, after): &Response) -> Advice {
    match (status, after) {
        (429 | 503, 1..) => Advice::RetryAfter(seconds(*after)),
        (429 | 500.., _) => Advice::Retry,
        _ => Advice::Final,
    }
}

/// A bank that gives these responses, the last one again and again, and a client that pays `calls` times at once.
fn bank(client: RetryingClient, responses: &'static [Response], calls: u32) -> Rig {
    let rig = Rig::new(move |stage| {
        let link = Link::new("bank", Duration::ZERO, &LOSSY);
        let pay: Endpoint<u32, Response> = Endpoint::new(Op::new("bank.pay", "pays"), &link);
        let (facts, served) = (stage.facts().clone(), pay.clone());
        stage.node(Role::outside("bank".into()), move |env| {
            let (facts, next) = (facts.clone(), Cell::new(0));
            served.serve(&env, move |env, key| {
                let number = next.replace(next.get() + 1);
                say(&facts, &env, format!("receives key {key}, number {number}"));
                let response = responses[number.min(responses.len() - 1)];
                async move { response }
            });
        });
        let payer = stage.node(Role::outside("client".into()), |_| {});
        for call in 1..=calls {
            let env = payer.within(stage.entity("order"));
            let (facts, pay, client) = (stage.facts().clone(), pay.clone(), client.clone());
            env.clone().spawn(async move {
                let text = match client.call(&env, &pay, 100 + call, advice).await {
                    Ok((status, _)) => format!("{call} gets {status}"),
                    Err(GaveUp { attempts, stopped, may_have_effect, .. }) => {
                        format!("{call} gives up after {attempts}: {stopped:?}, may have effect: {may_have_effect}")
                    }
                };
                say(&facts, &env, text);
            });
        }
    });
    rig.horizon(600, 600)
}

fn check(client: RetryingClient, responses: &'static [Response], deviations: &str, expected: &[&str]) {
    assert_eq!(said(bank(client, responses, 1), deviations), expected, "{deviations}");
}

fn always(policy: RetryPolicy) -> RetryingClient {
    RetryingClient::new(policy, Repeats::Always)
}

#[test]
fn attempts_are_bounded_and_keep_the_key_and_waits_double() {
    check(
        always(POLICY),
        &[(500, 0)],
        "",
        &[
            "0 bank receives key 101, number 0",
            "1 bank receives key 101, number 1",
            "3 bank receives key 101, number 2",
            "7 bank receives key 101, number 3",
            "7 client 1 gives up after 4: Attempts, may have effect: false",
        ],
    );
    let waits: Vec<u64> = (1..8).map(|failures| POLICY.backoff(failures).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 20, 20]);
}

#[test]
fn retry_after_is_the_least_wait_and_a_final_response_ends_it() {
    let responses: &[Response] = &[(429, 5), (500, 0), (402, 0)];
    let numbers = ["0 bank receives key 101, number 0", "5 bank receives key 101, number 1"];
    let last = ["7 bank receives key 101, number 2", "7 client 1 gets 402"];
    check(always(POLICY), responses, "", &[numbers, last].concat());
    let too_long = [
        "0 bank receives key 101, number 0",
        "0 client 1 gives up after 1: RetryAfter, may have effect: false",
    ];
    check(always(POLICY), &[(503, 61)], "", &too_long);
}

#[test]
fn full_jitter_waits_for_a_part_of_the_backoff() {
    let client = || always(RetryPolicy { base: seconds(8), attempts: 2, ..RetryPolicy::STANDARD });
    let second = |deviations: &str| {
        let said = said(bank(client(), &[(500, 0)], 1), deviations);
        said[1].split(' ').next().and_then(|time| time.parse::<f64>().ok()).expect("a time")
    };
    assert_eq!(second("bank.pay/backoff @ order-1/attempt-1 #1 = no wait"), 0.0);
    assert_eq!(second("bank.pay/backoff @ order-1/attempt-1 #1 = full wait"), 8.0);
    assert!((0.0..8.0).contains(&second("")));
    // Clients that fail together do not retry together.
    let times = said(bank(client(), &[(500, 0)], 20), "");
    let retries = times.iter().filter(|said| said.contains("receives") && !said.starts_with("0 "));
    let distinct: std::collections::BTreeSet<_> = retries.map(|said| said.split(' ').next()).collect();
    assert!(distinct.len() >= 18, "{distinct:?}");
}

#[test]
fn a_budget_bounds_the_load_on_a_dependency_that_fails() {
    let received = |client| {
        let said = said(bank(client, &[(500, 0)], 20), "");
        said.iter().filter(|said| said.contains("receives")).count()
    };
    assert_eq!(received(always(POLICY)), 80);
    // The reserve of four; calls beyond the reserve add nothing.
    assert_eq!(received(always(POLICY).within(RetryBudget::new(20, 4))), 24);
}

#[test]
fn a_call_that_may_have_had_an_effect_is_repeated_only_if_that_is_harmless() {
    let lost = "bank.pay/response @ order-1/attempt-1 #1 = lost";
    let received = "0 bank receives key 101, number 0";
    let careful = || RetryingClient::new(POLICY, Repeats::Refused);
    let unknown = "5 client 1 gives up after 1: NotRepeatable, may have effect: true";
    check(careful(), &[(200, 0)], lost, &[received, unknown]);
    check(
        always(POLICY),
        &[(200, 0)],
        lost,
        &[received, "6 bank receives key 101, number 1", "6 client 1 gets 200"],
    );
    let refused = "bank.pay/request @ order-1/attempt-1 #1 = refused";
    check(careful(), &[(200, 0)], refused, &["1 bank receives key 101, number 0", "1 client 1 gets 200"]);
    let late = RetryPolicy { deadline: seconds(5), ..POLICY };
    check(
        always(late),
        &[(200, 0)],
        lost,
        &[received, "5 client 1 gives up after 1: Deadline, may have effect: true"],
    );
}
