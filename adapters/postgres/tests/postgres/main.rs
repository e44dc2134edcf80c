//! What a real server in a simulated world promises.

/// The clients of a test.
macro_rules! clients {
    ($($client:expr),+) => { vec![$(std::rc::Rc::new($client) as std::rc::Rc<dyn Fn(crate::world::Voice) -> crate::world::Future>),+] };
}

mod faults;
mod pooler;
mod protocol;
mod rehearsal;
#[path = "../../examples/seats/world.rs"]
mod seats;
mod semantics;
#[path = "../../examples/seats/service.rs"]
mod service;
mod setup;
mod world;
