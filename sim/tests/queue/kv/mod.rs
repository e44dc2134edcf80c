//! The properties of the key-value store: the data of one server against a short specification and against recorded
//! replies of Redis, and claims about whole runs.

mod bench;
mod claims;
mod confirmed;
mod keyspace_law;
mod messages;
mod recorded;
