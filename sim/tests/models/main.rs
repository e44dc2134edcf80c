//! Small models with known answers: protocols with published numbers of states, written against the public interface,
//! with every interleaving a script. The verdicts and the numbers must be the published ones.
//!
//! The numbers are those of the examples of Stateright 0.31.0, a model checker
//! (<https://github.com/stateright/stateright>, `examples/2pc.rs`, `examples/single-copy-register.rs`,
//! `examples/linearizable-register.rs`, `examples/paxos.rs`), asserted in the tests of each, except for the 1,449,
//! which `linearizable-register check 1` prints.
//!
//! | model | states | verdict |
//! |---|---:|---|
//! | two-phase commit, 3 resource managers | 288 | they agree |
//! | two-phase commit, 5 resource managers | 8,832 | they agree |
//! | single-copy register, 2 clients, 1 server | 93 | linearizable |
//! | single-copy register, 2 clients, 2 servers | not counted to the end | not linearizable, after 4 deliveries |
//! | replicated register (ABD), 2 clients, 2 servers | 544 | linearizable |
//! | replicated register (ABD), 1 client, 3 servers | 1,449 | linearizable |
//! | single-decree Paxos, 2 clients, 3 servers | 16,668 | linearizable |

mod history;
mod paxos;
mod registers;
mod steps;
mod two_phase;
