//! Application bugs from production, each found by a rehearsal, and each with a fix that holds.

use crate::workshop::{Application, Claim, Client, Happened, Item, check, program, rows};
use shakedown_sim::*;
use std::future::Future;
use std::pin::Pin;

const ONE: &[Item] = &[Item { id: 1, value: 0 }];
const PAIR: &[Item] = &[Item { id: 1, value: 1 }, Item { id: 2, value: 1 }];

/// Two clients without faults.
const CALM: Application = Application {
    program: program!(_client, { Ok(()) }),
    rows: ONE,
    claim: |_, _| Ok(()),
    profile: StoreProfile::CALM,
    clients: 2,
};

fn at(level: Isolation) -> StoreProfile {
    StoreProfile { isolation: level, ..StoreProfile::CALM }
}

/// Retries a transaction as long as the store says that it may succeed.
async fn retried(work: impl AsyncFn() -> Result<(), StoreError>) -> Result<(), StoreError> {
    loop {
        match work().await {
            Err(error) if error.is_retryable() => {}
            other => return other,
        }
    }
}

/// Takes a place if fewer than two are taken.
async fn take_a_place(client: &Client, tx: &mut Transaction) -> Result<(), StoreError> {
    if tx.scan(&client.items, |_| true).await?.len() < 2 {
        client.think().await;
        tx.insert(&client.items, Item { id: 10 + client.number, value: 0 }).await?;
    }
    Ok(())
}

const TWO_PLACES: Claim = |seen, _| match rows(seen, ONE).len() {
    0..=2 => Ok(()),
    taken => Err(format!("{taken} of 2 places are taken")),
};

#[test]
fn check_then_insert_overfills_and_a_lock_or_serializable_holds() {
    let naive = Application {
        program: program!(client, {
            let mut tx = client.store.begin(&client.env);
            take_a_place(&client, &mut tx).await?;
            tx.commit("place").await
        }),
        claim: TWO_PLACES,
        ..CALM
    };
    let locked = program!(client, {
        let mut tx = client.store.begin(&client.env);
        tx.advisory_lock(7).await?;
        take_a_place(&client, &mut tx).await?;
        tx.commit("place").await
    });
    check(naive, Application { program: locked, ..naive }, 1);
    check(naive, Application { profile: at(Isolation::Serializable), ..naive }, 1);
}

const ALL_COUNTED: Claim = |seen, at_rest| {
    let told = seen.iter().filter(|(_, happened)| *happened == Happened::Told).count() as i64;
    let counted = rows(seen, ONE)[&1];
    if at_rest && counted != told { Err(format!("{told} were told, {counted} are counted")) } else { Ok(()) }
};

#[test]
fn a_read_modify_write_loses_an_update_and_a_guarded_or_locked_one_does_not() {
    let naive = Application {
        program: program!(client, {
            let mut tx = client.store.begin(&client.env);
            let item = tx.get(&client.items, &1).await?.expect("planted");
            client.think().await;
            tx.update(&client.items, Item { value: item.value + 1, ..item }).await?;
            tx.commit("count").await?;
            client.told();
            Ok(())
        }),
        claim: ALL_COUNTED,
        ..CALM
    };
    let locked = program!(client, {
        let mut tx = client.store.begin(&client.env);
        let item = tx.lock(&client.items, &1).await?.expect("planted");
        client.think().await;
        tx.update(&client.items, Item { value: item.value + 1, ..item }).await?;
        tx.commit("count").await?;
        client.told();
        Ok(())
    });
    let guarded = program!(client, {
        let read = client.store.begin(&client.env).get(&client.items, &1).await?.expect("planted");
        client.think().await;
        let mut tx = client.store.begin(&client.env);
        let add = |item: &Item| Item { value: item.value + 1, ..*item };
        let same = move |item: &Item| item.value == read.value;
        if tx.update_where(&client.items, &1, same, add).await?.is_some() {
            tx.commit("count").await?;
            client.told();
        }
        Ok(())
    });
    check(naive, Application { program: locked, ..naive }, 1);
    check(naive, Application { program: guarded, ..naive }, 1);
    check(naive, Application { profile: at(Isolation::RepeatableRead), ..naive }, 1);
}

