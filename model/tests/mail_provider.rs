//! The mail provider behaves as its documentation says, as tables of claims: messages and deviations in; the content
//! of provider and mailboxes, the responses to the client, and the reports out.

use shakedown_model::Fact;
use shakedown_model::backbone::mail::provider::{Answer, Letter, Message, ProviderApi};
use shakedown_model::backbone::mail::review_queue::MailReviewQueue;
use shakedown_model::backbone::mail::rows::{Language, Recipient};
use shakedown_model::booking::events::{BOOKING, CONFIRMED};
use shakedown_model::facts::MailProviderFact;
use shakedown_model::outside::mail_provider::MailProvider;
use shakedown_sim::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An action of the client.
#[derive(Clone, Copy)]
enum Ask {
    /// Sends the attempt of this number.
    Send(u32),
    /// Reads the activity page for the first three attempts.
    Page,
    /// No action for this many seconds.
    Wait(u64),
}

/// The source of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    Provider,
    Client,
    News,
}

type Lines = Rc<RefCell<Vec<(Whose, u64, String)>>>;

/// A provider, a client that takes one action after the other, and a receiver of reports.
struct PostOffice {
    asks: Vec<Ask>,
    /// The number of reports that are not accepted before one is.
    deaf: u32,
    lines: Lines,
}

/// Violates nothing, records the content of the provider and the mailboxes as lines.
struct Keeper(Lines);

impl Invariant<Fact> for Keeper {
    fn name(&self) -> &'static str {
        "keeper"
    }
    fn about(&self) -> &'static str {
        "nothing"
    }
    fn reset(&mut self) {
        self.0.borrow_mut().clear();
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, _: &mut Findings) {
        let Fact::MailProvider(fact) = fact else { return };
        let line = match fact {
            MailProviderFact::Asked { send } => format!("asked {send}"),
            MailProviderFact::Refused { send } => format!("refused {send}"),
            MailProviderFact::Took { message, send } => format!("took {send} as M{message}"),
            MailProviderFact::Arrived { message, letter, .. } => {
                assert_eq!(*letter, LETTER, "a letter arrives as it was sent");
                format!("M{message} arrived")
            }
            MailProviderFact::Returned { message, .. } => format!("M{message} returned"),
            MailProviderFact::Dropped { message } => format!("M{message} dropped"),
            MailProviderFact::Reported { .. } => return,
        };
        self.0.borrow_mut().push((Whose::Provider, at.time.nanos() / 1_000_000, line));
    }
}

const LETTER: Letter = Letter {
    what: CONFIRMED,
    subject: BOOKING.row(7),
    version: 2,
    template: 1,
    language: Language::German,
    empty: 0,
};
const LOSING: LinkFaults = LinkFaults::LOSSY;
const HOP: Duration = Duration::from_millis(20);
const TIMEOUT: Duration = Duration::from_secs(5);

impl Scenario for PostOffice {
    type Fact = Fact;

    fn name(&self) -> &str {
        "post office"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(6 * 3_600), settle: Duration::from_secs(3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let pages = Link::new("pages", HOP, &LinkFaults::NONE);
        let operations = ProviderApi::over(&Link::new("mail", HOP, &LOSING), &pages);
        let review_queue = MailReviewQueue::over(&Link::new("news", HOP, &LOSING), &pages);
        let provider = MailProvider::new(stage.facts(), &review_queue);
        let (lines, deaf) = (self.lines.clone(), Rc::new(Cell::new(self.deaf)));
        stage.node(Role::outside("taker".into()), move |env| {
            let (lines, deaf) = (lines.clone(), deaf.clone());
            review_queue.reports.serve(&env, move |env, report| {
                let line = format!("event {}: send {} {:?}", report.event, report.send, report.says);
                lines.borrow_mut().push((Whose::News, ms(&env), line));
                let takes = deaf.get() == 0;
                deaf.set(deaf.get().saturating_sub(1));
                async move { takes }
            });
        });
        let at = operations.clone();
        stage.node(Role::outside("mail provider".into()), move |env| provider.boot(&env, &at));
        let client = stage.node(Role::outside("client".into()), |_| {});
        let (asks, lines) = (self.asks.clone(), self.lines.clone());
        client.clone().spawn(async move {
            for step in asks {
                let env = client.child("ask");
                if let Some(answer) = ask(&env, &operations, step).await {
                    lines.borrow_mut().push((Whose::Client, ms(&env), answer));
                }
            }
        });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        vec![Box::new(Keeper(self.lines.clone()))]
    }
}

fn ms(env: &Env) -> u64 {
    env.now().nanos() / 1_000_000
}

async fn ask(env: &Env, operations: &ProviderApi, step: Ask) -> Option<String> {
    match step {
        Ask::Send(send) => {
            let message = Message { send, recipient: Recipient::Party(1), letter: LETTER };
            let answer = env.call(&operations.send, message, TIMEOUT).await;
            Some(answer.map_or_else(|error| error.to_string(), |answer: Answer| format!("{answer:?}")))
        }
        Ask::Page => {
            let page = env.call(&operations.activity, vec![1, 2, 3], TIMEOUT).await.expect("it answers");
            let became = |line: &_| match line {
                Some(known) => format!("{known:?}"),
                None => "given up".to_owned(),
            };
            let lines = page.iter().map(|line| format!("{} {}", line.send, became(&line.became)));
            Some(format!("[{}]", lines.collect::<Vec<_>>().join(", ")))
        }
        Ask::Wait(seconds) => {
            env.sleep(Duration::from_secs(seconds)).await;
            None
        }
    }
}

/// The actions and the deviations.
struct Case<'a> {
    asks: &'a [Ask],
    deviations: &'a str,
    deaf: u32,
}

