//! A client with bounded retries: backoff with full jitter, `Retry-After`, a retry budget, a deadline.
//!
//! # Semantics
//!
//! - A request is sent again with the same content, so an idempotency key within it stays the same. Each attempt has a scope
//!   of its own, `attempt-1`, `attempt-2`, …
//! - **Which failures.** [`Repeats`] says whether a request without a response is repeated, which may execute it twice, or
//!   only a refused one, which certainly had no effect. The caller's function decides about responses ([`Advice`]).
//! - **Backoff** doubles from [`RetryPolicy::base`] to [`RetryPolicy::cap`]. With full jitter the client waits for a random
//!   part of it. The part follows from the name of the attempt, so that different requests spread in the happy path; that it
//!   is nothing or the whole is a choice, `OPERATION/backoff`.
//! - **`Retry-After`** is the least wait. A client does not wait longer than [`RetryPolicy::retry_after_max`].
//! - **Budget.** A [`RetryBudget`] is shared by the requests of one client, and limits retries to a share of all calls. Without
//!   it, a dependency that fails receives [`RetryPolicy::attempts`] times its load.
//!
//! Not modelled: hedged requests, and budgets that are shared between nodes.
//!
//! # Sources
//!
//! AWS Builders' Library, "Timeouts, retries, and backoff with jitter"; AWS Architecture Blog, "Exponential backoff and
//! jitter" (full jitter); AWS SDKs, "Retry behavior" (standard mode: 3 attempts, at most 20 s); Google SRE book, "Handling
//! overload" (a budget of 10 %); Finagle and Envoy, retry budgets (20 % and a reserve); RFC 9110, 10.2.3 (`Retry-After`);
//! Stripe, "Idempotent requests".
//!
//! ```
//! use shakedown_sim::retry::{Advice, Repeats, RetryBudget, RetryPolicy, RetryingClient};
//! use shakedown_sim::{Endpoint, Env};
//! # async fn run(env: Env, charge: Endpoint<u64, u16>) {
//! let client = RetryingClient::new(RetryPolicy::STANDARD, Repeats::Always).within(RetryBudget::new(20, 10));
//! let advice = |status: &u16| match status {
//!     429 | 500.. => Advice::Retry,
//!     _ => Advice::Final,
//! };
//! let idempotency_key = 7;
//! let _ = client.call(&env, &charge, idempotency_key, advice).await;
//! # }
//! ```

use crate::call::{CallError, Endpoint};
use crate::choice::{Alternatives, Site};
use crate::env::Env;
use crate::hash::mix;
use crate::label::{Label, TextHash};
use crate::time::{self, Duration};
use std::cell::Cell;
use std::rc::Rc;

const BACKOFF: Label = Label::new("backoff");
const PARTS: Alternatives = Alternatives::new(&["spread", "no wait", "full wait"]);

/// What to do about a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// It is final: a success, or an error that a retry does not change.
    Final,
    /// The request is sent again after the backoff.
    Retry,
    /// The request is sent again, not before this time has passed.
    RetryAfter(Duration),
}

/// Which failed calls are repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeats {
    /// Refused calls, and calls without a response. The operation must be idempotent.
    Always,
    /// Refused calls only: they had no effect.
    Refused,
}

/// The jitter of the waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Jitter {
    /// The whole backoff: clients that fail together retry together.
    None,
    /// A random part of the backoff.
    Full,
}

/// The bounds of a client's retries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    /// The greatest number of attempts, the first one included.
    pub attempts: u32,
    /// The timeout of an attempt.
    pub timeout: Duration,
    /// No attempt begins later than this after the first one.
    pub deadline: Duration,
    /// The first backoff.
    pub base: Duration,
    /// The longest backoff.
    pub cap: Duration,
    /// Its jitter.
    pub jitter: Jitter,
    /// The longest `Retry-After` that the client waits for.
    pub retry_after_max: Duration,
}

impl RetryPolicy {
    /// The standard mode of the AWS SDKs: three attempts, from 1 to 20 s with full jitter.
    pub const STANDARD: RetryPolicy = RetryPolicy {
        attempts: 3,
        timeout: Duration::from_secs(5),
        deadline: Duration::MAX,
        base: Duration::from_secs(1),
        cap: Duration::from_secs(20),
        jitter: Jitter::Full,
        retry_after_max: Duration::from_secs(60),
    };

    /// Returns the backoff after `failures` failed attempts, from 1, without jitter.
    pub fn backoff(&self, failures: u32) -> Duration {
        let doubled = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(doubled).min(self.cap)
    }
}

/// The share of calls that may be retries, as a token bucket: each call adds a part of a token, each retry takes one. It is
/// memory of one node.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    percent: u32,
    most: u64,
    /// In hundredths.
    tokens: Rc<Cell<u64>>,
}

impl RetryBudget {
    /// Creates a budget of `percent` retries for a hundred calls, and a reserve of `reserve` retries, which is also the
    /// greatest number that can be saved.
    pub fn new(percent: u32, reserve: u32) -> Self {
        let most = u64::from(reserve) * 100;
        Self { percent, most, tokens: Rc::new(Cell::new(most)) }
    }

