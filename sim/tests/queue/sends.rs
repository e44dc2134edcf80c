//! Sends: the sender's knowledge, and the broker's state.

use crate::depot::Do::Ack;
use crate::depot::{Depot, Sent};
use crate::{check, check_broker};
use shakedown_sim::{DelayRange, Duration, QueueFaults, QueueProfile, SendFault};

const PROFILE: QueueProfile = QueueProfile {
    faults: QueueFaults {
        send: &[
            SendFault::Lost,
            SendFault::Refused,
            SendFault::ResponseLost,
            SendFault::Twice,
            SendFault::Late(Duration::from_secs(8)),
        ],
        send_range: DelayRange::ms(100, 9_000),
        ..QueueFaults::NONE
    },
    delay: Duration::from_secs(1),
    ..QueueProfile::STANDARD
};
const TIMED_OUT: &str = "2000 client-1 sending 7: no response from the broker in time";

fn send(fate: &str, expected: &[&str], reached: &[&str]) {
    let depot = Depot::new(PROFILE, &[Sent::at(0, 7)], &[&[&[Ack]]]);
    let deviation = format!("jobs/send @ order-1/job-1 #1 = {fate}");
    check(&depot, &deviation, expected);
    check_broker(&depot, &deviation, reached);
}

#[test]
fn a_send_that_is_lost_or_refused_leaves_nothing() {
    send("lost", &[TIMED_OUT], &[]);
    send("refused", &["10 client-1 sending 7: refused by the broker"], &[]);
}

#[test]
fn a_send_that_is_late_or_loses_its_response_looks_like_a_lost_send() {
    let received = ["1010 worker-1 receives 7 (1)", "1020 worker-1 acks 7"];
    let reached = ["5 7 Accepted", "1005 7 Delivered(1)", "1015 7 Acked"];
    send("response lost", &[received[0], received[1], TIMED_OUT], &reached);
    let received = ["9010 worker-1 receives 7 (1)", "9020 worker-1 acks 7"];
    let reached = ["8005 7 Accepted", "9005 7 Delivered(1)", "9015 7 Acked"];
    send("8 s", &[TIMED_OUT, received[0], received[1]], &reached);
    let slow = ["510 client-1 has sent 7", "1510 worker-1 receives 7 (1)", "1520 worker-1 acks 7"];
    send("500 ms", &slow, &["505 7 Accepted", "1505 7 Delivered(1)", "1515 7 Acked"]);
}

#[test]
fn a_message_may_be_accepted_twice() {
    let received = ["1010 worker-1 receives 7 (1)", "1020 worker-1 acks 7"];
    let again = ["1025 worker-1 receives 7 (1)", "1035 worker-1 acks 7"];
    let told = [&["10 client-1 has sent 7"], &received[..], &again].concat();
    let reached = ["1005 7 Delivered(1)", "1015 7 Acked", "1020 7 Delivered(1)", "1030 7 Acked"];
    send("twice", &told, &[&["5 7 Accepted", "5 7 Copied"], &reached[..]].concat());
}

#[test]
fn a_message_may_set_its_own_delay() {
    let delayed = Sent { delay: Some(5_000), ..Sent::at(0, 7) };
    let prompt = Sent { delay: Some(0), ..Sent::at(100, 8) };
    let depot = Depot::new(PROFILE, &[delayed, prompt, Sent::at(200, 9)], &[&[&[Ack]]]);
    let received = [
        "10 client-1 has sent 7",
        "110 worker-1 receives 8 (1)",
        "110 client-2 has sent 8",
        "120 worker-1 acks 8",
        "210 client-3 has sent 9",
        "1210 worker-1 receives 9 (1)",
        "1220 worker-1 acks 9",
        "5010 worker-1 receives 7 (1)",
        "5020 worker-1 acks 7",
    ];
    check(&depot, "", &received);
}

#[test]
fn a_queue_without_deduplication_keeps_every_message() {
    let sent = [Sent { dedup: Some(1), ..Sent::at(0, 7) }, Sent { dedup: Some(1), ..Sent::at(0, 8) }];
    let broker = ["5 7 Accepted", "5 8 Accepted"];
    check_broker(&Depot::new(PROFILE, &sent, &[]), "", &broker);
}

#[test]
#[should_panic(expected = "the scenario panicked: jobs/send lists `twice`: a Fifo queue cannot show that")]
fn a_fault_that_a_flavour_cannot_show_is_a_mistake() {
    let profile = QueueProfile { faults: PROFILE.faults, ..QueueProfile::FIFO };
    check(&Depot::new(profile, &[], &[]), "", &[]);
}
