//! The rules by which a booking moves, as tables: what is known in, where it stands and what is done next out.

mod known;

mod doubt;
mod endings;
mod laws;
mod words;
