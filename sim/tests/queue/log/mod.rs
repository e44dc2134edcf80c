//! What the log promises: claims about consumers, laws of its state machines against short specifications, bugs of
//! consumers, and transactions.

mod claims;
mod group_law;
mod known_bugs;
mod partition_law;
mod transactions;
