//! A cache server: values by key, each with a time to live, and leases for fills.
//!
//! Behaviour, as of memcached in the deployments that published it: a client that misses receives a lease, only one
//! at a time for a key; other clients get the response to retry soon. A delete removes the value and voids the lease, so that
//! a fill which began before the delete is rejected: it may hold the state before the write. A fill without a lease
//! is accepted. Any value may be evicted before its time.
//!
//! Not modelled: persistence through a restart, and any order across keys.
//!
//! Source: Nishtala and others, "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1.

use crate::booking::cache::{CacheApi, Fill, Found, Lease};
use crate::booking::offer_facts::OfferFact;
use crate::facts::Fact;
use shakedown_sim::{Alternatives, Duration, Env, Facts, Label, Moment, Site};
use std::cell::RefCell;
use std::rc::Rc;

const CACHE: Label = Label::new("cache");
const EVICTION: Site = Site::new(CACHE, Label::new("eviction"));
const EVICTIONS: Alternatives = Alternatives::new(&["keeps it", "evicts it at once"]);

/// After this time a lease is void, and the next client that misses receives one.
const LEASE: Duration = Duration::from_secs(5);

struct Entry<V> {
    key: u32,
    value: Option<(V, Moment)>,
    lease: Option<(Lease, Moment)>,
}

struct Shelf<V> {
    entries: Vec<Entry<V>>,
    leases: u32,
}

impl<V: Copy> Shelf<V> {
    fn entry(&mut self, key: u32) -> &mut Entry<V> {
        let at = self.entries.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            self.entries.push(Entry { key, value: None, lease: None });
            self.entries.len() - 1
        });
        &mut self.entries[at]
    }

    fn get(&mut self, key: u32, now: Moment) -> Found<V> {
        let next = Lease(self.leases + 1);
        let entry = self.entry(key);
        if let Some((value, _)) = entry.value.filter(|(_, until)| now < *until) {
            return Found::Hit(value);
        }
        if entry.lease.is_some_and(|(_, until)| now < until) {
            return Found::Soon;
        }
        entry.lease = Some((next, now + LEASE));
        self.leases += 1;
        Found::Miss(next)
    }

    fn fill(&mut self, fill: Fill<V>, now: Moment) -> bool {
        let entry = self.entry(fill.key);
        let by_right = fill.lease.is_none_or(|lease| {
            entry.lease.is_some_and(|(standing, until)| standing == lease && now < until)
        });
        if by_right {
            entry.value = Some((fill.value, now + fill.life));
            entry.lease = None;
        }
        by_right
    }

    fn delete(&mut self, key: u32) {
        let entry = self.entry(key);
        (entry.value, entry.lease) = (None, None);
    }
}

/// Boots the cache's node, empty.
pub fn boot<V: Copy + 'static>(env: &Env, operations: &CacheApi<V>, facts: &Facts<Fact>) {
    let shelf = Rc::new(RefCell::new(Shelf { entries: Vec::new(), leases: 0 }));
    let at = Rc::clone(&shelf);
    operations.get.serve(env, move |env, key| {
        let found = at.borrow_mut().get(key, env.now());
        async move { found }
    });
    let (at, log) = (Rc::clone(&shelf), facts.clone());
    operations.fill.serve(env, move |env, fill| {
        let kept = at.borrow_mut().fill(fill, env.now());
        if kept && env.choose(EVICTION, &EVICTIONS).index() == 1 {
            at.borrow_mut().delete(fill.key);
        }
        log.state(&env, &Fact::Offer(OfferFact::Filled { offer: fill.key, kept }));
        async move { kept }
    });
    let log = facts.clone();
    operations.delete.serve(env, move |env, key| {
        shelf.borrow_mut().delete(key);
        log.state(&env, &Fact::Offer(OfferFact::Forgotten { offer: key }));
        async {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::START + Duration::from_secs(seconds)
    }

    fn shelf() -> Shelf<char> {
        Shelf { entries: Vec::new(), leases: 0 }
    }

    fn fill(value: char, lease: Option<Lease>) -> Fill<char> {
        Fill { key: 1, value, life: Duration::from_secs(60), lease }
    }

    fn leased(shelf: &mut Shelf<char>, now: Moment) -> Lease {
        match shelf.get(1, now) {
            Found::Miss(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_one_client_at_a_time_may_fill() {
        let mut shelf = shelf();
        let lease = leased(&mut shelf, at(0));
        assert_eq!(shelf.get(1, at(1)), Found::Soon);
        assert!(shelf.fill(fill('a', Some(lease)), at(2)));
        assert_eq!(shelf.get(1, at(61)), Found::Hit('a'));
        assert!(matches!(shelf.get(1, at(62)), Found::Miss(_)));
    }

    #[test]
    fn a_delete_voids_the_lease_of_a_pending_fill() {
        let mut shelf = shelf();
        let lease = leased(&mut shelf, at(0));
        shelf.delete(1);
        assert!(!shelf.fill(fill('a', Some(lease)), at(1)));
        assert!(shelf.fill(fill('a', None), at(1)));
    }

    #[test]
    fn an_unused_lease_passes_to_the_next_client() {
        let mut shelf = shelf();
        let first = leased(&mut shelf, at(0));
        let second = leased(&mut shelf, at(5));
        assert!(!shelf.fill(fill('a', Some(first)), at(6)));
        assert!(shelf.fill(fill('b', Some(second)), at(6)));
    }
}
