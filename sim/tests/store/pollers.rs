//! Pollers: a design with a [`Poller`] behaves like one with a loop that ticks.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A row that pollers move from state to state.
#[derive(Clone, serde::Serialize)]
struct Job {
    id: u32,
    state: u32,
    /// The transaction that inserted it.
    by: u64,
}

impl Row for Job {
    type Key = u32;
    const TABLE: &'static str = "jobs";
    fn key(&self) -> u32 {
        self.id
    }
}

/// A row of a second table.
#[derive(Clone, serde::Serialize)]
struct Mark {
    id: u32,
}

impl Row for Mark {
    type Key = u32;
    const TABLE: &'static str = "marks";
    fn key(&self) -> u32 {
        self.id
    }
}

#[derive(Clone, serde::Serialize)]
struct Committed(String);

impl Fact for Committed {
    fn sentence(&self) -> String {
        self.0.clone()
    }
}

/// The program of a poller's turn.
#[derive(Clone, Copy, Debug)]
enum Program {
    /// Takes a new job that is not locked, works for this many milliseconds, and finishes it.
    Claim(u64),
    /// Reads a job, unless it is locked, and closes it if it is finished.
    LookWithoutWaiting(u32),
    /// Waits for the lock of a job, and closes it if it is finished.
    WaitForLock(u32),
    /// Marks jobs inserted by transactions below the horizon, as the relay of an outbox does.
    Relay,
    /// Finishes a new job if it gets the advisory lock.
    Advisory,
    /// Closes the job of each mark.
    ReadMarks,
}

/// The transaction of another client: its start in milliseconds, and its length.
#[derive(Clone, Copy, Debug)]
struct Disturber {
    at_ms: u64,
    holds_ms: u64,
    does: Does,
    ends: Ends,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Insert(u32),
    Mark(u32),
    Lock(u32),
    LockAdvisory,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Commits,
    RollsBack,
    /// Its node crashes, and the server notices some time later.
    Crashes,
}

/// When the turns of the pollers run.
#[derive(Clone, Copy)]
enum Turns {
    /// At every period.
    Ticking,
    /// When something has changed.
    Polled,
    /// The same, but after a turn that failed the next one runs after this wait.
    PolledAgainAfter(Duration),
}

struct Design {
    pollers: Vec<(u64, Program)>,
    disturbers: Vec<Disturber>,
    turns: Turns,
    commits: Rc<RefCell<Vec<String>>>,
}

const END: Moment = Moment::from_nanos(30_000_000_000);
const FRAIL: CrashProfile =
    CrashProfile { before: &[CrashFault::Crash], restart: Duration::from_secs(600), ..CrashProfile::NEVER };
const STORE: StoreProfile = StoreProfile {
    lock_timeout: Duration::from_millis(1_300),
    notice: &[Duration::from_millis(2_900)],
    ..StoreProfile::CALM
};
const KEY: i64 = 7;

#[derive(Clone)]
struct World {
    store: Store,
    jobs: Table<Job>,
    marks: Table<Mark>,
}

