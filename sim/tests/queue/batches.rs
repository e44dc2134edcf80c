//! Batches: each entry succeeds or fails on its own.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::ambient::NoFact;
use shakedown_sim::queue::{BATCH_MAX, BatchResult, EntryError, EntryFault, FailedEntry, Rejection};
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::Future;
use std::rc::Rc;

type Log = Rc<RefCell<Vec<String>>>;

/// A queue with one client, whose results are recorded.
struct Play<F> {
    profile: QueueProfile,
    work: F,
    log: Log,
}

impl<F: Fn(Env, Queue<u32>, Log) -> W + 'static, W: Future<Output = ()> + 'static> Scenario for Play<F> {
    type Fact = NoFact;
    fn name(&self) -> &str {
        "batches"
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
        Vec::new()
    }
    fn build(&self, stage: &Stage<NoFact>) {
        self.log.borrow_mut().clear();
        let broker = stage.node(Role::outside("broker".into()), |_| {});
        let jobs = Queue::new(&broker, "jobs", self.profile);
        let client = stage.node(Role::outside("client".into()), |_| {}).within(stage.entity("order"));
        client.clone().spawn((self.work)(client, jobs, Rc::clone(&self.log)));
    }
}

fn play<W: Future<Output = ()> + 'static>(
    profile: QueueProfile,
    script: &str,
    work: impl Fn(Env, Queue<u32>, Log) -> W + 'static,
) -> Vec<String> {
    let log = Log::default();
    let mut runner = Runner::new(Play { profile, work, log: Rc::clone(&log) });
    let script: Script = format!("scenario batches\n{script}").parse().unwrap();
    let outcome = runner.run(Plan::Script(&script));
    assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
    log.take()
}

const STANDARD: QueueProfile = QueueProfile {
    faults: QueueFaults {
        entry: &[EntryFault::Refused],
        send: &[SendFault::ResponseLost],
        settle: &[SettleFault::Lost],
        ..QueueFaults::NONE
    },
    ..QueueProfile::STANDARD
};

fn jobs(bodies: std::ops::Range<u32>) -> Vec<(u32, Message<u32>)> {
    bodies.map(|body| (body, Message::new("job", body))).collect()
}

/// Sends three messages in a batch, receives what there is, and acknowledges it in a batch.
async fn send_and_ack(env: Env, queue: Queue<u32>, log: Log) {
    let say = |text: String| log.borrow_mut().push(text);
    match queue.post_batch(&env, jobs(1..4)).await {
        Ok(BatchResult { successful, failed }) => say(format!("sent {successful:?}, failed {failed:?}")),
        Err(error) => say(format!("sent: {error}")),
    }
    let received = queue.receive_batch(&env, BATCH_MAX).await.expect("the queue has batches");
    let entries: Vec<(u32, &Delivery<u32>)> = received.iter().map(|one| (*one.body(), one)).collect();
    match queue.ack_batch(&env, &entries).await {
        Ok(BatchResult { successful, failed }) => say(format!("acked {successful:?}, failed {failed:?}")),
        Err(error) => say(format!("acked: {error}")),
    }
    say(format!("{:?}", queue.counts()));
}

#[test]
fn an_entry_that_fails_leaves_the_others_alone() {
    let left = |in_flight| format!("Counts {{ hidden: 0, ready: 0, in_flight: {in_flight}, dead: 0 }}");
    let expected = |lines: [&str; 2], in_flight| [lines[0].to_owned(), lines[1].to_owned(), left(in_flight)];
    let run = |script: &str| play(STANDARD, script, send_and_ack);
    let all = ["sent [1, 2, 3], failed []", "acked [1, 2, 3], failed []"];
    assert_eq!(run(""), expected(all, 0));
    let one = ["sent [1, 3], failed [FailedEntry { id: 2, error: Refused }]", "acked [1, 3], failed []"];
    assert_eq!(run("jobs/entry @ order-1/job-2 #1 = refused"), expected(one, 0));
    let kept = ["sent [1, 2, 3], failed []", "acked [1, 3], failed [FailedEntry { id: 2, error: Refused }]"];
    assert_eq!(run("jobs/entry @ order-1/job-2/delivery-1 #1 = refused"), expected(kept, 1));
}

#[test]
fn a_whole_batch_is_lost_or_unknown() {
    let unknown = play(STANDARD, "jobs/send-batch @ order-1 #1 = response lost", send_and_ack);
    assert_eq!(unknown[..2], ["sent: no response from the broker in time", "acked [1, 2, 3], failed []"]);
    let lost = play(STANDARD, "jobs/ack-batch @ order-1 #1 = lost", send_and_ack);
    assert_eq!(lost[1], "acked: no response from the broker in time");
}

