//! The restore scenario: bookings are made as in the booking scenario, and the database is lost and comes back
//! from a backup that lacks the last minutes.
//!
//! What was promised in those minutes is gone; what the partner has done is not. The design cannot keep that from
//! happening, but it finds out: from the partner's statement, within a day. Reading order: this page builds the
//! world, [`invariants`] and [`goals`] judge.

pub mod goals;
pub mod invariants;

use crate::ablation;
use crate::booking::{Booking, faults};
use crate::catalogue::Entry;
use shakedown_model::Fact;
use shakedown_sim::{
    Duration, FailoverFault, Goals, Horizon, Invariant, Parameter, Scenario, Stage, StoreProfile, Variant,
};

/// What the catalogue says of it.
pub const ENTRY: Entry = Entry {
    name: "restore",
    about: "the database is restored from a backup that lacks the last minutes, of which the partner knows all",
    assumptions: ASSUMPTIONS,
    systems: &["booking/status-sync"],
    needs: goals::NEEDS,
    rehearse: |without| ablation::rehearse(Restore::without(without)),
};

const ASSUMPTIONS: &[&str] = &[
    "the database is lost once at most; the backup lacks the last 10 minutes at most, and nothing older; a restore takes 5 minutes",
    "numbers are never given out twice, also after a restore: they are not taken from what is restored",
    "that an accepted order is kept, that nobody holds two reservations meanwhile, and what a lost row would have \
     done by then, is not promised and not judged: only what is found out, and by when",
    "the partner's statement is true and complete; it is read each day on which the ledger changed",
    "beyond the restore the world is that of the booking scenario, with partners that can be asked",
    "everything heals 3 hours in; what is late by then still arrives",
];

/// The database of the booking scenario, with a backup.
const STORE: StoreProfile = StoreProfile {
    backup_lag: Some(Duration::from_secs(600)),
    failovers_max: 1,
    failover: &[FailoverFault::FromBackup(Duration::from_secs(300))],
    ..faults::STORE
};

/// The scenario, with a design that may lack guardrails.
pub struct Restore(Booking);

impl Restore {
    /// The scenario without these guardrails.
    ///
    /// # Errors
    /// If a name is no guardrail's.
    pub fn without(names: &[String]) -> Result<Self, shakedown_model::UnknownGuardrail> {
        Booking::without(names).map(Self)
    }
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "partner",
        about: "what helps with the partner after a lost answer: keys: it knows a repeat by its key for \
                a day, and can be asked what it has; lookup: it can only be asked",
        values: &["keys", "lookup"],
        small: &["keys", "lookup"],
    },
    Parameter { name: "customers", about: "how many book", values: &["1", "2"], small: &["1"] },
    Parameter { name: "intents", about: "how many trips each of them wants", values: &["1"], small: &["1"] },
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
        self.0.build_on(stage, STORE);
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Fact>>> {
        invariants::all()
    }

    fn goals(&self) -> Option<Box<dyn Goals<Fact>>> {
        Some(goals::all())
    }
}
