//! Rounds, checks, and the table that is written to `benchmarks/PEERS.md`.

use peers_workload::round::{Round, measured};
use peers_workload::tally::Tally;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One engine, its number of seeds per round, and the parts of the workload that its port cannot express.
struct Engine {
    name: &'static str,
    seeds: u64,
    lacks: &'static str,
}

const ENGINES: [Engine; 7] = [
    Engine {
        name: "sim",
        seeds: 3_000,
        lacks: "crashes at crash points, three on average; delays half from the range, half from corners spread over it; a worker that is down refuses",
    },
    Engine {
        name: "bare loop, binary heap",
        seeds: 8_000,
        lacks: "nothing; it is no engine: no tasks, no names, no replay",
    },
    Engine { name: "bare loop, near buffer", seeds: 8_000, lacks: "the same" },
    Engine {
        name: "tokio, paused",
        seeds: 400,
        lacks: "a network and nodes: messages are sleeping tasks, a crash aborts tasks",
    },
    Engine { name: "madsim", seeds: 400, lacks: "an exact latency: some microseconds of its own chance" },
    Engine { name: "turmoil, 10 ms ticks", seeds: 8, lacks: "times between ticks" },
    Engine { name: "turmoil, 1 ms ticks", seeds: 2, lacks: "times between ticks" },
];

const ROUNDS: usize = 7;
/// How far the work of a seed may differ from that of the bare loop, in percent: the draws of `sim`'s port differ.
const TOLERANCE_PERCENT: f64 = 5.0;
/// Few seeds vary more than many.
const TOLERANCE_OF_FEW_PERCENT: f64 = 10.0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the port to madsim, which needs a compiler flag of its own, and returns the path of its program.
fn madsim() -> PathBuf {
    let target = root().join("target/madsim");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--locked", "--package", "peers-madsim", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .env("RUSTFLAGS", "--cfg madsim")
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the port to madsim builds");
    target.join("release/peers-madsim")
}

fn run(engine: &Engine, madsim: &Path, seeds: u64) -> Round {
    let own = std::env::current_exe().expect("this program has a path");
    let program = if engine.name == "madsim" { madsim } else { &own };
    let output = Command::new(program).args([engine.name, "1", &seeds.to_string()]).output();
    let output = output.expect("the program runs");
    assert!(output.status.success(), "{}: {}", engine.name, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("the program answers a round")
}

/// Panics unless the work of a seed is about the same as on the bare loop.
fn check_work(engine: &Engine, round: &Round, bare: &Round) {
    let few = round.seeds < 100;
    let tolerance = if few { TOLERANCE_OF_FEW_PERCENT } else { TOLERANCE_PERCENT };
    let parts: [(&str, fn(&Tally) -> u64); 4] = [
        ("messages", |tally| tally.messages),
        ("attempts", |tally| tally.attempts),
        ("events", |tally| tally.events),
        ("finished intents", |tally| tally.finished),
    ];
    for (what, part) in parts {
        let mine = part(&round.tally) as f64 / round.seeds as f64;
        let expected = part(&bare.tally) as f64 / bare.seeds as f64;
        let off = (mine / expected - 1.0).abs() * 100.0;
        assert!(
            off <= tolerance,
            "{}: {mine:.1} {what} a seed, and {expected:.1} on the bare loop",
            engine.name
        );
    }
}

/// Runs every engine, interleaved, and writes the table.
pub fn measure() {
    let madsim = madsim();
    let mut rounds: Vec<Vec<Round>> = ENGINES.iter().map(|_| Vec::new()).collect();
    for number in 1..=ROUNDS {
        eprintln!("round {number} of {ROUNDS}");
        for (engine, rounds) in ENGINES.iter().zip(&mut rounds) {
            let round = run(engine, &madsim, engine.seeds);
            let again = rounds.first().is_none_or(|first: &Round| first.tally == round.tally);
            assert!(again, "{} did not do the same on the same seeds again", engine.name);
            rounds.push(round);
        }
    }
    for (engine, rounds) in ENGINES.iter().zip(&rounds) {
        check_work(engine, &rounds[0], &run(&ENGINES[1], &madsim, engine.seeds));
    }
    let text = table(&rounds);
    let said =
        |name| std::fs::read_to_string(root().join(name)).expect("what stands around the table is there");
    let page = format!("{}\n{text}\n{}\n{}", said("above.md"), measured(ROUNDS), said("below.md"));
    std::fs::write(root().join("../PEERS.md"), page).expect("PEERS.md can be written");
    println!("{text}\nwritten to benchmarks/PEERS.md");
}

/// Returns microseconds per seed: the least, the median and the greatest of the rounds.
fn spread(rounds: &[Round]) -> [f64; 3] {
    let mut micros: Vec<f64> = rounds.iter().map(Round::micros).collect();
    micros.sort_by(f64::total_cmp);
    [micros[0], micros[micros.len() / 2], micros[micros.len() - 1]]
}

fn table(rounds: &[Vec<Round>]) -> String {
    let mut text = String::from(
        "| engine | seeds/s per core | µs a seed: median (least–greatest) | `sim` is | messages | attempts | events | what the port cannot say |\n|---|---|---|---|---|---|---|---|\n",
    );
    let [_, sim, _] = spread(&rounds[0]);
    for (engine, rounds) in ENGINES.iter().zip(rounds) {
        let [least, median, most] = spread(rounds);
        let Round { seeds, tally, .. } = rounds[0];
        let a_seed = |count: u64| count as f64 / seeds as f64;
        let ratio = median / sim;
        let ratio = if ratio >= 1.0 {
            format!("{ratio:.1}× as fast")
        } else {
            format!("{:.2}× as slow", 1.0 / ratio)
        };
        let decimals = if median < 1_000.0 { 1 } else { 0 };
        let per_second =
            if median < 1e5 { format!("{:.0}", 1e6 / median) } else { format!("{:.1}", 1e6 / median) };
        writeln!(
            text,
            "| {} | {per_second} | {median:.decimals$} ({least:.decimals$}–{most:.decimals$}) | {ratio} | {:.0} | {:.0} | {:.0} | {} |",
            engine.name,
            a_seed(tally.messages),
            a_seed(tally.attempts),
            a_seed(tally.events),
            engine.lacks,
        )
        .expect("a text takes a line");
    }
    text
}
