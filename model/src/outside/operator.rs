//! An operator at the front desk: impatient and honest, guided only by the screen.
//!
//! The screen shows a visit and polls for news. When the patient comes the operator presses "arrived", and when the
//! patient has been seen "processed", if the screen offers it. While the spinner turns they may press again, or press
//! the same button in another tab. If the response is "try again", they do so, with the same form. They may amend what they
//! recorded, and then replay in a tab that still shows the former revision. Asked by a patient who has received no message, they
//! may replay what the screen offers to replay. They replay
//! what the screen shows as stuck after some time, a few times. A patient who does not come is left to the nightly
//! close, or marked as missing. What the screen shows as in doubt they may send again, if the patient says that
//! nothing has come.

use crate::backbone::Reply;
use crate::facts::{Code, Fact, VisitFact, VisitWord};
use crate::outside::edge::VisitEdge;
use crate::settings::{BROWSER_TIMEOUT, SCREEN_PERIOD};
use crate::visit::api::Press;
use crate::visit::rows::{Action, Grounds, Reason};
use crate::visit::view::View;
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Poller, Signal, Site};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const OPERATOR: Label = Label::new("operator");
const IMPATIENCE: Site = Site::new(OPERATOR, Label::new("impatience"));
const EXAMINATION: Site = Site::new(OPERATOR, Label::new("examination"));
const SECOND_THOUGHTS: Site = Site::new(OPERATOR, Label::new("second thoughts"));
const DOUBT: Site = Site::new(OPERATOR, Label::new("doubt"));
const ABSENCE: Site = Site::new(OPERATOR, Label::new("absence"));

const WAYS: Alternatives = Alternatives::new(&["waits", "clicks again", "presses in another tab"]);
const EXAMINATIONS: Alternatives = Alternatives::new(&["processes it", "cancels it"]);
const THOUGHTS: Alternatives = Alternatives::new(&[
    "leaves it",
    "amends at once",
    "amends later",
    "replays at once",
    "replays later",
    "amends and replays in a stale tab",
]);
const ABSENCES: Alternatives = Alternatives::new(&["leaves it to the close", "marks it"]);

const DOUBTS: Alternatives =
    Alternatives::new(&["waits for news", "asks the patient", "is asked by the patient"]);

/// The time at which the desk opens.
const OPENS: Duration = Duration::from_secs(60);
/// The time at which the patient comes.
const COMES: Duration = Duration::from_secs(600);
/// The time at which the patient has been seen.
const SEEN: Duration = Duration::from_secs(2_400);
/// The time at which a patient who has not come is marked as missing.
const MISSED: Duration = Duration::from_secs(3_600);
/// The time from the processing to an early and to a late second thought.
const SOON: Duration = Duration::from_secs(6);
const LATER: Duration = Duration::from_secs(900);
/// The time for which a stuck report is left before it is replayed.
const STUCK: Duration = Duration::from_secs(600);
/// How often a stuck effect is replayed.
const REPLAYS: u32 = 3;
/// How often an operator tries again when the response allows it.
const TRIES: u32 = 6;
/// The wait before a retry.
const PAUSE: Duration = Duration::from_secs(3);

/// An operator, in front of a screen.
#[derive(Clone)]
pub struct Operator(Rc<Inner>);

struct Inner {
    edge: VisitEdge,
    facts: Facts<Fact>,
    /// Notifies an open screen that a poll may return new data.
    news: Signal,
    /// The content of the screen of each visit.
    screens: RefCell<BTreeMap<u32, View>>,
    /// Raised when a screen shows something new.
    shown: Signal,
    /// The number of forms so far.
    forms: Cell<u64>,
    /// How often a stuck effect was replayed.
    replays: Cell<u32>,
    /// Visits whose message was seen in doubt.
    doubted: RefCell<BTreeSet<u32>>,
}

