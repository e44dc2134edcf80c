//! Commands, their replies, and the errors with which the server replies.

use std::fmt;

/// An error reply of the server; its text is that of Redis 7.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error, serde::Serialize)]
#[non_exhaustive]
pub enum ServerError {
    /// The key holds a value of another type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// The value, or an argument, is not a signed 64-bit integer in decimal form.
    #[error("ERR value is not an integer or out of range")]
    NotAnInteger,
    /// The field of the hash does not hold an integer.
    #[error("ERR hash value is not an integer")]
    HashNotAnInteger,
    /// The result would not fit into a signed 64-bit integer.
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    /// `DECRBY` cannot negate the argument.
    #[error("ERR decrement would overflow")]
    DecrementOverflow,
    /// The options of the command contradict each other, or are unknown.
    #[error("ERR syntax error")]
    Syntax,
    /// The time to live is not positive or too large.
    #[error("ERR invalid expire time in '{command}' command")]
    InvalidExpire {
        /// The command, in lower case.
        command: &'static str,
    },
    /// The command has too few or too many arguments.
    #[error("ERR wrong number of arguments for '{command}' command")]
    WrongArity {
        /// The command, in lower case.
        command: &'static str,
    },
    /// The memory bound is exceeded, and the policy evicts nothing that would help.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// A write on a replica.
    #[error("READONLY You can't write against a read only replica.")]
    ReadOnly,
    /// The server has restarted and reads its data from the disk.
    #[error("LOADING Redis is loading the dataset in memory")]
    Loading,
    /// A command of the transaction was rejected before `EXEC`.
    #[error("EXECABORT Transaction discarded because of previous errors.")]
    ExecAborted,
}

/// A reply of the server.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub enum Reply {
    /// `OK`.
    Ok,
    /// No value.
    Nil,
    /// A number.
    Integer(i64),
    /// A value.
    Text(String),
    /// Several replies.
    List(Vec<Reply>),
}

impl Reply {
    /// Creates the reply 1 or 0.
    pub(super) fn flag(is_so: bool) -> Self {
        Self::Integer(i64::from(is_so))
    }

