//! A registry to which clinics must report.
//!
//! It processes a few requests at once, and each takes some time; the others wait in a queue, in order and without
//! bound. It does not notice that a caller has timed out: every request in the queue is processed, even if no caller
//! waits for it. It keeps one document per reference, and returns it for a repeat at the same cost; an older kind of
//! registry makes another document each time. It may be unavailable for one request (503, nothing done), fail after
//! it has filed (500), or reject a content permanently (422). For some time it may be slow (each request takes ten
//! times as long, and the queue grows), down (no connection is established) or flapping (up and down in turn). Its
//! page, on which people look up a reference, is true while it is up.
//!
//! It never loses a document, makes two documents for one request, or sheds load.
//!
//! Sources: the behaviour of overloaded FIFO servers in "Metastable Failures in Distributed Systems" (HotOS '21)
//! and "Metastable Failures in the Wild" (OSDI '22).

use crate::facts::{Fact, RegistryFact};
use crate::filing::connector::{FileRequest, FileResponse, Page, RegistryApi, Repeats};
use crate::settings::CONNECT_TIMEOUT;
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Moment, Site};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const EPISODE: Site = Site::new(Label::new("registry"), Label::new("episode"));
const OUTCOME: Site = Site::new(Label::new("registry.file"), Label::new("outcome"));
const EPISODES: Alternatives = Alternatives::new(&[
    "well",
    "slow for 10 min",
    "down for 30 s",
    "down for 10 min",
    "down for 30 min",
    "flaps for 10 min",
]);
const OUTCOMES: Alternatives = Alternatives::new(&["files it", "503", "500 after", "rejects it"]);

/// The number of requests that it processes at once.
pub const LANES: usize = 4;
/// The time to process a request.
pub const SERVICE: Duration = Duration::from_millis(2_200);
/// The factor by which it is slower in a slow episode.
const SLOWER: u32 = 10;
/// The time for which it is up, and then down, while it flaps.
const FLAP: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
struct Document {
    id: u32,
    reference: u32,
}

/// The effect of an episode.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Slow,
    Down,
    Flaps,
}

/// The registry, its documents and its queue.
#[derive(Clone)]
pub struct Registry(Rc<Inner>);

struct Inner {
    repeats: Repeats,
    facts: Facts<Fact>,
    documents: RefCell<Vec<Document>>,
    rejected: RefCell<Vec<u32>>,
    /// The time at which each lane is free again.
    lanes: RefCell<[Moment; LANES]>,
    trouble: Cell<Option<(Trouble, Moment, Moment)>>,
}

impl Registry {
    /// Creates a registry without documents, with this treatment of repeats.
    pub fn new(repeats: Repeats, facts: &Facts<Fact>) -> Self {
        Self(Rc::new(Inner {
            repeats,
            facts: facts.clone(),
            documents: RefCell::default(),
            rejected: RefCell::default(),
            lanes: RefCell::new([Moment::START; LANES]),
            trouble: Cell::new(None),
        }))
    }

    /// Boots the registry's node.
    pub fn boot(&self, env: &Env, operations: &RegistryApi) {
        let knows_repeats = self.0.repeats == Repeats::AreTheSame;
        self.0.facts.state(env, &Fact::Registry(RegistryFact::Terms { knows_repeats }));
        let at = self.clone();
        operations.file.serve(env, move |env, request| at.clone().file(env, request));
        let at = self.clone();
        operations.page.serve(env, move |env, reference| {
            let page = at.page(env.now(), reference);
            async move { page }
        });
    }

    async fn file(self, env: Env, request: FileRequest) -> FileResponse {
        self.draw_episode(&env);
        let FileRequest { reference, job, attempt, from } = request;
        if self.is_down(env.now()) {
            self.state(&env, RegistryFact::Knocked { job });
            env.sleep(CONNECT_TIMEOUT).await;
            return FileResponse::NotConnected;
        }
        self.state(&env, RegistryFact::Asked { reference, job, attempt, from });
        env.sleep_until(self.stand_in_line(env.now())).await;
        if self.0.rejected.borrow().contains(&reference) {
            return FileResponse::Rejected;
        }
        match OUTCOMES.names()[env.choose(OUTCOME, &OUTCOMES).index()] {
            "503" => FileResponse::Busy,
            "rejects it" if self.document(reference).is_none() => {
                self.0.rejected.borrow_mut().push(reference);
                FileResponse::Rejected
            }
            "500 after" => {
                self.keep(&env, request);
                FileResponse::Broken
            }
            _ => FileResponse::Filed(self.keep(&env, request)),
        }
    }

    /// Joins the queue. Returns when the request will have been processed.
    fn stand_in_line(&self, now: Moment) -> Moment {
        let mut lanes = self.0.lanes.borrow_mut();
        let [first, ..] = &mut *lanes;
        let begins = (*first).max(now);
        let takes = if self.has(Trouble::Slow, begins) { SERVICE * SLOWER } else { SERVICE };
        let done = begins + takes;
        *first = done;
        lanes.sort();
        done
    }

    fn keep(&self, env: &Env, request: FileRequest) -> u32 {
        let FileRequest { reference, job, attempt, .. } = request;
        if self.0.repeats == Repeats::AreTheSame
            && let Some(document) = self.document(reference)
        {
            return document;
        }
        let document = {
            let mut documents = self.0.documents.borrow_mut();
            let id = documents.len() as u32 + 1;
            documents.push(Document { id, reference });
            id
        };
        self.state(env, RegistryFact::Made { document, reference, job, attempt });
        document
    }

    fn document(&self, reference: u32) -> Option<u32> {
        let documents = self.0.documents.borrow();
        documents.iter().find(|document| document.reference == reference).map(|document| document.id)
    }

    fn page(&self, now: Moment, reference: u32) -> Option<Page> {
        (!self.is_down(now)).then(|| Page { document: self.document(reference) })
    }

    fn state(&self, env: &Env, fact: RegistryFact) {
        self.0.facts.state(env, &Fact::Registry(fact));
    }

    /// Draws whether an episode begins with this request; there is at most one.
    fn draw_episode(&self, env: &Env) {
        if self.0.trouble.get().is_some() {
            return;
        }
        let (trouble, minutes_by_two) = match EPISODES.names()[env.choose(EPISODE, &EPISODES).index()] {
            "slow for 10 min" => (Trouble::Slow, 20),
            "down for 30 s" => (Trouble::Down, 1),
            "down for 10 min" => (Trouble::Down, 20),
            "down for 30 min" => (Trouble::Down, 60),
            "flaps for 10 min" => (Trouble::Flaps, 20),
            _ => return,
        };
        let lasts = Duration::from_secs(30) * minutes_by_two;
        env.lasts(lasts);
        self.0.trouble.set(Some((trouble, env.now(), env.now() + lasts)));
    }

    fn has(&self, trouble: Trouble, at: Moment) -> bool {
        self.0.trouble.get().is_some_and(|(other, from, until)| other == trouble && from <= at && at < until)
    }

    fn is_down(&self, now: Moment) -> bool {
        let flapped_down = self.0.trouble.get().is_some_and(|(trouble, from, until)| {
            let turns = now.since(from).as_secs() / FLAP.as_secs();
            trouble == Trouble::Flaps && now < until && turns.is_multiple_of(2)
        });
        self.has(Trouble::Down, now) || flapped_down
    }
}
