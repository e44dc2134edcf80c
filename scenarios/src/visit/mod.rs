//! The visit scenario: clinics that announce patients, operators who attend to them, the edge, the API, workers, the
//! nightly close, a renderer, a document store and a mail provider.
//!
//! Reading order: this file builds the world, `calendar` puts it into a day of a clinic, [`faults`] lists the possible faults, [`ledger`] is the state that
//! judges accumulate, [`invariants`] and [`goals`] judge.

mod calendar;
pub mod faults;
pub mod goals;
pub mod invariants;
pub mod ledger;

use crate::ablation::{self, Ablation};
use crate::catalogue::Entry;
use shakedown_model::backbone::mail::provider::ProviderApi;
use shakedown_model::backbone::mail::review_queue::MailReviewQueue;
use shakedown_model::backbone::mail::rows::{Contact, Language, Recipient};
use shakedown_model::backbone::mail::templates::{Template, Variable};
use shakedown_model::backbone::mail::{Mail, delivery};
use shakedown_model::backbone::workers::{self, Handler};
use shakedown_model::outside::documents::Documents;
use shakedown_model::outside::edge::VisitEdge;
use shakedown_model::outside::importer;
use shakedown_model::outside::mail_provider::MailProvider;
use shakedown_model::outside::operator::Operator;
use shakedown_model::visit::api::Api;
use shakedown_model::visit::connector::DocumentApi;
use shakedown_model::visit::events::{CANCELLED, REMINDED, REPORTED, VISIT};
use shakedown_model::visit::report::Reporter;
use shakedown_model::visit::rows::Action;
use shakedown_model::visit::{Platform, close, reminders};
use shakedown_model::{Backbone, Fact};
use shakedown_sim::{
    CrashProfile, Duration, Env, Goals, Horizon, Invariant, Link, Parameter, Role, Scenario, Stage, Store,
    Variant, WallTime,
};
use std::rc::Rc;

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "visit",
    about: "operators process patients' visits while clinics' rows come late and twice and workers make the reports",
    assumptions: ASSUMPTIONS,
    systems: &["visit", "jobs/durable-acceptance", "jobs/job-queue"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Visits::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "a clinic's row comes at most 2 hours late, a copy of it 30 minutes after that; it is sent until it gets a response",
    "a worker pauses at most 10 minutes at a time; the renderer and the document store are down at most 30 minutes",
    "the document store shows complete documents only and loses none; the renderer is deterministic",
    "a message that the provider drops silently is flagged for a person; nobody resolves it here",
    "the database loses no commit and notices a dead client within 2 minutes",
    "the day is closed at local midnight, when the clocks change also after 23 or 25 hours",
    "all faults end after 26 hours, or after 36 if patients come tomorrow; late messages still arrive",
];

/// The scenario, with or without guardrails.
pub struct Visits(Ablation);

impl Visits {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Ablation::of(names).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "patients",
        about: "what patients do: come, cancel, or stay away without notice on the day, or come tomorrow at nine o'clock",
        values: &["come", "cancel", "stay-away", "come-tomorrow"],
        small: &["come", "cancel", "stay-away", "come-tomorrow"],
    },
    Parameter { name: "visits", about: "number of visits", values: &["1", "2"], small: &["1"] },
];

/// One-way network latency on the happy path.
const HOP: Duration = Duration::from_millis(20);
/// One-way latency within a data centre.
const SHORT_HOP: Duration = Duration::from_millis(1);
/// The time at which a clinic cancels.
const CANCELS: Duration = Duration::from_secs(300);
/// The time from one visit to the next.
const NEXT_VISIT: Duration = Duration::from_secs(30);

impl Scenario for Visits {
    type Fact = Fact;

    fn name(&self) -> &str {
        "visit"
    }

    fn without(&self) -> Vec<String> {
        self.0.names()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, variant: &Variant) -> Horizon {
        let hours = if comes_tomorrow(variant) { 36 } else { 26 };
        Horizon { heal: Duration::from_secs(hours * 3_600), settle: Duration::from_secs(50 * 3_600) }
    }

