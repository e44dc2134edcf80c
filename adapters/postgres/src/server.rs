//! [`Server`]: a real server as a node of simulated runs.

use crate::changes::RowChange;
use crate::engine::Engine;
use crate::faults::ServerFaults;
use crate::preparation;
use crate::relay::{self, Relay, Wording};
use crate::setup::{Existing, SetupError};
use shakedown_net::Network;
use shakedown_sim::{Env, Fact, Role, Stage};
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::pin::Pin;
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
    pub(crate) real_limit: Duration,
    pub(crate) existing: Option<Existing>,
    preparation: Option<Preparation>,
}

/// A program that prepares the database.
#[derive(Clone)]
pub(crate) struct Preparation(Arc<dyn Fn() -> Prepared + Send + Sync>);

type Prepared = Pin<Box<dyn Future<Output = Result<(), String>>>>;

impl Preparation {
    pub(crate) fn run(&self) -> Prepared {
        (self.0)()
    }
}

impl fmt::Debug for Preparation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preparation")
    }
}

impl Schema {
    /// Names the statements that create tables, functions, roles. They run once for each server. Each run begins with the rows and the
    /// sequences that they leave.
    pub fn new(tables: &str) -> Self {
        Self {
            database: "app".to_owned(),
            tables: vec![tables.to_owned()],
            rows: Vec::new(),
            settings: Vec::new(),
            real_limit: Duration::from_secs(10),
            existing: None,
            preparation: None,
        }
    }

    /// Adds statements that insert further rows with which each run begins.
    #[must_use]
    pub fn rows(mut self, sql: &str) -> Self {
        self.rows.push(sql.to_owned());
        self
    }

    /// Sets a program that prepares the database, such as the migrations of the service. It runs once for each server, as a node of a
    /// simulated run without faults in which the server is `postgres`. Each run begins with the database as it leaves it, so a service
    /// that migrates when it starts finds nothing to do.
    ///
    /// ```
    /// # use shakedown_postgres::Schema;
    /// # async fn migrate(url: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// let schema = Schema::new("").prepared_by(|| migrate("postgres://postgres@postgres/app"));
    /// ```
    #[must_use]
    pub fn prepared_by<T, E>(mut self, program: impl Fn() -> T + Send + Sync + 'static) -> Self
    where
        T: Future<Output = Result<(), E>> + 'static,
        E: fmt::Display,
    {
        let program = move || {
            let future = program();
            Box::pin(async move { future.await.map_err(|error| error.to_string()) }) as Prepared
        };
        self.preparation = Some(Preparation(Arc::new(program)));
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

    /// Names an existing server by the folder of its socket (port 5432) and the file that its clock follows, instead of starting one. It
    /// is accepted only if its clock follows that file and its settings let runs repeat. This process must be allowed to stop and continue
    /// the server's processes. The server's database of [`Schema::database`] is replaced.
    #[must_use]
    pub fn existing(mut self, socket_folder: impl Into<PathBuf>, clock_file: impl Into<PathBuf>) -> Self {
        self.existing = Some(Existing { socket: socket_folder.into(), clock: clock_file.into() });
        self
    }

    /// Sets how long a batch may take in real time before the run fails: 10 s otherwise. Waits for locks and timers do not count.
    #[must_use]
    pub fn real_limit(mut self, limit: Duration) -> Self {
        self.real_limit = limit;
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
        let mut unprepared = schema.clone();
        let engine = match unprepared.preparation.take() {
            None => Engine::start(schema.clone())?,
            Some(program) => prepare(unprepared, &program)?,
        };
        Ok(Self { engine: Mutex::new(engine), schema })
    }

    /// Adds the server to a run as a node that listens at port 5432. `fact` returns the fact that a committed row change is, if it is one.
    ///
    /// # Panics
    /// If a fault has no meaning at its place. If the server has ended or does not respond.
    pub fn serve<F: Fact>(
        self: &Arc<Self>,
        stage: &Stage<F>,
        role: Role,
        faults: &'static ServerFaults,
        fact: impl Fn(&RowChange) -> Option<F> + 'static,
    ) -> Env {
        faults.check(role.name.text());
        let run = self.begin_run();
        // Drivers continue to number their prepared statements from run to run; the relay records what the bytes mean.
        let wording = Wording::default();
        Network::on(stage).hide_bytes(role.name.text(), move |connection, is_request, bytes| {
            if is_request { wording.request(connection, bytes) } else { relay::response(bytes) }
        });
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
            engine.end_server();
            let another = Self::start(self.schema.clone()).unwrap_or_else(|error| {
                panic!("the PostgreSQL of this simulation does not start again: {error}")
            });
            *engine = another.engine.into_inner().unwrap_or_else(PoisonError::into_inner);
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

/// Starts a server whose database a program then prepares.
fn prepare(schema: Schema, program: &Preparation) -> Result<Engine, SetupError> {
    let server = Arc::new(Server::start(schema)?);
    preparation::run(&server, program).map_err(SetupError::schema)?;
    let server =
        Arc::into_inner(server).ok_or_else(|| SetupError::schema("the preparing run has not ended"))?;
    let mut engine = server.engine.into_inner().unwrap_or_else(PoisonError::into_inner);
    engine.adopt().map_err(SetupError::schema)?;
    Ok(engine)
}

/// Servers with one schema for the runners of a process. A server takes about two seconds to start, so those that are returned are
/// used again.
///
/// ```no_run
/// use shakedown_postgres::{Schema, Servers};
/// use std::sync::LazyLock;
///
/// static SERVERS: LazyLock<Servers> = LazyLock::new(|| Servers::new(Schema::new("")));
/// let server = SERVERS.take()?;
/// # Ok::<(), shakedown_postgres::SetupError>(())
/// ```
pub struct Servers {
    schema: Schema,
    idle: Arc<Mutex<Vec<Arc<Server>>>>,
}

impl Servers {
    /// Creates an empty pool. A server starts when one is taken and none is idle.
    pub fn new(schema: Schema) -> Self {
        Self { schema, idle: Arc::default() }
    }

    /// Takes an idle server, or starts one. Each thread that runs a scenario takes one of its own, since a server has one clock.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn take(&self) -> Result<TakenServer, SetupError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let server = match idle {
            Some(server) => server,
            None => Arc::new(Server::start(self.schema.clone())?),
        };
        Ok(TakenServer { server, idle: Arc::clone(&self.idle) })
    }
}

/// A server in exclusive use. Dropping this returns the server to its [`Servers`].
pub struct TakenServer {
    server: Arc<Server>,
    idle: Arc<Mutex<Vec<Arc<Server>>>>,
}

impl Deref for TakenServer {
    type Target = Arc<Server>;

    fn deref(&self) -> &Arc<Server> {
        &self.server
    }
}

impl Drop for TakenServer {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.server));
    }
}