/// Returns a case of one mail, with one deviation of its sending or of its later events.
fn one(deviation: &str) -> Case<'_> {
    Case { asks: &[Ask::Send(1)], deviations: deviation, deaf: 0 }
}

impl Case<'_> {
    fn happens(&self) -> Vec<(Whose, u64, String)> {
        let (asks, deaf) = (self.asks.to_vec(), self.deaf);
        let mut runner = Runner::new(PostOffice { asks, deaf, lines: Lines::default() });
        let script: Script = format!("scenario post office\n{}", self.deviations).parse().expect("a script");
        let outcome = runner.run(Plan::Script(&script));
        assert_eq!(outcome.unapplied, [], "offered: {:#?}", runner.offers());
        assert_eq!(outcome.violations, [], "{}", self.deviations);
        runner.scenario().lines.borrow().clone()
    }

    fn of(&self, whose: Whose) -> Vec<String> {
        let lines = self.happens().into_iter().filter(|(of, ..)| *of == whose);
        lines.map(|(_, ms, text)| if whose == Whose::News { format!("{ms} {text}") } else { text }).collect()
    }

    fn answers(self, expected: &[&str]) -> Self {
        assert_eq!(self.of(Whose::Client), expected, "answers: {}", self.deviations);
        self
    }

    fn holds(self, expected: &[&str]) -> Self {
        assert_eq!(self.of(Whose::Provider), expected, "holds: {}", self.deviations);
        self
    }

    fn tells(self, expected: &[&str]) -> Self {
        assert_eq!(self.of(Whose::News), expected, "tells: {}", self.deviations);
        self
    }
}

const ARRIVES: [&str; 3] = ["asked 1", "took 1 as M1", "M1 arrived"];
const NEWS: [&str; 1] = ["3140 event 1: send 1 Delivered(1)"];

#[test]
fn mail_is_accepted_then_arrives_then_is_reported() {
    one("").answers(&["Accepted(1)"]).holds(&ARRIVES).tells(&NEWS);
    let happens = one("").happens();
    let place = |of: Whose| happens.iter().position(|(whose, ..)| *whose == of);
    assert!(place(Whose::Client) < place(Whose::News), "{happens:?}");
}

#[test]
fn what_is_not_taken_has_no_effect() {
    for (outcome, answer, held) in [
        ("429", "TooMany", &["asked 1"][..]),
        ("5xx before", "ServerError", &["asked 1"]),
        ("refuses", "Rejected", &["asked 1", "refused 1"]),
    ] {
        let deviation = format!("mail.send/outcome @ ask-1 = {outcome}");
        one(&deviation).answers(&[answer]).holds(held).tells(&[]);
    }
}

#[test]
fn an_inconclusive_response_may_hide_an_acceptance() {
    let broke = "mail.send/outcome @ ask-1 = 5xx after";
    one(broke).answers(&["ServerError"]).holds(&ARRIVES).tells(&NEWS);
    let lost = "mail.send/response @ ask-1 = lost";
    one(lost).answers(&["no response in time"]).holds(&ARRIVES).tells(&NEWS);
    let never = "mail.send/request @ ask-1 = lost";
    one(never).answers(&["no response in time"]).holds(&[]).tells(&[]);
}

