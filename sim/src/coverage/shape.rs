//! The shape of a value: which variants it is made of, what is there and what is absent, and how small its
//! numbers are; not the numbers and texts themselves.

use crate::digest::{Digest, Undigestible};
use serde::ser::{self, Serialize};

/// A hash of shapes.
#[derive(Default)]
pub(crate) struct Shape(Digest);

/// Numbers from here on are alike: what matters of an identity is whether it is the first or a further one.
const MANY: u64 = 3;

impl Shape {
    /// The shape of a value.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> u64 {
        let mut shape = Self::default();
        // A value that has no shape is like any other of its kind.
        let _ = value.serialize(&mut shape);
        shape.0.bits()
    }

    fn tag(&mut self, tag: u64) {
        self.0.word(tag);
    }

    fn size(&mut self, number: u64) {
        self.0.word(number.min(MANY));
    }
}

/// One integer method of the serializer below.
macro_rules! sizes {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Undigestible> {
            self.size(value as u64);
            Ok(())
        })*
    };
}

/// One method whose value says nothing of the shape.
macro_rules! shapeless {
    ($($method:ident($($value:ty),*)),*) => {
        $(fn $method(self $(, _: $value)*) -> Result<(), Undigestible> {
            Ok(())
        })*
    };
}

/// One method that begins a compound value.
macro_rules! begins {
    ($($method:ident($($value:ty),*) -> $compound:ident),*) => {
        $(fn $method(self $(, _: $value)*) -> Result<Self::$compound, Undigestible> {
            Ok(self)
        })*
    };
}

impl ser::Serializer for &mut Shape {
    type Ok = ();
    type Error = Undigestible;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    sizes!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);
    shapeless!(
        serialize_char(char),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit(),
        serialize_unit_struct(&'static str)
    );
    begins!(serialize_tuple(usize) -> SerializeTuple, serialize_map(Option<usize>) -> SerializeMap,
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct,
        serialize_struct(&'static str, usize) -> SerializeStruct);

    fn serialize_none(self) -> Result<(), Undigestible> {
        self.tag(0);
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Undigestible> {
        self.tag(1);
        value.serialize(self)
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Undigestible> {
        self.tag(u64::from(index));
        Ok(())
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
        self.tag(u64::from(index));
        value.serialize(self)
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self, Undigestible> {
        self.size(len.map_or(MANY, |len| len as u64));
        Ok(self)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Undigestible> {
        self.tag(u64::from(index));
        Ok(self)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Undigestible> {
        self.tag(u64::from(index));
        Ok(self)
    }
}

/// One compound form of the serializer: its parts in order, its names left out.
macro_rules! compound {
    ($($trait:ident: $method:ident($($name:ty)?)),*) => {
        $(impl ser::$trait for &mut Shape {
            type Ok = ();
            type Error = Undigestible;
            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? value: &T) -> Result<(), Undigestible> {
                value.serialize(&mut **self)
            }
            fn end(self) -> Result<(), Undigestible> {
                Ok(())
            }
        })*
    };
}

compound!(SerializeSeq: serialize_element(), SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(), SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(&'static str), SerializeStructVariant: serialize_field(&'static str));

impl ser::SerializeMap for &mut Shape {
    type Ok = ();
    type Error = Undigestible;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Undigestible> {
        Ok(())
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
    enum Row {
        Open { id: u32, name: &'static str },
        Closed(Option<u64>),
    }

    #[test]
    fn shapes_differ_by_variant_and_presence_and_not_by_text_or_great_numbers() {
        let open = |id, name| Shape::of(&Row::Open { id, name });
        assert_eq!(open(7, "a"), open(70, "bc"));
        let all = [open(1, ""), open(2, ""), open(7, "")];
        let all = all.into_iter().chain([None, Some(9)].map(|since| Shape::of(&Row::Closed(since))));
        assert_eq!(all.collect::<std::collections::BTreeSet<_>>().len(), 5);
    }
}
