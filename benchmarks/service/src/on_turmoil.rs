//! The run under turmoil, with its sockets.

use crate::service::{self, Charges};
use crate::{LATENCY_MS, ORDERS};
use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::future::Future;
use std::io::Result;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

pub(crate) const NAME: &str = "turmoil";

/// Runs once; returns how many orders were accepted and how many charged.
pub(crate) fn run(seed: u64) -> (u32, u32) {
    let latency = Duration::from_millis(LATENCY_MS);
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(60))
        .min_message_latency(latency)
        .max_message_latency(latency)
        .build();
    let charges = Charges::default();
    let held = charges.clone();
    sim.host("partner", move || {
        let charges = charges.clone();
        async move { Ok(service::partner(listener().await?, charges).await?) }
    });
    sim.host("orders", || async { Ok(service::serve(listener().await?, client()).await?) });
    let (result, results) = std::sync::mpsc::channel();
    sim.client("user", async move {
        result.send(service::user(client()).await)?;
        Ok(())
    });
    sim.run().expect("the run ends");
    let charged = held.lock().expect("no handler panics").len() as u32;
    assert!(charged <= ORDERS);
    (results.recv().expect("the user ends"), charged)
}

async fn listener() -> Result<Listener> {
    Ok(Listener(TcpListener::bind("0.0.0.0:80").await?))
}

struct Listener(TcpListener);

impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        self.0.accept().await.expect("turmoil accepts")
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn client() -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build(Connector)
}

#[derive(Clone)]
struct Connector;

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().to_owned();
        Box::pin(async move { Ok(TokioIo::new(Stream(TcpStream::connect((host, 80)).await?))) })
    }
}

struct Stream(TcpStream);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
