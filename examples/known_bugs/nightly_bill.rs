//! A nightly job that runs twice in autumn and never in spring.
//!
//! A scheduler bills each day at half past two on the next morning, local time. When the clocks go back, they show half past
//! two twice, and the day is billed twice. When they go forward, there is no half past two, and the day is never billed. A
//! second scheduler, added for availability, bills each day a second time.
//!
//! The fix has two parts. Each run bills *every* day that has ended and has no bill, so that another run makes up for a
//! missed one; and the bill has the day as its unique key, so that no second run can bill it again.

use shakedown::prelude::*;
use shakedown::sim::calendar::{CatchUp, LocalTime, Schedule, Semantics, Timetable, ZoneName};
use shakedown::sim::label::Label;
use shakedown::sim::node::{CrashFault, CrashProfile};
use shakedown::sim::scenario::Horizon;
use shakedown::sim::script::Variant;
use shakedown::sim::store::{Change, CommitFault, Row, Store, StoreError, StoreProfile, Table};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

const BERLIN: ZoneName = ZoneName::new("Europe/Berlin");
/// The number of days that end in a run.
const DAYS: i64 = 2;

/// What the clocks do in the second night of a run.
const CLOCKS: Site = Site::new(Label::new("night"), Label::new("clocks"));
const CHANGES: Alternatives = Alternatives::new(&["do not change", "go forward", "go back"]);
/// The number of nodes that run the job.
const SCHEDULERS: Site = Site::new(Label::new("job"), Label::new("schedulers"));
const NUMBERS: Alternatives = Alternatives::new(&["one", "two"]);

/// The bill for a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
struct Bill {
    id: u32,
    /// The number of the day.
    day: i64,
    /// Whether the database allows only one bill for a day.
    is_unique: bool,
}

impl Row for Bill {
    type Key = u32;
    const TABLE: &'static str = "bills";
    fn key(&self) -> u32 {
        self.id
    }
    fn unique(&self) -> Option<u64> {
        self.is_unique.then_some(self.day as u64)
    }
}

/// A bill was committed.
#[derive(serde::Serialize)]
struct Billed(i64);

impl Fact for Billed {
    fn sentence(&self) -> String {
        format!("bills day {}", self.0)
    }
}

const SCHEDULER: Role = Role {
    zone: BERLIN,
    ..Role::new(
        Label::new("scheduler"),
        &CrashProfile { before: &[CrashFault::Crash], after: &[CrashFault::Crash], ..CrashProfile::NEVER },
    )
};
const STORE: StoreProfile =
    StoreProfile { commit_faults: &[CommitFault::Fails, CommitFault::ResponseLost], ..StoreProfile::CALM };

struct NightlyBill {
    bills_missing_days: bool,
    has_key: bool,
}

/// Draws the first day of a run.
fn first_day(env: &Env) -> LocalTime {
    match CHANGES.names()[env.choose(CLOCKS, &CHANGES).index()] {
        "go forward" => LocalTime::of(2026, 3, 28, 0, 0),
        "go back" => LocalTime::of(2026, 10, 24, 0, 0),
        _ => LocalTime::of(2026, 6, 13, 0, 0),
    }
}

impl Scenario for NightlyBill {
    type Fact = Billed;

    fn name(&self) -> &str {
        "nightly-bill"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        // A run begins at noon. Faults end in the second night, before the last runs of the job.
        let hours = |count: u64| Duration::from_secs(count * 3_600);
        Horizon { heal: hours(37), settle: hours(12) }
    }

