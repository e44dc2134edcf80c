//! Values that records hold as text: a script in its own grammar, a moment in whole nanoseconds, which some JSON
//! readers would round as a number.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::fmt::Display;
use std::str::FromStr;

pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn deserialize<'a, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'a>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// Moments in nanoseconds.
pub(crate) mod nanos {
    use serde::{Deserializer, Serializer};
    use shakedown_sim::Moment;

    pub(crate) fn serialize<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(&moment.nanos(), serializer)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Moment, D::Error> {
        super::deserialize(deserializer).map(Moment::from_nanos)
    }
}
