//! The life cycle of notifications, read from facts alone.

use shakedown_model::Fact;
use shakedown_model::backbone::mail::rows::{MailState, Notification, Policy};
use shakedown_model::facts::MailFact;
use shakedown_scenarios::notifications::Notifications;
use shakedown_sim::search::explore;
use shakedown_sim::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

type Moves = Rc<RefCell<BTreeSet<(MailState, MailState)>>>;

/// The notifications scenario, judged by the transitions of notifications.
struct Watched {
    scenario: Notifications,
    moves: Moves,
}

impl Scenario for Watched {
    type Fact = Fact;
    fn name(&self) -> &str {
        self.scenario.name()
    }
    fn parameters(&self) -> &[Parameter] {
        self.scenario.parameters()
    }
    fn horizon(&self, variant: &Variant) -> Horizon {
        self.scenario.horizon(variant)
    }
    fn build(&self, stage: &Stage<Fact>) {
        self.scenario.build(stage);
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        vec![Box::new(Life { moves: Rc::clone(&self.moves) })]
    }
}

/// Verifies that notifications make only legal transitions, by those who may make them.
struct Life {
    moves: Moves,
}

/// Returns why a transition is illegal; `None` if it is legal.
fn objection(at: &At<'_>, before: &Notification, after: &Notification) -> Option<&'static str> {
    use MailState::{Accepted, Bounced, DeadLetter, Delivered, Queued, Rejected, Sending, Unknown};
    let by_person = at.number_of("clerk").is_some();
    match (before.state, after.state) {
        (from, to) if from == to => None,
        (Queued, Sending) => (at.time < before.due).then_some("it was not due"),
        (Queued, DeadLetter) => None,
        (Sending, Accepted | Delivered | Bounced | Rejected | Unknown | Queued | DeadLetter) => None,
        (Accepted, Delivered | Bounced) | (Bounced, Delivered) => None,
        (Unknown | Queued, Accepted | Delivered | Bounced | Rejected) => None,
        (Unknown, Queued) if by_person || after.policy == Policy::MustReach => None,
        // Its mailer reported late that nothing had been sent.
        (Unknown, Queued) => (after.send != before.send).then_some("only a person sends it again"),
        (Accepted | DeadLetter, Queued) => (!by_person).then_some("only a person sends it again"),
        (Unknown, DeadLetter) => None,
        _ => Some("the table has no such transition"),
    }
}

impl Invariant<Fact> for Life {
    fn name(&self) -> &'static str {
        "notification-life"
    }
    fn about(&self) -> &'static str {
        "always: notifications make only legal transitions; only a person sends mail again that may arrive twice"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Mail(MailFact::Notification { before, after }) = fact else { return };
        let begins = matches!(after.state, MailState::Queued | MailState::Suppressed);
        let (from, objection) = match before {
            None => (MailState::Planned, (!begins).then_some("it begins in the queue or nowhere")),
            Some(before) => (before.state, objection(at, before, after)),
        };
        self.moves.borrow_mut().insert((from, after.state));
        if let Some(objection) = objection {
            findings.violated("notification", &[at.event], || {
                format!("mail {}: {from:?} to {:?}: {objection}", after.id, after.state)
            });
        }
    }
}

#[test]
fn notifications_make_only_legal_transitions_in_two_thousand_seeds() {
    use MailState::{
        Accepted, Bounced, DeadLetter, Delivered, Planned, Queued, Rejected, Sending, Suppressed, Unknown,
    };
    let scenario = Notifications::without(&[]).expect("nothing is taken out");
    let mut runner = Runner::new(Watched { scenario, moves: Moves::default() });
    let campaign = explore(&mut runner, 0..2_000, 1);
    assert_eq!(campaign.failing, []);
    let moves = runner.scenario().moves.borrow();
    let all = [
        (Planned, Queued),
        (Planned, Suppressed),
        (Queued, Sending),
        (Queued, DeadLetter),
        (Sending, Accepted),
        (Sending, Delivered),
        (Sending, Queued),
        (Sending, Rejected),
        (Sending, Unknown),
        (Accepted, Delivered),
        (Accepted, Bounced),
        (Accepted, Queued),
        (Unknown, Accepted),
        (Unknown, Queued),
        (DeadLetter, Queued),
    ];
    let missing: Vec<_> = all.iter().filter(|one| !moves.contains(one)).collect();
    assert!(missing.is_empty(), "missing {missing:?} of {moves:?}");
}