impl World {
    async fn turn(&self, env: &Env, program: Program) -> Result<(), StoreError> {
        let (jobs, mut tx) = (&self.jobs, self.store.begin(env));
        match program {
            Program::Claim(work_ms) => {
                let Some(job) = tx.claim(jobs, |job: &Job| job.state == 0).await? else { return Ok(()) };
                env.sleep(Duration::from_millis(work_ms)).await;
                tx.update(jobs, Job { state: 1, ..job }).await?;
            }
            Program::LookWithoutWaiting(id) => {
                let job = tx.lock_with(jobs, &id, LockMode::Update, LockWait::NoWait).await?;
                let Some(job) = job.filter(|job| job.state == 1) else { return Ok(()) };
                tx.update(jobs, Job { state: 2, ..job }).await?;
            }
            Program::WaitForLock(id) => {
                let job = tx.lock(jobs, &id).await?;
                let Some(job) = job.filter(|job| job.state == 1) else { return Ok(()) };
                tx.update(jobs, Job { state: 2, ..job }).await?;
            }
            Program::Relay => {
                let horizon = tx.horizon().await?;
                let ready = tx.scan(jobs, |job| job.by < horizon && job.state < 3).await?;
                if ready.is_empty() {
                    return Ok(());
                }
                for job in ready {
                    tx.update(jobs, Job { state: 3, ..job }).await?;
                }
            }
            Program::Advisory => {
                if !tx.try_advisory_lock(KEY).await? {
                    return Ok(());
                }
                let new = tx.scan(jobs, |job| job.state == 0).await?;
                let Some(job) = new.into_iter().next() else { return Ok(()) };
                tx.update(jobs, Job { state: 1, ..job }).await?;
            }
            Program::ReadMarks => {
                let mut found = false;
                for mark in tx.scan(&self.marks, |_| true).await? {
                    let job = tx.get(jobs, &mark.id).await?;
                    if let Some(job) = job.filter(|job| job.state < 2) {
                        tx.update(jobs, Job { state: 2, ..job }).await?;
                        found = true;
                    }
                }
                if !found {
                    return Ok(());
                }
            }
        }
        tx.commit("turn").await
    }

    async fn disturb(&self, env: &Env, disturber: Disturber) -> Result<(), StoreError> {
        let mut tx = self.store.begin(env);
        match disturber.does {
            Does::Insert(id) => {
                let by = tx.id().await?;
                tx.insert_or_ignore(&self.jobs, Job { id, state: 0, by }).await?;
            }
            Does::Mark(id) => {
                tx.insert_or_ignore(&self.marks, Mark { id }).await?;
            }
            Does::Lock(id) => {
                tx.lock(&self.jobs, &id).await?;
            }
            Does::LockAdvisory => tx.advisory_lock(KEY).await?,
        }
        env.sleep(Duration::from_millis(disturber.holds_ms)).await;
        if disturber.ends == Ends::Crashes {
            env.crash_point(Side::Before, "end").await;
        }
        if disturber.ends == Ends::Commits { tx.commit("disturbance").await } else { Ok(()) }
    }
}

impl Scenario for Design {
    type Fact = Committed;
    fn name(&self) -> &str {
        "design"
    }
    fn horizon(&self, _: &Variant) -> Horizon {
        Horizon { heal: Duration::from_secs(40), settle: Duration::from_secs(40) }
    }
    fn build(&self, stage: &Stage<Committed>) {
        let database = stage.node(Role::outside("database".into()), |_| {});
        let note = |commits: &Rc<RefCell<Vec<String>>>, env: &Env, what: String| {
            commits.borrow_mut().push(format!("{} {what}", env.now()));
        };
        let (of_jobs, of_marks) = (Rc::clone(&self.commits), Rc::clone(&self.commits));
        self.commits.borrow_mut().clear();
        let world = World {
            store: Store::new(&database, STORE),
            jobs: Table::new(move |env, change: &Change<Job>| {
                let job = change.after.as_ref().expect("jobs are never deleted");
                note(&of_jobs, env, format!("job {} is {}", job.id, job.state));
            }),
            marks: Table::new(move |env, change: &Change<Mark>| {
                note(&of_marks, env, format!("mark {}", change.after.as_ref().expect("never deleted").id));
            }),
        };
        for (period_ms, program) in self.pollers.iter().copied() {
            let (world, turns) = (world.clone(), self.turns);
            stage.node(Role::new("poller".into(), &CrashProfile::NEVER), move |env| {
                let world = world.clone();
                env.clone().spawn(async move {
                    let period = Duration::from_millis(period_ms);
                    let mut poller = Poller::new(&env, &Signal::new(), period);
                    let (mut last, mut due) = (None, None);
                    while env.now() < END {
                        if let Turns::Ticking = turns {
                            env.sleep_until(next_tick(last, env.now(), period)).await;
                            last = Some(env.now());
                        } else {
                            poller.turn(due).await;
                        }
                        let done = world.turn(&env, program).await;
                        due = match turns {
                            Turns::PolledAgainAfter(wait) if done.is_err() => Some(env.now() + wait),
                            _ => None,
                        };
                    }
                });
            });
        }
        for disturber in self.disturbers.iter().copied() {
            let (world, is_first) = (world.clone(), Cell::new(true));
            let scope = stage.entity("disturber");
            stage.node(Role::new("disturber".into(), &FRAIL), move |env| {
                if !is_first.replace(false) {
                    return;
                }
                let (world, env) = (world.clone(), env.within(scope));
                env.clone().spawn(async move {
                    env.sleep(Duration::from_micros(disturber.at_ms * 1_000 + 250)).await;
                    let _ = world.disturb(&env, disturber).await;
                });
            });
        }
    }
    fn invariants(&self) -> Vec<Box<dyn Invariant<Committed>>> {
        Vec::new()
    }
}

