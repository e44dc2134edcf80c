//! Reads commands from their words, as a client library sends them.

use super::command::{Command, ServerError, SetIf, Ttl};

/// Reads a signed 64-bit integer as the server does: without a plus sign, leading zeros or blanks.
pub(super) fn integer(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl Command {
    /// Reads a command from its words. `COMPARE-AND-DELETE key value` and `COMPARE-AND-EXPIRE key value ms` stand for
    /// the scripts that release and extend a lock.
    ///
    /// # Errors
    /// The error with which the server rejects the words.
    ///
    /// # Panics
    /// If there is no word, or the command is not modelled.
    pub fn parse(words: &[&str]) -> Result<Command, ServerError> {
        let [name, arguments @ ..] = words else { panic!("Command::parse: no word") };
        let name = name.to_ascii_lowercase();
        let (command, least, most) = *ARITIES
            .iter()
            .find(|(known, ..)| *known == name)
            .unwrap_or_else(|| panic!("Command::parse: the command `{name}` is not modelled"));
        if arguments.len() < least || arguments.len() > most {
            return Err(ServerError::WrongArity { command });
        }
        read(command, arguments)
    }
}

const MANY: usize = usize::MAX;

/// The commands with the least and the greatest number of their arguments.
const ARITIES: &[(&str, usize, usize)] = &[
    ("get", 1, 1),
    ("set", 2, MANY),
    ("getdel", 1, 1),
    ("del", 1, MANY),
    ("exists", 1, MANY),
    ("incr", 1, 1),
    ("decr", 1, 1),
    ("incrby", 2, 2),
    ("decrby", 2, 2),
    ("expire", 2, 2),
    ("pexpire", 2, 2),
    ("pttl", 1, 1),
    ("persist", 1, 1),
    ("hset", 3, MANY),
    ("hget", 2, 2),
    ("hgetall", 1, 1),
    ("hdel", 2, MANY),
    ("hincrby", 3, 3),
    ("sadd", 2, MANY),
    ("srem", 2, MANY),
    ("sismember", 2, 2),
    ("smembers", 1, 1),
    ("scard", 1, 1),
    ("compare-and-delete", 2, 2),
    ("compare-and-expire", 3, 3),
];

fn read(command: &'static str, arguments: &[&str]) -> Result<Command, ServerError> {
    let key = arguments[0].to_owned();
    let argument = |at: usize| arguments[at].to_owned();
    let rest = || arguments[1..].iter().map(|word| (*word).to_owned()).collect();
    let all = || arguments.iter().map(|word| (*word).to_owned()).collect();
    let number = |at: usize| integer(arguments[at]).ok_or(ServerError::NotAnInteger);
    Ok(match command {
        "get" => Command::Get { key },
        "set" => read_set(key, arguments[1], &arguments[2..])?,
        "getdel" => Command::GetDel { key },
        "del" => Command::Del { keys: all() },
        "exists" => Command::Exists { keys: all() },
        "incr" => Command::IncrBy { key, by: 1 },
        "decr" => Command::IncrBy { key, by: -1 },
        "incrby" => Command::IncrBy { key, by: number(1)? },
        "decrby" => {
            Command::IncrBy { key, by: number(1)?.checked_neg().ok_or(ServerError::DecrementOverflow)? }
        }
        "expire" => {
            let ms = number(1)?.checked_mul(1_000).ok_or(ServerError::InvalidExpire { command })?;
            Command::PExpire { key, ms }
        }
        "pexpire" => Command::PExpire { key, ms: number(1)? },
        "pttl" => Command::PTtl { key },
        "persist" => Command::Persist { key },
        "hset" if arguments.len().is_multiple_of(2) => return Err(ServerError::WrongArity { command }),
        "hset" => {
            let pairs = arguments[1..].chunks(2);
            Command::HSet {
                key,
                fields: pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect(),
            }
        }
        "hget" => Command::HGet { key, field: argument(1) },
        "hgetall" => Command::HGetAll { key },
        "hdel" => Command::HDel { key, fields: rest() },
        "hincrby" => Command::HIncrBy { key, field: argument(1), by: number(2)? },
        "sadd" => Command::SAdd { key, members: rest() },
        "srem" => Command::SRem { key, members: rest() },
        "sismember" => Command::SIsMember { key, member: argument(1) },
        "smembers" => Command::SMembers { key },
        "scard" => Command::SCard { key },
        "compare-and-delete" => Command::DelIfEqual { key, value: argument(1) },
        "compare-and-expire" => Command::PExpireIfEqual { key, value: argument(1), ms: number(2)? },
        _ => unreachable!("the table of arities has no other command"),
    })
}

/// Reads the options of `SET`. The server checks their syntax before it reads the time.
fn read_set(key: String, value: &str, options: &[&str]) -> Result<Command, ServerError> {
    let (mut when, mut returns_old, mut keeps, mut expiry) = (SetIf::Always, false, false, None);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let word = word.to_ascii_uppercase();
        match word.as_str() {
            "NX" if when != SetIf::Exists => when = SetIf::Absent,
            "XX" if when != SetIf::Absent => when = SetIf::Exists,
            "GET" => returns_old = true,
            "KEEPTTL" if expiry.is_none() => keeps = true,
            "EX" | "PX" | "EXAT" | "PXAT" if expiry.is_none() && !keeps => {
                let amount = words.next().ok_or(ServerError::Syntax)?;
                expiry = Some((word, *amount));
            }
            _ => return Err(ServerError::Syntax),
        }
    }
    let ttl = match expiry {
        None if keeps => Ttl::Keep,
        None => Ttl::Never,
        Some((unit, amount)) => {
            let invalid = ServerError::InvalidExpire { command: "set" };
            let amount = integer(amount).ok_or(ServerError::NotAnInteger)?;
            let factor = if unit.starts_with('E') { 1_000 } else { 1 };
            let ms = Some(amount).filter(|amount| *amount > 0).and_then(|amount| amount.checked_mul(factor));
            let ms = ms.ok_or(invalid)?;
            if unit.ends_with("AT") { Ttl::At(ms) } else { Ttl::Millis(ms) }
        }
    };
    Ok(Command::Set { key, value: value.to_owned(), when, ttl, returns_old })
}
