//! [`Server`]: a real server as a node of simulated runs.

use crate::changes::RowChange;
use crate::engine::Engine;
use crate::faults::ServerFaults;
use crate::relay::{self, Relay};
use crate::setup::SetupError;
use shakedown_net::Network;
use shakedown_sim::{Env, Fact, Role, Stage};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The contents of the database when a run begins, and the server's settings.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(crate) database: String,
    pub(crate) tables: Vec<String>,
    pub(crate) rows: Vec<String>,
    pub(crate) settings: Vec<String>,
    pub(crate) real_limit_ms: u32,
}

impl Schema {
    /// Names the statements that create tables, functions, roles. They run once for each server; between runs tables are emptied and
    /// sequences restart.
    pub fn new(tables: &str) -> Self {
        Self {
            database: "app".to_owned(),
            tables: vec![tables.to_owned()],
            rows: Vec::new(),
            settings: Vec::new(),
            real_limit_ms: 10_000,
        }
    }

    /// Adds statements that insert the rows with which each run begins.
    #[must_use]
    pub fn rows(mut self, sql: &str) -> Self {
        self.rows.push(sql.to_owned());
        self
    }

    /// Names the database to which clients connect; `app` otherwise.
    #[must_use]
    pub fn database(mut self, name: &str) -> Self {
        name.clone_into(&mut self.database);
        self
    }

    /// Adds a setting of the server, such as `deadlock_timeout=200ms`.
    #[must_use]
    pub fn setting(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// Sets how long a batch may take in real time before the run fails: 10 s otherwise. Waits for locks and timers do not count.
    #[must_use]
    pub fn real_limit(mut self, limit: Duration) -> Self {
        self.real_limit_ms = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        self
    }
}

/// A real server, in lockstep and in virtual time. Each thread that runs a scenario has one of its own, since a server has one clock.
pub struct Server {
    engine: Mutex<Engine>,
    schema: Schema,
}

impl Server {
    /// Starts a server and loads the schema. Takes about two seconds.
    ///
    /// # Errors
    /// If a program or library is missing, with the package that has it; if the server does not start or its clock cannot be
    /// controlled; if the schema does not load.
    pub fn start(schema: Schema) -> Result<Self, SetupError> {
        Ok(Self { engine: Mutex::new(Engine::start(schema.clone())?), schema })
    }

    /// Adds the server to a run as a node that listens at port 5432. `fact` says which committed rows are facts.
    ///
    /// # Panics
    /// If the server has ended or does not respond.
    pub fn serve<F: Fact>(
        self: &Arc<Self>,
        stage: &Stage<F>,
        role: Role,
        faults: &'static ServerFaults,
        fact: impl Fn(&RowChange) -> Option<F> + 'static,
    ) -> Env {
        let run = self.begin_run();
        // Drivers number their prepared statements on from run to run; the relay records what the bytes mean.
        Network::on(stage).hide_bytes(role.name.text());
        let facts = stage.facts().clone();
        let state = move |env: &Env, change: &RowChange| {
            if let Some(fact) = fact(change) {
                facts.state(env, &fact);
            }
        };
        let relay = Rc::new(Relay::new(Arc::clone(self), run, role.name, faults, Box::new(state)));
        stage.program(role, move || relay::serve(Rc::clone(&relay)))
    }

    /// Begins a run, on another server if this one has failed in an earlier run. Returns its number.
    fn begin_run(&self) -> u64 {
        let mut engine = self.engine();
        if engine.is_broken() {
            *engine = Engine::start(self.schema.clone()).unwrap_or_else(|error| panic!("{error}"));
        }
        engine.begin_run()
    }

    /// Returns the folder of the server's socket, data and log.
    pub fn folder(&self) -> std::path::PathBuf {
        self.engine().cluster().folder().to_owned()
    }

    /// Returns the process id of the server's first process.
    pub fn postmaster(&self) -> i32 {
        self.engine().cluster().postmaster()
    }

    pub(crate) fn database(&self) -> &str {
        &self.schema.database
    }

    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
