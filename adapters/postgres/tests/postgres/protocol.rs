//! What of the protocol is served, and how the rest is refused.

use crate::world::{Body, check, connect, connect_with, sleep, text};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use shakedown_postgres::IoStream;
use shakedown_sim::ambient::Handle;
use std::pin::pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::{AsyncMessage, Config, NoTls};

#[test]
fn rows_are_copied_in_and_out() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let mut sink = pin!(client.copy_in::<_, Bytes>("COPY rows FROM STDIN").await.unwrap());
            for id in 3..5 {
                sink.send(format!("{id}\t{}\n", id * 10).into()).await.unwrap();
            }
            voice.says(format!("{} rows in", sink.finish().await.unwrap()));
            let out = client.copy_out("COPY rows TO STDOUT").await.unwrap();
            let out: Vec<Bytes> = out.try_collect().await.unwrap();
            voice.says(String::from_utf8(out.concat()).unwrap().replace(['\t', '\n'], " "));
        })
    };
    check(
        clients![client],
        "",
        &[
            "9 commits: inserts into public.rows id=3 value=30",
            "9 commits: inserts into public.rows id=4 value=40",
            "10 2 rows in",
            "14 1 10 2 20 3 30 4 40 ",
        ],
    );
}

#[test]
fn notifications_reach_idle_sessions() {
    let listens: Body = |voice| {
        Box::pin(async move {
            let config: Config = "user=postgres dbname=app".parse().unwrap();
            let stream = IoStream::connect("postgres").await.unwrap();
            let (client, mut connection) = config.connect_raw(stream, NoTls).await.unwrap();
            Handle::current().spawn(async move {
                let mut messages = futures_util::stream::poll_fn(|context| connection.poll_message(context));
                while let Some(Ok(message)) = messages.next().await {
                    if let AsyncMessage::Notification(notification) = message {
                        voice.says(format!("{} from {}", notification.payload(), notification.process_id()));
                    }
                }
            });
            client.batch_execute("LISTEN jobs").await.unwrap();
            sleep(5_000).await;
        })
    };
    let notifies: Body = |_| {
        Box::pin(async move {
            sleep(1_000).await;
            connect().await.unwrap().batch_execute("NOTIFY jobs, 'one'").await.unwrap();
        })
    };
    check(clients![listens, notifies], "", &["1006 one from 1002"]);
}

#[test]
fn a_waiting_statement_is_cancelled() {
    let client: Body = |voice| {
        Box::pin(async move {
            let client = connect().await.unwrap();
            let token = client.cancel_token();
            Handle::current().spawn(async move {
                sleep(700).await;
                let stream = IoStream::connect("postgres").await.unwrap();
                token.cancel_query_raw(stream, NoTls).await.unwrap();
            });
            voice.says(text(&client.batch_execute("SELECT pg_sleep(100)").await.unwrap_err()));
        })
    };
    check(clients![client], "", &["708 57014 canceling statement due to user request"]);
}

#[test]
fn what_is_not_served_is_refused_with_a_reason() {
    let client: Body = |voice| {
        Box::pin(async move {
            let mut stream = IoStream::connect("postgres").await.unwrap();
            // A request for TLS.
            stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
            let mut response = [0];
            stream.read_exact(&mut response).await.unwrap();
            voice.says(format!("{:?}", char::from(response[0])));
            voice.says(text(&connect_with("dbname=other").await.map(drop).unwrap_err()));
            voice.says(text(&connect_with("user=nobody").await.map(drop).unwrap_err()));
            let mut stream = IoStream::connect("postgres").await.unwrap();
            let startup = b"\0\0\0\x2c\0\x03\0\0user\0postgres\0replication\0database\0\0";
            assert_eq!(startup.len(), 0x2c);
            stream.write_all(startup).await.unwrap();
            let mut response = Vec::new();
            stream.read_to_end(&mut response).await.unwrap();
            voice.says(String::from_utf8_lossy(&response[5..]).replace('\0', " "));
        })
    };
    check(
        clients![client],
        "",
        &[
            "4 'N'",
            "8 3D000 database \"other\" does not exist: the simulation's is \"app\" (`Schema::database`)",
            "12 28000 role \"nobody\" does not exist",
            "16 SFATAL VFATAL C0A000 Mthe simulation does not serve replication connections  ",
        ],
    );
}

/// Reads messages until one of this type has come; returns the types.
async fn read_until(stream: &mut IoStream, last: u8) -> String {
    let mut tags = String::new();
    loop {
        let tag = stream.read_u8().await.unwrap();
        let length = stream.read_u32().await.unwrap() as usize;
        stream.read_exact(&mut vec![0; length - 4]).await.unwrap();
        tags.push(char::from(tag));
        if tag == last {
            return tags;
        }
    }
}

#[test]
fn a_driver_may_flush_before_it_syncs() {
    let client: Body = |voice| {
        Box::pin(async move {
            use postgres_protocol::message::frontend;
            let mut stream = IoStream::connect("postgres").await.unwrap();
            let mut startup = bytes::BytesMut::new();
            frontend::startup_message([("user", "postgres"), ("database", "app")], &mut startup).unwrap();
            stream.write_all(&startup).await.unwrap();
            read_until(&mut stream, b'Z').await;
            let mut flushed = bytes::BytesMut::new();
            frontend::parse("one", "SELECT value FROM rows WHERE id = $1", [], &mut flushed).unwrap();
            frontend::describe(b'S', "one", &mut flushed).unwrap();
            frontend::flush(&mut flushed);
            stream.write_all(&flushed).await.unwrap();
            voice.says(read_until(&mut stream, b'T').await);
            let mut synced = bytes::BytesMut::new();
            let value = |text: &str, buffer: &mut bytes::BytesMut| {
                buffer.extend_from_slice(text.as_bytes());
                Ok(postgres_protocol::IsNull::No)
            };
            assert!(frontend::bind("", "one", [], ["1"], value, [], &mut synced).is_ok());
            frontend::execute("", 0, &mut synced).unwrap();
            frontend::sync(&mut synced);
            stream.write_all(&synced).await.unwrap();
            voice.says(read_until(&mut stream, b'Z').await);
        })
    };
    check(clients![client], "", &["6 1tT", "8 2DCZ"]);
}