#[test]
fn two_that_leave_at_once_skew_a_snapshot_and_serializable_holds() {
    let leave = program!(client, {
        retried(async || {
            let mut tx = client.store.begin(&client.env);
            if tx.scan(&client.items, |item| item.value == 1).await?.len() == 2 {
                client.think().await;
                tx.update(&client.items, Item { id: client.number, value: 0 }).await?;
            }
            tx.commit("leave").await
        })
        .await
    });
    let somebody_stays: Claim = |seen, _| match rows(seen, PAIR).values().sum() {
        0 => Err("nobody is left".to_owned()),
        _ => Ok(()),
    };
    let naive = Application {
        program: leave,
        rows: PAIR,
        claim: somebody_stays,
        profile: at(Isolation::RepeatableRead),
        ..CALM
    };
    check(naive, Application { profile: at(Isolation::Serializable), ..naive }, 1);
}

/// A writer draws a number and commits a message under it; the third client sends the messages.
async fn write_message(client: &Client) -> Result<(), StoreError> {
    let mut tx = client.store.begin(&client.env);
    let id = tx.next(client.numbers).await? as u32;
    client.think().await;
    tx.insert(&client.items, Item { id, value: 0 }).await?;
    tx.commit("message").await
}

const ALL_SENT_ONCE: Claim = |seen, at_rest| {
    for id in rows(seen, &[]).keys() {
        match seen.iter().filter(|(_, happened)| *happened == Happened::Effect(*id)).count() {
            0 if at_rest => return Err(format!("message {id} is never sent")),
            0 | 1 => {}
            sent => return Err(format!("message {id} is sent {sent} times")),
        }
    }
    Ok(())
};

#[test]
fn an_outbox_that_is_polled_by_number_loses_a_late_commit_and_one_polled_by_state_does_not() {
    let naive = Application {
        program: program!(client, {
            if client.number < 3 {
                return write_message(&client).await;
            }
            let mut poller = Poller::new(&client.env, client.items.signal(), Duration::from_millis(100));
            let mut sent = 0;
            loop {
                poller.turn(None).await;
                let mut tx = client.store.begin(&client.env);
                for message in tx.scan(&client.items, |item| item.id > sent).await? {
                    client.effect(message.id);
                    sent = message.id;
                }
            }
        }),
        rows: &[],
        claim: ALL_SENT_ONCE,
        clients: 3,
        ..CALM
    };
    let by_state = program!(client, {
        if client.number < 3 {
            return write_message(&client).await;
        }
        let mut poller = Poller::new(&client.env, client.items.signal(), Duration::from_millis(100));
        loop {
            poller.turn(None).await;
            let mut tx = client.store.begin(&client.env);
            while let Some(message) = tx.claim(&client.items, |item| item.value == 0).await? {
                client.effect(message.id);
                tx.update(&client.items, Item { value: 1, ..message }).await?;
            }
            tx.commit("sent").await?;
        }
    });
    check(naive, Application { program: by_state, ..naive }, 1);
}

