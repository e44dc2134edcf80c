//! Calls, and every fault that a link's profile allows.

use crate::rig::{Rig, said, say, script, seconds};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

const FAULTS: LinkFaults = LinkFaults {
    request: &[LinkFault::Lost, LinkFault::Refused, LinkFault::Late(Duration::from_secs(8))],
    request_range: DelayRange::ms(100, 9_000),
    response: &[
        LinkFault::Lost,
        LinkFault::Late(Duration::from_secs(1)),
        LinkFault::Late(Duration::from_secs(8)),
    ],
    response_range: DelayRange::ms(100, 9_000),
    outage: &[Episode::For(Duration::from_secs(15)), Episode::UntilHealed],
    slowness: &[Episode::For(Duration::from_secs(15)), Episode::UntilHealed],
    slow_by: Duration::from_secs(3),
};

/// A client that calls at these seconds, each time with a timeout of two seconds.
fn client_and_server(at: &'static [u64]) -> Rig {
    Rig::new(move |stage| {
        let link = Link::new("line", Duration::from_millis(20), &FAULTS);
        let ask = Endpoint::<u64, u64>::new(Op::new("desk.ask", "asks"), &link);
        let (facts, served) = (stage.facts().clone(), ask.clone());
        stage.node(Role::outside("desk".into()), move |env| {
            let facts = facts.clone();
            served.serve(&env, move |env, number| {
                say(&facts, &env, format!("serves {number}"));
                async move { number }
            });
        });
        let facts = stage.facts().clone();
        let client = stage.node(Role::outside("client".into()), |_| {});
        client.clone().spawn(async move {
            for second in at {
                client.sleep_until(Moment::START + seconds(*second)).await;
                let answer = client.child("ask").call(&ask, *second, seconds(2)).await;
                say(&facts, &client, format!("hears {answer:?}"));
            }
        });
    })
}

fn check(at: &'static [u64], deviations: &str, expected: &[&str]) {
    assert_eq!(said(client_and_server(at), deviations), expected, "{deviations}");
}

#[test]
fn a_call_gets_a_response() {
    check(&[0], "", &["0.02 desk serves 0", "0.04 client hears Ok(0)"]);
}

#[test]
fn a_request_may_be_lost_or_refused_or_late() {
    let timed_out = "2 client hears Err(TimedOut)";
    check(&[0], "desk.ask/request @ ask-1 #1 = lost", &[timed_out]);
    check(&[0], "desk.ask/request @ ask-1 #1 = refused", &["0.04 client hears Err(Refused)"]);
    check(&[0], "desk.ask/request @ ask-1 #1 = 8 s", &[timed_out, "8.02 desk serves 0"]);
    check(&[0], "desk.ask/request @ ask-1 #1 = 500 ms", &["0.52 desk serves 0", "0.54 client hears Ok(0)"]);
}

#[test]
fn a_response_may_be_lost_or_late() {
    let (served, timed_out) = ("0.02 desk serves 0", "2 client hears Err(TimedOut)");
    check(&[0], "desk.ask/response @ ask-1 #1 = lost", &[served, timed_out]);
    check(&[0], "desk.ask/response @ ask-1 #1 = 8 s", &[served, timed_out]);
    check(&[0], "desk.ask/response @ ask-1 #1 = 1 s", &[served, "1.04 client hears Ok(0)"]);
}

#[test]
fn a_response_at_the_end_of_the_timeout_is_in_time() {
    let served = "0.02 desk serves 0";
    check(&[0], "desk.ask/response @ ask-1 #1 = 1960 ms", &[served, "2 client hears Ok(0)"]);
    check(&[0], "desk.ask/response @ ask-1 #1 = 1961 ms", &[served, "2 client hears Err(TimedOut)"]);
}

