//! The digest of a run: an order-sensitive hash over explicit little-endian integers.
//!
//! Equal digests mean equal runs, in any process and on any machine. So nothing here may depend on the
//! width of `usize`, an address, a hash seed or a float: values enter through `serde`, field by field.

use crate::label::mix;
use serde::ser::{self, Serialize};
use std::fmt;

/// An order-sensitive hash.
///
/// ```
/// use shakedown_sim::Digest;
/// let of = |words: &[u64]| words.iter().fold(Digest::default(), |mut digest, word| { digest.word(*word); digest });
/// assert_ne!(of(&[1, 2]), of(&[2, 1]));
/// assert_eq!(of(&[1, 2]).to_string().len(), 16);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Digest(u64);

impl Digest {
    /// Adds one word.
    pub fn word(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }

    /// Adds a text, with its length.
    pub fn text(&mut self, text: &str) {
        self.word(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(bytes));
        }
    }

    /// Adds a value, field by field, as `serde` sees it.
    ///
    /// # Panics
    /// If the value holds a float, whose arithmetic is not the same everywhere.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        value.serialize(&mut *self).expect("a digested value has no float and serializes without error");
    }

    /// The value of the digest.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The digest with this value.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bits = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or_else(|| format!("`{text}` is no digest: expected 16 hexadecimal digits"))
    }
}

/// Why a value cannot be digested.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Undigestible(String);

impl ser::Error for Undigestible {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// One integer method of the serializer below; sign extension makes equal values equal words.
macro_rules! words {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Undigestible> {
            self.word(value as u64);
            Ok(())
        })*
    };
}

impl ser::Serializer for &mut Digest {
    type Ok = ();
    type Error = Undigestible;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    words!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char);

    fn serialize_f32(self, _: f32) -> Result<(), Undigestible> {
        Err(ser::Error::custom("a float cannot be digested"))
    }
    fn serialize_f64(self, _: f64) -> Result<(), Undigestible> {
        Err(ser::Error::custom("a float cannot be digested"))
    }
    fn serialize_str(self, text: &str) -> Result<(), Undigestible> {
        self.text(text);
        Ok(())
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Undigestible> {
        bytes.iter().for_each(|byte| self.word(u64::from(*byte)));
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Undigestible> {
        self.serialize_bool(false)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Undigestible> {
        self.word(1);
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Undigestible> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Undigestible> {
        Ok(())
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Undigestible> {
        self.serialize_u32(index)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Undigestible> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Undigestible> {
        self.word(u64::from(index));
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Undigestible> {
        self.word(len.map_or(u64::MAX, |len| len as u64));
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Undigestible> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Undigestible> {
        Ok(self)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Undigestible> {
        self.word(u64::from(index));
        Ok(self)
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Self, Undigestible> {
        self.serialize_seq(len)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Undigestible> {
        Ok(self)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Undigestible> {
        self.word(u64::from(index));
        Ok(self)
    }
}

/// One compound form of the serializer: its parts are digested in order, its names are not.
macro_rules! compound {
    ($($trait:ident: $method:ident),*) => {
        $(impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Undigestible;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Undigestible> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Undigestible> {
                Ok(())
            }
        })*
    };
}

compound!(SerializeSeq: serialize_element, SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field);

/// The same for forms with named fields.
macro_rules! named {
    ($($trait:ident),*) => {
        $(impl ser::$trait for &mut Digest {
            type Ok = ();
            type Error = Undigestible;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Undigestible> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Undigestible> {
                Ok(())
            }
        })*
    };
}

named!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for &mut Digest {
    type Ok = ();
    type Error = Undigestible;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Undigestible> {
        key.serialize(&mut **self)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Undigestible> {
        value.serialize(&mut **self)
    }
    fn end(self) -> Result<(), Undigestible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    enum Shape {
        Dot,
        Line { length: u32, name: Option<&'static str> },
        Path(Vec<i8>),
    }

    fn of(value: &impl Serialize) -> Digest {
        let mut digest = Digest::default();
        digest.value(value);
        digest
    }

    #[test]
    fn values_that_differ_digest_differently() {
        let all = [
            of(&Shape::Dot),
            of(&Shape::Line { length: 1, name: None }),
            of(&Shape::Line { length: 1, name: Some("") }),
            of(&Shape::Line { length: 2, name: None }),
            of(&Shape::Path(vec![1, 2])),
            of(&Shape::Path(vec![2, 1])),
            of(&Shape::Path(vec![])),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_digest_is_the_same_on_every_machine() {
        assert_eq!(of(&Shape::Line { length: 7, name: Some("seven") }).to_string(), "d296ac143b29393b");
    }
}
