//! The visit flow's tables, and its connections to the renderer and the document store.

use super::Design;
use super::connector::DocumentApi;
use super::facts::VisitFact;
use super::rows::{Entry, Report, Visit};
use crate::backbone::jobs::{JobKind, JobKindWords, Request, WorkItem};
use crate::backbone::mail::Mail;
use crate::backbone::tables::raising;
use crate::backbone::{Backbone, RowNumbers};
use shakedown_sim::calendar::Zone;
use shakedown_sim::{Fact, Facts, Table};
use std::rc::Rc;

/// The state that the nodes of the visit flow share: durable data and settings, no memory.
pub struct Platform {
    /// The base of every flow.
    pub backbone: Rc<Backbone>,
    /// The flow's tables.
    pub tables: Tables,
    /// The renderer's and the document store's operations.
    pub documents: DocumentApi,
    /// The part that sends mail.
    pub mail: Rc<Mail>,
    /// The time zone of the clinics.
    pub zone: Zone,
    pub(crate) design: Design,
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
    pub(crate) entries: RowNumbers,
    pub(crate) reports: RowNumbers,
}

impl Platform {
    /// Creates a flow with empty tables, for clinics in `zone`.
    pub fn new<F>(
        backbone: &Rc<Backbone>,
        mail: &Rc<Mail>,
        design: Design,
        documents: DocumentApi,
        zone: Zone,
        facts: &Facts<F>,
    ) -> Rc<Self>
    where
        F: Fact + From<VisitFact> + 'static,
    {
        let (backbone, mail, news) = (Rc::clone(backbone), Rc::clone(mail), &backbone.news);
        let tables = Tables {
            visits: raising(facts, news, |before, after| VisitFact::Visit { before, after }),
            trail: raising(facts, news, |_, after| VisitFact::Entered(after)),
            reports: raising(facts, news, |before, after| VisitFact::Report { before, after }),
        };
        Rc::new(Self { backbone, tables, documents, mail, zone, design, numbers: Numbers::default() })
    }
}

/// The jobs that make reports.
pub const JOB: JobKind = JobKind::new(&JobKindWords { name: "report", row: "report " });

/// Returns the request for a job that makes this report.
pub(crate) fn job_for(report: &Report) -> Request {
    Request { item: WorkItem { kind: JOB, row: report.id }, context: report.context }
}
