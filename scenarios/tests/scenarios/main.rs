//! What is claimed of the scenarios: of each by itself, of all alike, and of the committed scripts.

mod ablations;
mod booking;
mod exploration;
mod front;
mod handover;
mod lifecycle;
mod notifications;
mod regressions;
mod releases;
mod scripts;
mod stories;
mod topology;
mod visit;
