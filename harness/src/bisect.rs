//! Bisection: finds the first of many builds in which something fails, by judging few of them. Builds that cannot be
//! judged are skipped.

/// The judgement of a build.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// It holds.
    Good,
    /// It fails.
    Bad,
    /// It could not be built, or could not run this script.
    Skipped,
}

/// Returns the builds among which the first bad one is: exactly one, unless those before it cannot be judged.
///
/// There are `count` builds in order. The one before the first is known to be good, the last one to be bad. `judge` judges a
/// build by its position; each is judged at most once.
///
/// # Errors
/// The first error of `judge`.
///
/// ```
/// use shakedown::bisect::{Judgement, first_bad};
/// let judge = |at| Ok::<_, ()>(if at >= 6 { Judgement::Bad } else { Judgement::Good });
/// assert_eq!(first_bad(10, judge), Ok(6..7));
/// ```
pub fn first_bad<E>(
    count: usize,
    mut judge: impl FnMut(usize) -> Result<Judgement, E>,
) -> Result<std::ops::Range<usize>, E> {
    // All builds before `low` are good, or were skipped between good ones; all from `high` on are bad.
    let (mut low, mut high) = (0, count.saturating_sub(1));
    let mut skipped = Vec::new();
    loop {
        let middle = low + (high - low) / 2;
        let mut open: Vec<usize> = (low..high).filter(|at| !skipped.contains(at)).collect();
        open.sort_by_key(|at| at.abs_diff(middle));
        let Some(next) = open.first().copied() else { return Ok(low..high + 1) };
        match judge(next)? {
            Judgement::Good => low = next + 1,
            Judgement::Bad => high = next,
            Judgement::Skipped => skipped.push(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bisects builds that are written as text: `+` is good, `-` is bad, `?` cannot be judged.
    fn check(builds: &str, expected: std::ops::Range<usize>, judged_max: usize) {
        let builds: Vec<char> = builds.chars().collect();
        let mut judged = Vec::new();
        let found = first_bad(builds.len(), |at| {
            assert!(!judged.contains(&at), "{at} was judged before");
            judged.push(at);
            Ok::<_, ()>(match builds[at] {
                '+' => Judgement::Good,
                '-' => Judgement::Bad,
                _ => Judgement::Skipped,
            })
        });
        assert_eq!(found, Ok(expected), "{builds:?}");
        assert!(judged.len() <= judged_max, "{builds:?}: {judged:?}");
    }

    #[test]
    fn the_first_bad_build_is_found_in_few_steps() {
        check("-", 0..1, 0);
        check("+-", 1..2, 1);
        check("--", 0..1, 1);
        check("+++++++-", 7..8, 3);
        check("+++-----", 3..4, 3);
        check(&format!("{}{}", "+".repeat(700), "-".repeat(324)), 700..701, 10);
    }

    #[test]
    fn builds_that_cannot_be_judged_are_passed_over() {
        check("+?+-", 3..4, 3);
        check("+??-", 1..4, 3);
        check("?-", 0..2, 1);
        check("++??????--", 2..9, 9);
    }
}
