//! The parent's side: starts children and determines which run ended a child.

use super::VARIABLE;
use super::death::Death;
use super::fatal_run::FatalRun;
use super::message::{self, Attempt, Begin, CampaignState, ToChild, ToParent};
use crate::checkpoint::Part;
use shakedown_sim::Step;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The number of deaths after which a command stops with an error. Shrinking one failure takes some dozens.
const DEATHS_MAX: u32 = 400;
/// The limit of the captured end of a child's stderr, in bytes.
const STDERR_MAX: usize = 1 << 16;

/// The knowledge about the runs of one command, which is passed from one child to the next.
#[derive(Default)]
pub(crate) struct Supervisor {
    attempt: Attempt,
    fatal: Vec<FatalRun>,
    campaigns: BTreeMap<String, CampaignState>,
    parts: BTreeMap<String, Vec<Part>>,
    results: Vec<serde_json::Value>,
    was_blocked: bool,
    /// Whether a search of the current child has ended before its last run.
    ended_early: bool,
    deaths: u32,
    interrupt: Interrupt,
}

/// A handle that interrupts the current child.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Interrupted>>);

#[derive(Default)]
struct Interrupted {
    times: u32,
    child: Option<UnixStream>,
}

impl Interrupt {
    /// Passes an interrupt on to the child. Returns the number of interrupts so far.
    pub(crate) fn pass_on(&self) -> u32 {
        let mut interrupted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        interrupted.times += 1;
        if let Some(child) = &mut interrupted.child {
            let _ = message::write(child, &ToChild::Stop);
        }
        interrupted.times
    }

    fn begin(&self, child: UnixStream) -> bool {
        let mut interrupted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        interrupted.child = Some(child);
        interrupted.times > 0
    }
}

/// A running child process.
pub(crate) struct Child {
    process: std::process::Child,
    from_child: BufReader<UnixStream>,
    stderr: Option<JoinHandle<String>>,
    running: Option<Running>,
    death: Option<Death>,
}

/// The run that a child has announced.
struct Running {
    key: String,
    subject: String,
    happy: Option<String>,
    steps: Vec<Step>,
}

/// A message of a child about the work that it was started for, in contrast to messages about single runs.
pub(crate) enum ChildReport {
    /// The work is done, with this exit code.
    Done(u8),
    /// A rehearsal begins this search.
    Searching(String),
    /// The result of the search.
    Searched(serde_json::Value),
    /// The failure of the last search has been shrunk and explained.
    Explained,
}

impl Supervisor {
    /// Returns a handle that interrupts the children.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Starts the next child. Its stderr is captured instead of shown if `captures` is set or a child has died, because the
    /// last lines of a process show how it ended.
    ///
    /// # Errors
    /// If no process can be started.
    pub(crate) fn start(&self, mut command: Command, captures: bool) -> io::Result<Child> {
        let captures = captures || self.deaths > 0;
        let (ours, theirs) = UnixStream::pair()?;
        command.env(VARIABLE, "1").stdin(Stdio::from(OwnedFd::from(theirs)));
        if captures {
            // A backtrace takes time, and memory that an exhausted process does not have.
            command.stderr(Stdio::piped()).env("RUST_BACKTRACE", "0");
        }
        let mut process = command.spawn()?;
        // The command holds the child's end of the socket. If it stayed open, the parent would never see the end of
        // the stream.
        drop(command);
        let stderr = process.stderr.take().map(|stderr| std::thread::spawn(move || last_output(stderr)));
        let mut to_child = ours.try_clone()?;
        let stopped = self.interrupt.begin(ours.try_clone()?);
        let begin = Begin {
            attempt: self.attempt.clone(),
            fatal: self.fatal.clone(),
            campaigns: self.campaigns.clone(),
            parts: self.parts.clone(),
            results: self.results.clone(),
            was_blocked: self.was_blocked,
            forwards_notes: captures,
            stopped,
        };
        // If the child has already ended, its exit status shows this.
        let _ = message::write(&mut to_child, &ToChild::Begin(begin));
        let from_child = BufReader::new(ours);
        Ok(Child { process, from_child, stderr, running: None, death: None })
    }

    /// Stores the result of a rehearsal, so that the next child does not search for it again.
    pub(crate) fn add_result(&mut self, result: serde_json::Value) {
        self.results.push(result);
    }

    /// Returns the runs that ended their process.
    pub(crate) fn fatal(&self) -> &[FatalRun] {
        &self.fatal
    }