    fn build(&self, stage: &Stage<Fact>) {
        let facts = stage.facts();
        let clinic = stage.node(Role::outside("importer".into()), |_| {});
        let starts = calendar::begin(stage, &clinic);
        let server = stage.node(Role::outside("database".into()), |_| {});
        let store = Store::new(&server, faults::STORE);
        let renderer = Link::new("renderer", HOP, &faults::RENDERER);
        let operations = DocumentApi::over(&renderer, &Link::new("documents", HOP, &faults::DOCUMENTS));
        let web = Link::new("web", HOP, &faults::WEB);
        let feed = Link::new("feed", HOP, &faults::FEED);
        let edge = VisitEdge::over(&web, &Link::new("reads", HOP, &faults::READS), &feed);
        let inside = Link::new("inside", SHORT_HOP, &faults::INSIDE);
        let api = Api::over(&inside);
        let provider = ProviderApi::over(&Link::new("mail", HOP, &faults::MAIL), &inside);
        let review_queue = MailReviewQueue::over(&inside, &inside);
        let design = self.0.design();
        let backbone = Backbone::new(store, design.backbone, facts);
        let mail = Mail::new(&backbone, design.mail, provider.clone(), facts);
        plant_rows(&backbone.store, &mail, stage.variant().number("visits"));
        let backbone = Rc::new(backbone.with_listener(Rc::clone(&mail) as _));
        let platform =
            Platform::new(&backbone, &mail, design.visit, operations.clone(), calendar::ZONE.zone(), facts);

        let documents = Documents::new(facts);
        let (at, served) = (documents.clone(), operations.clone());
        stage.node(Role::outside("renderer".into()), move |env| at.boot_renderer(&env, &served));
        stage.node(Role::outside("documents".into()), move |env| documents.boot_store(&env, &operations));
        let tells = MailProvider::new(facts, &review_queue);
        stage.node(Role::outside("mail provider".into()), move |env| tells.boot(&env, &provider));
        let (at, behind, log) = (edge.clone(), api.clone(), facts.clone());
        stage.node(Role::outside("edge".into()), move |env| at.boot(&env, &behind, &log));
        let at = Rc::clone(&platform);
        stage.node(faults::API, move |env| {
            api.boot(&env, &at);
            review_queue.boot(&env, &at.mail);
        });
        let handlers: Rc<[Rc<dyn Handler>]> = Rc::new([Rc::new(Reporter(Rc::clone(&platform)))]);
        for _ in 0..2 {
            let (at, mail, handlers) = (Rc::clone(&backbone), Rc::clone(&mail), Rc::clone(&handlers));
            stage.node(faults::WORKER, move |env| {
                workers::boot(&env, &at, Rc::clone(&handlers));
                delivery::boot(&env, &mail);
            });
        }
        let at = Rc::clone(&platform);
        stage.node(faults::CLOSE, move |env| close::boot(&env, &at));
        if comes_tomorrow(stage.variant()) {
            let at = Rc::clone(&platform);
            stage.node(faults::REMINDER, move |env| reminders::boot(&env, &at));
        }
        add_workload(stage, (&clinic, starts), &edge, &platform);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}

/// Returns whether the patients of this variant have booked for tomorrow.
fn comes_tomorrow(variant: &Variant) -> bool {
    variant.get("patients") == Some("come-tomorrow")
}

/// Plants the rows that exist before the run: the patients' addresses and the templates.
fn plant_rows(store: &Store, mail: &Mail, visits: u32) {
    for recipient in (1..=visits).map(Recipient::Party) {
        store.plant(&mail.contacts, Contact { recipient, language: Language::English, bounced: false });
    }
    for what in [REPORTED, CANCELLED, REMINDED] {
        let variables = &[Variable::Recipient, Variable::Row(VISIT)];
        store.plant(&mail.templates, Template { what, version: 1, variables });
    }
}

/// Adds the workload: the clinic announces each visit and an operator attends to it; the operator looks again at the end
/// of the run.
fn add_workload(
    stage: &Stage<Fact>,
    (clinic, starts): (&Env, WallTime),
    edge: &VisitEdge,
    platform: &Platform,
) {
    let review_queue = stage.node(Role::new("operator".into(), &CrashProfile::NEVER), |_| {});
    let operator = Operator::new(edge, stage.facts(), &platform.backbone.news);
    let patients = stage.variant().get("patients").unwrap_or("come").to_owned();
    let (cancels, comes) = (patients == "cancel", patients != "stay-away");
    let (says, wait) = if comes_tomorrow(stage.variant()) {
        (Action::ScheduleAhead, calendar::until_tomorrow(starts))
    } else {
        (Action::Schedule, Duration::ZERO)
    };
    let mut visits_shown: Vec<(u32, Env)> = Vec::new();
    for visit in 1..=stage.variant().number("visits") {
        let scope = stage.entity("visit");
        let after = NEXT_VISIT * (visit - 1);
        let (clinic, edge) = (clinic.within(scope), edge.clone());
        clinic.clone().spawn(async move {
            clinic.sleep(after).await;
            clinic.spawn(importer::send(clinic.clone(), edge.clone(), visit, (1, says)));
            if cancels {
                clinic.sleep(CANCELS).await;
                importer::send(clinic.clone(), edge, visit, (2, Action::Cancel)).await;
            }
        });
        let (operator, review_queue) = (operator.clone(), review_queue.within(scope));
        visits_shown.push((visit, review_queue.clone()));
        review_queue.clone().spawn(async move {
            review_queue.sleep(after + wait).await;
            operator.attend(&review_queue, visit, comes).await;
        });
    }
    stage.at_rest(move || {
        visits_shown.iter().for_each(|(visit, review_queue)| operator.show_reloaded(review_queue, *visit))
    });
}
