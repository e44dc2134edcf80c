//! A standby that lags, and the failover to it.

use super::server::{STORE, Server};
use super::{Isolation, Store, Transaction};
use crate::choice::Site;
use crate::database::{CommitRecord, Failover};
use crate::env::Env;
use crate::event::Kind;
use crate::label::Label;
use crate::scope::User;
use crate::time::{self, Duration, Moment};
use std::rc::Rc;

const LAG: Label = Label::new("standby replays");
const DOWN: Label = Label::new("goes down at");

impl Store {
    /// Begins a transaction that reads the standby: it sees whole commits in their order, some time late, and
    /// may not write. At serializable it is refused, as PostgreSQL refuses it.
    ///
    /// # Panics
    /// If the profile has no standby.
    pub fn begin_on_standby(&self, env: &Env, level: Isolation) -> Transaction {
        let Some(standby) = self.0.standby.get() else {
            panic!("Store::begin_on_standby: the profile has no standby")
        };
        let session = self.0.with_database(|database| database.connect_to_replica(standby).ok());
        Transaction::new(&self.0, env, session, level)
    }
}

impl Server {
    /// Sends a commit on to the standby, if there is one.
    pub(super) fn replicate(self: &Rc<Self>, server: &Env, name: Label) {
        let (Some(standby), Some(lags)) = (self.standby.get(), &self.profile.standby_lag) else { return };
        let lag = server.choose_for(User::ENGINE, Site::of(STORE, LAG, name), lags).delay(lags);
        let newest = self.with_database(|database| database.last_commit());
        if lag.is_zero() {
            return self.replay(standby, newest);
        }
        server.lasts(lag);
        let here = Rc::clone(self);
        server.world.deliver(lag, move |_| here.replay(standby, newest));
    }

    /// Has the standby show all that there is by now: it was copied from the primary before the run began.
    pub(super) fn replay_all(&self) {
        if let Some(standby) = self.standby.get() {
            self.replay(standby, self.with_database(|database| database.last_commit()));
        }
    }

    fn replay(&self, standby: crate::database::Replica, up_to: u64) {
        // A standby that has been promoted replays nothing any more.
        if self.with_database(|database| database.replay(standby, up_to)).is_ok() {
            self.unreplayed.borrow_mut().retain(|commit| commit.csn > up_to);
        }
    }

    /// Whether the primary goes down just before it reads this commit.
    pub(super) fn goes_down(self: &Rc<Self>, server: &Env, name: Label) -> bool {
        let ways = &self.profile.failover;
        if self.is_down() {
            return true;
        }
        let pick = server.choose_for(User::ENGINE, Site::of(STORE, DOWN, name), ways);
        if pick.is_benign() {
            return false;
        }
        let way = ways.names()[pick.index()];
        let (duration, loses) = match way.strip_suffix(" with loss") {
            Some(duration) => (duration, true),
            None => (way, false),
        };
        let duration = time::parse(duration).unwrap_or_else(|| panic!("`{way}` is no failover"));
        server.lasts(duration);
        self.fail_over(server, duration, loses);
        true
    }

    fn fail_over(self: &Rc<Self>, server: &Env, duration: Duration, loses: bool) {
        let event = server.event(Kind::Crash, [u64::from(loses), 0], || "the primary goes down".to_owned());
        self.down_until.set(server.now() + duration);
        let standby = self.standby.get();
        self.with_database(|database| match standby {
            None => database.crash(),
            Some(standby) => {
                let mode = if loses { Failover::ToReplayed } else { Failover::Lossless };
                // The handle is of this very database.
                drop(database.fail_over(standby, mode));
                self.standby.set(Some(database.create_replica()));
            }
        });
        self.empty_pool();
        let lost = self.unreplayed.take();
        server.world.with_cause(event.unwrap_or_default(), || {
            if loses && standby.is_some() {
                self.take_back(server, &lost);
            }
            self.settle(&server.world);
        });
    }

    /// Tells the tables of commits that are no more, newest first.
    fn take_back(self: &Rc<Self>, server: &Env, lost: &[CommitRecord]) {
        for commit in lost.iter().rev() {
            for change in commit.changes.iter().rev() {
                self.tell_one(change, |table| table.take_back(server, change));
            }
            self.raise_signals(server, commit);
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down_until.get() > Moment::START && self.env.now() < self.down_until.get()
    }
}
