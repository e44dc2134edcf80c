//! The engine's hot paths one by one, for counting and scaling: a number of sleeps, choices, calls or facts in one
//! run.

use shakedown_sim::{
    Alternatives, CrashProfile, Duration, Endpoint, Env, Fact, Facts, Horizon, Invariant, Label, Limits,
    Link, LinkFaults, Op, Role, Runner, Scenario, Site, Stage, Variant,
};

/// The repeated action of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// A task waits for a moment.
    Sleeps,
    /// A choice is drawn, each for an entity of its own.
    Choices,
    /// A node calls another over a link that may lose requests and responses.
    Calls,
    /// A fact is stated.
    Facts,
    /// A booking: an entity, a call within it, a fact; one per minute.
    Bookings,
}

/// A number of repetitions of a path.
pub struct Repeats {
    /// The path.
    pub path: Path,
    /// The number of repetitions.
    pub times: u32,
}

/// A value with a few fields.
#[derive(serde::Serialize)]
pub struct Counted {
    number: u32,
    of: u32,
    kind: Option<&'static str>,
}

impl Fact for Counted {
    fn sentence(&self) -> String {
        format!("counts {}", self.number)
    }
}

const WAYS: Alternatives = Alternatives::new(&["this way", "that way", "no way"]);
const FAULTS: LinkFaults = LinkFaults::LOSSY;
const CROSSING: Site = Site::new(Label::new("crossing"), Label::new("way"));
const ENTITY: Label = Label::new("entity");
const ATTEMPT: Label = Label::new("attempt");
const BOOKING: Label = Label::new("booking");
const MINUTE: Duration = Duration::from_secs(60);

impl Repeats {
    /// Creates a runner of this many repetitions, with sufficient limits.
    pub fn runner(path: Path, times: u32) -> Runner<Self> {
        let most = 20 * times + 1_000;
        Runner::new(Self { path, times }).with_limits(Limits { events: most, choices: most, polls: most })
    }

    async fn repeat(path: Path, times: u32, env: Env, asked: Endpoint<u32, u32>, facts: Facts<Counted>) {
        for number in 0..times {
            match path {
                Path::Sleeps => env.sleep(Duration::from_millis(u64::from(number % 7) + 1)).await,
                Path::Choices => {
                    let _way = env.child(ENTITY).choose(CROSSING, &WAYS);
                }
                Path::Calls => {
                    let _lost = env.child(ATTEMPT).call(&asked, number, Duration::from_secs(2)).await;
                }
                Path::Facts => facts.state(&env, &Counted { number, of: times, kind: Some("a fact") }),
                Path::Bookings => {
                    let booking = env.child(BOOKING);
                    if booking.call(&asked, number, Duration::from_secs(2)).await.is_ok() {
                        facts.state(&booking, &Counted { number, of: times, kind: None });
                    }
                    env.sleep(MINUTE).await;
                }
            }
        }
    }
}

impl Scenario for Repeats {
    type Fact = Counted;

    fn name(&self) -> &str {
        "repeats"
    }

    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: MINUTE * 3 * self.times + MINUTE, settle: MINUTE }
    }

    fn build(&self, stage: &Stage<Counted>) {
        let asked =
            Endpoint::new(Op::new("ask", "asks"), &Link::new("link", Duration::from_millis(5), &FAULTS));
        let served = asked.clone();
        stage.node(Role::outside("server".into()), move |env| {
            served.serve(&env, |_, number| std::future::ready(number));
        });
        let client = stage.node(Role::new("client".into(), &CrashProfile::NEVER), |_| {});
        let env = client.within(stage.entity("intent"));
        client.spawn(Self::repeat(self.path, self.times, env, asked, stage.facts().clone()));
    }

    fn invariants(&self) -> Vec<Box<dyn Invariant<Counted>>> {
        Vec::new()
    }
}
