//! Flights: where one begins there is a crash point, a choice of what becomes of it, and a step of the trace.

use crate::wire::{Flight, SharedWire, Wire, lock};
use crate::wording;
use shakedown_sim::trace::Kind;
use shakedown_sim::{Duration, Label, Side, Site};
use std::task::Poll;

const CONNECTING: usize = 0;
const REQUEST: Label = Label::new("request");
const RESPONSE: Label = Label::new("response");

/// What becomes of a flight.
pub(crate) enum Fate {
    Arrives(Duration),
    /// The connection stalls.
    Lost,
    /// Half of its first write arrives, then a reset.
    Reset,
}

/// Meets the crash point before a flight of `side`.
pub(crate) fn before(wire: &SharedWire, side: usize) -> Poll<()> {
    let (owner, scope, effect) = {
        let guard = lock(wire);
        let effect = if side == CONNECTING { guard.ends[1].role } else { RESPONSE };
        (guard.ends[side].owner, guard.scope, effect)
    };
    owner.within(scope).poll_crash_point(Side::Before, effect)
}

/// Meets the crash point after a response has arrived and before the node learns of it.
pub(crate) fn after(wire: &SharedWire, side: usize) -> Poll<()> {
    if side != CONNECTING {
        return Poll::Ready(());
    }
    let (owner, scope, effect) = {
        let guard = lock(wire);
        (guard.ends[side].owner, guard.scope, guard.ends[1].role)
    };
    owner.within(scope).poll_crash_point(Side::After, effect)
}

/// Begins a flight of `side` with these bytes: records its step and draws its fate.
pub(crate) fn begin(guard: &mut Wire, side: usize, bytes: &[u8]) -> (Flight, Fate) {
    let owner = guard.ends[side].owner.within(guard.scope);
    let target = guard.ends[1].role;
    let (words, wording) = match &guard.hidden {
        Some(hidden) => ([0, 0], hidden(guard.scope, side == CONNECTING, bytes)),
        None => (wording::digest(bytes), wording::of(bytes)),
    };
    let (kind, faults, point) = if side == CONNECTING {
        guard.request = wording.clone();
        (Kind::Call, guard.link.faults.request, REQUEST)
    } else {
        (Kind::Respond, guard.link.faults.response, RESPONSE)
    };
    let cause = owner.step(kind, words, None, || match kind {
        Kind::Call => format!("sends {wording} to {}", guard.ends[1].role),
        _ => format!("responds {wording} to {}", guard.request),
    });
    let pick = owner.choose(&Site::new(target, point), &faults);
    let fate = match faults.names().get(pick.index()).copied() {
        Some("lost") => Fate::Lost,
        Some("reset") => Fate::Reset,
        _ => {
            let delay = pick.delay(&faults);
            if !delay.is_zero() {
                owner.lasts(delay);
            }
            Fate::Arrives(delay)
        }
    };
    (Flight { cause, words, wording }, fate)
}

/// Records that `side` has received the other side's flight. The receiver of a request works for the connection's entity then.
pub(crate) fn received(guard: &Wire, side: usize, flight: &Flight) {
    let owner = guard.ends[side].owner;
    if side == CONNECTING {
        owner
            .within(guard.scope)
            .step(Kind::Response, flight.words, flight.cause, || format!("gets {}", flight.wording));
    } else {
        owner.work_for(guard.entity);
        owner
            .within(guard.scope)
            .step(Kind::Arrive, flight.words, flight.cause, || format!("receives {}", flight.wording));
    }
}
