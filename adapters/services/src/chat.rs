//! A chat over TCP: one task for each connection in a `JoinSet`, a broadcast channel between them, `select!` everywhere.

use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
enum Event {
    Said { by: u32, line: String },
    Closing,
}

/// Serves until SIGTERM. Then it sends `bye` to each client and closes the connections, within two seconds.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let (events, _) = broadcast::channel(64);
    let mut connections = JoinSet::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut report = interval(Duration::from_secs(10));
    report.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut next = 1;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                connections.spawn(connection(next, stream, events.clone(), events.subscribe()));
                next += 1;
            }
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::warn!("a connection ended: {error}");
                }
            }
            _ = report.tick() => tracing::info!("{} connections", connections.len()),
            _ = terminate.recv() => break,
        }
    }
    let _ = events.send(Event::Closing);
    let all_left = async { while connections.join_next().await.is_some() {} };
    if timeout(Duration::from_secs(2), all_left).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

async fn connection(
    number: u32,
    mut stream: TcpStream,
    events: broadcast::Sender<Event>,
    mut heard: broadcast::Receiver<Event>,
) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut lines = BufReader::new(reading).lines();
    loop {
        tokio::select! {
            line = timeout(IDLE, lines.next_line()) => match line {
                Ok(Ok(Some(line))) => {
                    let _ = events.send(Event::Said { by: number, line });
                }
                Ok(Ok(None)) | Err(_) => return Ok(()),
                Ok(Err(error)) => return Err(error),
            },
            event = heard.recv() => match event {
                Ok(Event::Said { by, .. }) if by == number => {}
                Ok(Event::Said { by, line }) => writing.write_all(format!("{by}: {line}\n").as_bytes()).await?,
                Ok(Event::Closing) => {
                    writing.write_all(b"bye\n").await?;
                    return writing.shutdown().await;
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    writing.write_all(format!("({missed} lines missed)\n").as_bytes()).await?;
                }
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}