    pub(super) fn text_or_nil(text: Option<String>) -> Self {
        text.map_or(Self::Nil, Self::Text)
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        Self::List(texts.into_iter().cloned().map(Self::Text).collect())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Nil => f.write_str("nil"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(list) => {
                f.write_str("[")?;
                for (at, reply) in list.iter().enumerate() {
                    write!(f, "{}{reply}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

/// The time to live that `SET` gives a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub enum Ttl {
    /// None: the key does not expire.
    #[default]
    Never,
    /// So many milliseconds from now on the server's clock (`PX`, `EX`).
    Millis(i64),
    /// Until the server's clock shows this time, in milliseconds since 1970 (`PXAT`, `EXAT`).
    At(i64),
    /// The one that the key has (`KEEPTTL`).
    Keep,
}

/// The condition under which `SET` writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub enum SetIf {
    /// Always.
    #[default]
    Always,
    /// If the key does not exist (`NX`).
    Absent,
    /// If the key exists (`XX`).
    Exists,
}

/// A command on the data. Times to live are in milliseconds.
///
/// ```
/// use shakedown_sim::kv::Command;
/// let lock = Command::parse(&["SET", "lock", "token-1", "NX", "PX", "10000"]).unwrap();
/// assert_eq!(lock.to_string(), "SET lock token-1 NX PX 10000");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the arguments that the command names")]
pub enum Command {
    /// `GET key`.
    Get { key: String },
    /// `SET key value [NX | XX] [GET] [PX ms | PXAT ms | KEEPTTL]`. With `returns_old` (`GET`) the reply is the value
    /// before.
    Set { key: String, value: String, when: SetIf, ttl: Ttl, returns_old: bool },
    /// `GETDEL key`.
    GetDel { key: String },
    /// `DEL key …`: replies how many existed.
    Del { keys: Vec<String> },
    /// `EXISTS key …`: replies how many exist.
    Exists { keys: Vec<String> },
    /// `INCRBY key by`; `INCR` and `DECR` are by 1 and -1.
    IncrBy { key: String, by: i64 },
    /// `PEXPIRE key ms`: replies whether the key exists. A time that is not positive deletes the key.
    PExpire { key: String, ms: i64 },
    /// `PTTL key`: the milliseconds to live; -1 without a time to live, -2 without the key.
    PTtl { key: String },
    /// `PERSIST key`: replies whether a time to live was removed.
    Persist { key: String },
    /// `HSET key field value …`: replies how many fields are new.
    HSet { key: String, fields: Vec<(String, String)> },
    /// `HGET key field`.
    HGet { key: String, field: String },
    /// `HGETALL key`: fields and values, in the order of the names.
    HGetAll { key: String },
    /// `HDEL key field …`: replies how many existed.
    HDel { key: String, fields: Vec<String> },
    /// `HINCRBY key field by`.
    HIncrBy { key: String, field: String, by: i64 },
    /// `SADD key member …`: replies how many are new.
    SAdd { key: String, members: Vec<String> },
    /// `SREM key member …`: replies how many existed.
    SRem { key: String, members: Vec<String> },
    /// `SISMEMBER key member`.
    SIsMember { key: String, member: String },
    /// `SMEMBERS key`: the members, in their order.
    SMembers { key: String },
    /// `SCARD key`: the number of members.
    SCard { key: String },
    /// The script that releases a lock: `DEL key` if its value is this one. Replies whether it was.
    DelIfEqual { key: String, value: String },
    /// The script that extends a lock: `PEXPIRE key ms` if its value is this one. Replies whether it was.
    PExpireIfEqual { key: String, value: String, ms: i64 },
}

impl Command {
    /// Returns the name that crash points and choices have, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Get { .. } => "get",
            Self::Set { .. } => "set",
            Self::GetDel { .. } => "getdel",
            Self::Del { .. } => "del",
            Self::Exists { .. } => "exists",
            Self::IncrBy { .. } => "incr",
            Self::PExpire { .. } => "expire",
            Self::PTtl { .. } => "ttl",
            Self::Persist { .. } => "persist",
            Self::HSet { .. } => "hset",
            Self::HGet { .. } => "hget",
            Self::HGetAll { .. } => "hgetall",
            Self::HDel { .. } => "hdel",
            Self::HIncrBy { .. } => "hincrby",
            Self::SAdd { .. } => "sadd",
            Self::SRem { .. } => "srem",
            Self::SIsMember { .. } => "sismember",
            Self::SMembers { .. } => "smembers",
            Self::SCard { .. } => "scard",
            Self::DelIfEqual { .. } => "release",
            Self::PExpireIfEqual { .. } => "extend",
        }
    }

    /// Returns whether the command may change data: a replica rejects it.
    pub fn is_write(&self) -> bool {
        !matches!(
            self,
            Self::Get { .. }
                | Self::Exists { .. }
                | Self::PTtl { .. }
                | Self::HGet { .. }
                | Self::HGetAll { .. }
                | Self::SIsMember { .. }
                | Self::SMembers { .. }
                | Self::SCard { .. }
        )
    }

    /// Returns whether the command may need memory: it is rejected when there is none.
    pub fn needs_memory(&self) -> bool {
        matches!(
            self,
            Self::Set { .. }
                | Self::IncrBy { .. }
                | Self::HSet { .. }
                | Self::HIncrBy { .. }
                | Self::SAdd { .. }
        )
    }

    /// Returns the keys that the command names.
    pub fn keys(&self) -> &[String] {
        match self {
            Self::Del { keys } | Self::Exists { keys } => keys,
            Self::Get { key }
            | Self::Set { key, .. }
            | Self::GetDel { key }
            | Self::IncrBy { key, .. }
            | Self::PExpire { key, .. }
            | Self::PTtl { key }
            | Self::Persist { key }
            | Self::HSet { key, .. }
            | Self::HGet { key, .. }
            | Self::HGetAll { key }
            | Self::HDel { key, .. }
            | Self::HIncrBy { key, .. }
            | Self::SAdd { key, .. }
            | Self::SRem { key, .. }
            | Self::SIsMember { key, .. }
            | Self::SMembers { key }
            | Self::SCard { key }
            | Self::DelIfEqual { key, .. }
            | Self::PExpireIfEqual { key, .. } => std::slice::from_ref(key),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |words: &[String]| words.join(" ");
        match self {
            Self::Get { key } => write!(f, "GET {key}"),
            Self::Set { key, value, when, ttl, returns_old } => {
                write!(f, "SET {key} {value}")?;
                f.write_str(match when {
                    SetIf::Always => "",
                    SetIf::Absent => " NX",
                    SetIf::Exists => " XX",
                })?;
                f.write_str(if *returns_old { " GET" } else { "" })?;
                match ttl {
                    Ttl::Never => Ok(()),
                    Ttl::Millis(ms) => write!(f, " PX {ms}"),
                    Ttl::At(ms) => write!(f, " PXAT {ms}"),
                    Ttl::Keep => f.write_str(" KEEPTTL"),
                }
            }
            Self::GetDel { key } => write!(f, "GETDEL {key}"),
            Self::Del { keys } => write!(f, "DEL {}", joined(keys)),
            Self::Exists { keys } => write!(f, "EXISTS {}", joined(keys)),
            Self::IncrBy { key, by } => write!(f, "INCRBY {key} {by}"),
            Self::PExpire { key, ms } => write!(f, "PEXPIRE {key} {ms}"),
            Self::PTtl { key } => write!(f, "PTTL {key}"),
            Self::Persist { key } => write!(f, "PERSIST {key}"),
            Self::HSet { key, fields } => {
                write!(f, "HSET {key}")?;
                fields.iter().try_for_each(|(field, value)| write!(f, " {field} {value}"))
            }
            Self::HGet { key, field } => write!(f, "HGET {key} {field}"),
            Self::HGetAll { key } => write!(f, "HGETALL {key}"),
            Self::HDel { key, fields } => write!(f, "HDEL {key} {}", joined(fields)),
            Self::HIncrBy { key, field, by } => write!(f, "HINCRBY {key} {field} {by}"),
            Self::SAdd { key, members } => write!(f, "SADD {key} {}", joined(members)),
            Self::SRem { key, members } => write!(f, "SREM {key} {}", joined(members)),
            Self::SIsMember { key, member } => write!(f, "SISMEMBER {key} {member}"),
            Self::SMembers { key } => write!(f, "SMEMBERS {key}"),
            Self::SCard { key } => write!(f, "SCARD {key}"),
            Self::DelIfEqual { key, value } => write!(f, "DEL {key} if it is {value}"),
            Self::PExpireIfEqual { key, value, ms } => write!(f, "PEXPIRE {key} {ms} if it is {value}"),
        }
    }
}
