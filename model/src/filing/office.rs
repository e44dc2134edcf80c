//! The filing flow's tables, and its connection to the registry.

use super::connector::{RegistryApi, Repeats};
use super::facts::FilingFact;
use super::rows::Filing;
use crate::backbone::jobs::{JobKind, JobKindWords, Request, WorkItem};
use crate::backbone::tables::stating;
use crate::backbone::{Backbone, RowNumbers};
use shakedown_sim::{Fact, Facts, Scope, Table};
use std::rc::Rc;

/// The state that the nodes of the filing flow share: durable data and settings, no memory.
pub struct Office {
    /// The base of every flow.
    pub backbone: Rc<Backbone>,
    /// The filings.
    pub filings: Table<Filing>,
    /// The registry's operations.
    pub registry: RegistryApi,
    /// How the registry treats repeats.
    pub repeats: Repeats,
    pub(crate) numbers: RowNumbers,
}

impl Office {
    /// Creates a flow with empty tables.
    pub fn new<F: Fact + From<FilingFact> + 'static>(
        backbone: &Rc<Backbone>,
        registry: RegistryApi,
        repeats: Repeats,
        facts: &Facts<F>,
    ) -> Rc<Self> {
        let filings = stating(facts, |before, after| FilingFact::Filing { before, after });
        let (backbone, numbers) = (Rc::clone(backbone), RowNumbers::default());
        Rc::new(Self { backbone, filings, registry, repeats, numbers })
    }
}

/// The jobs that send filings to the registry.
pub const JOB: JobKind = JobKind::new(&JobKindWords { name: "file", row: "F" });

/// Returns the request for a job that sends this filing to the registry.
pub(crate) fn job_for(filing: u32, context: Scope) -> Request {
    Request { item: WorkItem { kind: JOB, row: filing }, context }
}
