//! The law of the data of one server: it behaves as a list of keys in the order of their use.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::kv::keyspace::Keyspace;
use shakedown_sim::kv::{Command, Eviction, Memory, Reply, ServerError, SetIf, Ttl};

/// A key with a text; the last used one is the last of the list.
#[derive(Clone, Debug)]
struct Item {
    key: String,
    text: String,
    expires: Option<i64>,
}

/// The specification, for commands on texts.
struct Shelf {
    items: Vec<Item>,
    max: usize,
    eviction: Eviction,
}

impl Shelf {
    fn position(&self, key: &str) -> Option<usize> {
        self.items.iter().position(|item| item.key == key)
    }

    fn use_now(&mut self, key: &str) -> Option<Item> {
        let item = self.items.remove(self.position(key)?);
        self.items.push(item.clone());
        Some(item)
    }

    fn remove(&mut self, key: &str) -> bool {
        self.position(key).map(|at| self.items.remove(at)).is_some()
    }

    fn put(&mut self, item: Item) {
        self.remove(&item.key);
        self.items.push(item);
    }

    /// Removes what has expired, and evicts; returns whether there is room.
    fn tidy(&mut self, now: i64) -> bool {
        self.items.retain(|item| item.expires.is_none_or(|at| now <= at));
        while self.items.len() > self.max {
            let volatile = self.items.iter().filter(|item| item.expires.is_some());
            let victim = match self.eviction {
                Eviction::Never => None,
                Eviction::LeastRecent => self.items.first(),
                Eviction::LeastRecentVolatile => volatile.clone().next(),
                Eviction::FirstToExpire => volatile.min_by_key(|item| (item.expires, &item.key)),
            };
            let Some(key) = victim.map(|item| item.key.clone()) else { return false };
            self.remove(&key);
        }
        true
    }

    fn execute(&mut self, now: i64, command: &Command) -> Result<Reply, ServerError> {
        let has_room = self.tidy(now);
        if !has_room && matches!(command, Command::Set { .. } | Command::IncrBy { .. }) {
            return Err(ServerError::OutOfMemory);
        }
        let number = |is_so: bool| Ok(Reply::Integer(i64::from(is_so)));
        match command {
            Command::Get { key } => Ok(self.use_now(key).map_or(Reply::Nil, |item| Reply::Text(item.text))),
            Command::Set { key, value, when, ttl, returns_old } => {
                let old = self.use_now(key);
                let writes = match when {
                    SetIf::Always => true,
                    SetIf::Absent => old.is_none(),
                    SetIf::Exists => old.is_some(),
                };
                if writes {
                    let expires = match ttl {
                        Ttl::Never => None,
                        Ttl::Millis(ms) => Some(now + ms),
                        Ttl::At(at) => Some(*at),
                        Ttl::Keep => old.as_ref().and_then(|item| item.expires),
                    };
                    self.put(Item { key: key.clone(), text: value.clone(), expires });
                }
                Ok(match old {
                    Some(item) if *returns_old => Reply::Text(item.text),
                    _ if writes && !returns_old => Reply::Ok,
                    _ => Reply::Nil,
                })
            }
            Command::Del { keys } => number(self.remove(&keys[0])),
            Command::IncrBy { key, by } => {
                let old = self.use_now(key);
                let count = old.as_ref().map_or(Ok(0), |item| item.text.parse::<i64>());
                let sum = count.map_err(|_| ServerError::NotAnInteger)? + by;
                let expires = old.and_then(|item| item.expires);
                self.put(Item { key: key.clone(), text: sum.to_string(), expires });
                Ok(Reply::Integer(sum))
            }
            Command::PExpire { key, ms } => {
                let item = self.use_now(key);
                match &item {
                    Some(_) if *ms <= 0 => drop(self.remove(key)),
                    Some(item) => self.put(Item { expires: Some(now + ms), ..item.clone() }),
                    None => {}
                }
                number(item.is_some())
            }
            Command::PTtl { key } => {
                Ok(Reply::Integer(match self.position(key).map(|at| self.items[at].expires) {
                    None => -2,
                    Some(None) => -1,
                    Some(Some(at)) => at - now,
                }))
            }
            Command::DelIfEqual { key, value } => {
                let is_equal = self.use_now(key).is_some_and(|item| item.text == *value);
                number(is_equal && self.remove(key))
            }
            other => unreachable!("{other} is not drawn"),
        }
    }
}

#[derive(Clone, Debug)]
enum Ask {
    Execute(Command),
    /// Milliseconds; a clock that jumps back is read as it is.
    Wait(i64),
}

fn ask() -> impl Strategy<Value = Ask> {
    let key = || (0..5u8).prop_map(|at| format!("k{at}"));
    let value = || prop_oneof![Just("1".to_owned()), Just("x".to_owned())];
    let ttl = prop_oneof![
        3 => Just(Ttl::Never),
        3 => (1i64..9).prop_map(Ttl::Millis),
        1 => (1i64..60).prop_map(Ttl::At),
        1 => Just(Ttl::Keep),
    ];
    let when = prop_oneof![Just(SetIf::Always), Just(SetIf::Absent), Just(SetIf::Exists)];
    let set = (key(), value(), when, ttl, any::<bool>())
        .prop_map(|(key, value, when, ttl, returns_old)| Command::Set { key, value, when, ttl, returns_old });
    let command = prop_oneof![
        5 => set,
        3 => key().prop_map(|key| Command::Get { key }),
        1 => key().prop_map(|key| Command::Del { keys: vec![key] }),
        2 => (key(), -3i64..9).prop_map(|(key, by)| Command::IncrBy { key, by }),
        1 => (key(), -1i64..9).prop_map(|(key, ms)| Command::PExpire { key, ms }),
        2 => key().prop_map(|key| Command::PTtl { key }),
        2 => (key(), value()).prop_map(|(key, value)| Command::DelIfEqual { key, value }),
    ];
    prop_oneof![6 => command.prop_map(Ask::Execute), 2 => (-1i64..6).prop_map(Ask::Wait)]
}

fn eviction() -> impl Strategy<Value = Eviction> {
    prop_oneof![
        Just(Eviction::Never),
        Just(Eviction::LeastRecent),
        Just(Eviction::LeastRecentVolatile),
        Just(Eviction::FirstToExpire),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_server_replies_as_a_list_in_the_order_of_use_does(
        max in 1usize..5,
        eviction in eviction(),
        asks in vec(ask(), 1..60),
    ) {
        let mut data = Keyspace::new(Memory::Keys(max), eviction);
        let mut shelf = Shelf { items: Vec::new(), max, eviction };
        let mut now = 10;
        for ask in asks {
            match ask {
                Ask::Wait(ms) => now += ms,
                Ask::Execute(command) => {
                    let (ours, theirs) = (data.execute(now, &command), shelf.execute(now, &command));
                    prop_assert_eq!(ours, theirs, "{} at {}", command, now);
                    prop_assert_eq!(data.len(), shelf.items.len(), "keys after {} at {}", command, now);
                }
            }
        }
    }
}