    /// Receives messages of the child up to the next report about its work, which it returns. Returns `None` if the child
    /// ends without one.
    pub(crate) fn next_report(&mut self, child: &mut Child) -> Option<ChildReport> {
        loop {
            match message::read(&mut child.from_child)? {
                ToParent::Running { key, subject } => {
                    child.running = Some(Running { key, subject, happy: None, steps: Vec::new() });
                }
                ToParent::Over => child.running = None,
                ToParent::Blocked(ms) => child.death = Some(Death::Blocked(ms)),
                ToParent::ThreadPanicked(message) => child.death = Some(Death::ThreadPanicked(message)),
                ToParent::Note(text) => print(&format!("{text}\n")),
                ToParent::Campaign(name, state) => drop(self.campaigns.insert(name, state)),
                ToParent::Parts(search, parts) => self.parts.entry(search).or_default().extend(parts),
                ToParent::EndedEarly => self.ended_early = true,
                ToParent::Done(code) => return Some(ChildReport::Done(code)),
                ToParent::Searching(name) => return Some(ChildReport::Searching(name)),
                ToParent::Searched(result) => return Some(ChildReport::Searched(result)),
                ToParent::Explained => return Some(ChildReport::Explained),
                ToParent::Happy(script) => {
                    child.running.iter_mut().for_each(|run| run.happy = Some(script.clone()));
                }
                ToParent::Step(at, step) => child.running.iter_mut().for_each(|run| {
                    // A step is sent again once it is complete, and step 0 starts a new recording.
                    run.steps.truncate(at);
                    run.steps.push((*step).clone());
                }),
            }
        }
    }

    /// Records that a child ended without a final message, and decides how the next child makes its runs. Returns how
    /// it ended.
    ///
    /// # Errors
    /// If the run that ended the child cannot be determined.
    pub(crate) fn note_death(&mut self, child: &mut Child) -> Result<String, String> {
        let (death, running) = child.end()?;
        self.deaths += 1;
        self.ended_early = false;
        self.was_blocked |= matches!(death, Death::Blocked(_));
        let predicate = death.predicate();
        if self.deaths > DEATHS_MAX {
            return Err(format!(
                "the code under test {predicate}, after {DEATHS_MAX} runs that ended their process"
            ));
        }
        match (std::mem::take(&mut self.attempt), running) {
            (_, Some(Running { key, subject, happy: Some(happy), steps })) => {
                self.fatal.push(FatalRun { key, subject, happy, steps, death });
            }
            (Attempt::Normal, _) => self.attempt = Attempt::Careful,
            // Threads race, so the run may differ from the one that was watched.
            (_, Some(running)) => self.attempt = Attempt::Watching(running.key),
            (_, None) => return Err(format!("outside of any run, the code under test {predicate}")),
        }
        Ok(predicate)
    }

    /// Returns whether the user has sent an interrupt.
    fn is_interrupted(&self) -> bool {
        self.interrupt.0.lock().unwrap_or_else(PoisonError::into_inner).times > 0
    }

    /// Returns whether the current child, which is done, has made the runs of the last one one by one, and none of them
    /// ended it. A search that ended early explains this: the threads of the last child were ahead of its end.
    pub(crate) fn is_unrepeatable(&self) -> bool {
        self.attempt != Attempt::Normal && !self.ended_early && !self.is_interrupted()
    }
}

impl Child {
    /// Waits for the end of the process. Returns how it ended and which run was under way.
    fn end(&mut self) -> Result<(Death, Option<Running>), String> {
        let status =
            self.process.wait().map_err(|error| format!("the child cannot be waited for: {error}"))?;
        let stderr = self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default();
        let death = self.death.take().unwrap_or_else(|| Death::of(status, &stderr));
        Ok((death, self.running.take()))
    }

    /// Waits for the end of a process that has finished its work, and shows its captured stderr.
    pub(crate) fn finish(mut self) {
        let _ = self.process.wait();
        print(&self.stderr.take().and_then(|stderr| stderr.join().ok()).unwrap_or_default());
    }
}

/// Prints a text on stderr. An error is ignored, so that a closed stderr does not end the work.
fn print(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Reads a stream to its end and returns its last part.
fn last_output(mut stream: impl Read) -> String {
    let (mut stderr, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        stderr.extend_from_slice(&buffer[..read]);
        if stderr.len() > 2 * STDERR_MAX {
            stderr.drain(..stderr.len() - STDERR_MAX);
        }
    }
    String::from_utf8_lossy(&stderr).into_owned()
}
