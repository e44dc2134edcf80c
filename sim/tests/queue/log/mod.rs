//! What the log promises: laws of its state machines against short specifications, and bugs of consumers.

mod group_law;
mod known_bugs;
mod partition_law;