impl Operator {
    /// Creates an operator. `news` is raised when a row changes that the screen may show: a screen that polled in
    /// between would have seen no change.
    pub fn new(edge: &VisitEdge, facts: &Facts<Fact>, news: &Signal) -> Self {
        let (edge, facts, news) = (edge.clone(), facts.clone(), news.clone());
        let (screens, shown) = (RefCell::default(), Signal::new());
        let (forms, replays, doubted) = (Cell::default(), Cell::default(), RefCell::default());
        Self(Rc::new(Inner { edge, facts, news, screens, shown, forms, replays, doubted }))
    }

    /// Handles a visit, within its scope, whose patient comes or does not come.
    pub async fn attend(&self, env: &Env, visit: u32, comes: bool) {
        env.sleep(OPENS).await;
        self.open_screen(env, visit);
        if !comes {
            env.sleep(MISSED - OPENS).await;
            let marks = !env.choose(ABSENCE, &ABSENCES).is_benign();
            return if marks {
                self.act(env, visit, Action::Miss).await
            };
        }
        env.sleep(COMES - OPENS).await;
        self.act(env, visit, Action::Arrive).await;
        env.sleep(SEEN - COMES).await;
        let processes = env.choose(EXAMINATION, &EXAMINATIONS).is_benign();
        self.act(env, visit, if processes { Action::Process } else { Action::Cancel }).await;
        match THOUGHTS.names()[env.choose(SECOND_THOUGHTS, &THOUGHTS).index()] {
            "amends at once" => self.later(env, SOON, visit, Action::Amend(Reason::Mistake)).await,
            "amends later" => self.later(env, LATER, visit, Action::Amend(Reason::LateResult)).await,
            "replays at once" => self.later(env, SOON, visit, Action::Replay).await,
            "replays later" => self.later(env, LATER, visit, Action::Replay).await,
            "amends and replays in a stale tab" => self.replay_in_stale_tab(env, visit).await,
            _ => {}
        }
    }

    async fn later(&self, env: &Env, after: Duration, visit: u32, action: Action) {
        env.sleep(after).await;
        self.act(env, visit, action).await;
    }

    /// Amends the visit, and replays in another tab, which still shows the revision before.
    async fn replay_in_stale_tab(&self, env: &Env, visit: u32) {
        env.sleep(SOON).await;
        let stale = self.0.screens.borrow().get(&visit).copied();
        self.act(env, visit, Action::Amend(Reason::Mistake)).await;
        if let Some(view) = stale.filter(|view| offers(view, Action::Replay)) {
            self.press(&env.child("action"), view, Action::Replay).await;
        }
    }

    /// Waits until the screen shows the visit, and presses the button if the screen offers it.
    async fn act(&self, env: &Env, visit: u32, action: Action) {
        let mut poller = Poller::new(env, &self.0.shown, SCREEN_PERIOD);
        let view = loop {
            if let Some(view) = self.0.screens.borrow().get(&visit) {
                break *view;
            }
            poller.turn(None).await;
        };
        if offers(&view, action) {
            self.press(&env.child("action"), view, action).await;
        }
    }

    /// Presses the button, possibly more than once.
    async fn press(&self, env: &Env, view: View, action: Action) {
        env.note(|| format!("presses \"{}\" for V{}", button(action), view.visit));
        let press = self.form(view, action);
        let (again, after) = match WAYS.names()[env.choose(IMPATIENCE, &WAYS).index()] {
            "clicks again" => (press, Duration::from_millis(150)),
            "presses in another tab" => (self.form(view, action), Duration::from_secs(2)),
            _ => return self.send(&env.child("click"), press).await,
        };
        let (at, first, second) = (self.clone(), env.child("click"), env.child("click"));
        second.clone().spawn(async move {
            second.sleep(after).await;
            at.send(&second, again).await;
        });
        self.send(&first, press).await;
    }

    /// Returns the form behind a button, with a key of its own.
    fn form(&self, view: View, action: Action) -> Press {
        let key = self.0.forms.get() + 1;
        self.0.forms.set(key);
        Press { visit: view.visit, action, revision: view.revision, key }
    }

