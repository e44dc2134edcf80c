//! Traverses a value field by field through `serde`: the common base of everything that hashes values.
//!
//! Names of types, fields and variants are ignored; the positions of variants are not. An [`Intake`] decides how
//! numbers, texts and lengths are used.

use serde::ser::{self, Serialize};
use std::fmt;

/// Receives the parts of a value, in order.
pub(crate) trait Intake {
    /// Receives a whole number, a boolean or a character; negative numbers are sign-extended.
    fn number(&mut self, number: u64);
    /// Receives the index of an enum's variant; for an option, whether it is present.
    fn variant(&mut self, index: u32);
    /// Receives a text.
    fn text(&mut self, text: &str);
    /// Receives bytes that are not a text.
    fn bytes(&mut self, bytes: &[u8]);
    /// Receives the number of parts that follow, if it is known.
    fn length(&mut self, length: Option<usize>);
    /// Receives a float.
    fn float(&mut self) -> Result<(), Unfit>;
    /// Receives the key of a map entry.
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit>;
}

/// Passes a value, field by field, to `intake`.
pub(crate) fn give<T: Serialize + ?Sized>(value: &T, intake: &mut impl Intake) -> Result<(), Unfit> {
    value.serialize(Fields(intake))
}

/// The reason why a value cannot be traversed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unfit(String);

impl ser::Error for Unfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The serializer: it writes nothing and passes every part on.
struct Fields<'a, I>(&'a mut I);

/// Methods for scalar numbers.
macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Unfit> {
            self.0.number(value as u64);
            Ok(())
        })*
    };
}

impl<I: Intake> ser::Serializer for Fields<'_, I> {
    type Ok = ();
    type Error = Unfit;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_char: char);

    fn serialize_f32(self, _: f32) -> Result<(), Unfit> {
        self.0.float()
    }
    fn serialize_f64(self, _: f64) -> Result<(), Unfit> {
        self.0.float()
    }
    fn serialize_str(self, text: &str) -> Result<(), Unfit> {
        self.0.text(text);
        Ok(())
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unfit> {
        self.0.bytes(bytes);
        Ok(())
    }
    fn serialize_none(self) -> Result<(), Unfit> {
        self.0.variant(0);
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unfit> {
        self.0.variant(1);
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), Unfit> {
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unfit> {
        Ok(())
    }
    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), Unfit> {
        self.0.variant(index);
        Ok(())
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unfit> {
        self.0.variant(index);
        value.serialize(self)
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unfit> {
        self.0.length(length);
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unfit> {
        self.0.variant(index);
        Ok(self)
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Self, Unfit> {
        self.serialize_seq(length)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unfit> {
        Ok(self)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Unfit> {
        self.0.variant(index);
        Ok(self)
    }
}

/// Compound forms: their parts in order.
macro_rules! compound {
    ($($trait:ident: $method:ident($($name:ty)?)),*) => {
        $(impl<I: Intake> ser::$trait for Fields<'_, I> {
            type Ok = ();
            type Error = Unfit;
            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Unfit> {
                give(value, self.0)
            }
            fn end(self) -> Result<(), Unfit> {
                Ok(())
            }
        })*
    };
}

compound!(SerializeSeq: serialize_element(), SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(), SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(&'static str), SerializeStructVariant: serialize_field(&'static str));

impl<I: Intake> ser::SerializeMap for Fields<'_, I> {
    type Ok = ();
    type Error = Unfit;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        self.0.key(key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        give(value, self.0)
    }
    fn end(self) -> Result<(), Unfit> {
        Ok(())
    }
}
