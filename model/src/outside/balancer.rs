//! The balancer in front of the API's machines: requests go to each of those in rotation by turns.
//!
//! A connection that is refused goes to the next one; a request that was sent is not sent again, since nobody knows
//! what became of it. It learns at once when a machine comes into rotation or leaves it.

use crate::outside::host::Host;
use crate::releases::api::{Answer, ShopApi};
use crate::releases::machine::{Machine, Tier};
use crate::settings::EDGE_TIMEOUT;
use shakedown_sim::{CallError, Endpoint, Env, Link, Op};
use std::cell::Cell;
use std::rc::Rc;

/// The balancer, as browsers call it.
#[derive(Clone)]
pub struct Balancer {
    /// Sends an order.
    pub order: Endpoint<crate::releases::code::Order, Answer>,
    /// Asks for a booking.
    pub view: Endpoint<u32, Answer>,
    /// Says that a guest has arrived.
    pub arrive: Endpoint<u32, Answer>,
}

impl Balancer {
    /// The operations: those that change something over `web`, reading over `reads`.
    pub fn over(web: &Link, reads: &Link) -> Self {
        Self {
            order: Endpoint::new(Op::new("edge.order", "presses \"order\""), web),
            view: Endpoint::new(Op::routine("edge.view", "looks at the booking"), reads),
            arrive: Endpoint::new(Op::new("edge.arrive", "says \"I am here\""), reads),
        }
    }

    /// Boots the balancer in front of the host's machines.
    pub fn boot(&self, env: &Env, host: &Host) {
        let turns = Rc::new(Turns { host: host.clone(), last: Cell::new(0) });
        turns.front(env, &self.order, |api| &api.order);
        turns.front(env, &self.view, |api| &api.view);
        turns.front(env, &self.arrive, |api| &api.arrive);
    }
}

/// Whose turn it is.
struct Turns {
    host: Host,
    last: Cell<usize>,
}

impl Turns {
    /// Passes an operation on to the machines.
    fn front<Q: Copy + 'static>(
        self: &Rc<Self>,
        env: &Env,
        front: &Endpoint<Q, Answer>,
        behind: fn(&ShopApi) -> &Endpoint<Q, Answer>,
    ) {
        let turns = Rc::clone(self);
        front.serve(env, move |env, request| {
            let turns = Rc::clone(&turns);
            async move {
                for machine in turns.in_order() {
                    match env.call(behind(&machine.api), request, EDGE_TIMEOUT).await {
                        Ok(answer) => return answer,
                        Err(CallError::Refused) => {}
                        Err(CallError::TimedOut) => break,
                    }
                }
                Answer::Unavailable
            }
        });
    }

    /// The machines in rotation, the one whose turn it is first.
    fn in_order(&self) -> Vec<Rc<Machine>> {
        let all = self.host.running(Tier::Api).filter(|machine| machine.is_in_rotation());
        let mut all: Vec<_> = all.cloned().collect();
        if !all.is_empty() {
            self.last.set(self.last.get() + 1);
            let first = self.last.get() % all.len();
            all.rotate_left(first);
        }
        all
    }
}
