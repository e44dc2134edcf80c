//! Random numbers that depend on the run's variant, an entity and a name only: an additional draw elsewhere changes
//! nothing.
//!
//! They depend on the variant and not on the seed, because a script has no seed and must repeat the run. A scenario that needs
//! several random streams declares a parameter for them, such as `entropy = 1, 2, 3`; a seed then draws the variant.

use super::Handle;
use crate::engine::effects::Reach;
use crate::env::Env;
use crate::hash::mix;
use crate::label::Label;
use crate::scope::User;
use crate::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::cell::RefCell;
use std::collections::BTreeMap;

const UUID: Label = Label::new("uuid");

impl Env {
    /// Returns the next random generator of this name for the entity: the first call returns the first stream, the second
    /// call the second. The stream depends only on the run's variant, the entity, the name and the number of the call.
    ///
    /// A dead incarnation also receives a generator; the values that it draws have no effect.
    pub fn rng(&self, name: impl Into<Label>) -> ChaCha8Rng {
        let name = name.into();
        let mut core = self.world.core.borrow_mut();
        let scope = core.scopes.hash(self.scope());
        let mut number = 0;
        if core.is_alive(self.node, self.incarnation) {
            (number, _) = core.scopes.count(self.scope(), mix(name.word(), 0x726E67), User::ENGINE);
            core.touch(Reach::Part, mix(name.word(), scope));
        }
        generator(mix(mix(core.entropy, scope), mix(name.word(), u64::from(number))))
    }

    /// Returns the 128 bits of a random (version 4) UUID, for `Uuid::from_u128`.
    pub fn uuid(&self) -> u128 {
        let mut rng = self.rng(UUID);
        let bits = (u128::from(rng.next_u64()) << 64) | u128::from(rng.next_u64());
        (bits & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
    }

    /// Returns a delay between 0 and `most`, as back-off with full jitter uses it.
    pub fn full_jitter(&self, name: impl Into<Label>, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(below(&mut self.rng(name), nanos.saturating_add(1)))
    }

    /// Returns a delay between half of `base` and `base`, as back-off with equal jitter uses it.
    pub fn equal_jitter(&self, name: impl Into<Label>, base: Duration) -> Duration {
        base / 2 + self.full_jitter(name, base / 2)
    }
}

fn generator(key: u64) -> ChaCha8Rng {
    let mut seed = [0; 32];
    for (at, word) in seed.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&mix(key, at as u64).to_le_bytes());
    }
    ChaCha8Rng::from_seed(seed)
}

/// Returns a number below `bound`, which must not be 0: the high half of a product.
fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// The simulated entropy of the operating system, one stream for each incarnation of each node. It replaces `getrandom`
/// and is kept per run as an [extension](Handle::extension).
#[derive(Default)]
pub struct Entropy(RefCell<BTreeMap<(u16, u32), ChaCha8Rng>>);

impl Entropy {
    /// Fills `bytes` from the stream of the handle's incarnation.
    pub fn fill(&self, handle: Handle, bytes: &mut [u8]) {
        let key = (handle.node().0, handle.incarnation());
        let Some(world) = handle.world() else { return };
        let run = world.core.try_borrow().map_or(0, |core| core.entropy);
        let make = || generator(mix(mix(run, 0x656E_7472), u64::from(key.0) << 32 | u64::from(key.1)));
        self.0.borrow_mut().entry(key).or_insert_with(make).fill_bytes(bytes);
    }
}