/// Returns the first multiple of the period after the last turn began, and not before now. The first turn is at once.
fn next_tick(last: Option<Moment>, now: Moment, period: Duration) -> Moment {
    let Some(last) = last else { return now };
    let period = period.as_nanos() as u64;
    let turns = now.nanos().div_ceil(period).max(last.nanos() / period + 1);
    Moment::from_nanos(turns * period)
}

/// Returns the commits, with their times, and the number of events of the run.
fn run(pollers: &[(u64, Program)], disturbers: &[Disturber], turns: Turns) -> (Vec<String>, u32) {
    let commits = Rc::default();
    let (pollers, disturbers) = (pollers.to_vec(), disturbers.to_vec());
    let mut script = "scenario design\n".to_owned();
    for (number, disturber) in (1..).zip(&disturbers) {
        if disturber.ends == Ends::Crashes {
            script += &format!("disturber/before end @ disturber-{number} #1 = crash\n");
            if disturber.holds_ms % 2 == 0 {
                script += &format!("store/notices a dead client @ disturber-{number} #1 = 2900 ms\n");
            }
        }
    }
    let mut runner = Runner::new(Design { pollers, disturbers, turns, commits: Rc::clone(&commits) });
    let outcome = runner.run(Plan::Script(&script.parse().unwrap()));
    assert_eq!(outcome.violations, [], "{script}");
    (commits.take(), outcome.events)
}

fn program() -> impl Strategy<Value = Program> {
    prop_oneof![
        3 => (0u64..4_000).prop_map(Program::Claim),
        1 => (1u32..4).prop_map(Program::LookWithoutWaiting),
        1 => (1u32..4).prop_map(Program::WaitForLock),
        2 => Just(Program::Relay),
        1 => Just(Program::Advisory),
        1 => Just(Program::ReadMarks),
    ]
}

fn disturber() -> impl Strategy<Value = Disturber> {
    let does = prop_oneof![
        4 => (1u32..4).prop_map(Does::Insert),
        1 => (1u32..4).prop_map(Does::Mark),
        2 => (1u32..4).prop_map(Does::Lock),
        1 => Just(Does::LockAdvisory),
    ];
    let ends = prop_oneof![3 => Just(Ends::Commits), 2 => Just(Ends::RollsBack), 1 => Just(Ends::Crashes)];
    let disturber = |(at_ms, holds_ms, does, ends)| Disturber { at_ms, holds_ms, does, ends };
    (0u64..20_000, 0u64..6_000, does, ends).prop_map(disturber)
}

