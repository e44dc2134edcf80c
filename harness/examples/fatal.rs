//! Designs that end, exhaust or block their process when a request is repeated, and designs that are not deterministic or
//! not disturbed: what supervision and self-checks are for.
//!
//! ```text
//! cargo run -p shakedown --example fatal -- explore exit --seeds 100
//! cargo run -p shakedown --example fatal -- explore allocation --seeds 100 --memory-limit 1GB
//! ```

use shakedown::prelude::*;
use shakedown::sim::node::CrashProfile;
use shakedown::sim::scenario::Horizon;
use shakedown::sim::script::Variant;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

/// What happens in the world.
#[derive(serde::Serialize)]
enum Happened {
    Counted(u32),
    Repeated(u32),
    Stamped(u64),
}

impl Fact for Happened {
    fn sentence(&self) -> String {
        match self {
            Happened::Counted(request) => format!("counts request-{request}"),
            Happened::Repeated(request) => format!("receives request-{request} again"),
            Happened::Stamped(stamp) => format!("stamps it {stamp}"),
        }
    }
}

/// What a design does when a request is repeated.
#[derive(Clone, Copy)]
enum Fate {
    Exit,
    Abort,
    DoublePanic,
    Recursion,
    Allocation,
    Loop,
    Panic,
    ThreadPanic,
    Nothing,
    /// It takes long, and panics.
    Slow,
    /// Its facts depend on the clock of the machine.
    Clock,
    /// Its facts depend on the order of a hash map.
    Hash,
    /// Its work comes when faults are no longer possible.
    Late,
}

const FATES: [(&str, Fate); 13] = [
    ("exit", Fate::Exit),
    ("abort", Fate::Abort),
    ("double-panic", Fate::DoublePanic),
    ("recursion", Fate::Recursion),
    ("allocation", Fate::Allocation),
    ("loop", Fate::Loop),
    ("panic", Fate::Panic),
    ("thread-panic", Fate::ThreadPanic),
    ("nothing", Fate::Nothing),
    ("slow", Fate::Slow),
    ("clock", Fate::Clock),
    ("hash", Fate::Hash),
    ("late", Fate::Late),
];

impl Fate {
    fn strike(self) {
        match self {
            Fate::Exit => std::process::exit(0),
            Fate::Abort => std::process::abort(),
            Fate::DoublePanic => {
                let _also = PanicsInDrop;
                panic!("the first panic");
            }
            Fate::Recursion => drop(depth(1)),
            Fate::Allocation => {
                let mut all = Vec::new();
                loop {
                    all.push(vec![1_u8; 16 << 20]);
                }
            }
            Fate::Loop => loop {
                std::hint::spin_loop();
            },
            Fate::Panic => panic!("a panic on the thread of the run"),
            Fate::Slow => {
                std::thread::sleep(Duration::from_millis(500));
                panic!("a panic after a while");
            }
            Fate::ThreadPanic => {
                let thread = std::thread::spawn(|| panic!("a panic on another thread"));
                let _ = thread.join();
            }
            Fate::Nothing | Fate::Clock | Fate::Hash | Fate::Late => {}
        }
    }

    /// Returns what no choice decides.
    fn stamp(self) -> Option<u64> {
        match self {
            Fate::Clock => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Some(since.map_or(0, |since| since.as_nanos() as u64))
            }
            Fate::Hash => {
                let numbers: HashSet<u64> = (0..1_000).collect();
                numbers.into_iter().next()
            }
            _ => None,
        }
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("the second panic");
    }
}

/// Recurses without end, and keeps each frame.
fn depth(level: u64) -> u64 {
    let frame = std::hint::black_box([level; 64]);
    if level == 0 { 0 } else { depth(level + 1) + std::hint::black_box(frame)[0] }
}

struct Counter {
    name: &'static str,
    fate: Fate,
}

const FAULTS: LinkFaults =
    LinkFaults { request: &[LinkFault::Lost], response: &[LinkFault::Lost], ..LinkFaults::NONE };

impl Scenario for Counter {
    type Fact = Happened;

    fn name(&self) -> &str {
        self.name
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        match self.fate {
            Fate::Late => Horizon { heal: Duration::from_secs(60), ..Horizon::AFTER_WORKLOAD },
            _ => Horizon::AFTER_WORKLOAD,
        }
    }

    fn build(&self, stage: &Stage<Happened>) {
        let link = Link::new("counter", Duration::from_millis(20), &FAULTS);
        let count =
            Endpoint::<u32, ()>::new(Op::new("counter.count", "asks for a request to be counted"), &link);
        let (facts, served, fate) = (stage.facts().clone(), count.clone(), self.fate);
        stage.node(Role::outside("counter".into()), move |env| {
            let (facts, counted) = (facts.clone(), RefCell::new(BTreeSet::new()));
            served.serve(&env, move |env, request| {
                if counted.borrow_mut().insert(request) {
                    facts.state(&env, &Happened::Counted(request));
                    fate.stamp().into_iter().for_each(|stamp| facts.state(&env, &Happened::Stamped(stamp)));
                } else {
                    facts.state(&env, &Happened::Repeated(request));
                    fate.strike();
                }
                async {}
            });
        });
        let requests = if matches!(fate, Fate::Late) { 5 } else { 2 };
        for request in 1..=requests {
            let client = stage
                .node(Role::new("client".into(), &CrashProfile::NEVER), |_| {})
                .within(stage.entity("request"));
            let count = count.clone();
            let begins = Duration::from_secs(if matches!(fate, Fate::Late) && request > 1 { 75 } else { 0 });
            client.clone().spawn(async move {
                client.sleep(begins).await;
                let timeout = Duration::from_secs(2);
                while client.child("attempt").call(&count, request, timeout).await.is_err() {}
            });
        }
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Happened>>> {
        let once = invariant("counted-once", |seen: &mut BTreeSet<u32>, at, fact: &Happened, findings| {
            if let Happened::Counted(request) = fact
                && !seen.insert(*request)
            {
                findings.violated("request", &[at.event], || format!("request-{request} is counted twice"));
            }
        });
        vec![once.about("no request is counted twice").boxed()]
    }
}

fn main() -> std::process::ExitCode {
    let entries = FATES
        .map(|(name, fate)| Entry::new(name, move |_| Counter { name, fate }).about("a repeated request"));
    shakedown::cli::main(entries.into_iter().fold(Catalogue::new("fatal"), Catalogue::with))
}