    /// Sends a form until it gets a final response.
    async fn send(&self, env: &Env, press: Press) {
        let edge = &self.0.edge;
        let button = match press.action {
            Action::Replay | Action::Override(_) => &edge.replay,
            _ => &edge.advance,
        };
        for _ in 0..TRIES {
            let reply = env.child("request").call(button, press, BROWSER_TIMEOUT).await;
            if reply.is_ok_and(|reply| matches!(reply.code, Code::Accepted | Code::Ok | Code::Rejected)) {
                return;
            }
            env.because(|| "the screen says to try again".to_owned());
            env.sleep(PAUSE).await;
        }
    }

    /// Opens a screen on a visit.
    fn open_screen(&self, env: &Env, visit: u32) {
        let (at, screen) = (self.clone(), env.child("screen"));
        screen.clone().spawn(async move {
            let mut poller = Poller::new(&screen, &at.0.news, SCREEN_PERIOD);
            let mut again = None;
            loop {
                poller.turn(again).await;
                let loaded = at.look(&screen.child("look"), visit, false).await;
                again = (!loaded).then(|| screen.now() + SCREEN_PERIOD);
                let word = at.0.screens.borrow().get(&visit).map(|view| view.word);
                match word {
                    Some(VisitWord::Stuck | VisitWord::Untold) => at.replay_what_is_stuck(&screen, visit),
                    Some(VisitWord::InDoubt) => at.doubt(&screen, visit),
                    _ => {}
                }
            }
        });
    }

    /// Polls for a visit. Returns whether the screen could be loaded; a screen that could not be loaded keeps its
    /// content.
    async fn look(&self, env: &Env, visit: u32, fresh: bool) -> bool {
        let reply = env.call(&self.0.edge.status, visit, BROWSER_TIMEOUT).await;
        let Ok(Reply { code, body }) = reply else { return false };
        let Some(view) = body else { return code == Code::Rejected };
        let View { version, revision, word, .. } = view;
        let fact = VisitFact::Shown { fresh, visit, version, revision, word };
        self.0.facts.state(env, &Fact::Visit(fact));
        self.0.screens.borrow_mut().insert(visit, view);
        self.0.shown.raise(env);
        true
    }

    fn replay_what_is_stuck(&self, env: &Env, visit: u32) {
        if self.0.replays.get() >= REPLAYS {
            return;
        }
        self.0.replays.set(self.0.replays.get() + 1);
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            env.sleep(STUCK).await;
            at.act(&env, visit, Action::Replay).await;
        });
    }

    /// Decides, once, about a message in doubt.
    fn doubt(&self, env: &Env, visit: u32) {
        if !self.0.doubted.borrow_mut().insert(visit) {
            return;
        }
        let (at, env) = (self.clone(), env.clone());
        env.clone().spawn(async move {
            let after = match DOUBTS.names()[env.choose(DOUBT, &DOUBTS).index()] {
                "asks the patient" => SOON,
                "is asked by the patient" => LATER,
                _ => return,
            };
            env.sleep(after).await;
            at.act(&env, visit, Action::Override(Grounds::NothingCame)).await;
        });
    }

    /// Reloads the screen of each visit.
    pub fn show_reloaded(&self, env: &Env, visit: u32) {
        let (at, env) = (self.clone(), env.child("fresh"));
        env.clone().spawn(async move {
            at.look(&env, visit, true).await;
        });
    }
}

/// Returns whether a screen offers this action.
fn offers(view: &View, action: Action) -> bool {
    match action {
        Action::Replay => view.may_replay,
        Action::Override(_) => view.may_override,
        _ => view.actions.contains(&action),
    }
}

/// Returns the text of a button.
fn button(action: Action) -> &'static str {
    match action {
        Action::Schedule | Action::ScheduleAhead => "schedule",
        Action::Remind => "remind",
        Action::Arrive => "arrived",
        Action::Process => "processed",
        Action::Amend(_) => "amend",
        Action::Miss => "did not come",
        Action::Cancel => "cancel",
        Action::Replay => "replay",
        Action::Override(_) => "send again, though it may come twice",
    }
}
