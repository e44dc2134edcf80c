//! What somebody was told, and whether it has come true in time.

use shakedown_sim::{Duration, Moment};

/// Within this what somebody was told has come true.
pub const CLAIM_GRACE: Duration = Duration::from_secs(5);

/// Claims that have not come true yet.
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
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes a claim, with the fact that makes it.
    pub fn make(&mut self, about: K, since: Moment, event: u32) {
        self.0.push(Claim { about, since, event });
    }

    /// Drops claims that are true by now; those whose time is over are dropped and handed to `overdue`. To be
    /// called before each fact is taken in: what comes true with it may be too late.
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
