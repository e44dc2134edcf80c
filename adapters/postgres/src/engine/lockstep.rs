//! One session at a time: a batch runs until the server responds or the session waits; then those that it released continue, each
//! until it responds or waits again.

use super::slot::{Slot, Wait};
use super::{Ending, Engine, State, World, last_values, run};
use crate::backend::Arrived;
use crate::frame::frame;
use crate::timeouts::{SHOW, Timeouts};
use rustix::process::Signal;
use shakedown_sim::WallTime;
use shakedown_sim::ambient::Handle;
use std::io::ErrorKind;
use std::time::Duration;

/// How long the server has to respond, in real time, before its state is read, first and at most.
const FIRST_PAUSE: Duration = Duration::from_micros(300);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A batch of a client's messages.
pub(crate) struct Batch<'a> {
    pub(crate) messages: &'a [u8],
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it ends with `Flush`, after which the server does not report the end of the batch.
    pub(crate) flushes: bool,
}

impl Engine {
    /// Runs a batch of a session, until the server responds or the session waits, and what follows from it.
    pub(crate) fn submit(&mut self, number: usize, batch: &Batch<'_>, now: WallTime, world: &mut dyn World) {
        self.show(now);
        let began = self.clock.micros();
        if self.slot(number).and_then(|slot| slot.idle_until()).is_some_and(|until| until <= began) {
            // The timeout falls due at the same time as the batch arrives, and is handled first.
            self.look_at_clock(number, now, world);
        }
        let Some(slot) = self.slot(number).filter(|slot| slot.state == State::Idle) else { return };
        slot.state = State::Running;
        slot.backend.resume(None);
        (slot.began, slot.flushes, slot.name) = (began, batch.flushes, batch.name);
        slot.has_run = false;
        match slot.backend.send(batch.messages) {
            Ok(()) => {}
            // The server has ended the session. Its last message, which has the reason, was not read yet.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {}
            Err(error) => self.fails(&format!("`{}` cannot be sent: {error}", batch.name)),
        }
        let blocked = self.settle(number, world);
        self.release(number, blocked, world);
    }

    /// Resumes a session that waits, because a deadline has passed or its statement is cancelled.
    pub(crate) fn rouse(&mut self, number: usize, notice: Notice, now: WallTime, world: &mut dyn World) {
        self.show(now);
        let clock = self.clock.micros();
        let Some(slot) = self.slot(number) else { return };
        let State::Waiting { wait, since, deadlines } = slot.state.clone() else { return };
        slot.state = State::Running;
        slot.backend.resume(Some(match notice {
            Notice::Clock => Signal::ALARM,
            Notice::Cancel => Signal::INT,
        }));
        let blocked = self.settle(number, world);
        let Some(slot) = self.slot(number) else { return };
        if let State::Waiting { wait: still, since: begun, deadlines: left } = &mut slot.state
            && *still == wait
        {
            // The same wait continues, with the deadlines that have not passed.
            *begun = since;
            *left = deadlines.into_iter().filter(|at| *at > clock).collect();
        }
        self.release(number, blocked, world);
    }

    /// Makes an idle session read the clock: it may have exceeded its timeout for being idle.
    pub(crate) fn look_at_clock(&mut self, number: usize, now: WallTime, world: &mut dyn World) {
        self.show(now);
        let Some(slot) = self.slot(number) else { return };
        if slot.state != State::Idle {
            return;
        }
        slot.state = State::Running;
        // If the timeout has not passed, it waits for its client again, as after `Flush`.
        (slot.flushes, slot.name) = (true, "idle session");
        slot.backend.resume(Some(Signal::ALARM));
        let blocked = self.settle(number, world);
        let Some(slot) = self.slot(number) else { return };
        if slot.state == State::Done(Ending::Reads) {
            // The session has another timeout than the one last read: from here on the server's own timer decides.
            (slot.timeouts.idle_in_transaction, slot.timeouts.idle_session) = (0, 0);
            slot.state = State::Idle;
        }
        self.release(number, blocked, world);
    }

    /// Ends a session: its client is gone, or it was shut down.
    pub(crate) fn close(&mut self, number: usize, now: WallTime, world: &mut dyn World) {
        self.show(now);
        let Some(handle) = self.slot(number).map(|slot| slot.handle) else { return };
        self.end(number);
        let blocked = self.blocked();
        self.release_for(handle, blocked, world);
    }

