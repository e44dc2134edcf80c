//! The load balancer in front of the API's machines: requests go to the machines in rotation in turn.
//!
//! A request whose connection is refused goes to the next machine; a request that was sent is not sent again, because
//! its outcome is unknown. The balancer knows immediately when a machine joins or leaves the rotation.

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
    /// Shows a booking.
    pub view: Endpoint<u32, Answer>,
    /// Reports that a guest has arrived.
    pub arrive: Endpoint<u32, Answer>,
}

impl Balancer {
    /// Creates the operations: those that change something over `web`, reads over `reads`.
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

/// The turns of the machines.
struct Turns {
    host: Host,
    last: Cell<usize>,
}

impl Turns {
    /// Forwards an operation to the machines.
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

    /// Returns the machines in rotation, beginning with the one whose turn it is.
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