#[test]
fn a_batch_has_one_to_ten_entries_with_distinct_ids() {
    let post = |profile: QueueProfile, entries: fn() -> Vec<(u32, Message<u32>)>| {
        play(profile, "", move |env, queue: Queue<u32>, log| async move {
            let posted = queue.post_batch(&env, entries()).await;
            log.borrow_mut().push(format!("{posted:?} {}", queue.counts().ready));
        })
    };
    assert_eq!(post(STANDARD, || jobs(0..0)), ["Err(Rejected(EmptyBatch)) 0"]);
    assert_eq!(post(STANDARD, || jobs(0..11)), ["Err(Rejected(TooManyEntries)) 0"]);
    let twice = || [jobs(1..2), jobs(1..2)].concat();
    assert_eq!(post(STANDARD, twice), ["Err(Rejected(EntryIdsNotDistinct)) 0"]);
    assert_eq!(post(QueueProfile::CHANNEL, || jobs(0..1)), ["Err(Rejected(Batch)) 0"]);
    let missing = "Ok(BatchResult { successful: [], failed: [FailedEntry { id: 0, error: Rejected(NoDeduplicationId) }] }) 0";
    assert_eq!(post(QueueProfile::FIFO, || jobs(0..1)), [missing]);
    let counts = play(STANDARD, "", async |env, queue: Queue<u32>, log| {
        for max in [0, 11] {
            let received = queue.receive_batch(&env, max).await;
            log.borrow_mut().push(format!("{:?}", received.err()));
        }
    });
    assert_eq!(counts, ["Some(ReadCount)", "Some(ReadCount)"]);
    assert_eq!(Rejection::EmptyBatch.code(), "AWS.SimpleQueueService.EmptyBatchRequest");
    assert!(EntryError::Expired.is_senders_fault() && !EntryError::Refused.is_senders_fault());
}

/// An entry: its group, its de-duplication id, whether it has a delay (which a FIFO queue rejects), whether it is refused.
type Drawn = (u64, u64, bool, bool);

/// The specification of batches on a FIFO queue: each entry is sent alone, and the first of each id is accepted.
fn specification(batches: &[Vec<Drawn>]) -> (Vec<String>, Vec<u32>) {
    let (mut log, mut accepted, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for batch in batches {
        let mut result = BatchResult::default();
        for (id, (_, dedup, is_delayed, is_refused)) in (0..).zip(batch) {
            let error = match (is_delayed, is_refused) {
                (true, _) => Some(EntryError::Rejected(Rejection::DelayPerMessage)),
                (false, true) => Some(EntryError::Refused),
                (false, false) => None,
            };
            match error {
                Some(error) => result.failed.push(FailedEntry { id, error }),
                None => {
                    result.successful.push(id);
                    if seen.insert(*dedup) {
                        accepted.push(*dedup as u32);
                    }
                }
            }
        }
        log.push(format!("{result:?}"));
    }
    (log, accepted)
}

/// Returns the script that refuses the drawn entries.
fn refusals(batches: &[Vec<Drawn>]) -> String {
    let entries = (1..).zip(batches.iter().flatten());
    let refused = entries.filter(|(_, (_, _, is_delayed, is_refused))| !is_delayed && *is_refused);
    refused.map(|(number, _)| format!("jobs/entry @ order-1/job-{number} #1 = refused\n")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_is_equivalent_to_its_entries_alone(
        batches in vec(vec((0u64..3, 0u64..12, prop::bool::weighted(0.1), prop::bool::weighted(0.2)), 1..=10), 1..4)
    ) {
        const FAULTS: QueueFaults = QueueFaults { entry: &[EntryFault::Refused], ..QueueFaults::NONE };
        let profile = QueueProfile { faults: FAULTS, ..QueueProfile::FIFO };
        let (script, drawn) = (refusals(&batches), batches.clone());
        let log = play(profile, &script, move |env, queue: Queue<u32>, log| {
            let drawn = drawn.clone();
            async move {
                for batch in drawn {
                    let message = |(group, dedup, is_delayed, _): Drawn| {
                        let message = Message::new("job", dedup as u32).in_group(group).once(dedup);
                        if is_delayed { message.after(Duration::from_secs(1)) } else { message }
                    };
                    let entries = (0..).zip(batch.into_iter().map(message)).collect();
                    let result = queue.post_batch(&env, entries).await.expect("only entries fail");
                    log.borrow_mut().push(format!("{result:?}"));
                }
                let mut received = Vec::new();
                while queue.counts().ready > 0 {
                    let batch = queue.receive_batch(&env, 3).await.expect("the queue has batches");
                    received.extend(batch.iter().map(|one| *one.body()));
                    let entries: Vec<_> = (0..).zip(&batch).collect();
                    let result = queue.ack_batch(&env, &entries).await.expect("only entries fail");
                    assert_eq!(result.failed.len() + result.successful.len(), batch.len());
                    for (_, one) in entries {
                        // Another attempt, in case that the entry was refused.
                        let _ = one.ack().await;
                    }
                }
                received.sort_unstable();
                log.borrow_mut().push(format!("{received:?}"));
            }
        });
        let (mut expected, mut accepted) = specification(&batches);
        accepted.sort_unstable();
        expected.push(format!("{accepted:?}"));
        prop_assert_eq!(log, expected);
    }
}
