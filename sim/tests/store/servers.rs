//! The server faults that a client may meet: a connection that breaks, a standby that lags, a failover, a missed
//! notice. Each breaks an application that does not handle it, and does not break one that does.

use crate::expectation::expect;
use crate::workshop::{Application, Claim, Client, Happened, Item, check, program, rows};
use shakedown_sim::*;
use std::future::Future;
use std::pin::Pin;

const ONE: &[Item] = &[Item { id: 1, value: 0 }];
const PURSES: &[Item] = &[Item { id: 1, value: 5 }, Item { id: 2, value: 0 }];

/// Moves everything from the first purse into the second.
async fn pay(client: &Client) -> Result<(), StoreError> {
    let mut tx = client.store.begin(&client.env);
    tx.update(&client.items, Item { id: 1, value: 0 }).await?;
    tx.update(&client.items, Item { id: 2, value: 5 }).await?;
    tx.commit("pay").await
}

/// One payment, over a connection that may break at any statement.
const THAT_BREAKS: Application = Application {
    program: program!(client, { pay(&client).await }),
    rows: PURSES,
    claim: |seen, at_rest| match purses(seen) {
        [5, 0] if at_rest => Err("nothing is paid".to_owned()),
        _ => Ok(()),
    },
    profile: StoreProfile { statement_faults: &[StatementFault::Lost], ..StoreProfile::CALM },
    clients: 1,
};

fn purses(seen: &[(u64, Happened)]) -> [i64; 2] {
    let purses = rows(seen, PURSES);
    [purses[&1], purses[&2]]
}

#[test]
fn a_connection_that_breaks_leaves_half_of_what_is_not_one_transaction_and_nothing_of_what_is() {
    let all_or_nothing: Claim = |seen, at_rest| match purses(seen) {
        [0, 5] | [5, 0] => Ok(()),
        half if at_rest => Err(format!("half is paid: {half:?}")),
        _ => Ok(()),
    };
    let naive = Application {
        program: program!(client, {
            for item in [Item { id: 1, value: 0 }, Item { id: 2, value: 5 }] {
                let mut tx = client.store.begin(&client.env);
                tx.update(&client.items, item).await?;
                tx.commit("one half").await?;
            }
            Ok(())
        }),
        claim: all_or_nothing,
        ..THAT_BREAKS
    };
    check(naive, Application { claim: all_or_nothing, ..THAT_BREAKS }, 1);
}

#[test]
fn a_transaction_whose_connection_breaks_must_be_restarted() {
    let begins_again = program!(client, {
        loop {
            match pay(&client).await {
                Err(StoreError::ConnectionLost) => {}
                other => return other,
            }
        }
    });
    for statement in ["#1", "#2"] {
        let lost = format!("store/statement items @ client-1 {statement} = lost");
        expect(THAT_BREAKS).script(&lost).violates("claim");
        expect(Application { program: begins_again, ..THAT_BREAKS }).script(&lost).holds();
    }
}

/// Adds one, and states the success.
async fn count(client: &Client) -> Result<(), StoreError> {
    let mut tx = client.store.begin(&client.env);
    let item = tx.lock(&client.items, &1).await?.expect("planted");
    tx.update(&client.items, Item { value: item.value + 1, ..item }).await?;
    tx.commit("count").await?;
    client.told();
    Ok(())
}

/// An application of one row, with a standby that may lag.
const BEFORE_A_STANDBY: Application = Application {
    program: program!(client, { count(&client).await }),
    rows: ONE,
    claim: |seen, at_rest| {
        let told = seen.iter().filter(|(_, happened)| *happened == Happened::Told).count() as i64;
        match rows(seen, ONE)[&1] {
            counted if at_rest && counted != told => Err(format!("{told} were told, {counted} are counted")),
            _ => Ok(()),
        }
    },
    profile: StoreProfile { standby_lag: Some(&[Duration::from_secs(10)]), ..StoreProfile::CALM },
    clients: 2,
};

#[test]
fn a_reader_of_a_standby_may_miss_its_own_write_and_a_reader_of_the_primary_does_not() {
    let naive = Application {
        program: program!(client, {
            count(&client).await?;
            let mut standby = client.store.begin_on_standby(&client.env, Isolation::ReadCommitted);
            let found = standby.get(&client.items, &1).await?.expect("planted");
            client.effect(found.value as u32);
            Ok(())
        }),
        claim: |seen, _| {
            let stale = seen.iter().any(|(_, happened)| *happened == Happened::Effect(0));
            if stale { Err("it does not find what it has written".to_owned()) } else { Ok(()) }
        },
        clients: 1,
        ..BEFORE_A_STANDBY
    };
    let from_primary = program!(client, {
        count(&client).await?;
        let found = client.store.begin(&client.env).get(&client.items, &1).await?.expect("planted");
        client.effect(found.value as u32);
        Ok(())
    });
    check(naive, Application { program: from_primary, ..naive }, 1);
}

