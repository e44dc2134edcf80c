//! Test support: plays SQL text on the core.
//!
//! `front` turns SQL into the core's statements (`select`, `write`, `query`, `expr` and `plan` do the work, over the
//! tables of `catalog`); `player` drives sessions step by step under a virtual clock; `case` reads recorded cases,
//! and `answer` is the notation in which both sides are compared. `numeric` and `timestamp` are types of columns.

pub(crate) mod aggregate;
pub(crate) mod answer;
pub(crate) mod case;
pub(crate) mod catalog;
pub(crate) mod expr;
pub(crate) mod front;
pub(crate) mod numeric;
pub(crate) mod plan;
pub(crate) mod player;
pub(crate) mod query;
pub(crate) mod select;
pub(crate) mod timestamp;
pub(crate) mod value;
pub(crate) mod write;
