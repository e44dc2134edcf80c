//! [`Cluster`]: a server of its own, which ends with the process that started it.

mod clock_file;
mod error;
mod find;

pub(crate) use clock_file::ClockFile;
pub use error::SetupError;

use find::{Account, Programs};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Runs the server and ends it when its standard input ends.
const WATCH: &str = include_str!("watch.sh");

/// What makes runs repeat: no background work that a statement could meet, no parallel plans, no choice by real time. And what makes
/// them cheap: nothing needs to survive a power failure.
const OPTIONS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "superuser_reserved_connections=0",
    "fsync=off",
    "full_page_writes=off",
    "wal_level=logical",
    "max_wal_senders=4",
    "wal_sender_timeout=0",
    "max_replication_slots=2",
    "autovacuum=off",
    "track_counts=off",
    "bgwriter_lru_maxpages=0",
    "checkpoint_timeout=1d",
    "max_wal_size=128MB",
    "min_wal_size=32MB",
    "jit=off",
    "max_parallel_workers=0",
    "max_parallel_workers_per_gather=0",
    "max_parallel_maintenance_workers=0",
    "synchronize_seqscans=off",
    "shared_buffers=32MB",
    "dynamic_shared_memory_type=mmap",
    "huge_pages=off",
    "update_process_title=off",
    "restart_after_crash=off",
    "allow_system_table_mods=on",
    "log_min_messages=fatal",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// Numbers the clusters of a process.
static CLUSTERS: AtomicU32 = AtomicU32::new(0);

/// A temporary server on a local socket: its data, its clock, and the process that watches over it. It ends and its folder is removed
/// when this is dropped, or when this process ends in whatever way, by SIGKILL too.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    /// The process that ends the server; none for an existing server.
    watcher: Option<Child>,
    postmaster: i32,
    /// The file that its clock follows.
    clock: PathBuf,
}

/// A server that this process did not start.
#[derive(Clone, Debug)]
pub(crate) struct Existing {
    /// The folder of its socket.
    pub(crate) socket: PathBuf,
    /// The file that its clock follows.
    pub(crate) clock: PathBuf,
}

/// The settings of an existing server without which runs would not repeat, or its database could not be restored between runs.
pub(crate) const NEEDED: &[(&str, &str)] = &[
    ("wal_level", "logical"),
    // By virtual time, which jumps.
    ("wal_sender_timeout", "0"),
    ("allow_system_table_mods", "on"),
    ("autovacuum", "off"),
    ("jit", "off"),
    ("max_parallel_workers", "0"),
    ("synchronize_seqscans", "off"),
];

impl Cluster {
    /// Starts a new server, with further settings such as `deadlock_timeout=200ms`. Takes about two seconds.
    ///
    /// # Errors
    /// If a program or library is missing, with the package that has it; if the server does not start, with the end of its log.
    pub fn start(settings: &[String]) -> Result<Self, SetupError> {
        let programs = find::programs()?;
        let account = find::account()?;
        let folder = make_folder(account).map_err(SetupError::io("making a folder for the server"))?;
        let clock = folder.join("clock");
        let started = start_watcher(&programs, account, (&folder, &clock), settings);
        let mut watcher = started.inspect_err(|_| {
            // Nothing else removes it yet. Where even that fails, the error that is returned says why.
            let _ = fs::remove_dir_all(&folder);
        })?;
        let mut line = String::new();
        if let Some(output) = watcher.stdout.take() {
            let read = BufReader::new(output).read_line(&mut line);
            read.map_err(SetupError::io("reading from the process that watches the server"))?;
        }
        let postmaster = line.trim().strip_prefix("server ").and_then(|pid| pid.parse().ok());
        let cluster =
            Self { folder, watcher: Some(watcher), postmaster: postmaster.unwrap_or_default(), clock };
        if postmaster.is_none() {
            return Err(SetupError::Failed { doing: "initdb", log: cluster.log() });
        }
        cluster.wait_until_it_accepts()?;
        Ok(cluster)
    }

    /// Finds an existing server. It is not ended when this is dropped.
    pub(crate) fn existing(existing: &Existing) -> Result<Self, SetupError> {
        let lock = existing.socket.join(".s.PGSQL.5432.lock");
        let text = fs::read_to_string(lock).map_err(SetupError::io("finding the existing server"))?;
        let postmaster = text.lines().next().and_then(|pid| pid.trim().parse().ok()).unwrap_or_default();
        Ok(Self { folder: existing.socket.clone(), watcher: None, postmaster, clock: existing.clock.clone() })
    }