#[test]
fn a_transaction_tried_again_after_its_commit_took_effect_is_done_twice_unless_it_has_a_key() {
    let paid_once: Claim = |seen, _| match rows(seen, &[]).len() {
        0 | 1 => Ok(()),
        paid => Err(format!("one order is paid {paid} times")),
    };
    let unknown =
        const { &[CommitFault::Fails, CommitFault::ResponseLost, CommitFault::Late(Duration::from_secs(1))] };
    let naive = Application {
        program: program!(client, {
            loop {
                let mut tx = client.store.begin(&client.env);
                let id = tx.next(client.numbers).await? as u32;
                tx.insert(&client.items, Item { id, value: 100 }).await?;
                match tx.commit("pay").await {
                    Err(StoreError::CommitUnknown) => {}
                    other => return other,
                }
            }
        }),
        rows: &[],
        claim: paid_once,
        profile: StoreProfile { commit_faults: unknown, ..StoreProfile::CALM },
        clients: 1,
    };
    let keyed = program!(client, {
        loop {
            let mut tx = client.store.begin(&client.env);
            tx.insert_or_ignore(&client.items, Item { id: 1, value: 100 }).await?;
            match tx.commit("pay").await {
                Err(StoreError::CommitUnknown) => {}
                other => return other,
            }
        }
    });
    check(naive, Application { program: keyed, ..naive }, 1);
}

#[test]
fn a_lock_held_by_a_dead_worker_stops_the_others_until_the_server_ends_idle_transactions() {
    let done_soon: Claim = |seen, at_rest| {
        let done = seen.iter().find(|(_, happened)| matches!(happened, Happened::Row(_)));
        match done {
            Some((second, _)) if *second > 60 => Err(format!("the job is done after {second} s")),
            None if at_rest => Err("the job is never done".to_owned()),
            _ => Ok(()),
        }
    };
    let naive = Application {
        program: program!(client, {
            let mut tx = client.store.begin(&client.env);
            let job = tx.lock(&client.items, &1).await?.expect("planted");
            if job.value == 0 {
                client.env.crash_point(Side::Before, "work").await;
                tx.update(&client.items, Item { value: 1, ..job }).await?;
            }
            tx.commit("job").await
        }),
        claim: done_soon,
        profile: StoreProfile { notice: const { &[Duration::from_secs(600)] }, ..StoreProfile::CALM },
        clients: 3,
        ..CALM
    };
    let limited = StoreProfile { idle_in_transaction: Duration::from_secs(10), ..naive.profile };
    check(naive, Application { profile: limited, ..naive }, 2);
}

#[test]
fn two_workers_that_look_without_locking_do_one_job_twice_and_skip_locked_shares_them_out() {
    let naive = Application {
        program: program!(client, {
            let mut tx = client.store.begin(&client.env);
            let open = tx.scan(&client.items, |job| job.value == 1).await?;
            let Some(job) = open.first().copied() else { return Ok(()) };
            client.think().await;
            tx.update(&client.items, Item { value: 2, ..job }).await?;
            tx.commit("job").await?;
            client.effect(job.id);
            Ok(())
        }),
        rows: PAIR,
        claim: ALL_SENT_ONCE,
        ..CALM
    };
    let skips = program!(client, {
        let mut tx = client.store.begin(&client.env);
        let Some(job) = tx.claim(&client.items, |job| job.value == 1).await? else { return Ok(()) };
        client.think().await;
        tx.update(&client.items, Item { value: 2, ..job }).await?;
        tx.commit("job").await?;
        client.effect(job.id);
        Ok(())
    });
    check(naive, Application { program: skips, ..naive }, 1);
}

#[test]
fn an_advisory_lock_given_back_before_the_commit_guards_nothing_and_one_of_the_transaction_does() {
    let naive = Application {
        program: program!(client, {
            let connection = client.store.connect(&client.env);
            connection.lock(7).await?;
            let mut tx = connection.begin();
            take_a_place(&client, &mut tx).await?;
            connection.unlock(7).await?;
            tx.commit("place").await
        }),
        claim: TWO_PLACES,
        ..CALM
    };
    let of_transaction = program!(client, {
        let connection = client.store.connect(&client.env);
        let mut tx = connection.begin();
        tx.advisory_lock(7).await?;
        take_a_place(&client, &mut tx).await?;
        tx.commit("place").await
    });
    check(naive, Application { program: of_transaction, ..naive }, 1);
}
