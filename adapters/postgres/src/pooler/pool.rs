//! [`Pools`]: the server connections of the pooler, and the clients that wait for one.

use super::Pooler;
use super::upstream::{Login, Upstream};
use super::variables::Variables;
use shakedown_sim::ambient::Handle;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// The connections of one incarnation of the pooler.
pub(super) struct Pools {
    pub(super) pooler: Rc<Pooler>,
    pools: RefCell<BTreeMap<Login, Pool>>,
    opened: Cell<u32>,
    /// By the process id that a client was given: the request that cancels what it runs.
    pub(super) running: RefCell<BTreeMap<i32, Vec<u8>>>,
}

/// The connections of one login.
#[derive(Default)]
struct Pool {
    idle: Vec<Upstream>,
    /// The number of connections that are idle, in use or being opened.
    open: usize,
    waiting: VecDeque<Rc<Waiting>>,
    /// What the server reported when the first session began.
    welcome: Option<Variables>,
}

/// A client that waits for a connection.
#[derive(Default)]
struct Waiting {
    turn: RefCell<Option<Turn>>,
    waker: RefCell<Option<Waker>>,
}

/// What a client is given.
enum Turn {
    Connection(Upstream),
    /// It may open one.
    Opens,
}

impl Pools {
    pub(super) fn new(pooler: Rc<Pooler>) -> Self {
        Self { pooler, pools: RefCell::default(), opened: Cell::new(0), running: RefCell::default() }
    }

    fn with<T>(&self, login: &Login, act: impl FnOnce(&mut Pool) -> T) -> T {
        act(self.pools.borrow_mut().entry(login.clone()).or_default())
    }

    /// Takes a connection: the one that was used last, or a new one, or the next that another client returns.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] if none was free in time; why a new one cannot be opened.
    pub(super) async fn take(&self, login: &Login, own: Handle) -> io::Result<Upstream> {
        let size = self.pooler.size;
        let turn = self.with(login, |pool| match pool.idle.pop() {
            Some(upstream) => Ok(Turn::Connection(upstream)),
            None if pool.open < size => {
                pool.open += 1;
                Ok(Turn::Opens)
            }
            None => {
                let waiting = Rc::new(Waiting::default());
                pool.waiting.push_back(Rc::clone(&waiting));
                Err(waiting)
            }
        });
        let turn = match turn {
            Ok(turn) => turn,
            Err(waiting) => self.wait(login, own, &waiting).await?,
        };
        match turn {
            Turn::Connection(upstream) => Ok(upstream),
            Turn::Opens => self.open(login).await,
        }
    }

    async fn wait(&self, login: &Login, own: Handle, waiting: &Rc<Waiting>) -> io::Result<Turn> {
        let mut timer = own.sleep(self.pooler.wait);
        let turn = poll_fn(|context| {
            if let Some(turn) = waiting.turn.take() {
                return Poll::Ready(Some(turn));
            }
            *waiting.waker.borrow_mut() = Some(context.waker().clone());
            Pin::new(&mut timer).poll(context).map(|()| None)
        })
        .await;
        turn.ok_or_else(|| {
            self.with(login, |pool| pool.waiting.retain(|other| !Rc::ptr_eq(other, waiting)));
            ErrorKind::TimedOut.into()
        })
    }

    async fn open(&self, login: &Login) -> io::Result<Upstream> {
        let number = self.opened.get() + 1;
        self.opened.set(number);
        match Upstream::open(&self.pooler.server, login, number).await {
            Ok(upstream) => {
                self.with(login, |pool| {
                    pool.welcome.get_or_insert_with(|| upstream.variables.clone());
                });
                Ok(upstream)
            }
            Err(error) => {
                self.lost(login);
                Err(error)
            }
        }
    }

    /// Returns a connection, to the client that has waited longest if there is one.
    pub(super) fn give_back(&self, login: &Login, upstream: Upstream) {
        self.with(login, |pool| match pool.waiting.pop_front() {
            Some(waiting) => waiting.give(Turn::Connection(upstream)),
            None => pool.idle.push(upstream),
        });
    }

    /// Notes that a connection is lost. The client that has waited longest opens another.
    pub(super) fn lost(&self, login: &Login) {
        self.with(login, |pool| match pool.waiting.pop_front() {
            Some(waiting) => waiting.give(Turn::Opens),
            None => pool.open -= 1,
        });
    }

    /// Returns what the server reports to new sessions, from a first connection if there was none.
    pub(super) async fn welcome(&self, login: &Login, own: Handle) -> io::Result<Variables> {
        if self.with(login, |pool| pool.welcome.is_none()) {
            let upstream = self.take(login, own).await?;
            self.give_back(login, upstream);
        }
        Ok(self.with(login, |pool| pool.welcome.clone()).unwrap_or_default())
    }
}

impl Waiting {
    fn give(&self, turn: Turn) {
        *self.turn.borrow_mut() = Some(turn);
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}
