//! Callbacks: at least once for each change, at any time, and not always true.

use crate::counter::Ask::{Cancel, Reserve, Wait};
use crate::counter::{Counter, Whose};
use crate::{Case, EVERY_KIND};
use shakedown_model::PartnerTerms;
use shakedown_sim::{Plan, Runner, Script};

const KEYS: PartnerTerms = PartnerTerms::KEYS;
const ONCE: [&str; 1] = ["1240 event 1: R1 Confirmed for 7"];

#[test]
fn each_change_has_its_own_event() {
    Case::new(KEYS, &[Reserve(1)], "").calls_back(&ONCE);
    let cancelled = [ONCE[0], "11530 event 2: R1 Ended for 7"];
    Case::new(KEYS, &[Reserve(1), Wait(10), Cancel(1)], "").calls_back(&cancelled);
    let decided = ["1240 event 1: R1 Pending for 7", "301240 event 2: R1 Confirmed for 7"];
    Case::new(KEYS, &[Reserve(1)], "partner.reserve/outcome @ ask-1 = pending").calls_back(&decided);
    let ended = [ONCE[0], "1801240 event 2: R1 Ended for 7"];
    Case::new(KEYS, &[Reserve(1)], "partner/later @ ask-1 = ends it").calls_back(&ended);
}

#[test]
fn nothing_is_called_back_where_nothing_changed() {
    for outcome in ["refuses", "429", "5xx before"] {
        let deviation = format!("partner.reserve/outcome @ ask-1 = {outcome}");
        Case::new(KEYS, &[Reserve(1)], &deviation).calls_back(&[]);
    }
    Case::new(KEYS, &[Reserve(1), Wait(10), Reserve(1)], "").calls_back(&ONCE);
    let cancelled_twice = [Reserve(1), Wait(10), Cancel(1), Cancel(1)];
    Case::new(KEYS, &cancelled_twice, "").calls_back(&[ONCE[0], "11530 event 2: R1 Ended for 7"]);
}

#[test]
fn a_partner_that_keeps_no_reference_sends_none() {
    Case::new(PartnerTerms::NEITHER, &[Reserve(1)], "").calls_back(&["1240 event 1: R1 Confirmed"]);
}

#[test]
fn a_callback_may_overtake_the_response() {
    for (asks, deviation) in [
        (&[Reserve(1)][..], "partner/callback @ ask-1/callback-1 = before the answer"),
        (&[Reserve(1), Wait(10), Cancel(1)], "partner/callback @ ask-3/callback-1 = before the answer"),
    ] {
        let happens = Case::new(KEYS, asks, deviation).happens();
        let place = |of: Whose| happens.iter().rposition(|(whose, ..)| *whose == of);
        assert!(place(Whose::Callback) < place(Whose::Client), "{happens:?}");
    }
}

#[test]
fn a_callback_may_be_late() {
    for (late, ms) in [("30 s", 30_240u64), ("2 h", 7_200_240), ("72 h", 259_200_240)] {
        let deviation = format!("partner/callback @ ask-1/callback-1 = {late}");
        let expected = format!("{ms} event 1: R1 Confirmed for 7");
        Case::new(KEYS, &[Reserve(1)], &deviation).calls_back(&[&expected]);
    }
}

#[test]
fn a_late_callback_reports_the_former_state() {
    let late = "partner/callback @ ask-1/callback-1 = 30 s";
    let expected = ["11530 event 2: R1 Ended for 7", "30240 event 1: R1 Confirmed for 7"];
    Case::new(KEYS, &[Reserve(1), Wait(10), Cancel(1)], late).calls_back(&expected);
}

#[test]
fn a_callback_may_come_twice_with_one_event_number() {
    let twice = "partner/callback copies @ ask-1/callback-1 = twice";
    Case::new(KEYS, &[Reserve(1)], twice).calls_back(&[ONCE[0], ONCE[0]]);
}

#[test]
fn a_callback_is_sent_until_it_is_taken() {
    let delivery = "@ ask-1/callback-1/copy-1/delivery-1 = lost";
    let again = "16240 event 1: R1 Confirmed for 7";
    Case::new(KEYS, &[Reserve(1)], &format!("api.callback/request {delivery}")).calls_back(&[again]);
    Case::new(KEYS, &[Reserve(1)], &format!("api.callback/response {delivery}"))
        .calls_back(&[ONCE[0], again]);
    let deaf = Case { deaf: 6, ..Case::new(KEYS, &[Reserve(1)], "") };
    // Each turn of four hops of 20 ms; the waits are 5 s, 1 min, 10 min, then an hour each.
    let ms = [1_240, 6_280, 66_320, 666_360, 4_266_400, 7_866_440, 11_466_480];
    let expected = ms.map(|ms| format!("{ms} event 1: R1 Confirmed for 7"));
    deaf.calls_back(&expected.each_ref().map(String::as_str));
}

#[test]
fn a_callback_is_false_only_if_the_partner_has_a_lookup() {
    let contrary = "partner/callback says @ ask-1/callback-1 = the contrary";
    for terms in EVERY_KIND.into_iter().filter(|terms| terms.lookup) {
        let case = Case::new(terms, &[Reserve(1)], contrary);
        case.calls_back(&["1240 event 1: R1 Ended for 7"]);
        case.ledger(&["asked 1", "reserved 1 Confirmed", "charged 1 100"]);
    }
    let ended = "partner/callback says @ ask-3/callback-1 = the contrary";
    let expected = [ONCE[0], "11530 event 2: R1 Confirmed for 7"];
    Case::new(KEYS, &[Reserve(1), Wait(10), Cancel(1)], ended).calls_back(&expected);

    let (terms, asks, lines) = (PartnerTerms::NEITHER, vec![Reserve(1)], Default::default());
    let mut runner = Runner::new(Counter { terms, asks, deaf: 0, lines });
    let script: Script = format!("scenario counter\n{contrary}").parse().unwrap();
    assert_eq!(
        runner.run(Plan::Script(&script)).unapplied,
        script.deviations,
        "it cannot be asked, so it does not lie"
    );
}