/// Periods of which no two have a common multiple within a run, so that no two pollers wake at the same moment.
const PERIODS_MS: [u64; 3] = [1_009, 907, 811];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn a_design_that_polls_commits_what_it_does_with_a_loop_that_ticks(
        programs in vec(program(), 1..=PERIODS_MS.len()),
        disturbers in vec(disturber(), 1..7),
    ) {
        let pollers: Vec<_> = PERIODS_MS.into_iter().zip(programs).collect();
        let (ticked, polled) = (run(&pollers, &disturbers, Turns::Ticking), run(&pollers, &disturbers, Turns::Polled));
        prop_assert_eq!(ticked.0, polled.0);
    }
}

const WORK: (u64, Program) = (1_000, Program::Claim(5_000));

fn insert(at_ms: u64) -> Disturber {
    Disturber { at_ms, holds_ms: 0, does: Does::Insert(1), ends: Ends::Commits }
}

fn lock(ends: Ends) -> Disturber {
    Disturber { at_ms: 500, holds_ms: 3_001, does: Does::Lock(1), ends }
}

#[test]
fn a_poller_takes_a_job_that_it_had_to_skip_once_its_lock_is_released() {
    for ends in [Ends::Commits, Ends::RollsBack, Ends::Crashes] {
        let (commits, _) = run(&[WORK], &[insert(100), lock(ends)], Turns::Polled);
        let inserted = "00:00:00.102 job 1 is 0";
        assert_eq!(commits, [inserted, "00:00:09.002 job 1 is 1"], "{ends:?}");
    }
}

#[test]
fn a_relay_takes_a_row_once_the_horizon_has_passed_it() {
    let older = Disturber { at_ms: 100, holds_ms: 8_000, does: Does::Mark(2), ends: Ends::RollsBack };
    let (commits, _) = run(&[(1_000, Program::Relay)], &[older, insert(300)], Turns::Polled);
    assert_eq!(commits, ["00:00:00.302 job 1 is 0", "00:00:09.002 job 1 is 3"]);
}

#[test]
fn two_idle_pollers_do_not_keep_each_other_awake() {
    let held = Disturber { at_ms: 100, holds_ms: 25_000, does: Does::LockAdvisory, ends: Ends::RollsBack };
    let pollers = [(1_009, Program::Advisory), (907, Program::Advisory), (811, Program::Relay)];
    let (_, events) = run(&pollers, &[held], Turns::Polled);
    let (_, ticked) = run(&pollers, &[held], Turns::Ticking);
    assert!(events < 40, "{events} events, and {ticked} with ticks");
}

#[test]
fn a_turn_that_failed_is_repeated_when_the_caller_wants_to_try_again() {
    let held = Disturber { at_ms: 100, holds_ms: 20_000, does: Does::Lock(1), ends: Ends::RollsBack };
    let tries = |turns| {
        let (_, events) = run(&[(1_000, Program::WaitForLock(1))], &[insert(50), held], turns);
        events
    };
    let (polled, patient) = (tries(Turns::Polled), tries(Turns::PolledAgainAfter(Duration::from_secs(8))));
    assert!(patient + 5 < polled, "{patient} events, and {polled} without a wait");
}

#[test]
fn a_session_that_gives_up_waiting_for_a_lock_wakes_no_poller_that_needs_it() {
    let holder = Disturber { at_ms: 500, holds_ms: 20_000, does: Does::Lock(1), ends: Ends::RollsBack };
    let waiter = |at_ms| Disturber { at_ms, ..holder };
    let events = |pollers: &[(u64, Program)], waiters: &[u64]| {
        let waiters = waiters.iter().map(|at_ms| waiter(*at_ms));
        let disturbers: Vec<_> = [insert(100), holder].into_iter().chain(waiters).collect();
        run(pollers, &disturbers, Turns::Polled).1
    };
    let waiters = [3_000, 6_000, 9_000, 12_000];
    let of_waiters = events(&[], &waiters) - events(&[], &[]);
    assert_eq!(events(&[WORK], &waiters), events(&[WORK], &[]) + of_waiters);
}