    /// Ends the server and removes its folder, unless this process did not start it.
    pub(crate) fn end(&mut self) {
        let Some(mut watcher) = self.watcher.take() else { return };
        drop(watcher.stdin.take());
        // Its result is not needed: the folder is gone, or was never there.
        let _ = watcher.wait();
    }

    /// Returns whether this process did not start it.
    pub(crate) fn is_existing(&self) -> bool {
        self.watcher.is_none()
    }

    /// Returns the folder of the server's socket, data, log and clock.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the process id of the server's first process.
    pub fn postmaster(&self) -> i32 {
        self.postmaster
    }

    /// Returns whether the server's first process runs.
    pub(crate) fn is_running(&self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.postmaster)).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:")).map(str::trim);
        state.is_some_and(|state| !state.starts_with('Z'))
    }

    /// Returns whether the disk on which its folder lies is full.
    pub(crate) fn disk_is_full(&self) -> bool {
        rustix::fs::statvfs(&self.folder)
            .is_ok_and(|status| status.f_bavail * status.f_frsize < NEARLY_NOTHING)
    }

    /// Returns the last lines of the server's log.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Opens the file that its clock follows.
    pub(crate) fn clock(&self) -> io::Result<ClockFile> {
        ClockFile::create(&self.clock)
    }

    /// Opens a connection, before any message.
    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(self.folder.join(".s.PGSQL.5432"))
    }

    /// Waits until the server reports in its pid file that it is ready, as `pg_ctl` does; at most 60 s.
    fn wait_until_it_accepts(&self) -> Result<(), SetupError> {
        for _ in 0..6_000 {
            let status = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
            if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if !self.is_running() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(SetupError::Failed { doing: "starting postgres", log: self.log() })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

fn make_folder(account: Option<Account>) -> io::Result<PathBuf> {
    let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
    // Short: the path of a socket has at most 107 bytes.
    let folder = base().join(format!("shakedown-pg-{}-{number}", std::process::id()));
    if folder.exists() {
        // A process with our number left it: the machine was switched off.
        fs::remove_dir_all(&folder)?;
    }
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    give(&folder, account)?;
    Ok(folder)
}

/// Free memory that a server's folder may take.
const ROOM: u64 = 1 << 30;

/// With less than this a server cannot write its log, whose files have two megabytes.
const NEARLY_NOTHING: u64 = 2 << 20;

/// Returns where folders are made: in memory if there is room, since a run creates a file for each table that it has written.
fn base() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let has_room = rustix::fs::statvfs(memory).is_ok_and(|status| status.f_bavail * status.f_frsize > ROOM);
    if has_room && std::env::var_os("TMPDIR").is_none() { memory.into() } else { std::env::temp_dir() }
}

fn give(path: &Path, account: Option<Account>) -> io::Result<()> {
    match account {
        Some(Account { user, group }) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

/// Writes the clock file and starts the process that runs the server.
fn start_watcher(
    programs: &Programs,
    account: Option<Account>,
    (folder, clock): (&Path, &Path),
    settings: &[String],
) -> Result<Child, SetupError> {
    let made = ClockFile::create(clock).and_then(|_| give(clock, account));
    made.map_err(SetupError::io("writing the clock file"))?;
    let mut command = watcher(programs, folder, settings);
    if let Some(Account { user, group }) = account {
        command.uid(user).gid(group);
    }
    command.spawn().map_err(SetupError::io("starting /bin/sh"))
}

fn watcher(programs: &Programs, folder: &Path, settings: &[String]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", WATCH, "sh"]).arg(folder).arg(&programs.initdb);
    command.arg(&programs.postgres).arg(&programs.faketime);
    let settings = settings.iter().map(String::as_str);
    OPTIONS.iter().copied().chain(settings).for_each(|setting| _ = command.args(["-c", setting]));
    command.current_dir(folder).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // The script calls `cat`, `grep`, `rm` and `sleep`.
    let path = std::env::var_os("PATH").filter(|path| !path.is_empty());
    command.env_clear().env("PATH", path.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
    command.envs([("TZ", "UTC"), ("LC_ALL", "C")]);
    command
}
