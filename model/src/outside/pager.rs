//! A pager service of another company, and the person who carries the pager.
//!
//! It receives alerts, shows them to the person on call, and remembers acknowledged ones: a repetition of an acknowledged alert gets this response
//! and is not shown. It also listens for the monitor's heartbeat: after three minutes without one it rings by itself, and again every three minutes
//! until a heartbeat arrives. A person acknowledges an alert a few minutes after the first one, or, when asleep, much later.
//!
//! It never loses an alert, or shows the same alert to one person twice at once.

use crate::backbone::monitor::{Alert, PagerApi};
use crate::facts::{Fact, PagerFact};
use crate::settings::MONITOR_SILENT;
use shakedown_sim::{Alternatives, Duration, Env, Facts, Heartbeat, Label, Moment, Signal, Site};
use std::cell::RefCell;
use std::rc::Rc;

const ON_CALL: Site = Site::new(Label::new("person"), Label::new("on call"));
const WAYS: Alternatives = Alternatives::new(&["takes it", "is asleep"]);

/// The time in which a person acknowledges an alert, awake and asleep.
const TAKES: [Duration; 2] = [Duration::from_secs(180), Duration::from_secs(1_800)];

/// The pager.
#[derive(Clone)]
pub struct Pager(Rc<Inner>);

struct Inner {
    facts: Facts<Fact>,
    shown: RefCell<Vec<Alert>>,
    taken: RefCell<Vec<Alert>>,
    called: Signal,
}

impl Pager {
    /// Creates a pager without alerts.
    pub fn new(facts: &Facts<Fact>) -> Self {
        let (shown, taken) = Default::default();
        Self(Rc::new(Inner { facts: facts.clone(), shown, taken, called: Signal::new() }))
    }

    /// Returns the signal that is raised when a person has acknowledged an alert, or the pager has rung: people then
    /// look at the platform.
    pub fn called(&self) -> &Signal {
        &self.0.called
    }

    /// Boots the pager's node.
    pub fn boot(&self, env: &Env, operations: &PagerApi) {
        let at = self.clone();
        operations.alert.serve(env, move |env, alert| {
            let is_taken = at.show(&env, alert);
            async move { is_taken }
        });
    }

    /// Rings whenever this heartbeat is missing, until it is back. `env` is the pager's handle.
    pub fn listen(&self, env: &Env, heartbeat: Heartbeat) {
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            loop {
                let since = heartbeat.silence(&env, MONITOR_SILENT).await;
                at.ring(&env, since);
                while env.timeout(MONITOR_SILENT, heartbeat.beat(&env)).await.is_none() {
                    at.ring(&env, since);
                }
            }
        });
    }

    fn ring(&self, env: &Env, since: Moment) {
        self.0.facts.state(env, &Fact::Pager(PagerFact::Rang { since }));
        self.0.called.raise(env);
    }

    /// Shows an alert; returns whether a person has acknowledged it.
    fn show(&self, env: &Env, alert: Alert) -> bool {
        if self.0.taken.borrow().contains(&alert) {
            return true;
        }
        self.0.facts.state(env, &Fact::Pager(PagerFact::Alerted(alert)));
        if !self.0.shown.borrow().contains(&alert) {
            self.0.shown.borrow_mut().push(alert);
            self.take_later(env, alert);
        }
        false
    }

    fn take_later(&self, env: &Env, alert: Alert) {
        let pick = env.choose(ON_CALL, &WAYS);
        let after = TAKES[pick.index()];
        if !pick.is_benign() {
            env.lasts(after);
        }
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            env.sleep(after).await;
            at.0.taken.borrow_mut().push(alert);
            at.0.facts.state(&env, &Fact::Pager(PagerFact::Taken(alert)));
            at.0.called.raise(&env);
        });
    }
}