#[test]
fn a_failover_to_a_lagging_standby_loses_an_acknowledged_commit() {
    let with = |failover| Application {
        profile: StoreProfile { failover, ..BEFORE_A_STANDBY.profile },
        ..BEFORE_A_STANDBY
    };
    let lossy = with(const { &[FailoverFault::WithLoss(Duration::from_secs(30))] });
    check(lossy, with(const { &[FailoverFault::Lossless(Duration::from_secs(30))] }), 2);
}

#[test]
fn a_restore_loses_what_is_missing_in_the_backup_and_no_more() {
    // The first client counts at once, the second a quarter of an hour later, when the database is lost.
    let with = |backup_lag| Application {
        program: program!(client, {
            client.env.sleep(Duration::from_secs(900) * (client.number - 1)).await;
            match count(&client).await {
                Ok(()) | Err(StoreError::CommitUnknown) => Ok(()),
                Err(error) => Err(error),
            }
        }),
        profile: StoreProfile {
            backup_lag: Some(backup_lag),
            standby_lag: None,
            failover: const { &[FailoverFault::FromBackup(Duration::from_secs(300))] },
            ..BEFORE_A_STANDBY.profile
        },
        ..BEFORE_A_STANDBY
    };
    let lost = "store/goes down at count @ client-2 #1 = 5 min from backup";
    expect(with(Duration::from_secs(3_600))).script(lost).violates("claim");
    expect(with(Duration::from_secs(600))).script(lost).holds();
}

#[test]
fn a_failover_ends_transactions_and_refuses_new_ones_until_it_is_over() {
    let all_counted: Claim = |seen, at_rest| match rows(seen, ONE)[&1] {
        2 => Ok(()),
        counted if at_rest => Err(format!("{counted} of 2 are counted")),
        _ => Ok(()),
    };
    let naive = Application {
        claim: all_counted,
        profile: StoreProfile {
            failover: const { &[FailoverFault::Lossless(Duration::from_secs(30))] },
            ..StoreProfile::CALM
        },
        ..BEFORE_A_STANDBY
    };
    // Here the request of unknown outcome may be repeated: the server went down before it read the request.
    let waits = program!(client, {
        while let Err(error) = count(&client).await {
            assert!(matches!(error, StoreError::ConnectionLost | StoreError::CommitUnknown), "{error}");
            client.env.sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    });
    let down = "store/goes down at count @ client-1 #1 = 30 s";
    expect(naive).script(down).violates("claim");
    expect(Application { program: waits, ..naive }).script(down).holds();
}

/// Sends every pending message.
async fn send_all(client: &Client) -> Result<(), StoreError> {
    let mut tx = client.store.begin(&client.env);
    let waiting = tx.scan(&client.items, |item| item.value == 0).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    for message in waiting {
        client.effect(message.id);
        tx.update(&client.items, Item { value: 1, ..message }).await?;
    }
    tx.commit("sent").await
}

/// Writes a message and sends a notice about it.
async fn write_message(client: &Client) -> Result<(), StoreError> {
    let mut tx = client.store.begin(&client.env);
    tx.insert(&client.items, Item { id: client.number, value: 0 }).await?;
    tx.notify("messages", "").await?;
    tx.commit("message").await
}

#[test]
fn a_notice_between_the_read_and_the_listen_is_missed_unless_the_listen_comes_first() {
    let naive = Application {
        program: program!(client, {
            if client.number > 1 {
                return write_message(&client).await;
            }
            let connection = client.store.connect(&client.env);
            send_all(&client).await?;
            client.think().await;
            connection.listen("messages").await?;
            loop {
                connection.notices().await?;
                send_all(&client).await?;
            }
        }),
        rows: &[],
        claim: |seen, at_rest| {
            let sent = |id| seen.iter().any(|(_, happened)| *happened == Happened::Effect(id));
            match rows(seen, &[]).keys().find(|id| !sent(**id)) {
                Some(id) if at_rest => Err(format!("message {id} is never sent")),
                _ => Ok(()),
            }
        },
        profile: StoreProfile::CALM,
        clients: 2,
    };
    let listens_first = program!(client, {
        if client.number > 1 {
            return write_message(&client).await;
        }
        let connection = client.store.connect(&client.env);
        connection.listen("messages").await?;
        client.think().await;
        loop {
            send_all(&client).await?;
            connection.notices().await?;
        }
    });
    check(naive, Application { program: listens_first, ..naive }, 1);
}