#[test]
fn it_knows_no_idempotency() {
    let twice = Case { asks: &[Ask::Send(1), Ask::Send(1)], deviations: "", deaf: 0 };
    let held = ["asked 1", "took 1 as M1", "asked 1", "took 1 as M2", "M1 arrived", "M2 arrived"];
    twice.answers(&["Accepted(1)", "Accepted(2)"]).holds(&held);
}

#[test]
fn what_was_taken_may_be_put_off_returned_or_dropped() {
    let fate = |fate: &str| format!("mail provider/fate @ ask-1 = {fate}");
    one(&fate("put off")).holds(&ARRIVES).tells(&["901140 event 1: send 1 Delivered(1)"]);
    let returned = ["asked 1", "took 1 as M1", "M1 returned"];
    one(&fate("returned"))
        .answers(&["Accepted(1)"])
        .holds(&returned)
        .tells(&["3140 event 1: send 1 Bounced(1)"]);
    let dropped = ["asked 1", "took 1 as M1", "M1 dropped"];
    one(&fate("never sent")).answers(&["Accepted(1)"]).holds(&dropped).tells(&[]);
}

#[test]
fn reports_may_overtake_the_response_or_come_hours_later() {
    let early = one("mail provider/news @ ask-1 = before the answer").happens();
    let place = |of: Whose| early.iter().rposition(|(whose, ..)| *whose == of);
    assert!(place(Whose::News) < place(Whose::Client), "{early:?}");
    for (late, ms) in [("30 min", 1_803_140), ("3 h", 10_803_140)] {
        let expected = format!("{ms} event 1: send 1 Delivered(1)");
        one(&format!("mail provider/news @ ask-1 = {late}")).holds(&ARRIVES).tells(&[&expected]);
    }
}

#[test]
fn news_of_one_mail_may_overtake_those_of_another() {
    let late = "mail provider/news @ ask-1 = 30 min";
    let two = Case { asks: &[Ask::Send(1), Ask::Send(2)], deviations: late, deaf: 0 };
    let reports = ["3330 event 1: send 2 Delivered(2)", "1803140 event 2: send 1 Delivered(1)"];
    two.tells(&reports);
}

#[test]
fn reports_may_repeat_under_one_number_until_they_are_accepted() {
    one("mail provider/news copies @ ask-1 = twice").tells(&[NEWS[0], NEWS[0]]);
    let again = "8180 event 1: send 1 Delivered(1)";
    one("mail.told/response @ ask-1/news-1/delivery-1 = lost")
        .tells(&[NEWS[0], "18140 event 1: send 1 Delivered(1)"]);
    Case { deaf: 1, ..one("") }.tells(&[NEWS[0], again]);
}

#[test]
fn the_activity_page_is_true_and_ten_minutes_old() {
    let asks = |seconds| [Ask::Send(1), Ask::Wait(seconds), Ask::Page];
    let page = |fate: &str, seconds: u64, expected: &str| {
        let deviations = format!("mail provider/fate @ ask-1 = {fate}");
        let asks = asks(seconds);
        Case { asks: &asks, deviations: &deviations, deaf: 0 }.answers(&["Accepted(1)", expected]);
    };
    let arrives = |seconds, expected: &str| {
        Case { asks: &asks(seconds), deviations: "", deaf: 0 }.answers(&["Accepted(1)", expected]);
    };
    arrives(599, "[]");
    arrives(601, "[1 Accepted(1)]");
    arrives(603, "[1 Delivered(1)]");
    page("returned", 603, "[1 Bounced(1)]");
    page("never sent", 603, "[1 given up]");
    page("put off", 1_499, "[1 Accepted(1)]");
    page("put off", 1_501, "[1 Delivered(1)]");
}

#[test]
fn the_page_knows_nothing_of_what_was_not_taken() {
    let asks = [Ask::Send(1), Ask::Send(2), Ask::Wait(700), Ask::Page];
    let deviations = "mail.send/outcome @ ask-1 = 5xx before";
    let case = Case { asks: &asks, deviations, deaf: 0 };
    case.answers(&["ServerError", "Accepted(1)", "[2 Delivered(1)]"]);
}