    fn build(&self, stage: &Stage<Billed>) {
        let operations = stage.node(Role::outside("operations".into()), |_| {});
        let first_day = first_day(&operations);
        let schedulers = if operations.choose(SCHEDULERS, &NUMBERS).is_benign() { 1 } else { 2 };
        let midnight = BERLIN.zone().start_of_day(first_day);
        stage.starts_at(midnight + Duration::from_secs(12 * 3_600));
        let store = Store::new(&stage.node(Role::outside("database".into()), |_| {}), STORE);
        let facts = stage.facts().clone();
        let bills = Table::new(move |env, change: &Change<Bill>| {
            change.after.into_iter().for_each(|bill| facts.state(env, &Billed(bill.day)));
        });
        let numbers = Rc::new(Cell::new(0));
        for _ in 0..schedulers {
            let biller = Biller {
                store: store.clone(),
                bills: bills.clone(),
                numbers: Rc::clone(&numbers),
                first: first_day.day(),
                bills_missing_days: self.bills_missing_days,
                has_key: self.has_key,
            };
            stage.node(SCHEDULER, move |env| env.clone().spawn(run(env, biller.clone())));
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Billed>>> {
        let once = invariant(
            "each-day-billed-once",
            |bills: &mut BTreeMap<i64, u32>, at, bill: &Billed, findings| {
                if let Some(earlier) = bills.insert(bill.0, at.event) {
                    findings.violated("twice", &[earlier, at.event], || {
                        format!("day {} is billed twice", bill.0)
                    });
                }
            },
        )
        .at_rest(|bills, _, findings| {
            if bills.len() < DAYS as usize {
                findings.violated("never", &[], || format!("{} of {DAYS} days are billed", bills.len()));
            }
        });
        vec![once.about("each day is billed exactly once").boxed()]
    }
}

#[derive(Clone)]
struct Biller {
    store: Store,
    bills: Table<Bill>,
    numbers: Rc<Cell<u32>>,
    first: i64,
    bills_missing_days: bool,
    has_key: bool,
}

/// Runs the job at each fire, until the morning after the last day. Repeated runs of a night make up for one that failed.
async fn run(env: Env, biller: Biller) {
    let cron = if biller.bills_missing_days { "30 0-5 * * *" } else { "30 2 * * *" };
    let zone = env.zone();
    let timetable = Timetable::new(cron.parse().expect("an expression"), zone.clone(), Semantics::KUBERNETES);
    let end = zone.start_of_day(LocalTime::of(1970, 1, 1, 0, 0).plus_days(biller.first + DAYS));
    let last = end + Duration::from_secs(6 * 3_600);
    let mut schedule = Schedule::new(timetable, CatchUp::Once, env.clock()).until(last);
    while let Some(due) = schedule.next(&env).await {
        let yesterday = due.fire.local.day() - 1;
        let first = if biller.bills_missing_days { biller.first } else { yesterday };
        for day in first..=yesterday {
            // What fails is done by a later run, or never.
            let _ = bill(due.env(), &biller, day).await;
        }
    }
}

async fn bill(env: &Env, biller: &Biller, day: i64) -> Result<(), StoreError> {
    let mut tx = biller.store.begin(env);
    if biller.bills_missing_days && !tx.scan(&biller.bills, |bill| bill.day == day).await?.is_empty() {
        return Ok(());
    }
    let id = biller.numbers.replace(biller.numbers.get() + 1);
    tx.insert_or_ignore(&biller.bills, Bill { id, day, is_unique: biller.has_key }).await?;
    tx.commit("bill").await
}

/// Returns the entry of the catalogue.
pub(crate) fn entry() -> Entry {
    let missing =
        Guardrail::new("every-ended-day", "each run bills all days that have ended and have no bill")
            .naive(NaiveForm::new("one run a night bills the day before").breaks("each-day-billed-once"));
    let key = Guardrail::new("key-per-day", "the day is a unique key of its bill")
        .naive(NaiveForm::new("each run inserts a bill").breaks("each-day-billed-once"));
    Entry::new("nightly-bill", |ablation| NightlyBill {
        bills_missing_days: ablation.keeps("every-ended-day"),
        has_key: ablation.keeps("key-per-day"),
    })
    .about("schedulers bill each day in the night after it, also when the clocks change")
    .assumes("a scheduler is down for at most a few seconds")
    .guardrail(missing)
    .guardrail(key)
}

#[cfg(test)]
mod tests {
    use super::entry;

    const FORWARD: &str = "night/clocks @ - #1 = go forward";
    const BACK: &str = "night/clocks @ - #1 = go back";
    const TWO: &str = "job/schedulers @ - #1 = two";

    #[test]
    fn a_nightly_job_never_runs_in_spring_and_runs_twice_in_autumn() {
        let naive = ["every-ended-day", "key-per-day"];
        entry().rehearse(&naive).deviations(0).holds();
        entry().rehearse(&naive).script(FORWARD).violates("each-day-billed-once");
        entry().rehearse(&naive).script(BACK).violates("each-day-billed-once");
    }

    #[test]
    fn a_second_scheduler_bills_a_second_time() {
        let naive = ["every-ended-day", "key-per-day"];
        entry().rehearse(&naive).script(TWO).violates("each-day-billed-once");
    }

    #[test]
    fn one_half_of_the_fix_is_not_enough() {
        for half in ["every-ended-day", "key-per-day"] {
            entry().rehearse(&[half]).deviations(0).holds();
        }
        entry().rehearse(&["every-ended-day"]).script(FORWARD).violates("each-day-billed-once");
        entry().rehearse(&["key-per-day"]).script(TWO).violates("each-day-billed-once");
    }

    #[test]
    fn a_bill_per_ended_day_under_a_unique_key_holds_under_any_two_faults() {
        // The change of the clocks and the second scheduler are deviations, too.
        entry().rehearse(&[]).seeds(..300).deviations(4).holds();
    }
}
