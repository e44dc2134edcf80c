//! Observers: they receive each step of a recorded run as it is recorded, so that a run that ends the process leaves
//! its steps behind.

use crate::engine::Core;
use crate::trace::{self, Step};

/// Receives the number of a step, from 0, and the step. A step is passed when it is recorded, and again once it is
/// complete; step 0 begins another recording.
pub type ShowStep = Box<dyn FnMut(usize, Step) + Send>;

/// An observer, and the data to number the steps of the current recording.
pub(crate) struct Observer {
    show: ShowStep,
    /// For each numbered event, its step.
    step_of: Vec<u32>,
}

impl Observer {
    pub(crate) fn new(show: ShowStep) -> Self {
        Self { show, step_of: Vec::new() }
    }

    fn show_last(&mut self, core: &Core) {
        let Some((last, events)) = core.recording.as_ref().and_then(|events| Some((events.last()?, events)))
        else {
            return;
        };
        let at = events.len() - 1;
        if at == 0 {
            self.step_of.clear();
        }
        if last.number == Some(self.step_of.len() as u32) {
            self.step_of.push(at as u32);
        }
        if let Some(before) = at.checked_sub(1) {
            // Data that were added to the event after it was recorded, such as its state.
            (self.show)(before, trace::step(core, events[before].clone(), &self.step_of));
        }
        (self.show)(at, trace::step(core, last.clone(), &self.step_of));
    }
}

impl Core {
    /// Passes the last recorded event to the observer, if there is one.
    #[cold]
    pub(crate) fn show_to_observer(&mut self) {
        if let Some(mut observer) = self.observer.take() {
            observer.show_last(self);
            self.observer = Some(observer);
        }
    }
}
