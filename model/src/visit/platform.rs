//! The visit flow's tables, and its way to its documents.

use super::connector::DocumentApi;
use super::rows::{Entry, Report, Visit};
use crate::backbone::jobs::{Errand, Kind};
use crate::backbone::{Backbone, Sequence, telling};
use crate::facts::{Fact, VisitFact};
use shakedown_sim::{Facts, Table};
use std::rc::Rc;

/// What the nodes of the visit flow share: durable state and settings, no memory.
pub struct Platform {
    /// What every flow stands on.
    pub backbone: Rc<Backbone>,
    /// The flow's tables.
    pub tables: Tables,
    /// The renderer's and the document store's operations.
    pub documents: DocumentApi,
    pub(crate) numbers: Numbers,
}

/// The tables of the visit flow.
pub struct Tables {
    /// Visits.
    pub visits: Table<Visit>,
    /// The audit trail.
    pub trail: Table<Entry>,
    /// Reports.
    pub reports: Table<Report>,
}

#[derive(Default)]
pub(crate) struct Numbers {
    pub(crate) entries: Sequence,
    pub(crate) reports: Sequence,
}

impl Platform {
    /// A flow with empty tables.
    pub fn new(backbone: &Rc<Backbone>, documents: DocumentApi, facts: &Facts<Fact>) -> Rc<Self> {
        let (backbone, news) = (Rc::clone(backbone), &backbone.news);
        let tables = Tables {
            visits: telling(facts, news, |before, after| Fact::Visit(VisitFact::Visit { before, after })),
            trail: telling(facts, news, |_, after| Fact::Visit(VisitFact::Entered(after))),
            reports: telling(facts, news, |before, after| Fact::Visit(VisitFact::Report { before, after })),
        };
        Rc::new(Self { backbone, tables, documents, numbers: Numbers::default() })
    }
}

/// The job that makes this report.
pub(crate) fn errand(report: &Report) -> Errand {
    Errand { kind: Kind::Report, subject: report.id, context: report.context }
}
