//! Laws of scripts and digests.

use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_sim::*;

prop_compose! {
    fn scope_path()(parts in vec(("[a-z][a-z_-]{0,8}", 1u32..5_000), 0..4)) -> ScopePath {
        let parts: Vec<_> = parts.iter().map(|(label, number)| format!("{label}-{number}")).collect();
        if parts.is_empty() { ScopePath::default() } else { parts.join("/").parse().unwrap() }
    }
}

prop_compose! {
    fn deviation()(
        site in "[a-z][a-z.-]{0,10}/[a-z][a-z-]{0,8}( [a-z][a-z.-]{0,8})?",
        scope in scope_path(),
        nth in 1u32..200,
        alternative in "[a-z0-9]([a-z0-9 =#@-]{0,8}[a-z0-9])?",
    ) -> Deviation {
        Deviation { id: ChoiceId { site, scope, nth }, alternative }
    }
}

prop_compose! {
    fn a_script()(
        scenario in "[a-z][a-z-]{0,8}",
        without in vec("[a-z][a-z-]{0,8}", 0..3),
        mut variant in vec(("[a-z]{1,6}", "[a-z0-9-]{1,6}"), 0..3),
        mut deviations in vec(deviation(), 0..12),
    ) -> Script {
        let mut named = std::collections::BTreeSet::new();
        deviations.retain(|deviation| named.insert(deviation.id.clone()));
        let mut parameters = std::collections::BTreeSet::new();
        variant.retain(|(parameter, _)| parameters.insert(parameter.clone()));
        Script { scenario, without, variant: Variant(variant), deviations }
    }
}

fn digest_of(words: &[u64]) -> Digest {
    words.iter().fold(Digest::default(), |mut digest, word| {
        digest.word(*word);
        digest
    })
}

proptest! {
    #[test]
    fn a_script_is_read_as_it_was_written(script in a_script()) {
        prop_assert_eq!(script.to_string().parse(), Ok(script));
    }

    #[test]
    fn a_compact_deviation_is_read_as_it_was_written(deviation in deviation()) {
        prop_assert_eq!(deviation.compact().parse(), Ok(deviation));
    }

    #[test]
    fn no_text_makes_reading_a_script_panic(text in ".{0,200}") {
        let _ = text.parse::<Script>();
        let _ = text.parse::<Deviation>();
        let _ = text.parse::<ScopePath>();
    }

    #[test]
    fn a_digest_tells_sequences_apart(one in vec(any::<u64>(), 0..6), other in vec(any::<u64>(), 0..6)) {
        prop_assert_eq!(digest_of(&one) == digest_of(&other), one == other);
    }

    #[test]
    fn a_digest_depends_on_order(words in vec(any::<u64>(), 2..8)) {
        let mut turned = words.clone();
        turned.rotate_left(1);
        prop_assert_eq!(digest_of(&words) == digest_of(&turned), words == turned);
    }

    #[test]
    fn texts_of_any_length_digest_apart(one in ".{0,20}", other in ".{0,20}") {
        let of = |text: &str| {
            let mut digest = Digest::default();
            digest.text(text);
            digest
        };
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }

    #[test]
    fn a_digest_is_read_as_it_was_written(bits: u64) {
        let digest = Digest::from_bits(bits);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
    }
}
