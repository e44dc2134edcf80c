//! The edges: the entry points of customers, operators and clinics, and their log.

use crate::backbone::Reply;
use crate::backbone::monitor::RequestLog;
use crate::booking::api::{Api, Offered, QuoteRequest, Submission, View};
use crate::booking::rows::Offer;
use crate::booking::summaries::{ListRequest, Summary};
use crate::facts::{Code, EdgeFact, Fact, Request};
use crate::settings::EDGE_TIMEOUT;
use crate::visit;
use crate::visit::api::{ClinicRow, Press, Verdict};
use shakedown_sim::{CallError, Duration, Endpoint, Env, Facts, Link, Moment, Op, Signal};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The operations of the edge, as a browser calls them.
#[derive(Clone)]
pub struct Edge {
    /// Shows an offer.
    pub offer: Endpoint<u32, Reply<Offer>>,
    /// Quotes a price.
    pub quote: Endpoint<QuoteRequest, Reply<Offered>>,
    /// Submits an order; the response is the first view of the booking.
    pub submit: Endpoint<Submission, Reply<View>>,
    /// Shows a booking's summary, as in lists.
    pub list: Endpoint<ListRequest, Reply<Summary>>,
    /// Shows the state of a booking.
    pub status: Endpoint<u32, Reply<View>>,
    /// Cancels a booking.
    pub cancel: Endpoint<u32, Reply<()>>,
}

impl Edge {
    /// Creates the operations: those that change something over `web`, reads over `reads`.
    pub fn over(web: &Link, reads: &Link) -> Self {
        Self {
            offer: Endpoint::new(Op::routine("edge.offer", "looks at the offer"), reads),
            quote: Endpoint::new(Op::routine("edge.quote", "asks for a price"), reads),
            submit: Endpoint::new(Op::new("edge.submit", "presses \"book\""), web),
            list: Endpoint::new(Op::routine("edge.list", "looks at the list"), reads),
            status: Endpoint::new(Op::routine("edge.status", "looks at the booking"), reads),
            cancel: Endpoint::new(Op::new("edge.cancel", "presses \"cancel\""), web),
        }
    }

    /// Boots the edge in front of `api`, with a log of its own.
    pub fn boot(&self, env: &Env, api: &Api, facts: &Facts<Fact>) {
        self.boot_with(env, api, &AccessLog::new(facts));
    }

    /// Boots the edge in front of `api`.
    pub fn boot_with(&self, env: &Env, api: &Api, log: &AccessLog) {
        log.front(env, &self.offer, Request::Offer, &api.offer);
        log.front(env, &self.quote, Request::Quote, &api.quote);
        log.front(env, &self.submit, Request::Submit, &api.submit);
        log.front(env, &self.list, Request::List, &api.list);
        log.front(env, &self.status, Request::Status, &api.status);
        log.front(env, &self.cancel, Request::Cancel, &api.cancel);
    }
}

/// The operations of the visit flow's edge, as screens and clinics call them.
#[derive(Clone)]
pub struct VisitEdge {
    /// Moves a visit.
    pub advance: Endpoint<Press, Reply<Verdict>>,
    /// Repeats the missing effects of a visit.
    pub replay: Endpoint<Press, Reply<Verdict>>,
    /// Shows the state of a visit.
    pub status: Endpoint<u32, Reply<visit::view::View>>,
    /// Sends a row of a clinic's feed.
    pub import: Endpoint<ClinicRow, Reply<Verdict>>,
}

impl VisitEdge {
    /// Creates the operations: buttons over `web`, reads over `reads`, clinics' rows over `feed`.
    pub fn over(web: &Link, reads: &Link, feed: &Link) -> Self {
        Self {
            advance: Endpoint::new(Op::routine("edge.advance", "sends the form"), web),
            replay: Endpoint::new(Op::routine("edge.replay", "sends the form"), web),
            status: Endpoint::new(Op::routine("edge.visit", "looks at the visit"), reads),
            import: Endpoint::new(Op::new("edge.import", "sends a clinic's row"), feed),
        }
    }

    /// Boots the edge in front of `api`.
    pub fn boot(&self, env: &Env, api: &visit::api::Api, facts: &Facts<Fact>) {
        let log = AccessLog::new(facts);
        log.front(env, &self.advance, Request::Advance, &api.advance);
        log.front(env, &self.replay, Request::Replay, &api.replay);
        log.front(env, &self.status, Request::Visit, &api.status);
        log.front(env, &self.import, Request::Import, &api.import);
    }
}

/// The log of an edge: the requests, their response codes, and their durations.
#[derive(Clone)]
pub struct AccessLog {
    facts: Facts<Fact>,
    requests: Rc<Cell<u32>>,
    answers: Rc<RefCell<Vec<(Moment, Code)>>>,
    failed: Signal,
}

/// The period over which the log counts.
const COUNTED: Duration = Duration::from_secs(300);
/// One request out of this many may fail.
const FAILING_SHARE: usize = 20;

impl AccessLog {
    /// Creates an empty log.
    pub fn new(facts: &Facts<Fact>) -> Self {
        let (requests, answers) = Default::default();
        Self { facts: facts.clone(), requests, answers, failed: Signal::new() }
    }

    fn keep(&self, env: &Env, code: Code) {
        self.answers.borrow_mut().push((env.now(), code));
        if is_failure(code) {
            self.failed.raise(env);
        }
    }

    /// Forwards one operation to the services behind the edge, and logs it.
    pub fn front<Q: 'static, A: 'static>(
        &self,
        env: &Env,
        front: &Endpoint<Q, Reply<A>>,
        what: Request,
        behind: &Endpoint<Q, Reply<A>>,
    ) {
        let (log, behind) = (self.clone(), behind.clone());
        front.serve(env, move |env, request| {
            let (log, behind) = (log.clone(), behind.clone());
            async move {
                log.requests.set(log.requests.get() + 1);
                let (number, began) = (log.requests.get(), env.now());
                log.facts.state(&env, &Fact::Edge(EdgeFact::Entered { request: number, what }));
                let reply = match env.call(&behind, request, EDGE_TIMEOUT).await {
                    Ok(reply) => reply,
                    Err(CallError::Refused) => Reply::bare(Code::Unavailable),
                    Err(CallError::TimedOut) => Reply::bare(Code::NoResponse),
                };
                log.keep(&env, reply.code);
                let took_ms = env.now().since(began).as_millis() as u64;
                log.facts.state(
                    &env,
                    &Fact::Edge(EdgeFact::Answered { request: number, code: reply.code, took_ms }),
                );
                reply
            }
        });
    }
}

impl RequestLog for AccessLog {
    fn failed(&self) -> &Signal {
        &self.failed
    }

    fn is_failing(&self, now: Moment) -> bool {
        let answers = self.answers.borrow();
        let recent = answers.iter().filter(|(at, _)| *at + COUNTED >= now);
        let (failed, all) = recent
            .fold((0, 0), |(failed, all), (_, code)| (failed + usize::from(is_failure(*code)), all + 1));
        failed * FAILING_SHARE > all
    }
}

fn is_failure(code: Code) -> bool {
    matches!(code, Code::BadGateway | Code::Unavailable | Code::NoResponse)
}
