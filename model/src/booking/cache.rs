//! The cache's operations as pages of offers call them, and the wire format.

use shakedown_sim::{Duration, Endpoint, Link, Op};

/// The right to fill one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease(pub u32);

/// The result of a cache lookup.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found<V> {
    /// The value.
    Hit(V),
    /// No value; the caller must fill it.
    Miss(Lease),
    /// No value, but another client is filling it: retry soon.
    Soon,
}

/// A value to store.
#[derive(Clone, Copy, Debug)]
pub struct Fill<V> {
    /// The key.
    pub key: u32,
    /// The value.
    pub value: V,
    /// The time to live.
    pub life: Duration,
    /// The lease; `None` for a fill without a lease.
    pub lease: Option<Lease>,
}

/// The operations of the cache.
pub struct CacheApi<V> {
    /// Looks a key up.
    pub get: Endpoint<u32, Found<V>>,
    /// Stores a value. Returns whether it was stored.
    pub fill: Endpoint<Fill<V>, bool>,
    /// Deletes a value.
    pub delete: Endpoint<u32, ()>,
}

impl<V> Clone for CacheApi<V> {
    fn clone(&self) -> Self {
        Self { get: self.get.clone(), fill: self.fill.clone(), delete: self.delete.clone() }
    }
}

impl<V: 'static> CacheApi<V> {
    /// Creates the operations over this link.
    pub fn over(link: &Link) -> Self {
        Self {
            get: Endpoint::new(Op::routine("cache.get", "reads the cache"), link),
            fill: Endpoint::new(Op::new("cache.fill", "fills the cache"), link),
            delete: Endpoint::new(Op::new("cache.delete", "deletes it from the cache"), link),
        }
    }
}
