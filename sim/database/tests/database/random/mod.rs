//! Random histories: how they are drawn, played on the core, and judged.

pub(crate) mod draw;
pub(crate) mod live;
pub(crate) mod recording;
pub(crate) mod serial;
pub(crate) mod trace;