    /// Resumes the sessions that the session `number` has released.
    fn release(&mut self, number: usize, blocked: Vec<i32>, world: &mut dyn World) {
        let Some(handle) = self.slot(number).map(|slot| slot.handle) else { return };
        self.release_for(handle, blocked, world);
    }

    fn release_for(&mut self, releaser: Handle, mut blocked: Vec<i32>, world: &mut dyn World) {
        loop {
            let released = self.released(&blocked);
            let number = match released[..] {
                [] => return,
                [only] => only,
                // A choice has at most 64 alternatives.
                _ => released[world.pick(releaser, released.len().min(64))],
            };
            if let Some(slot) = self.slot(number) {
                slot.state = State::Running;
                slot.backend.resume(None);
            }
            blocked = self.settle(number, world);
        }
    }

    /// Returns the waiting sessions whose wait has ended, in the order in which they began to wait. `blocked` are the processes that
    /// wait for a lock.
    fn released(&mut self, blocked: &[i32]) -> Vec<usize> {
        let mut waiting: Vec<(u64, usize, Wait, i32)> = Vec::new();
        for (number, slot) in self.slots.iter().enumerate() {
            if let Some(slot) = slot
                && let State::Waiting { wait, since, .. } = slot.state
            {
                waiting.push((since, number, wait, slot.backend.pid()));
            }
        }
        waiting.sort_unstable();
        waiting.retain(|(_, _, wait, pid)| match wait {
            Wait::Lock => !blocked.contains(pid),
            Wait::SafeSnapshot => {
                let blocking = self.monitor.value(&format!("SELECT pg_safe_snapshot_blocking_pids({pid})"));
                blocking.is_ok_and(|pids| pids == "{}")
            }
            Wait::Sleep => false,
        });
        waiting.into_iter().map(|(_, number, ..)| number).collect()
    }

    /// Returns the processes that wait for a lock, if sessions of the run may be among them.
    fn blocked(&mut self) -> Vec<i32> {
        if self.has_waiting() { self.look().blocked } else { Vec::new() }
    }

    /// Waits until a running session responds or waits, then reports the rows that it has committed. Returns the processes that then
    /// wait for a lock.
    fn settle(&mut self, number: usize, world: &mut dyn World) -> Vec<i32> {
        // Real time is counted by pauses: the process's clock may show the run's time.
        let (mut spent, mut pause) = (Duration::ZERO, FIRST_PAUSE);
        loop {
            let (redaction, slot) = (&mut self.redaction, self.slots[number].as_mut());
            let Some(slot) = slot else { return Vec::new() };
            let (pid, name) = (slot.backend.pid(), slot.name);
            let taken = slot.backend.wait(pause).and_then(|arrived| Ok((slot.take_in(redaction)?, arrived)));
            match taken {
                Ok((Some(ending), _)) => break self.ended(number, ending),
                Ok((None, Arrived::Bytes)) => continue,
                Ok((None, Arrived::End)) => break self.ended(number, Ending::Closed),
                Ok((None, Arrived::Nothing)) => {}
                Err(error) => self.fails(&format!("the response to `{name}` cannot be read: {error}")),
            }
            let (mut kind, mut event) = (String::new(), String::new());
            if is_asleep(pid) {
                (kind, event) = self.wait_event(pid);
                match Found::of(&kind, &event) {
                    Found::Waits(wait) if self.waits(number, wait) => break,
                    Found::Reads if self.reads(number) => break self.ended(number, Ending::Reads),
                    _ => {}
                }
            }
            spent += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if spent > self.real_limit {
                let doing =
                    if kind.is_empty() { "runs".to_owned() } else { format!("waits for {kind}/{event}") };
                self.fails(&format!(
                    "`{name}` has no response after {} ms of real time; the session {doing}",
                    spent.as_millis()
                ));
            }
        }
        let Some(slot) = self.slot(number) else { return Vec::new() };
        let handle = slot.handle;
        // In a transaction block, while it waits, and by preparing statements, a session has committed nothing.
        if !matches!(slot.state, State::Done(_)) || slot.status != b'I' || !slot.has_run {
            return self.blocked();
        }
        let seen = self.look();
        let changes = self.decode(&seen);
        if !changes.is_empty() {
            world.committed(handle, &changes);
        }
        self.collect_notifications(number);
        seen.blocked
    }

    /// Returns the type and name of the event that a session waits for, as the server reports them.
    fn wait_event(&mut self, pid: i32) -> (String, String) {
        let rows = self.ask(&format!("EXECUTE shakedown_wait ({pid})"));
        let mut row = rows.into_iter().next().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
        (row.next().unwrap_or_default(), row.next().unwrap_or_default())
    }

