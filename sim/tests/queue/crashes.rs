//! The fate of a message when a node crashes beside one of its effects on the broker.

use crate::depot::Do::{Ack, Extend, Nack, Think, Work};
use crate::depot::{Depot, Sent};
use crate::{check, check_broker};
use shakedown_sim::{Duration, QueueProfile};

const PROFILE: QueueProfile = QueueProfile { visibility: Duration::from_secs(10), ..QueueProfile::STANDARD };

fn depot() -> Depot {
    Depot::new(PROFILE, &[Sent::at(0, 7)], &[&[&[Work(100), Ack]]])
}

#[test]
fn a_client_that_crashes_before_its_send_has_sent_nothing_and_after_it_does_not_know() {
    for way in ["crash", "shutdown"] {
        check_broker(&depot(), &format!("client/before job @ order-1/job-1 #1 = {way}"), &[]);
        let after = format!("client/after job @ order-1/job-1 #1 = {way}");
        check(&depot(), &after, &["10 worker-1 receives 7 (1)", "120 worker-1 acks 7"]);
    }
}

#[test]
fn a_worker_that_crashes_before_its_ack_has_its_message_delivered_again() {
    for way in ["crash", "shutdown"] {
        let before = format!("worker/before ack @ order-1/job-1/delivery-1 #1 = {way}");
        let told = [
            "10 worker-1 receives 7 (1)",
            "10 client-1 has sent 7",
            "10010 worker-1 receives 7 (2)",
            "10120 worker-1 acks 7",
        ];
        check(&depot(), &before, &told);
    }
}

#[test]
fn a_worker_that_crashes_after_its_ack_does_not_know_and_the_message_is_gone() {
    for way in ["crash", "shutdown"] {
        let after = format!("worker/after ack @ order-1/job-1/delivery-1 #1 = {way}");
        check(&depot(), &after, &["10 worker-1 receives 7 (1)", "10 client-1 has sent 7"]);
        check_broker(&depot(), &after, &["5 7 Accepted", "5 7 Delivered(1)", "115 7 Acked"]);
    }
}

#[test]
fn nack_and_extend_have_crash_points_too() {
    for (step, name) in [(Nack(1_000), "nack"), (Extend(1_000), "extend")] {
        let depot = Depot::new(PROFILE, &[Sent::at(0, 7)], &[&[&[step], &[Ack]]]);
        let received = ["10 worker-1 receives 7 (1)", "10 client-1 has sent 7"];
        let before = format!("worker/before {name} @ order-1/job-1/delivery-1 #1 = crash");
        let told = [&received[..], &["10010 worker-1 receives 7 (2)", "10020 worker-1 acks 7"]].concat();
        check(&depot, &before, &told);
        let after = format!("worker/after {name} @ order-1/job-1/delivery-1 #1 = crash");
        let told = [&received[..], &["5025 worker-1 receives 7 (2)", "5035 worker-1 acks 7"]].concat();
        check(&depot, &after, &told);
    }
}

#[test]
fn a_crashed_worker_receives_nothing() {
    let sent = [Sent::at(0, 7), Sent::at(1_000, 8)];
    let depot = Depot::new(PROFILE, &sent, &[&[&[Ack]], &[&[Ack]]]);
    let crash = "worker/before ack @ order-1/job-1/delivery-1 #1 = crash";
    let told = [
        "10 worker-1 receives 7 (1)",
        "10 client-1 has sent 7",
        "1010 worker-2 receives 8 (1)",
        "1010 client-2 has sent 8",
        "1020 worker-2 acks 8",
        "10010 worker-2 receives 7 (2)",
        "10020 worker-2 acks 7",
    ];
    check(&depot, crash, &told);
}

#[test]
fn a_worker_that_is_paused_as_it_waits_is_handed_a_message_and_holds_its_lease() {
    let sent = [Sent::at(0, 7), Sent::at(1_000, 8)];
    let mut depot = Depot::new(PROFILE, &sent, &[&[&[Think, Ack], &[Ack]]]);
    depot.prefetch = 2;
    let pause = "worker/before thought @ order-1/job-1/delivery-1 #1 = pause 20 s";
    let taken_back = ["5 7 Accepted", "5 7 Delivered(1)", "1005 8 Accepted", "1005 8 Delivered(1)"];
    let expired = ["10005 7 Returned", "11005 8 Returned", "20015 7 Acked", "20015 8 Acked"];
    check_broker(&depot, pause, &[&taken_back[..], &expired].concat());
}
