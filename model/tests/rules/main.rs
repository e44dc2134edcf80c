//! The rules for moving a booking, as tables: evidence in; the status and the next step out.

mod known;

mod doubt;
mod endings;
mod laws;
mod words;