#[test]
fn this_holds_for_callers_with_different_timeouts() {
    let rig = Rig::new(|stage| {
        let link = Link::new("line", Duration::from_millis(20), &LinkFaults::NONE);
        let ask = Endpoint::<u64, ()>::new(Op::new("desk.ask", "asks"), &link);
        let (facts, served) = (stage.facts().clone(), ask.clone());
        stage.node(Role::outside("desk".into()), move |env| {
            served.serve(&env, |env, ms| async move { env.sleep(Duration::from_millis(ms)).await });
        });
        let client = stage.node(Role::outside("client".into()), |_| {});
        client.clone().spawn(async move {
            for ms in 1..=12 {
                let answer = client.child("ask").call(&ask, ms, Duration::from_millis(40 + ms)).await;
                say(&facts, &client, format!("{ms} hears {answer:?}"));
            }
        });
    });
    let heard = said(rig, "");
    assert_eq!(heard.len(), 12);
    assert!(heard.iter().all(|heard| heard.ends_with("Ok(())")), "{heard:?}");
}

#[test]
fn an_outage_refuses_all_calls_while_it_lasts() {
    let (refused, later) = ("0.04 client hears Err(Refused)", "10.04 client hears Err(Refused)");
    let after = ["16.02 desk serves 16", "16.04 client hears Ok(16)"];
    check(&[0, 10, 16], "line/outage @ ask-1 #1 = 15 s", &[refused, later, after[0], after[1]]);
    let healed = ["61.02 desk serves 61", "61.04 client hears Ok(61)"];
    check(&[0, 10, 61], "line/outage @ ask-1 #1 = until healed", &[refused, later, healed[0], healed[1]]);
}

#[test]
fn slowness_delays_all_responses_while_it_lasts() {
    let slow = ["2 client hears Err(TimedOut)", "3.02 desk serves 0"];
    let later = ["12 client hears Err(TimedOut)", "13.02 desk serves 10"];
    let after = ["61.02 desk serves 61", "61.04 client hears Ok(61)"];
    for lasts in ["15 s", "until healed"] {
        let deviation = format!("line/slowness @ ask-1 #1 = {lasts}");
        check(&[0, 10, 61], &deviation, &[slow, later, after].concat());
    }
}

#[test]
fn nothing_deviates_once_healed() {
    let mut runner = Runner::new(client_and_server(&[61]));
    let outcome = runner.run(Plan::Script(&crate::rig::script("desk.ask/request @ ask-1 #1 = lost")));
    assert_eq!((outcome.unapplied.len(), runner.offers().len()), (1, 0));
    assert_eq!(outcome.violations, []);
}

#[test]
fn a_deviation_names_the_line_that_made_it_and_a_file_keeps_it() {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let made_at = Rc::clone(&lines);
    let rig = Rig::new(move |stage| {
        let link = Link::new("line", Duration::from_millis(20), &FAULTS);
        let ask = Endpoint::<u64, u64>::new(Op::new("desk.ask", "asks"), &link);
        let served = ask.clone();
        stage.node(Role::outside("desk".into()), move |env| {
            served.serve(&env, |_, number| async move { number });
        });
        let (client, made_at) = (stage.node(Role::outside("client".into()), |_| {}), Rc::clone(&made_at));
        client.clone().spawn(async move {
            let (call, line) = (client.call(&ask, 1, seconds(2)), line!());
            made_at.borrow_mut().push(line);
            let _ = call.await;
            let (site, coin) =
                (Site::new("client".into(), "coin".into()), Alternatives::new(&["heads", "tails"]));
            let (_, line) = (client.choose(site, &coin), line!());
            made_at.borrow_mut().push(line);
        });
    });
    let plan = script("desk.ask/response @ - #1 = lost\nclient/coin @ - #1 = tails");
    let (_, trace) = Runner::new(rig).record(Plan::Script(&plan));
    let file: TraceFile = TraceFile::of_run(trace).to_string().parse().unwrap();
    let sources = file.trace.steps.iter().filter_map(|step| step.choice.as_ref()?.source.clone());
    let expected: Vec<String> = lines.borrow().iter().map(|line| format!("{}:{line}", file!())).collect();
    assert_eq!(sources.collect::<Vec<_>>(), expected);
}
