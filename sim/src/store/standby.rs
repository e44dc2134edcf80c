//! A standby that lags, and what takes the place of a primary that goes down.

use super::profile::{FailoverFault, Failovers};
use super::server::{STORE, Server};
use super::{Isolation, Store, StoreError, Transaction};
use crate::choice::Site;
use crate::env::Env;
use crate::event::Kind;
use crate::fault::Delays;
use crate::label::Label;
use crate::scope::User;
use crate::time::{Duration, Moment};
use shakedown_database::Failover;
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
        let Some(standby) = self.0.standby.replica() else {
            panic!("Store::begin_on_standby: the profile has no standby")
        };
        let session = self.0.with_database(|database| database.connect_to_replica(standby));
        let session = session.map_err(|_| StoreError::ConnectionLost);
        Transaction::new(&self.0, env, session, level)
    }
}

/// What takes the place of a primary that goes down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Successor {
    /// The standby, which lacks nothing; or the primary itself, where there is none.
    Standby,
    /// The standby as it is.
    StandbyAsItIs,
    /// The backup as it is.
    Backup,
}

impl Server {
    /// Sends a commit on to the standby and to the backup, if there are any.
    pub(super) fn replicate(self: &Rc<Self>, server: &Env, name: Label) {
        let newest = self.with_database(|database| database.last_commit());
        if let (Some(backup), Some(lag)) = (self.backup.replica(), self.profile.backup_lag) {
            let here = Rc::clone(self);
            server.world.act_later(server.place(), lag, move |_| here.replay(&here.backup, backup, newest));
        }
        let (Some(standby), Some(lags)) = (self.standby.replica(), self.profile.standby_lag) else { return };
        let lag = server.fault_for(User::ENGINE, &Site::of(STORE, LAG, name), Delays(lags));
        let lag = lag.unwrap_or_default();
        if lag.is_zero() {
            return self.replay(&self.standby, standby, newest);
        }
        server.lasts(lag);
        let here = Rc::clone(self);
        server.world.act_later(server.place(), lag, move |_| here.replay(&here.standby, standby, newest));
    }

    /// Whether the primary goes down just before it reads this commit.
    pub(super) fn goes_down(self: &Rc<Self>, server: &Env, name: Label) -> bool {
        if self.is_down() {
            return true;
        }
        if self.failovers.get() >= self.profile.failovers_max {
            return false;
        }
        let faults = Failovers(self.profile.failover);
        let fault = server.fault_for(User::ENGINE, &Site::of(STORE, DOWN, name), faults);
        let (duration, successor) = match fault {
            None => return false,
            Some(FailoverFault::Lossless(down)) => (down, Successor::Standby),
            Some(FailoverFault::WithLoss(down)) => (down, Successor::StandbyAsItIs),
            Some(FailoverFault::FromBackup(down)) => (down, Successor::Backup),
        };
        server.lasts(duration);
        self.fail_over(server, duration, successor);
        true
    }

    fn fail_over(self: &Rc<Self>, server: &Env, duration: Duration, successor: Successor) {
        let event = server.event(Kind::Crash, [successor as u64, 0], || {
            match successor {
                Successor::Standby | Successor::StandbyAsItIs => "the primary goes down",
                Successor::Backup => "the database is lost, and is restored from its backup",
            }
            .to_owned()
        });
        self.down_until.set(server.now() + duration);
        self.failovers.set(self.failovers.get() + 1);
        let (follower, other) = match successor {
            Successor::Standby | Successor::StandbyAsItIs => (&self.standby, &self.backup),
            Successor::Backup => (&self.backup, &self.standby),
        };
        let mode = if successor == Successor::Standby { Failover::Lossless } else { Failover::ToReplayed };
        let lacked = self.with_database(|database| match follower.replica() {
            None => {
                database.crash();
                Vec::new()
            }
            Some(replica) => {
                // The handle is of this very database.
                drop(database.fail_over(replica, mode));
                follower.replace(database.create_replica())
            }
        });
        self.empty_pool();
        self.tell_holders(&self.releases);
        server.world.with_cause(event.unwrap_or_default(), || {
            if mode == Failover::ToReplayed {
                other.forget(&lacked);
                self.take_back(server, &lacked);
            }
            self.settle(&server.world);
        });
    }

    pub(super) fn is_down(&self) -> bool {
        self.down_until.get() > Moment::START && self.env.now() < self.down_until.get()
    }
}
