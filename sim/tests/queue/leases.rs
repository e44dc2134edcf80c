//! Leases: which consumer holds a message, for how long, and the validity of a receipt afterwards.

use crate::depot::Do::{Ack, Extend, Nack, Think, Work};
use crate::depot::{Depot, Sent};
use crate::{check, check_broker};
use shakedown_sim::{DeliveryFault, Duration, QueueFaults, QueueProfile, SettleFault, SupersededFault};

const STANDARD: QueueProfile = QueueProfile {
    visibility: Duration::from_secs(10),
    faults: QueueFaults {
        settle: &[
            SettleFault::Lost,
            SettleFault::Refused,
            SettleFault::ResponseLost,
            SettleFault::Late(Duration::from_secs(12)),
        ],
        delivery: &[DeliveryFault::Lost, DeliveryFault::Copy, DeliveryFault::Late(Duration::from_secs(12))],
        deletion: &[Duration::from_secs(30)],
        superseded: &[SupersededFault::Deletes],
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};
const FIFO: QueueProfile = QueueProfile {
    visibility: Duration::from_secs(10),
    faults: QueueFaults { settle: STANDARD.faults.settle, ..QueueFaults::NONE },
    ..QueueProfile::FIFO
};
const SENT: [&str; 2] = ["10 worker-1 receives 7 (1)", "10 client-1 has sent 7"];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&SENT[..], more].concat()
}

fn one(workers: &[&[&[crate::depot::Do]]]) -> Depot {
    Depot::new(STANDARD, &[Sent::at(0, 7)], workers)
}

#[test]
fn a_message_is_received_once_if_nothing_goes_wrong() {
    let depot = one(&[&[&[Work(100), Ack]], &[&[Ack]]]);
    check(&depot, "", &with(&["120 worker-1 acks 7"]));
    check_broker(&depot, "", &["5 7 Accepted", "5 7 Delivered(1)", "115 7 Acked"]);
}

#[test]
fn an_unsettled_message_is_delivered_again_when_its_lease_has_ended() {
    let depot = one(&[&[&[], &[Ack]]]);
    check(&depot, "", &with(&["10010 worker-1 receives 7 (2)", "10020 worker-1 acks 7"]));
    let broker =
        ["5 7 Accepted", "5 7 Delivered(1)", "10005 7 Returned", "10005 7 Delivered(2)", "10015 7 Acked"];
    check_broker(&depot, "", &broker);
}

#[test]
fn a_message_that_is_given_back_comes_again_after_its_delay() {
    let again = |delay| one(&[&[&[Nack(delay)], &[Ack]]]);
    let at_once = ["20 worker-1 gives back 7", "25 worker-1 receives 7 (2)", "35 worker-1 acks 7"];
    check(&again(0), "", &with(&at_once));
    let later = ["20 worker-1 gives back 7", "3020 worker-1 receives 7 (2)", "3030 worker-1 acks 7"];
    check(&again(3_000), "", &with(&later));
}

#[test]
fn a_consumer_that_extends_its_lease_keeps_the_message() {
    let depot = one(&[&[&[Work(9_000), Extend(10_000), Work(9_000), Ack]], &[&[Ack]]]);
    check(&depot, "", &with(&["9020 worker-1 keeps 7", "18030 worker-1 acks 7"]));
    let late = one(&[&[&[Work(11_000), Extend(10_000)], &[Ack]]]);
    let expired = "11020 worker-1 keeps 7: the receipt has expired";
    check(&late, "", &with(&[expired, "11025 worker-1 receives 7 (2)", "11035 worker-1 acks 7"]));
}

#[test]
fn an_expired_receipt_deletes_a_standard_message_that_was_not_received_again() {
    let depot = one(&[&[&[Work(11_000), Ack]]]);
    check(&depot, "", &with(&["11020 worker-1 acks 7"]));
}

#[test]
fn an_expired_receipt_is_an_error_on_a_fifo_queue_and_the_message_comes_again() {
    let depot = Depot { profile: FIFO, ..one(&[&[&[Work(11_000), Ack], &[Ack]]]) };
    let expired = "11020 worker-1 acks 7: the receipt has expired";
    check(&depot, "", &with(&[expired, "11025 worker-1 receives 7 (2)", "11035 worker-1 acks 7"]));
}

const ZOMBIE: &str = "worker/before thought @ order-1/job-1/delivery-1 #1 = pause 20 s";

#[test]
fn a_zombie_acks_the_message_of_another_consumer_and_receives_a_success() {
    let other = [Work(9_000), Extend(10_000), Work(4_000), Ack];
    let depot = one(&[&[&[Think, Ack]], &[&other]]);
    let told = ["10010 worker-2 receives 7 (2)", "19020 worker-2 keeps 7", "20020 worker-1 acks 7"];
    let succeeds = [&told[..], &["23030 worker-2 acks 7"]].concat();
    check(&depot, ZOMBIE, &with(&succeeds));
    let taken_back = ["5 7 Accepted", "5 7 Delivered(1)", "10005 7 Returned", "10005 7 Delivered(2)"];
    check_broker(&depot, ZOMBIE, &[&taken_back[..], &["23025 7 Acked"]].concat());
    let deletes = format!("{ZOMBIE}\njobs/superseded @ order-1/job-1/delivery-1 #1 = deletes");
    check(&depot, &deletes, &with(&succeeds));
    check_broker(&depot, &deletes, &[&taken_back[..], &["20015 7 Acked"]].concat());
}

