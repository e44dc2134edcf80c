//! The random draws of the workload: a keyed function of the seed, so that an engine's order of events changes no
//! draw.

use crate::Call;
use std::time::Duration;

/// Mixes two words with the finaliser of SplitMix64, as the engine under test does.
pub fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(25) ^ b.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The draws of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    seed: u64,
}

impl Draws {
    /// Creates the draws of this seed.
    pub fn of(seed: u64) -> Self {
        Self { seed }
    }

    fn between(self, what: u64, call: u64, least: u64, most: u64) -> u64 {
        let word = mix(mix(self.seed, what), call);
        least + ((u128::from(word) * u128::from(most - least + 1)) >> 64) as u64
    }

    fn millis(self, what: u64, call: u64, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.between(what, call, least, most))
    }

    /// Returns whether the request of this call is lost.
    pub fn loses_request(self, call: Call) -> bool {
        self.between(1, call.word(), 0, 9) == 0
    }

    /// Returns whether the response to this call is lost.
    pub fn loses_answer(self, call: Call) -> bool {
        self.between(2, call.word(), 0, 9) == 0
    }

    /// Returns the time that the partner takes.
    pub fn latency(self, call: Call) -> Duration {
        self.millis(3, call.word(), 10, 3_000)
    }

    /// Returns the delay of the partner's report about this call.
    pub fn lateness(self, call: Call) -> Duration {
        self.millis(4, call.word(), 0, 10_000)
    }

    /// Returns the times at which the worker crashes, in order.
    pub fn crashes(self) -> [Duration; 3] {
        [0, 1, 2].map(|nth| self.millis(5, nth, 20_000 * nth + 1_000, 20_000 * nth + 16_000))
    }
}
