//! [`FreshThread`]: runs, each on a thread of its own.

use shakedown_sim::{
    Coverage, Digest, Limits, Offered, OfferedAlternatives, Outcome, Parameter, Plan, Rehearse, Runner,
    Scenario, Script, Site, SitesMet, Trace, observer::ShowStep,
};
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of the last run.
#[derive(Default)]
struct Last {
    script: Script,
    offers: Vec<(Site, OfferedAlternatives)>,
    effects: Option<Digest>,
}

/// Runs a scenario, each run on a thread of its own, so that state that libraries keep per thread is new in each. It is used
/// where a [`Runner`] is, also into `shakedown::Entry::with_runner`.
///
/// ```
/// use shakedown_clock::FreshThread;
/// # use shakedown_sim::{ambient::NoFact, *};
/// # use std::collections::HashMap;
/// # struct Shop;
/// # impl Scenario for Shop {
/// #     type Fact = NoFact;
/// #     fn name(&self) -> &str { "shop" }
/// #     fn build(&self, stage: &Stage<NoFact>) {
/// #         stage.program(Role::outside("shop".into()), || async {
/// #             let orders: HashMap<u32, u32> = (0..9).map(|order| (order, order)).collect();
/// #             ambient::Handle::current().env().note(|| format!("{:?}", orders.keys()));
/// #         });
/// #     }
/// #     fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> { Vec::new() }
/// # }
/// self_check(&mut FreshThread::new(|| Shop), Plan::Seed(1)).expect("hash order follows the run");
/// ```
pub struct FreshThread<S: Scenario, M> {
    make: M,
    /// Never runs: it knows the scenario's names.
    names: Runner<S>,
    limits: Limits,
    /// The guardrails that are taken out, for scripts and reports.
    without: Vec<String>,
    last: Last,
    met: SitesMet,
    /// Whether runs of [`Plan::Turns`] offer pauses before statements.
    offers_statements: bool,
    /// Shared with the runner of the current run.
    observer: Option<Arc<Mutex<ShowStep>>>,
}

impl<S: Scenario, M: Fn() -> S + Sync> FreshThread<S, M> {
    /// Runs the scenario that `make` returns.
    pub fn new(make: M) -> Self {
        let names = Runner::new(make());
        let (last, met) = (Last::default(), SitesMet::default());
        Self {
            limits: names.limits(),
            make,
            names,
            without: Vec::new(),
            last,
            met,
            offers_statements: false,
            observer: None,
        }
    }

    /// Names the guardrails that are taken out of the design that `make` returns, as an entry of a catalogue does:
    /// `Entry::with_runner("shop", |ablation| Ok(Box::new(FreshThread::new(…).without(ablation.names().to_vec()))))`.
    #[must_use]
    pub fn without(mut self, guardrails: Vec<String>) -> Self {
        self.names = self.names.without(guardrails.clone());
        Self { without: guardrails, ..self }
    }

    /// Runs within other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Runs on a thread of its own, and keeps what is known of the run.
    fn on_thread<T: Send>(&mut self, run: impl FnOnce(&mut Runner<S>) -> T + Send) -> T {
        let (make, limits, observer) = (&self.make, self.limits, self.observer.clone());
        let (without, offers_statements) = (&self.without, self.offers_statements);
        let whole = || {
            let mut runner = Runner::new(make()).with_limits(limits).without(without.clone());
            runner.observe(observer.map(shared));
            runner.offer_statements(offers_statements);
            let result = run(&mut runner);
            let mut last =
                Last { script: runner.script(), offers: Vec::new(), effects: Rehearse::effects(&runner) };
            runner.each_offer(&mut |site, alternatives| last.offers.push((site, alternatives)));
            (result, last, runner.take_sites_met())
        };
        let (result, last, met) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("run".to_owned()).spawn_scoped(scope, whole);
            thread
                .expect("a thread can be started")
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        self.last = last;
        self.met.add(met);
        result
    }
}

