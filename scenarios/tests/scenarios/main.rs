//! Claims about the scenarios: about each, about all, and about the committed scripts.

mod ablations;
mod booking;
mod caching;
mod checks;
mod exploration;
mod front;
mod handover;
mod jobs;
mod lifecycle;
mod notifications;
mod plants;
mod ranking;
mod regressions;
mod releases;

mod stories;
mod topology;
mod transcripts;
mod visit;
