//! The shape of a value: its variants, the presence of its optional parts, and the magnitude of small numbers; not
//! the numbers and texts themselves.

use crate::digest::Digest;
use crate::fields::{self, Intake, Unfit};
use serde::ser::Serialize;

/// A hash of shapes.
#[derive(Default)]
pub(crate) struct Shape(Digest);

/// Numbers from here on count as equal: of an identity it only matters whether it is the first or a later one.
const MANY: u64 = 3;

impl Shape {
    /// Returns the shape of a value.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> u64 {
        let mut shape = Self::default();
        // A value without a shape counts as equal to any other of its kind.
        let _ = fields::give(value, &mut shape);
        shape.0.bits()
    }
}

impl Intake for Shape {
    fn number(&mut self, number: u64) {
        self.0.word(number.min(MANY));
    }
    fn variant(&mut self, index: u32) {
        self.0.word(u64::from(index));
    }
    fn text(&mut self, _: &str) {}
    fn bytes(&mut self, _: &[u8]) {}
    fn length(&mut self, length: Option<usize>) {
        self.number(length.map_or(MANY, |length| length as u64));
    }
    fn float(&mut self) -> Result<(), Unfit> {
        Ok(())
    }
    fn key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Unfit> {
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
