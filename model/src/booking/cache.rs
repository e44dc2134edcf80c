//! The cache's operations as pages of offers call them, and the values on the wire.

use shakedown_sim::{Duration, Endpoint, Link, Op};

/// The right to fill one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease(pub u32);

/// What a look into the cache brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found<V> {
    /// The value.
    Hit(V),
    /// Nothing; the caller is to fill it.
    Miss(Lease),
    /// Nothing, and another client is filling it: ask again soon.
    Soon,
}

/// A value to keep.
#[derive(Clone, Copy, Debug)]
pub struct Fill<V> {
    /// Under which key.
    pub key: u32,
    /// The value.
    pub value: V,
    /// For how long.
    pub life: Duration,
    /// By which lease; none if by no right at all.
    pub lease: Option<Lease>,
}

/// The operations of the cache.
pub struct CacheApi<V> {
    /// Looks a key up.
    pub get: Endpoint<u32, Found<V>>,
    /// Keeps a value. Returns whether it was kept.
    pub fill: Endpoint<Fill<V>, bool>,
    /// Takes a value away.
    pub delete: Endpoint<u32, ()>,
}

impl<V> Clone for CacheApi<V> {
    fn clone(&self) -> Self {
        Self { get: self.get.clone(), fill: self.fill.clone(), delete: self.delete.clone() }
    }
}

impl<V: 'static> CacheApi<V> {
    /// The operations over this link.
    pub fn over(link: &Link) -> Self {
        Self {
            get: Endpoint::new(Op::routine("cache.get", "reads the cache"), link),
            fill: Endpoint::new(Op::new("cache.fill", "fills the cache"), link),
            delete: Endpoint::new(Op::new("cache.delete", "deletes it from the cache"), link),
        }
    }
}