    /// Notes that a session waits and stops it, unless it has responded in between. Returns whether it waits.
    fn waits(&mut self, number: usize, wait: Wait) -> bool {
        let now = self.clock.micros();
        self.waits += 1;
        let since = self.waits;
        let Some(slot) = self.slot(number) else { return true };
        if slot.backend.wait(Duration::ZERO).is_ok_and(|arrived| arrived != Arrived::Nothing) {
            return false;
        }
        slot.backend.stop();
        slot.state = State::Waiting { wait, since, deadlines: slot.deadlines(wait, now) };
        slot.waker.take().into_iter().for_each(|waker| waker.wake());
        true
    }

    /// Whether the server waits for the rest of a batch that ends with `Flush`, and its whole response has been read.
    fn reads(&mut self, number: usize) -> bool {
        let Some(slot) = self.slot(number) else { return false };
        slot.flushes && slot.backend.wait(Duration::ZERO).is_ok_and(|arrived| arrived == Arrived::Nothing)
    }

    /// Notes that a batch has ended.
    fn ended(&mut self, number: usize, ending: Ending) {
        let now = self.clock.micros();
        let Some(slot) = self.slot(number) else { return };
        slot.state = State::Done(ending);
        slot.has_run |= ending == Ending::Closed;
        if ending == Ending::Ready {
            slot.ended = now;
        }
        slot.waker.take().into_iter().for_each(|waker| waker.wake());
        if ending == Ending::Ready && slot.status != b'E' && slot.sets_timeouts {
            match run(&mut slot.backend, SHOW) {
                Ok(rows) => slot.timeouts = Timeouts::of(&last_values(rows)).unwrap_or(slot.timeouts),
                Err(error) => self.fails(&error.to_string()),
            }
        }
    }

    /// Delivers notifications to each idle session that listens: an empty statement ends after the server has sent them.
    fn collect_notifications(&mut self, except: usize) {
        for number in 0..self.slots.len() {
            let redaction = &mut self.redaction;
            let Some(slot) = self.slots[number].as_mut() else { continue };
            if number == except || !slot.listens || slot.status != b'I' || slot.state != State::Idle {
                continue;
            }
            if let Err(error) = notifications(slot, redaction) {
                self.fails(&format!("notifications cannot be read: {error}"));
            }
        }
    }
}

/// Whether a process sleeps and has no pending signal. Before that the server still reports the wait that a resumed process has left.
fn is_asleep(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let is_clear = |name| field(name).is_some_and(|mask| mask.bytes().all(|digit| digit == b'0'));
    field("State:").is_some_and(|state| state.starts_with('S')) && is_clear("SigPnd:") && is_clear("ShdPnd:")
}

/// Adds the notifications of an idle session to the output for its client.
fn notifications(slot: &mut Slot, redaction: &super::Redaction) -> std::io::Result<()> {
    use crate::frame::Frame;
    slot.backend.send(&frame(b'Q', b"\0"))?;
    for _ in 0..1_000 {
        let messages = slot.backend.take()?;
        for message in Frame::all(&messages) {
            match message.tag {
                b'A' => redaction.notification(&message, &mut slot.out),
                b'Z' => {
                    if !slot.out.is_empty() {
                        slot.waker.take().into_iter().for_each(|waker| waker.wake());
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
        slot.backend.wait(Duration::from_millis(10))?;
    }
    Err(std::io::ErrorKind::TimedOut.into())
}

/// Why a waiting session is resumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Notice {
    /// A deadline has passed: it reads the clock.
    Clock,
    /// Its client cancels the statement.
    Cancel,
}

/// What a session that has not responded is doing.
enum Found {
    Waits(Wait),
    /// It waits for its client.
    Reads,
    /// It runs, or its wait ends without another session.
    Works,
}

impl Found {
    fn of(kind: &str, event: &str) -> Self {
        match (kind, event) {
            // Held only while a table is extended or an insert is tried; the holder waits for no other session.
            ("Lock", "extend" | "spectoken") => Self::Works,
            ("Lock", _) => Self::Waits(Wait::Lock),
            ("IPC", "SafeSnapshot") => Self::Waits(Wait::SafeSnapshot),
            ("Timeout", "PgSleep") => Self::Waits(Wait::Sleep),
            ("Client", "ClientRead") => Self::Reads,
            _ => Self::Works,
        }
    }
}
