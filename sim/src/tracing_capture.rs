//! Captures `tracing` spans and events of the code under test into the trace while recording.
//!
//! Before the first recording of a process no subscriber is set, and a `tracing` call costs its level check.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Captured lines that are not yet in the trace.
#[derive(Clone, Default)]
pub(crate) struct Buffer(Arc<Mutex<Vec<String>>>);

impl Buffer {
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Subscribers that no thread uses. As long as a process has only one, `tracing` takes the interest of the thread that first meets a call
/// site for that of all threads, and a thread that records nothing would silence one that does.
static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();

/// Runs `recorded` with `tracing` captured into `buffer`, on this thread only.
pub(crate) fn capture<T>(buffer: &Buffer, recorded: impl FnOnce() -> T) -> T {
    OTHERS.get_or_init(|| std::array::from_fn(|_| Dispatch::new(Capture(Buffer::default()))));
    tracing::subscriber::with_default(Capture(buffer.clone()), recorded)
}

struct Capture(Buffer);

impl Subscriber for Capture {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", attributes.metadata().name()));
        attributes.record(&mut line);
        self.0.put(line.0);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string().to_lowercase());
        event.record(&mut line);
        self.0.put(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("a String takes any text");
    }
}
