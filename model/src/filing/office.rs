//! The filing flow's tables, and its way to the registry.

use super::connector::{RegistryApi, Repeats};
use super::rows::Filing;
use crate::backbone::jobs::{Errand, Kind};
use crate::backbone::{Backbone, Sequence, stating};
use crate::facts::{Fact, FilingFact};
use shakedown_sim::{Facts, Scope, Table};
use std::rc::Rc;

/// What the nodes of the filing flow share: durable state and settings, no memory.
pub struct Office {
    /// What every flow stands on.
    pub backbone: Rc<Backbone>,
    /// What clinics reported.
    pub filings: Table<Filing>,
    /// The registry's operations.
    pub registry: RegistryApi,
    /// How the registry treats repeats.
    pub repeats: Repeats,
    pub(crate) numbers: Sequence,
}

impl Office {
    /// A flow with empty tables.
    pub fn new(
        backbone: &Rc<Backbone>,
        registry: RegistryApi,
        repeats: Repeats,
        facts: &Facts<Fact>,
    ) -> Rc<Self> {
        let filings = stating(facts, |before, after| Fact::Filing(FilingFact::Filing { before, after }));
        let (backbone, numbers) = (Rc::clone(backbone), Sequence::default());
        Rc::new(Self { backbone, filings, registry, repeats, numbers })
    }
}

/// The job that brings this filing to the registry.
pub(crate) fn errand(filing: u32, context: Scope) -> Errand {
    Errand { kind: Kind::File, subject: filing, context }
}
