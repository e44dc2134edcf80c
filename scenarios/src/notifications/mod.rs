//! The notifications scenario: a small booking flow whose customers are notified by mail, with a mail provider that is
//! slow, fails, and reports late.
//!
//! Reading order: this file builds the world, [`faults`] lists the possible faults, `editor` changes templates,
//! [`ledger`] is the state that judges accumulate, [`invariants`] and [`goals`] judge.

mod editor;
pub mod faults;
pub mod goals;
pub mod invariants;
pub mod ledger;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use editor::Editor;
use shakedown_model::backbone::mail::provider::ProviderApi;
use shakedown_model::backbone::mail::review_queue::MailReviewQueue;
use shakedown_model::backbone::mail::rows::{Contact, Language, Recipient};
use shakedown_model::backbone::mail::templates::{Template, Variable};
use shakedown_model::backbone::mail::{Mail, delivery};
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::booking::api::Api;
use shakedown_model::booking::connector::PartnerApi;
use shakedown_model::booking::events::{ACCEPTED, BOOKING, CANCELLED, CONFIRMED, FAILED, WITHDRAWN};
use shakedown_model::booking::worker::Carrier;
use shakedown_model::booking::{Design, Platform};
use shakedown_model::outside::clerk::Clerk;
use shakedown_model::outside::customer::Customer;
use shakedown_model::outside::edge::Edge;
use shakedown_model::outside::mail_provider::MailProvider;
use shakedown_model::outside::partner::Partner;
use shakedown_model::visit::events::VISIT;
use shakedown_model::{Backbone, Fact, PartnerTerms};
use shakedown_sim::{
    CrashProfile, Duration, Goals, Horizon, Invariant, Link, LinkFaults, Parameter, Role, Scenario, Stage,
    Store, Variant,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "notifications",
    about: "customers are notified of their bookings by mail; the provider may accept mail behind a timeout, lose it, and report late",
    assumptions: ASSUMPTIONS,
    systems: &["notifications"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Notifications::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "a message reaches the provider at most 10 minutes late, and a mailer pauses at most 10 minutes at a time",
    "the provider quotes our number for the attempt in each event and repeats the event until it is acknowledged",
    "its activity page is correct and at most 10 minutes old; a person reads it for mail without an event for 2 hours",
    "returned mail has not arrived, and mail that has arrived is not returned",
    "must-reach mail may arrive once more for each attempt that is on record as unknown",
    "the partner takes idempotency keys and its link does not fail: `booking` covers its faults",
    "the database loses no commit and notices a dead client within 2 minutes",
    "all faults end after 3 hours; late messages still arrive",
];

/// The scenario, with or without guardrails.
pub struct Notifications(Ablation);

impl Notifications {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

const PARAMETERS: &[Parameter] =
    &[Parameter { name: "customers", about: "number of customers", values: &["1", "2"], small: &["1"] }];

/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// The offer that customers book.
const OFFER: u32 = 1;
/// Its price, in minor units.
const PRICE: u32 = 12_000;

impl Scenario for Notifications {
    type Fact = Fact;

    fn name(&self) -> &str {
        "notifications"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(3 * 3_600), settle: Duration::from_secs(30 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let facts = stage.facts();
        let server = stage.node(Role::outside("database".into()), |_| {});
        let store = Store::new(&server, faults::STORE);
        let pages = Link::new("pages", HOP, &LinkFaults::NONE);
        let provider = ProviderApi::over(&Link::new("mail", HOP, &faults::MAIL), &pages);
        let design = self.0.design();
        let backbone = Backbone::new(store, design.backbone, facts);
        let mail = Mail::new(&backbone, design.mail, provider.clone(), facts);
        plant_rows(&backbone.store, &mail, stage.variant().number("customers"));
        let backbone = Rc::new(backbone.with_listener(Rc::clone(&mail) as _));
        let review_queue = MailReviewQueue::over(&Link::new("news", HOP, &faults::NEWS), &pages);
        add_mail_nodes(stage, (&backbone, &mail), &provider, &review_queue);
        booking(stage, (&backbone, design.booking), (&mail, &review_queue));
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Returns the language that a recipient has chosen.
pub fn language_of(recipient: Recipient) -> Language {
    match recipient {
        Recipient::Party(number) if number % 2 == 1 => Language::German,
        _ => Language::English,
    }
}

/// The variables of a correct template about a booking.
const SOUND: &[Variable] = &[Variable::Recipient, Variable::Row(BOOKING)];
/// The variables of a broken one: a line was copied from the template about visits.
const BROKEN: &[Variable] = &[Variable::Recipient, Variable::Row(VISIT)];

/// Plants the rows that exist before the run: the address book and the first version of each template.
fn plant_rows(store: &Store, mail: &Mail, customers: u32) {
    for recipient in (1..=customers).map(Recipient::Party).chain([Recipient::ReviewQueue]) {
        store.plant(&mail.contacts, Contact { recipient, language: language_of(recipient), bounced: false });
    }
    let mails_about = [ACCEPTED, CONFIRMED, FAILED, WITHDRAWN, CANCELLED];
    for what in mails_about {
        store.plant(&mail.templates, Template { what, version: 1, variables: SOUND });
    }
}

/// Adds the provider, our mailers, the clerk and the editor.
fn add_mail_nodes(
    stage: &Stage<Fact>,
    (backbone, mail): (&Rc<Backbone>, &Rc<Mail>),
    provider: &ProviderApi,
    review_queue: &MailReviewQueue,
) {
    let (at, operations) = (MailProvider::new(stage.facts(), review_queue), provider.clone());
    stage.node(Role::outside("mail provider".into()), move |env| at.boot(&env, &operations));
    for _ in 0..2 {
        let at = Rc::clone(mail);
        stage.node(faults::MAILER, move |env| delivery::boot(&env, &at));
    }
    let clerk = Clerk::new(review_queue, provider);
    let (at, news) = (clerk.clone(), mail.notifications.signal().clone());
    stage.node(Role::outside("clerk".into()), move |env| at.begin(&env, &news));
    let editor = Rc::new(Editor { backbone: Rc::clone(backbone), mail: Rc::clone(mail), clerk });
    stage.node(Role::outside("editor".into()), move |env| editor.begin(&env));
}

/// Adds the booking flow and its customers.
fn booking(
    stage: &Stage<Fact>,
    (backbone, design): (&Rc<Backbone>, Design),
    (mail, review_queue): (&Rc<Mail>, &MailReviewQueue),
) {
    let (facts, terms) = (stage.facts(), PartnerTerms::KEYS);
    let to_partner = PartnerApi::over(&Link::new("partner", HOP, &LinkFaults::NONE));
    let inside = Link::new("inside", SHORT_HOP, &LinkFaults::NONE);
    let api = Api::over(&inside, &Link::new("callbacks", HOP, &LinkFaults::NONE));
    let web = Link::new("web", HOP, &LinkFaults::NONE);
    let edge = Edge::over(&web, &web);
    let platform = Platform::new(backbone, design, to_partner.clone(), terms, facts);
    platform.plant_offer(OFFER, PRICE);
    let partner = Partner::new(terms, facts, &api);
    stage.node(Role::outside("partner".into()), move |env| partner.boot(&env, &to_partner));
    let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
    stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
    let (at, mail, review_queue) = (Rc::clone(&platform), Rc::clone(mail), review_queue.clone());
    stage.node(faults::API, move |env| {
        api.boot(&env, &at);
        review_queue.boot(&env, &mail);
    });
    let handlers: Rc<[Rc<dyn Handler>]> = Rc::new([Rc::new(Carrier(Rc::clone(&platform)))]);
    for _ in 0..2 {
        let (at, handlers) = (Rc::clone(backbone), Rc::clone(&handlers));
        stage.node(faults::WORKER, move |env| workers::boot(&env, &at, Rc::clone(&handlers)));
    }
    for number in 1..=stage.variant().number("customers") {
        let env = stage.node(Role::new("customer".into(), &CrashProfile::NEVER), |_| {});
        let env = env.within(stage.entity("intent"));
        let customer = Customer::new(number, &edge, facts, platform.tables.bookings.signal());
        env.clone().spawn(async move { customer.book(&env, OFFER).await });
    }
}
