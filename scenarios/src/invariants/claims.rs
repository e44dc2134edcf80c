//! Claims: statements of a response or a screen that must become true soon.

use shakedown_sim::{Duration, Moment};

/// A claim must be true within this time: longer than any order of steps on the happy path.
pub const CLAIM_GRACE: Duration = Duration::from_secs(5);

/// Claims that are not true yet.
pub struct Claims<K>(Vec<Claim<K>>);

struct Claim<K> {
    about: K,
    since: Moment,
    event: u32,
}

impl<K> Default for Claims<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K> Claims<K> {
    /// Removes all claims.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a claim, with the event that made it.
    pub fn make(&mut self, about: K, since: Moment, event: u32) {
        self.0.push(Claim { about, since, event });
    }

    /// Removes claims that are true, and claims whose time is over; calls `overdue` for the latter. Call this before
    /// each fact is observed: a claim that becomes true with that fact may be too late.
    pub fn judge(&mut self, now: Moment, is_true: impl Fn(&K) -> bool, mut overdue: impl FnMut(&K, u32)) {
        self.0.retain(|claim| {
            let holds = is_true(&claim.about);
            let over = !holds && now > claim.since + CLAIM_GRACE;
            if over {
                overdue(&claim.about, claim.event);
            }
            !holds && !over
        });
    }
}
