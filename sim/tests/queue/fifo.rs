//! FIFO queues: order within a group, and de-duplication.

use crate::depot::Do::{Ack, Nack, Work};
use crate::depot::{Depot, Sent};
use crate::{check, check_broker};
use shakedown_sim::{Duration, QueueProfile};

const PROFILE: QueueProfile =
    QueueProfile { visibility: Duration::from_secs(10), receives_max: Some(2), ..QueueProfile::FIFO };

const fn of(group: u64, at: u64, says: u32) -> Sent {
    Sent { group, ..Sent::at(at, says) }
}

#[test]
fn a_group_is_blocked_while_one_of_its_messages_is_in_flight_and_others_are_not() {
    let sent = [of(1, 0, 11), of(1, 1, 12), of(2, 2, 21)];
    let depot = Depot::new(PROFILE, &sent, &[&[&[Work(100), Ack]], &[&[Work(500), Ack]]]);
    let broker = [
        "5 11 Accepted",
        "5 11 Delivered(1)",
        "6 12 Accepted",
        "7 21 Accepted",
        "7 21 Delivered(1)",
        "115 11 Acked",
        "120 12 Delivered(1)",
        "230 12 Acked",
        "517 21 Acked",
    ];
    check_broker(&depot, "", &broker);
}

#[test]
fn a_returned_message_comes_before_the_rest_of_its_group() {
    let sent = [of(1, 0, 11), of(1, 1, 12), of(2, 2, 21)];
    let depot = Depot::new(PROFILE, &sent, &[&[&[Nack(1_000)], &[Ack]]]);
    let broker = [
        "5 11 Accepted",
        "5 11 Delivered(1)",
        "6 12 Accepted",
        "7 21 Accepted",
        "20 21 Delivered(1)",
        "30 21 Acked",
        "1015 11 Returned",
        "1015 11 Delivered(2)",
        "1025 11 Acked",
        "1030 12 Delivered(1)",
        "1040 12 Acked",
    ];
    check_broker(&depot, "", &broker);
}

#[test]
fn a_dead_letter_lets_the_rest_of_its_group_pass() {
    let depot = Depot::new(PROFILE, &[of(1, 0, 11), of(1, 1, 12)], &[&[&[Nack(0)], &[Nack(0)], &[Ack]]]);
    let broker = [
        "5 11 Accepted",
        "5 11 Delivered(1)",
        "6 12 Accepted",
        "15 11 Returned",
        "20 11 Delivered(2)",
        "30 11 Died",
        "35 12 Delivered(1)",
        "45 12 Acked",
    ];
    check_broker(&depot, "", &broker);
}

#[test]
fn an_id_is_remembered_for_five_minutes_also_after_a_deletion() {
    let named = |at, says| Sent { dedup: Some(1), ..Sent::at(at, says) };
    let sent = [named(0, 7), named(299_999, 8), named(300_000, 9)];
    let depot = Depot::new(PROFILE, &sent, &[&[&[Ack]]]);
    let told = [
        "10 worker-1 receives 7 (1)",
        "10 client-1 has sent 7",
        "20 worker-1 acks 7",
        "300009 client-2 has sent 8",
        "300010 worker-1 receives 9 (1)",
        "300010 client-3 has sent 9",
        "300020 worker-1 acks 9",
    ];
    check(&depot, "", &told);
    let broker = ["300004 7 Dropped", "300005 9 Accepted"];
    let all = ["5 7 Accepted", "5 7 Delivered(1)", "15 7 Acked", broker[0], broker[1]];
    check_broker(&depot, "", &[&all[..], &["300005 9 Delivered(1)", "300015 9 Acked"]].concat());
}
