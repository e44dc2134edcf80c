//! The platform: its store and tables, its way to the partner, and the design that it is built with.

use crate::connector::PartnerApi;
use crate::facts::Fact;
use crate::rows::{Attempt, Booking, Holding, Job, Letter, Quote};
use crate::terms::PartnerTerms;
use crate::wiring::Design;
use shakedown_sim::{Change, Env, Facts, Row, Store, Table};
use std::cell::Cell;
use std::rc::Rc;

/// What the platform's nodes share: durable state and settings, no memory.
pub struct Platform {
    /// The database.
    pub store: Store,
    /// Its tables.
    pub tables: Tables,
    /// The partner's operations.
    pub partner: PartnerApi,
    /// How the partner can be asked.
    pub terms: PartnerTerms,
    pub(crate) design: Design,
    /// The database's sequences; a number that is taken is gone, whether its transaction commits or not.
    numbers: Numbers,
}

/// The platform's tables.
pub struct Tables {
    /// Prices offered.
    pub quotes: Table<Quote>,
    /// Orders.
    pub bookings: Table<Booking>,
    /// The execution log.
    pub attempts: Table<Attempt>,
    /// What is known of reservations.
    pub holdings: Table<Holding>,
    /// Callbacks.
    pub inbox: Table<Letter>,
    /// Jobs.
    pub jobs: Table<Job>,
}

#[derive(Default)]
struct Numbers {
    quotes: Cell<u32>,
    bookings: Cell<u32>,
    attempts: Cell<u32>,
    jobs: Cell<u32>,
}

fn next(sequence: &Cell<u32>) -> u32 {
    sequence.set(sequence.get() + 1);
    sequence.get()
}

impl Platform {
    /// A platform with empty tables.
    pub fn new(
        store: Store,
        partner: PartnerApi,
        terms: PartnerTerms,
        design: Design,
        facts: &Facts<Fact>,
    ) -> Rc<Self> {
        let tables = Tables::stating(facts);
        Rc::new(Self { store, tables, partner, terms, design, numbers: Numbers::default() })
    }

    pub(crate) fn next_quote(&self) -> u32 {
        next(&self.numbers.quotes)
    }

    pub(crate) fn next_booking(&self) -> u32 {
        next(&self.numbers.bookings)
    }

    pub(crate) fn next_attempt(&self) -> u32 {
        next(&self.numbers.attempts)
    }

    pub(crate) fn next_job(&self) -> u32 {
        next(&self.numbers.jobs)
    }
}

impl Tables {
    /// Tables whose commits are stated as facts, one for each row.
    fn stating(facts: &Facts<Fact>) -> Self {
        Self {
            quotes: stating(facts, |_, after| Fact::Quoted(after)),
            bookings: stating(facts, |before, after| Fact::Booking { before, after }),
            attempts: stating(facts, |before, after| Fact::Attempt { before, after }),
            holdings: stating(facts, |before, after| Fact::Holding { before, after }),
            inbox: stating(facts, |_, after| Fact::Letter(after)),
            jobs: stating(facts, |before, after| Fact::Job { before, after }),
        }
    }
}

fn stating<R: Row + Copy>(facts: &Facts<Fact>, fact: impl Fn(Option<R>, R) -> Fact + 'static) -> Table<R> {
    let facts = facts.clone();
    Table::new(move |env: &Env, change: &Change<R>| {
        if let Some(after) = change.after {
            facts.state(env, &fact(change.before, after));
        }
    })
}