    fn add_call(&self) {
        self.tokens.set((self.tokens.get() + u64::from(self.percent)).min(self.most));
    }

    fn take_retry(&self) -> bool {
        let left = self.tokens.get().checked_sub(100);
        left.inspect(|left| self.tokens.set(*left)).is_some()
    }
}

/// The reason why a client stopped retrying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// The failure is one that the client does not repeat.
    NotRepeatable,
    /// All attempts were used.
    Attempts,
    /// The deadline would pass before the next attempt.
    Deadline,
    /// The retry budget is used up.
    Budget,
    /// The server asked for a longer wait than the client makes.
    RetryAfter,
}

/// A request that did not succeed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GaveUp<A> {
    /// The outcome of the last attempt: a response that is not final, or an error.
    pub last: Result<A, CallError>,
    /// The number of attempts.
    pub attempts: u32,
    /// Why there was no further one.
    pub stopped: Stopped,
    /// Whether one of the attempts may have been executed although there was no response.
    pub may_have_effect: bool,
}

/// A client that retries.
#[derive(Clone, Debug)]
pub struct RetryingClient {
    policy: RetryPolicy,
    repeats: Repeats,
    budget: Option<RetryBudget>,
}

impl RetryingClient {
    /// Creates a client without a budget.
    pub fn new(policy: RetryPolicy, repeats: Repeats) -> Self {
        Self { policy, repeats, budget: None }
    }

    /// Limits its retries by a budget.
    #[must_use]
    pub fn within(self, budget: RetryBudget) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// Calls an operation until there is a final response.
    ///
    /// # Errors
    /// If the client stops retrying before that.
    pub async fn call<Q: Clone + 'static, A: 'static>(
        &self,
        env: &Env,
        endpoint: &Endpoint<Q, A>,
        request: Q,
        advice: impl Fn(&A) -> Advice,
    ) -> Result<A, GaveUp<A>> {
        self.budget.iter().for_each(RetryBudget::add_call);
        let begun = env.now();
        let mut may_have_effect = false;
        for attempts in 1.. {
            let attempt = env.child("attempt");
            let last = attempt.call(endpoint, request.clone(), self.policy.timeout).await;
            match last {
                Ok(response) if advice(&response) == Advice::Final => return Ok(response),
                _ => may_have_effect |= matches!(last, Err(CallError::TimedOut)),
            }
            let least = self.least_wait(last.as_ref().map(&advice));
            let next = least.and_then(|least| self.next(&attempt, endpoint, attempts, least));
            let elapsed = env.now().since(begun);
            match next.and_then(|wait| self.spend(wait, elapsed)) {
                Ok(wait) => {
                    attempt.note(|| format!("retries after {}", time::text(wait)));
                    env.sleep(wait).await;
                }
                Err(stopped) => return Err(GaveUp { last, attempts, stopped, may_have_effect }),
            }
        }
        unreachable!("the number of attempts is bounded")
    }

    /// Returns the least wait after an attempt that was not final.
    fn least_wait(&self, outcome: Result<Advice, &CallError>) -> Result<Duration, Stopped> {
        match outcome {
            Ok(Advice::RetryAfter(wait)) => Ok(wait),
            Ok(Advice::Final | Advice::Retry) | Err(CallError::Refused) => Ok(Duration::ZERO),
            Err(CallError::TimedOut) if self.repeats == Repeats::Always => Ok(Duration::ZERO),
            Err(CallError::TimedOut) => Err(Stopped::NotRepeatable),
        }
    }

    /// Returns the wait before the next attempt.
    fn next<Q: 'static, A: 'static>(
        &self,
        attempt: &Env,
        endpoint: &Endpoint<Q, A>,
        attempts: u32,
        least: Duration,
    ) -> Result<Duration, Stopped> {
        if attempts >= self.policy.attempts {
            return Err(Stopped::Attempts);
        }
        if least > self.policy.retry_after_max {
            return Err(Stopped::RetryAfter);
        }
        let backoff = self.policy.backoff(attempts);
        let wait = match self.policy.jitter {
            Jitter::None => backoff,
            Jitter::Full => {
                match PARTS.names()[attempt.choose(Site::new(endpoint.name(), BACKOFF), &PARTS).index()] {
                    "no wait" => Duration::ZERO,
                    "full wait" => backoff,
                    _ => part(backoff, attempt),
                }
            }
        };
        Ok(wait.max(least))
    }

    /// Takes a retry from the budget, if the next attempt begins before the deadline.
    fn spend(&self, wait: Duration, elapsed: Duration) -> Result<Duration, Stopped> {
        if elapsed.saturating_add(wait) > self.policy.deadline {
            return Err(Stopped::Deadline);
        }
        match &self.budget {
            Some(budget) if !budget.take_retry() => Err(Stopped::Budget),
            _ => Ok(wait),
        }
    }
}

/// Returns the part of a backoff that follows from the name of an attempt, in whole milliseconds.
fn part(backoff: Duration, attempt: &Env) -> Duration {
    let word = mix(TextHash::of(&attempt.scope_path().to_string()).finish(), 0) >> 32;
    let ms = backoff.as_millis() as u64;
    Duration::from_millis((ms * word) >> 32)
}