#[test]
fn a_zombie_on_a_fifo_queue_learns_that_it_is_one() {
    let other = [Work(9_000), Extend(10_000), Work(4_000), Ack];
    let depot = Depot { profile: FIFO, ..one(&[&[&[Think, Ack]], &[&other]]) };
    let late = "20020 worker-1 acks 7: the receipt has expired";
    let told = ["10010 worker-2 receives 7 (2)", "19020 worker-2 keeps 7", late, "23030 worker-2 acks 7"];
    check(&depot, ZOMBIE, &with(&told));
}

#[test]
fn an_ack_may_be_lost_or_refused_or_late() {
    let depot = one(&[&[&[Ack], &[Ack]]]);
    let ack = |fate: &str| format!("jobs/ack @ order-1/job-1/delivery-1 #1 = {fate}");
    let again = ["10010 worker-1 receives 7 (2)", "10020 worker-1 acks 7"];
    let timed_out = "2010 worker-1 acks 7: no response from the broker in time";
    check(&depot, &ack("lost"), &with(&[&[timed_out], &again[..]].concat()));
    let refused = "20 worker-1 acks 7: refused by the broker";
    check(&depot, &ack("refused"), &with(&[&[refused], &again[..]].concat()));
    check(&depot, &ack("response lost"), &with(&[timed_out]));
    check(&depot, &ack("12 s"), &with(&[&[timed_out], &again[..]].concat()));
}

#[test]
fn an_ack_whose_response_was_lost_may_be_repeated() {
    let lost = "jobs/ack @ order-1/job-1/delivery-1 #1 = response lost";
    let told = ["2010 worker-1 acks 7: no response from the broker in time", "2020 worker-1 acks 7"];
    for profile in [STANDARD, FIFO] {
        check(&Depot { profile, ..one(&[&[&[Ack, Ack]]]) }, lost, &with(&told));
    }
}

#[test]
fn a_message_that_is_handed_out_may_be_lost_or_late_and_its_lease_runs() {
    let depot = one(&[&[&[Ack]], &[&[Ack]]]);
    let fate = |fate: &str| format!("jobs/delivery @ order-1/job-1/delivery-1 #1 = {fate}");
    let lost = ["10 client-1 has sent 7", "10010 worker-2 receives 7 (2)", "10020 worker-2 acks 7"];
    check(&depot, &fate("lost"), &lost);
    let late = [&lost[..], &["12010 worker-1 receives 7 (1)", "12020 worker-1 acks 7"]].concat();
    check(&depot, &fate("12 s"), &late);
}

#[test]
fn a_copy_has_a_state_of_its_own() {
    let depot = one(&[&[&[Ack]], &[&[Ack]]]);
    let copy = "jobs/delivery @ order-1/job-1/delivery-1 #1 = copy";
    let both = ["10 worker-1 receives 7 (1)", "10 worker-2 receives 7 (1)", "10 client-1 has sent 7"];
    let acks = ["20 worker-1 acks 7", "20 worker-2 acks 7"];
    check(&depot, copy, &[&both[..], &acks].concat());
    let handed_out = ["5 7 Accepted", "5 7 Delivered(1)", "5 7 Copied", "5 7 Delivered(1)"];
    check_broker(&depot, copy, &[&handed_out[..], &["15 7 Acked", "15 7 Acked"]].concat());
    let lost = format!("{copy}\njobs/ack @ order-1/job-1/copy-1/delivery-1 #1 = lost");
    let again = [
        acks[0],
        "2010 worker-2 acks 7: no response from the broker in time",
        "10010 worker-1 receives 7 (2)",
        "10020 worker-1 acks 7",
    ];
    check(&depot, &lost, &[&both[..], &again].concat());
}

#[test]
fn a_deleted_message_may_reappear() {
    let again = "jobs/deletion @ order-1/job-1/delivery-1 #1 = 30 s";
    let told = ["20 worker-1 acks 7", "30020 worker-1 receives 7 (1)", "30030 worker-1 acks 7"];
    check(&one(&[&[&[Ack]]]), again, &with(&told));
}

#[test]
fn a_message_in_transit_to_a_consumer_that_timed_out_waits_for_the_end_of_its_lease() {
    let mut depot = one(&[&[&[Ack]]]);
    depot.gives_up_at = Some(7);
    let told = ["10 client-1 has sent 7", "10010 worker-1 receives 7 (2)", "10020 worker-1 acks 7"];
    check(&depot, "", &told);
    depot.gives_up_at = Some(4);
    check(&depot, "", &with(&["20 worker-1 acks 7"]));
}
