//! A PDF renderer and a document store.
//!
//! The renderer makes a whole PDF or returns 5xx; it keeps nothing, and a repeated request gives the same PDF.
//!
//! The store accepts a document in two steps, as object stores do: first the parts are sent, and then the upload is
//! completed. Until then nothing is visible under the document's name; after that the whole document is, at once, and
//! replaces any former one. An upload that is not completed, because its sender has crashed or the store broke off,
//! is dropped with all its parts after some time. Completing an upload may fail before or after it took effect (5xx);
//! completing a dropped or completed upload returns "no such upload".
//!
//! Neither ever shows a part of a document, loses a visible document, or confuses two documents.
//!
//! Sources: the user guide and API reference of Amazon S3 on multipart uploads (complete and abort, incomplete
//! uploads, "never adds partial objects") and similar documentation of other vendors.

use crate::facts::{DocumentFact, Fact};
use crate::visit::connector::{Document, DocumentApi, Rendered, StoreResponse};
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Site};
use std::cell::RefCell;
use std::rc::Rc;

const RENDER: Site = Site::new(Label::new("renderer.render"), Label::new("outcome"));
const UPLOAD: Site = Site::new(Label::new("documents.upload"), Label::new("outcome"));
const COMPLETE: Site = Site::new(Label::new("documents.complete"), Label::new("outcome"));

const RENDERS: Alternatives = Alternatives::new(&["renders", "5xx"]);
const UPLOADS: Alternatives = Alternatives::new(&["takes it", "5xx half-way"]);
const COMPLETES: Alternatives = Alternatives::new(&["keeps it", "5xx before", "5xx after"]);

/// The time to make a PDF.
const RENDERING: Duration = Duration::from_millis(1_000);
/// The time to send a PDF.
const SENDING: Duration = Duration::from_millis(60);
/// The time to complete an upload.
const ENDING: Duration = Duration::from_millis(20);
/// The time after which an incomplete upload is dropped.
const DROPPED_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// The renderer and the document store.
#[derive(Clone)]
pub struct Documents(Rc<Inner>);

struct Inner {
    facts: Facts<Fact>,
    /// Uploads by their numbers, from 1; a completed or dropped upload is `None`.
    uploads: RefCell<Vec<Option<Document>>>,
}

impl Documents {
    /// Creates a renderer and an empty store.
    pub fn new(facts: &Facts<Fact>) -> Self {
        Self(Rc::new(Inner { facts: facts.clone(), uploads: RefCell::default() }))
    }

    /// Boots the renderer's node.
    pub fn boot_renderer(&self, env: &Env, operations: &DocumentApi) {
        operations.render.serve(env, |env, document| async move {
            let outcome = env.choose(RENDER, &RENDERS);
            env.sleep(RENDERING).await;
            if outcome.is_benign() { Rendered::Pdf(document) } else { Rendered::ServerError }
        });
    }

    /// Boots the document store's node.
    pub fn boot_store(&self, env: &Env, operations: &DocumentApi) {
        let at = self.clone();
        operations.upload.serve(env, move |env, document| at.clone().upload(env, document));
        let at = self.clone();
        operations.complete.serve(env, move |env, upload| at.clone().complete(env, upload));
    }

    async fn upload(self, env: Env, document: Document) -> StoreResponse {
        let outcome = env.choose(UPLOAD, &UPLOADS);
        env.sleep(SENDING).await;
        if !outcome.is_benign() {
            self.state(&env, DocumentFact::Torn { document });
            return StoreResponse::ServerError;
        }
        self.0.uploads.borrow_mut().push(Some(document));
        let upload = self.0.uploads.borrow().len() as u32;
        self.state(&env, DocumentFact::Begun { upload, document });
        let (at, later) = (self.clone(), env.clone());
        env.spawn(async move {
            later.sleep(DROPPED_AFTER).await;
            if let Some(document) = at.end(upload) {
                at.state(&later, DocumentFact::Torn { document });
            }
        });
        StoreResponse::Upload(upload)
    }

    async fn complete(self, env: Env, upload: u32) -> StoreResponse {
        let outcome = COMPLETES.names()[env.choose(COMPLETE, &COMPLETES).index()];
        env.sleep(ENDING).await;
        if outcome == "5xx before" {
            return StoreResponse::ServerError;
        }
        let Some(document) = self.end(upload) else { return StoreResponse::NoSuchUpload };
        self.state(&env, DocumentFact::Stored { upload, document });
        if outcome == "5xx after" { StoreResponse::ServerError } else { StoreResponse::Upload(upload) }
    }

    /// Removes an upload from the list of open uploads.
    fn end(&self, upload: u32) -> Option<Document> {
        self.0.uploads.borrow_mut().get_mut(upload as usize - 1).and_then(Option::take)
    }

    fn state(&self, env: &Env, fact: DocumentFact) {
        self.0.facts.state(env, &Fact::Documents(fact));
    }
}