impl<S: Scenario, M: Fn() -> S + Sync> Rehearse for FreshThread<S, M> {
    fn run(&mut self, plan: Plan<'_>) -> Outcome {
        self.on_thread(|runner| runner.run(plan))
    }
    fn record(&mut self, plan: Plan<'_>) -> (Outcome, Trace) {
        self.on_thread(|runner| runner.record(plan))
    }
    fn cover(&mut self, plan: Plan<'_>) -> (Outcome, Coverage) {
        self.on_thread(|runner| runner.cover(plan))
    }
    fn script(&self) -> Script {
        self.last.script.clone()
    }
    fn offers(&self) -> Vec<Offered> {
        // Their names are made of the world, which is gone with its thread: the script makes the same run.
        let mut again = FreshThread {
            make: &self.make,
            names: Runner::new((self.make)()),
            limits: self.limits,
            without: self.without.clone(),
            last: Last::default(),
            met: SitesMet::default(),
            offers_statements: self.offers_statements,
            observer: None,
        };
        let script = &self.last.script;
        again.on_thread(|runner| {
            runner.run(Plan::Script(script));
            runner.offers()
        })
    }
    fn each_offer(&self, take: &mut dyn FnMut(Site, OfferedAlternatives)) {
        self.last.offers.iter().for_each(|(site, alternatives)| take(*site, *alternatives));
    }
    fn effects(&self) -> Option<Digest> {
        self.last.effects
    }
    fn happy(&self, seed: u64) -> Script {
        self.names.happy(seed)
    }
    fn parameters(&self) -> &[Parameter] {
        self.names.parameters()
    }
    fn invariants(&self) -> Vec<(&'static str, &'static str)> {
        self.names.invariants()
    }
    fn goals(&self) -> Vec<&'static str> {
        self.names.goals()
    }
    fn limits(&self) -> Limits {
        self.limits
    }
    fn take_sites_met(&mut self) -> SitesMet {
        std::mem::take(&mut self.met)
    }
    fn observe(&mut self, show: Option<ShowStep>) {
        self.observer = show.map(|show| Arc::new(Mutex::new(show)));
    }
    fn offer_statements(&mut self, are_offered: bool) {
        self.offers_statements = are_offered;
    }
}

/// An observer that passes steps on to one that other runners use as well.
fn shared(observer: Arc<Mutex<ShowStep>>) -> ShowStep {
    Box::new(move |at, step| {
        let mut show = observer.lock().unwrap_or_else(PoisonError::into_inner);
        show(at, step);
    })
}

#[cfg(test)]
mod tests {
    use super::FreshThread;
    use shakedown_sim::ambient::NoFact;
    use shakedown_sim::{
        CrashFault, CrashProfile, Invariant, Plan, Rehearse, Role, Row, Scenario, Stage, Store, StoreProfile,
        Table, Variant,
    };

    #[derive(Clone, serde::Serialize)]
    struct Counter(u32);

    impl Row for Counter {
        type Key = u32;
        const TABLE: &'static str = "counters";
        fn key(&self) -> u32 {
            0
        }
    }

    const CRASHING: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };

    /// A client that reads a row and writes it in one transaction.
    struct Adding;

    impl Scenario for Adding {
        type Fact = NoFact;
        fn name(&self) -> &str {
            "adding"
        }
        fn build(&self, stage: &Stage<NoFact>) {
            let server = stage.node(Role::outside("database".into()), |_| {});
            let (store, counters) = (Store::new(&server, StoreProfile::CALM), Table::new(|_, _| {}));
            store.plant(&counters, Counter(0));
            let client = stage.node(Role::new("client".into(), &CRASHING), |_| {});
            client.clone().spawn(async move {
                let mut tx = store.begin(&client);
                let Ok(Some(Counter(before))) = tx.get(&counters, &0).await else { return };
                tx.update(&counters, Counter(before + 1)).await.expect("no other transaction");
                tx.commit("add").await.expect("no fault");
            });
        }
        fn invariants(&self) -> Vec<Box<dyn Invariant<NoFact>>> {
            Vec::new()
        }
    }

    #[test]
    fn a_search_with_statements_offers_pauses_on_each_fresh_thread() {
        let mut runner = FreshThread::new(|| Adding);
        let mut offered = |statements| {
            runner.offer_statements(statements);
            runner.run(Plan::Turns { variant: &Variant::default(), turns: &[], task_order: false });
            let mut sites = Vec::new();
            runner.each_offer(&mut |site, _| sites.push(site.to_string()));
            sites.iter().filter(|site| site.contains("statement")).count()
        };
        assert_eq!([offered(false), offered(true), offered(false)], [0, 2, 0]);
    }
}
