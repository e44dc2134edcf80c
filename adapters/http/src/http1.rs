//! HTTP/1 over the streams of `shakedown-net`, for code that brings hyper: a [`Connector`] for its clients, an [`Executor`] for their tasks,
//! and [`serve`]. Faults are those of the streams then: a connection is refused, stalls, or is reset in the middle of a message.
//!
//! ```no_run
//! use bytes::Bytes;
//! use http_body_util::Full;
//! use hyper_util::client::legacy::Client;
//! use shakedown_http::http1::{Connector, Executor};
//! async fn charge() -> Result<u16, hyper_util::client::legacy::Error> {
//!     let client = Client::builder(Executor).build::<_, Full<Bytes>>(Connector);
//!     Ok(client.get("http://partner/charges".parse().expect("a URI")).await?.status().as_u16())
//! }
//! ```

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::service::TowerToHyperService;
use shakedown_net::{Listener, Stream};
use shakedown_sim::ambient::Handle;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

/// The number of bytes that one read takes at most.
const CHUNK: usize = 8 * 1024;

/// An end of a connection, as hyper reads and writes it.
pub struct Io(Stream);

impl From<Stream> for Io {
    fn from(stream: Stream) -> Self {
        Self(stream)
    }
}

impl hyper::rt::Read for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; CHUNK];
        let room = into.remaining().min(CHUNK);
        self.0.poll_read(context, &mut bytes[..room]).map_ok(|count| into.put_slice(&bytes[..count]))
    }
}

impl hyper::rt::Write for Io {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, bytes)
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.shut_down();
        Poll::Ready(Ok(()))
    }
}

impl Connection for Io {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Connects the node whose code runs to the node or role that is a URI's host.
#[derive(Clone, Copy, Default, Debug)]
pub struct Connector;

impl Service<Uri> for Connector {
    type Response = Io;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Io>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(async move {
            let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
            Stream::connect_to(host, port).await.map(Io)
        })
    }
}

/// Runs the tasks of hyper's clients on the node that starts them.
#[derive(Clone, Copy, Default, Debug)]
pub struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        Handle::current().spawn(async move { drop(future.await) });
    }
}

/// Serves connections of a listener for ever, each by a task of the node: an `axum::Router`, or any other tower service over HTTP.
///
/// # Panics
/// Outside a simulation.
pub async fn serve<S, B>(listener: Listener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    loop {
        let stream = poll_fn(|context| listener.poll_accept(context)).await;
        let service = TowerToHyperService::new(service.clone());
        // The date would be the real one.
        let connection = hyper::server::conn::http1::Builder::new()
            .auto_date_header(false)
            .serve_connection(Io(stream), service);
        Handle::current().spawn(async move { drop(connection.await) });
    }
}
