//! Claims about consumers: what a consumer learns, step by step.

use shakedown_sim::log::{Cleanup, Log, LogFaults, LogProfile, MemberFault, Message, Producer, Subscription};
use shakedown_sim::*;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(serde::Serialize)]
struct Nothing;

impl Fact for Nothing {
    fn sentence(&self) -> String {
        String::new()
    }
}

/// A client that sends a record every ten seconds, and a consumer that begins after half a minute.
struct Shelf {
    profile: LogProfile,
    lines: Rc<RefCell<Vec<String>>>,
}

impl Scenario for Shelf {
    type Fact = Nothing;
    fn name(&self) -> &str {
        "shelf"
    }
    fn build(&self, stage: &Stage<Nothing>) {
        self.lines.borrow_mut().clear();
        let log = Log::<u32>::new(&stage.node(Role::outside("broker".into()), |_| {}), "shelf", self.profile);
        let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
        let (reader, lines) = (stage.node(Role::outside("reader".into()), |_| {}), Rc::clone(&self.lines));
        let (sends, reads) = (log.clone(), log);
        client.clone().spawn(async move {
            let producer = Producer::plain(&sends);
            for number in 0..4 {
                let sent = producer.send(&client, Message::new("item", u64::from(number % 2), number)).await;
                assert_eq!(sent.map(|sent| sent.offset), Ok(u64::from(number)));
                client.sleep(Duration::from_secs(10)).await;
            }
        });
        reader.clone().spawn(async move {
            reader.sleep(Duration::from_secs(35)).await;
            let say = |line: String| lines.borrow_mut().push(line);
            let consumer = reads.consumer(&reader, Subscription::new("readers"));
            for _ in 0..2 {
                let poll = reader.timeout(Duration::from_secs(5), consumer.poll(10)).await;
                let items: Vec<_> = poll.iter().flatten().map(|record| *record.body()).collect();
                let lag = reads.lag("readers");
                let committed =
                    consumer.commit().await.map_or_else(|error| error.to_string(), |()| "yes".to_owned());
                say(format!("{items:?}, lag {lag}, committed: {committed}, lag {}", reads.lag("readers")));
            }
            consumer.close().await;
        });
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Nothing>>> {
        Vec::new()
    }
}

/// Checks what the consumer learns in two polls, each with a commit.
fn check(profile: LogProfile, deviations: &str, expected: [&str; 2]) {
    let lines = Rc::default();
    let mut runner = Runner::new(Shelf { profile, lines: Rc::clone(&lines) });
    let script: Script = format!("scenario shelf\n{deviations}").parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "{deviations}");
    assert_eq!(outcome.violations, [], "{deviations}");
    assert_eq!(*lines.borrow(), expected, "{deviations}");
}

const KEEPS: LogProfile = LogProfile {
    faults: LogFaults { member: &[MemberFault::Rebalance, MemberFault::SessionTimeout], ..LogFaults::NONE },
    ..LogProfile::KAFKA
};

#[test]
fn a_group_reads_every_record_once_and_its_commit_ends_its_lag() {
    check(KEEPS, "", ["[0, 1, 2, 3], lag 4, committed: yes, lag 0", "[], lag 0, committed: yes, lag 0"]);
}

#[test]
fn the_commit_of_a_removed_member_is_fenced_and_its_records_are_read_again() {
    let removed = "shelf/member @ order-1/item-1/delivery-1 #1 = session timeout";
    let fenced = "[0, 1, 2, 3], lag 4, committed: fenced by the broker, lag 4";
    check(KEEPS, removed, [fenced, "[0, 1, 2, 3], lag 4, committed: yes, lag 0"]);
}

#[test]
fn a_member_commits_until_it_joins_the_rebalance() {
    let rebalance = "shelf/member @ order-1/item-1/delivery-1 #1 = rebalance";
    check(
        KEEPS,
        rebalance,
        ["[0, 1, 2, 3], lag 4, committed: yes, lag 0", "[], lag 0, committed: yes, lag 0"],
    );
}

#[test]
fn retention_deletes_records_that_were_not_read() {
    let deletes = LogProfile { cleanup: Cleanup::Delete(Duration::from_secs(20)), ..KEEPS };
    check(deletes, "", ["[2, 3], lag 2, committed: yes, lag 0", "[], lag 0, committed: yes, lag 0"]);
}

#[test]
fn compaction_keeps_the_last_record_of_each_key() {
    let compacts = LogProfile { cleanup: Cleanup::Compact(Duration::from_secs(20)), ..KEEPS };
    check(compacts, "", ["[2, 3], lag 4, committed: yes, lag 0", "[], lag 0, committed: yes, lag 0"]);
}
