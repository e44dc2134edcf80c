//! Channels: a message belongs to the connection over which it was delivered; and broker restarts.

use crate::depot::Do::{Ack, Nack, Think, Work};
use crate::depot::{Depot, Do, Sent};
use crate::{check, check_broker};
use shakedown_sim::{DeliveryFault, Duration, Episode, QueueFaults, QueueProfile, SettleFault};

const CHANNEL: QueueProfile = QueueProfile {
    faults: QueueFaults {
        settle: &[SettleFault::Lost, SettleFault::ResponseLost],
        delivery: &[DeliveryFault::Late(Duration::from_secs(12))],
        restart: &[Episode::For(Duration::from_secs(30)), Episode::UntilHealed],
        notice: &[Duration::from_secs(120)],
        ..QueueFaults::NONE
    },
    ..QueueProfile::CHANNEL
};

fn one(workers: &[&[&[Do]]]) -> Depot {
    Depot::new(CHANNEL, &[Sent::at(0, 7)], workers)
}

#[test]
fn a_message_returns_when_the_broker_notices_that_its_consumer_is_gone() {
    let depot = one(&[&[&[Think, Ack]], &[&[Ack]]]);
    let crash = "worker/before thought @ order-1/job-1/delivery-1 #1 = crash";
    let returned = ["5 7 Accepted", "5 7 Delivered(1)", "15 7 Returned", "15 7 Delivered(2)", "25 7 Acked"];
    check_broker(&depot, crash, &returned);
    check_broker(&depot, &crash.replace("crash", "shutdown"), &returned);
    let late = format!("{crash}\njobs/notice @ order-1/job-1/delivery-1 #1 = 2 min");
    let noticed =
        ["5 7 Accepted", "5 7 Delivered(1)", "120015 7 Returned", "120015 7 Delivered(2)", "120025 7 Acked"];
    check_broker(&depot, &late, &noticed);
}

#[test]
fn a_message_that_a_consumer_drops_unsettled_returns_at_once() {
    let depot = one(&[&[&[], &[Ack]]]);
    let broker = ["5 7 Accepted", "5 7 Delivered(1)", "15 7 Returned", "15 7 Delivered(2)", "25 7 Acked"];
    check_broker(&depot, "", &broker);
}

#[test]
fn a_message_on_its_way_to_a_consumer_that_is_gone_returns() {
    let mut depot = Depot::new(CHANNEL, &[Sent::at(0, 7), Sent::at(1, 8)], &[&[&[Think, Ack], &[Ack]]]);
    depot.prefetch = 2;
    let late = "jobs/delivery @ order-1/job-1/delivery-1 #1 = 12 s\n\
                worker/before thought @ order-2/job-1/delivery-1 #1 = crash";
    let broker = [
        "5 7 Accepted",
        "5 7 Delivered(1)",
        "6 8 Accepted",
        "6 8 Delivered(1)",
        "16 8 Returned",
        "5011 8 Delivered(2)",
        "5021 8 Acked",
        "12010 7 Returned",
        "12010 7 Delivered(2)",
        "12020 7 Acked",
    ];
    check_broker(&depot, late, &broker);
}

#[test]
fn settling_twice_is_an_error() {
    let told = |second: &'static str| {
        vec!["10 worker-1 receives 7 (1)", "10 client-1 has sent 7", "20 worker-1 acks 7", second]
    };
    check(&one(&[&[&[Ack, Ack]]]), "", &told("30 worker-1 acks 7: the receipt has expired"));
    check(&one(&[&[&[Ack, Nack(0)]]]), "", &told("30 worker-1 gives back 7: the receipt has expired"));
}

#[test]
fn a_lost_ack_ends_with_the_channel() {
    let depot = one(&[&[&[Ack]]]);
    let lost = "jobs/ack @ order-1/job-1/delivery-1 #1 = lost";
    let told = [
        "10 worker-1 receives 7 (1)",
        "10 client-1 has sent 7",
        "2010 worker-1 acks 7: no response from the broker in time",
        "2020 worker-1 receives 7 (2)",
        "2030 worker-1 acks 7",
    ];
    check(&depot, lost, &told);
}

#[test]
fn a_restarted_broker_has_ended_every_lease() {
    let sent = [Sent::at(0, 7), Sent::at(0, 8), Sent::at(1_000, 9)];
    let depot =
        Depot::new(CHANNEL, &sent, &[&[&[Work(5_000), Ack], &[Ack]], &[&[Work(60_000), Ack], &[Ack]]]);
    let down = "jobs/restart @ order-3/job-1 #1 = 30 s";
    let told = [
        "10 worker-1 receives 7 (1)",
        "10 client-1 has sent 7",
        "10 worker-2 receives 8 (1)",
        "10 client-2 has sent 8",
        "1010 client-3 sending 9: refused by the broker",
        "5020 worker-1 acks 7: refused by the broker",
        "31005 worker-1 receives 7 (2)",
        "31015 worker-1 acks 7",
        "31020 worker-1 receives 8 (2)",
        "31030 worker-1 acks 8",
        "60020 worker-2 acks 8: the receipt has expired",
    ];
    check(&depot, down, &told);
}

#[test]
fn a_message_in_transit_to_a_broker_that_goes_down_is_refused() {
    let depot = Depot::new(CHANNEL, &[Sent::at(0, 7), Sent::at(3, 8)], &[&[&[Ack]]]);
    let refused =
        ["10 client-1 sending 7: refused by the broker", "13 client-2 sending 8: refused by the broker"];
    check(&depot, "jobs/restart @ order-2/job-1 #1 = 30 s", &refused);
}

#[test]
fn a_broker_that_is_down_until_healed_is_up_when_the_run_heals() {
    let depot = Depot::new(CHANNEL, &[Sent::at(0, 7), Sent::at(100, 8)], &[&[&[Work(1_000), Ack], &[Ack]]]);
    let told = [
        "10 worker-1 receives 7 (1)",
        "10 client-1 has sent 7",
        "110 client-2 sending 8: refused by the broker",
        "1020 worker-1 acks 7: refused by the broker",
        "600005 worker-1 receives 7 (2)",
        "600015 worker-1 acks 7",
    ];
    check(&depot, "jobs/restart @ order-2/job-1 #1 = until healed", &told);
}

#[test]
fn a_message_in_transit_to_a_consumer_that_timed_out_returns() {
    let mut depot = one(&[&[&[Ack]]]);
    depot.gives_up_at = Some(7);
    let told = ["10 client-1 has sent 7", "15 worker-1 receives 7 (2)", "25 worker-1 acks 7"];
    check(&depot, "", &told);
}
