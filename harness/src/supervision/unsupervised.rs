//! Systems without Unix sockets: no process is supervised.

use super::fatal_run::KnownRun;
use super::message::{Attempt, CampaignState, ToParent};
use crate::checkpoint::Part;
use shakedown_sim::search::Campaign;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The connection with a parent, which never exists.
pub(crate) enum Link {}

/// Returns `None`: this process is not supervised.
pub(crate) fn link() -> Option<&'static Link> {
    None
}

impl Link {
    pub(crate) fn send(&self, _: &ToParent) {
        match *self {}
    }
    pub(crate) fn done(&self, _: u8) {
        match *self {}
    }
    pub(crate) fn note(&self, _: &str) {
        match *self {}
    }
    pub(crate) fn thread_panicked(&self, _: String) -> ! {
        match *self {}
    }
    pub(super) fn begin_interruptible(&self) {
        match *self {}
    }
    pub(super) fn end_interruptible(&self) {
        match *self {}
    }
    pub(super) fn end_if_interrupted(&self) {
        match *self {}
    }
    pub(crate) fn is_first_attempt(&self) -> bool {
        match *self {}
    }
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        match *self {}
    }
    pub(crate) fn is_careful(&self) -> bool {
        match *self {}
    }
    pub(super) fn attempt(&self) -> &Attempt {
        match *self {}
    }
    pub(super) fn known(&self) -> &'static [KnownRun] {
        match *self {}
    }
    pub(crate) fn set_timeout(&self, _: Duration) {
        match *self {}
    }
    pub(crate) fn timeout(&self, _: Duration) -> Duration {
        match *self {}
    }
    pub(crate) fn blocked(&self, _: Duration) -> ! {
        match *self {}
    }
    pub(super) fn guarded<T>(&self, _: impl FnOnce() -> T) -> T {
        match *self {}
    }
    pub(crate) fn resumed(&self, _: &str) -> Option<&CampaignState> {
        match *self {}
    }
    pub(crate) fn keep(&self, _: &str, _: &Campaign, _: &[Vec<u64>]) {
        match *self {}
    }
    pub(crate) fn parts(&self, _: &str) -> &[Part] {
        match *self {}
    }
    pub(crate) fn keep_parts(&self, _: &str, _: impl FnOnce() -> Vec<Part>) -> bool {
        match *self {}
    }
}
