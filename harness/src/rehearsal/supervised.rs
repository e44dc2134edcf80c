//! The searches of a rehearsal under supervision. A child process runs only the same test, and the results of its
//! searches count. See [`supervision`](crate::supervision).
//!
//! The child runs the test binary again, for the test of this thread. Both processes run the test; at each search, this
//! process takes the child's result instead of searching. So a design that ends its process is a violation here as well.

use super::observed::Seen;
use super::{Search, Unmet};
use crate::supervision::{Child, ChildReport, Supervisor, ToParent, link, take_as_known};
use serde::{Deserialize, Serialize};
use shakedown_reports::records::is_fatal;
use shakedown_sim::Violation;
use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The result of a search, as the child reports it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SearchState {
    /// The name of the search.
    name: String,
    runs: u64,
    goals: u64,
    violated: Vec<String>,
    met_choices: bool,
    unreached: bool,
    found: Option<(String, Violation, Option<u64>)>,
}

impl SearchState {
    fn of(name: &str, search: &Search) -> Self {
        let found = search.found.as_ref();
        Self {
            name: name.to_owned(),
            runs: search.runs,
            goals: search.seen.goals(),
            violated: search.seen.violated(),
            met_choices: search.seen.met_choices(),
            unreached: search.unreached,
            found: found.map(|(script, violation, seed)| (script.to_string(), violation.clone(), *seed)),
        }
    }

    fn search(self) -> Search {
        let seen = Arc::new(Seen::default());
        seen.add(self.goals, self.met_choices, self.violated);
        let found =
            self.found.and_then(|(script, violation, seed)| Some((script.parse().ok()?, violation, seed)));
        Search { runs: self.runs, seen, found, unreached: self.unreached }
    }

    /// Returns whether the failing run ends its process.
    fn is_fatal(&self) -> bool {
        self.found.as_ref().is_some_and(|(_, violation, _)| is_fatal(violation))
    }
}

/// The child of the test that this thread runs.
#[derive(Default)]
enum Shadow {
    #[default]
    None,
    Running(Box<Running>),
    /// The child does not run the test as this thread does.
    Off,
}

struct Running {
    test: String,
    supervisor: Supervisor,
    child: Child,
}

thread_local! {
    static SHADOW: RefCell<Shadow> = RefCell::default();
}

/// Returns the result of the search with this name if the child makes or has made this search.
pub(super) fn by_child(name: &str) -> Option<Result<Search, Unmet>> {
    if let Some(link) = link() {
        if let Some(state) =
            link.next_result().and_then(|value| serde_json::from_value::<SearchState>(value).ok())
        {
            return Some(Ok(state.search()));
        }
        link.send(&ToParent::Searching(name.to_owned()));
        return None;
    }
    SHADOW.with_borrow_mut(|shadow| {
        if matches!(shadow, Shadow::None) {
            *shadow = Running::start().map_or(Shadow::Off, |running| Shadow::Running(Box::new(running)));
        }
        let Shadow::Running(running) = shadow else { return None };
        let result = running.result(name);
        if !matches!(result, Some(Ok(_))) {
            *shadow = Shadow::Off;
        }
        let result = result?;
        Some(result.map(SearchState::search).map_err(Unmet::Internal))
    })
}

/// Sends the result of a search to the parent, if this process has one. A rejected search has none: the
/// parent then searches itself and gets the same error.
pub(super) fn report_search(name: &str, search: &Result<Search, Unmet>) {
    if let Some(link) = link() {
        let state = search.as_ref().ok().map(|search| SearchState::of(name, search));
        link.send(&ToParent::Searched(serde_json::to_value(state).unwrap_or_default()));
    }
}

/// Reports to the parent that this process survived the explanation of the last search's failure.
pub(super) fn report_explained() {
    link().into_iter().for_each(|link| link.send(&ToParent::Explained));
}

impl Running {
    /// Starts the child. Returns `None` if this thread runs no test of a test binary.
    fn start() -> Option<Self> {
        let test = std::thread::current().name().filter(|name| *name != "main")?.to_owned();
        let binary = std::env::current_exe().ok()?;
        let is_test = binary.parent().is_some_and(|directory| directory.ends_with("deps"));
        let supervisor = Supervisor::default();
        let child = supervisor.start(command(&test).filter(|_| is_test)?, true).ok()?;
        Some(Self { test, supervisor, child })
    }

    /// Waits for the result of this search and restarts the child as often as needed. Returns `None` if the child makes
    /// another search or none, and an error if the run that ends the process cannot be determined.
    fn result(&mut self, name: &str) -> Option<Result<SearchState, String>> {
        let (mut has_begun, mut result) = (false, None);
        loop {
            match self.supervisor.next_report(&mut self.child) {
                Some(ChildReport::Searching(what)) if what == name => has_begun = true,
                Some(ChildReport::Searched(value)) => {
                    let state: SearchState = serde_json::from_value(value.clone()).ok()?;
                    if !has_begun {
                        return None;
                    }
                    self.supervisor.add_result(value);
                    if !state.is_fatal() {
                        return Some(Ok(state));
                    }
                    result = Some(state);
                }
                Some(ChildReport::Explained) => {
                    if let Some(state) = result {
                        take_as_known(self.supervisor.fatal());
                        return Some(Ok(state));
                    }
                }
                None if has_begun || result.is_some() => {
                    if let Err(what) = self.start_again() {
                        return Some(Err(what));
                    }
                    has_begun = false;
                }
                _ => return None,
            }
        }
    }

    fn start_again(&mut self) -> Result<(), String> {
        let command = command(&self.test).ok_or("the test binary is gone")?;
        let cannot = |error: std::io::Error| format!("the test cannot be run again: {error}");
        self.supervisor.note_death(&mut self.child)?;
        self.child = self.supervisor.start(command, true).map_err(cannot)?;
        Ok(())
    }
}

/// Returns the command that runs one test of this binary.
fn command(test: &str) -> Option<Command> {
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.args([test, "--exact", "--nocapture", "--include-ignored"]).stdout(Stdio::null());
    Some(command)
}
