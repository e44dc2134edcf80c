//! [`Client`]: sends requests to nodes, as a tower service.

use crate::body::Body;
use crate::crash_point::crash_point;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::real_runtime;
use crate::web::Web;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use shakedown_sim::ambient::{Handle, Timer};
use shakedown_sim::trace::Kind;
use shakedown_sim::{Duration, Side};
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

/// Sends requests from the node whose code runs to the node or role that is the request's host: `http://partner/charges`. Plain data,
/// so it may stand in the state of an axum application.
#[derive(Clone, Copy, Default, Debug)]
pub struct Client {
    timeout: Option<Duration>,
    host: Option<&'static str>,
}

impl Client {
    /// Returns a client without a timeout.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the client with a timeout for each response.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Returns the client with a default host, a node or a role, for requests whose URI has none.
    #[must_use]
    pub fn to(self, host: &'static str) -> Self {
        Self { host: Some(host), ..self }
    }

    /// Sends a request and waits for its response.
    ///
    /// # Errors
    /// See [`Error`]. A response that is reset in the middle of its body is a response, whose body fails.
    ///
    /// # Panics
    /// Outside a simulation, and where a real tokio runtime is entered.
    pub async fn send<B>(self, request: Request<B>) -> Result<Response<Body>, Error>
    where
        B: http_body::Body,
        B::Error: Display,
    {
        real_runtime::refuse();
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|error| Error::Body(error.to_string()))?;
        let mut request = Request::from_parts(head, body.to_bytes());
        let owner = Handle::current();
        let exchange = self.route(owner, &mut request)?;
        crash_point(exchange.caller, Side::Before, exchange.target.role).await;
        let timer = self.timeout.map(|timeout| owner.sleep(timeout));
        exchange.send(request);
        let (response, cause) = reply(&exchange, timer).await?;
        crash_point(exchange.caller, Side::After, exchange.target.role).await;
        let status = response.status();
        let words = [u64::from(status.as_u16()), response.body().bytes().len() as u64];
        exchange.caller.step(Kind::Response, words, cause, || format!("gets {status}"));
        Ok(response)
    }

    /// Finds the node, and completes the request's headers.
    fn route(self, owner: Handle, request: &mut Request<Bytes>) -> Result<Exchange, Error> {
        let host = request.uri().host().map(str::to_owned);
        let host = host.or_else(|| self.host.map(str::to_owned)).unwrap_or_default();
        let web = owner.extension::<Web>();
        let target = web.target(owner, &host).ok_or_else(|| Error::UnknownHost(host.clone()))?;
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.unwrap_or(http::uri::PathAndQuery::from_static("/")).into();
        let length = HeaderValue::from(request.body().len());
        if let Ok(host) = HeaderValue::from_str(&host) {
            request.headers_mut().entry(header::HOST).or_insert(host);
        }
        if !request.body().is_empty() {
            request.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length);
        }
        Ok(Exchange::open(&web, owner, target, request))
    }
}

/// Waits for the reply or the timeout.
async fn reply(
    exchange: &Exchange,
    mut timer: Option<Timer>,
) -> Result<(Response<Body>, Option<u32>), Error> {
    let caller = exchange.caller;
    poll_fn(|context| {
        if !caller.is_alive() {
            return Poll::Pending;
        }
        if let Poll::Ready(reply) = exchange.poll_reply(context) {
            if let Err(error) = &reply {
                caller.step(Kind::Refused, [0, 0], None, || format!("has no response: {error}"));
            }
            return Poll::Ready(reply);
        }
        let timer = timer.as_mut().map_or(Poll::Pending, |timer| Pin::new(timer).poll(context));
        timer.map(|()| {
            caller.step(Kind::Timeout, [0, 0], None, || "times out: no response".to_owned());
            Err(Error::TimedOut)
        })
    })
    .await
}

impl<B> Service<Request<B>> for Client
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Display,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.send(request))
    }
}
