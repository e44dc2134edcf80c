//! Hashes of words: they turn names into numbers, and numbers into draws. Equal on every machine.

/// An odd word without a pattern: the fractional part of the golden ratio.
pub(crate) const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Words without a pattern: the fractional parts of the square roots of 2 (made odd), 3, 5, 7 and 11.
pub(crate) const KEYS: [u64; 5] = [
    0x6A09_E667_F3BC_C909,
    0xBB67_AE85_84CA_A73B,
    0x3C6E_F372_FE94_F82B,
    0xA54F_F53A_5F1D_36F1,
    0x510E_527F_ADE6_82D1,
];

/// Mixes two arbitrary words into one in which every input bit matters (the finaliser of SplitMix64, Steele et al.,
/// "Fast splittable pseudorandom number generators", 2014).
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(25) ^ b.wrapping_mul(BASE);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Combines both halves of a product into one word, to which every bit of either factor matters (Wang Yi, "wyhash",
/// 2019).
#[inline]
pub(crate) const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

/// Combines two words in a third of the time of [`mix`], for the hot path. At least one of them must have no pattern;
/// otherwise consecutive words give results at regular distances.
#[inline]
pub(crate) const fn join(a: u64, b: u64) -> u64 {
    fold(a ^ KEYS[0], b ^ KEYS[1])
}

/// Combines two words and a small number in the same way.
#[inline]
pub(crate) const fn join_numbered(a: u64, b: u64, number: u32) -> u64 {
    join(a, b ^ (number as u64).wrapping_mul(BASE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn joined_words_differ_and_fill_the_range() {
        let parts: Vec<u64> = (0..64).map(|part| mix(part, 1)).collect();
        let mut seen = BTreeSet::new();
        let mut of_bit = [0u32; 64];
        for a in &parts {
            for b in &parts {
                for number in 1..=8 {
                    let word = join_numbered(*a, *b, number);
                    assert!(seen.insert(word), "{a} {b} {number}");
                    (0..64).for_each(|bit| of_bit[bit] += (word >> bit & 1) as u32);
                }
            }
        }
        let half = seen.len() as f64 / 2.0;
        assert!(of_bit.iter().all(|ones| (f64::from(*ones) / half - 1.0).abs() < 0.05), "{of_bit:?}");
    }
}
