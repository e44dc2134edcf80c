//! The restore scenario: customers book as in the booking scenario; the database is lost and restored from a backup
//! that lacks the last commits.
//!
//! Their promises are lost; their effects at the partner are not. The design cannot prevent that, but it detects
//! it within a day, from the partner's statement. Reading order: this file builds the world, [`invariants`] and
//! [`goals`] judge.

pub mod goals;
pub mod invariants;

use crate::ablation;
use crate::booking::{Booking, faults};
use crate::catalogue::Entry;
use shakedown_model::Fact;
use shakedown_sim::{
    Duration, FailoverFault, Goals, Horizon, Invariant, Parameter, Scenario, Stage, StoreProfile, Variant,
};

/// Its entry in the catalogue.
pub const ENTRY: Entry = Entry {
    name: "restore",
    about: "the database is restored from a backup that lacks the last commits, whose effects the partner still holds",
    assumptions: ASSUMPTIONS,
    systems: &["booking/status-sync"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Restore::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the database is lost once at most; the backup lacks the last 10 minutes or 300 ms, and nothing older; a restore takes 5 minutes",
    "numbers are unique also after a restore: the sequence is not part of the backup",
    "not promised and not judged: that an accepted order survives, that no intent holds two reservations meanwhile, and \
     what a lost row would have done; only detection within its time is judged",
    "the partner's statement is correct and complete; it is read each day, or each hour, in which the ledger changed",
    "all else is as in the booking scenario, with partners that offer a lookup",
    "all faults end after 3 hours; late messages still arrive",
];

/// The database of the booking scenario, which may be lost.
const STORE: StoreProfile = StoreProfile {
    failovers_max: 1,
    failover: &[FailoverFault::FromBackup(Duration::from_secs(300))],
    ..faults::STORE
};

/// Returns how much of the end the backup lacks.
fn lacks(variant: &Variant) -> Duration {
    match variant.get("lacks") {
        Some("300ms") => Duration::from_millis(300),
        _ => Duration::from_secs(600),
    }
}

/// The scenario, with or without guardrails.
pub struct Restore(Booking);

impl Restore {
    /// Returns the scenario without these guardrails.
    ///
    /// # Errors
    /// Returns an error if a name is not that of a guardrail.
    pub fn without(numbers: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Booking::without(numbers).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "partner",
        about: "what the partner offers after a lost response: keys: it recognizes a repeat by its key for a day and \
                offers a lookup; lookup: a lookup only",
        values: &["keys", "lookup"],
        small: &["keys", "lookup"],
    },
    Parameter { name: "customers", about: "number of customers", values: &["1", "2"], small: &["1"] },
    Parameter { name: "intents", about: "trips that each customer books", values: &["1"], small: &["1"] },
    Parameter {
        name: "lacks",
        about: "what the backup lacks: 10min: all that came after the last periodic copy; 300ms: the last 300 ms, as where the \
                log of commits is copied continuously",
        values: &["10min", "300ms"],
        small: &["10min", "300ms"],
    },
    Parameter {
        name: "statement",
        about: "how we learn of changes at the partner: daily: by callbacks and a daily statement; alone: by an hourly \
                statement, and the partner never calls back",
        values: &["daily", "alone"],
        small: &["daily"],
    },
];

impl Scenario for Restore {
    type Fact = Fact;

    fn name(&self) -> &str {
        "restore"
    }

    fn without(&self) -> Vec<String> {
        self.0.without()
    }

    fn parameters(&self) -> &[Parameter] {
        PARAMETERS
    }

    fn horizon(&self, variant: &Variant) -> Horizon {
        self.0.horizon(variant)
    }

    fn build(&self, stage: &Stage<Fact>) {
        self.0.build_on(stage, StoreProfile { backup_lag: Some(lacks(stage.variant())), ..STORE });
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}
