//! Draws choices from a seed.
//!
//! A seed decides by a keyed function of (seed, choice name), so an additional draw changes no other draw. Swarm testing
//! comes first (Groce et al., "Swarm testing", 2012): each run draws for each site whether it may deviate at all, then
//! how often, and one fault rate for the whole run. A [`Profile`] sets the bounds, and whether task order and interruptions
//! before statements are drawn: half of the runs then keep the default order, and the others deviate from it at rates from rare
//! to frequent; a quarter of the runs has no interruptions, and more than a half has pauses that make transactions meet.

use crate::choice::{LONG_PAUSE, Pick, STATEMENT, Site, UNTIL_MET};
use crate::hash::{KEYS, fold, join, mix};
use crate::sites::{Met, Rate, SiteNumber, Sites};

/// The fault rates of seeded runs: whether sites are switched off, how often the other sites deviate, and by which
/// factor all rates of a run are lowered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The name, as used on the command line.
    pub name: &'static str,
    /// A description of its runs.
    pub about: &'static str,
    /// Whether each run first draws for each site whether it may deviate at all, with probability one half.
    swarm: bool,
    /// The rates of a site that may deviate, as one in 2^n; all equally likely.
    rates: [u32; 4],
    /// The factors by which all rates of a run are lowered, as one in 2^n; all equally likely.
    calm: [u32; 4],
    /// Sites with rates of their own, in thousandths; if there are any, no other site deviates.
    odds: &'static [(Site, u32)],
    /// Whether task order is drawn too.
    task_order: bool,
    /// Whether interruptions before statements are drawn too.
    statements: bool,
}

/// The rates at which tasks yield in a run that draws task order, as one in 2^n; all equally likely.
const ORDER_RATES: [u32; 4] = [1, 3, 5, 7];

/// What a run draws before statements. Where pauses make transactions meet, named choices have rates of their own, whatever the
/// profile's are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interruptions {
    /// All kinds, at the rates of other sites; or none, if the profile says so.
    AsElsewhere,
    /// Many pauses, and few faults: half of the later statements of three in four sites pause, mostly until another
    /// transaction commits or waits. Such pauses disturb little else, and the race that needs one of them needs it at one
    /// statement of hundreds.
    Together,
    /// As many pauses, but one at a time, and no fault: what a pause waits for comes in time.
    OneAtATime,
}

/// Returns how often a site deviates at which transactions can be made to meet: by a pause before a later statement, or by a
/// choice of the workload. `swarm` is the word that the run draws for the site.
fn meeting_rate(swarm: u64) -> Rate {
    if swarm & 3 == 0 { Rate::Never } else { Rate::UpTo(u64::MAX >> 1) }
}

impl Profile {
    /// Runs of every kind, from a single deviation to one at every other choice. The default.
    pub const MIXED: Profile = Profile {
        name: "mixed",
        about: "runs of every kind, from a single deviation to one at every other choice",
        swarm: true,
        rates: [1, 2, 4, 6],
        calm: [0, 0, 2, 5],
        odds: &[],
        task_order: false,
        statements: false,
    };
    /// Few deviations per run, often one or none: a quiet week.
    pub const CALM: Profile = Profile {
        name: "calm",
        about: "few deviations a run, often one or none",
        swarm: true,
        rates: [4, 5, 6, 7],
        calm: [0, 0, 1, 2],
        odds: &[],
        task_order: false,
        statements: false,
    };
    /// Many faults at once, at every site that lists one.
    pub const STORM: Profile = Profile {
        name: "storm",
        about: "much goes wrong at once, wherever it may at all",
        swarm: true,
        rates: [1, 1, 2, 3],
        calm: [0, 0, 0, 0],
        odds: &[],
        task_order: false,
        statements: false,
    };
    /// Every choice deviates in one of 32 cases, whatever its site: plain random testing, for comparison.
    pub const EVEN: Profile = Profile {
        name: "even",
        about: "every choice deviates in one of 32 cases: random testing alone, to compare with",
        swarm: false,
        rates: [5, 5, 5, 5],
        calm: [0, 0, 0, 0],
        odds: &[],
        task_order: false,
        statements: false,
    };
    /// All profiles, the default first.
    pub const ALL: [Profile; 4] = [Self::MIXED, Self::CALM, Self::STORM, Self::EVEN];

    /// Creates a profile in which the listed sites deviate at the listed rates, in thousandths, and no other site
    /// deviates. It reproduces rates that were measured elsewhere, rather than searches.
    pub const fn measured(name: &'static str, about: &'static str, odds: &'static [(Site, u32)]) -> Self {
        Self { name, about, odds, ..Self::EVEN }
    }

    /// Returns the same rates with task order drawn too: the order of tasks that are ready at one instant.
    #[must_use]
    pub const fn with_task_order(self) -> Self {
        Self { task_order: true, ..self }
    }

    /// Returns whether some runs draw task order.
    pub const fn draws_task_order(&self) -> bool {
        self.task_order
    }

    /// Returns whether the run of this seed draws task order.
    pub fn draws_task_order_of(&self, seed: u64) -> bool {
        self.task_order && mix(seed, 0x6F72_6465) & 1 == 1
    }

    /// Returns the same rates with interruptions before the statements of transactions drawn too.
    #[must_use]
    pub const fn with_statements(self) -> Self {
        Self { statements: true, ..self }
    }

    /// Returns whether some runs draw interruptions before statements.
    pub const fn draws_statements(&self) -> bool {
        self.statements
    }

    /// Returns whether the run of this seed draws interruptions before statements: three of four do.
    pub fn draws_statements_of(&self, seed: u64) -> bool {
        self.statements && mix(seed, 0x7374_6D74) & 3 != 0
    }

    /// Returns the profile of the run of this seed alone: it draws interruptions before statements in all of its runs, or in
    /// none.
    pub(crate) fn of_seed(self, seed: u64) -> Self {
        Self { statements: self.draws_statements_of(seed), ..self }
    }

    /// Returns the same rates with no site switched off.
    #[must_use]
    pub const fn without_swarm(self) -> Self {
        Self { swarm: false, ..self }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::MIXED
    }
}

/// The draws for choices that no script decides.
#[derive(Clone, Copy)]
pub(crate) struct Draws {
    /// The seed, mixed, so that consecutive seeds have no pattern.
    seed: u64,
    profile: Profile,
    /// The position of the first drawn choice, from 0; earlier choices are benign.
    pub(crate) from: u32,
    /// Whether a client pauses before a statement now.
    pub(crate) is_amid_pause: bool,
}

impl Draws {
    pub(crate) fn new(seed: u64, profile: Profile, from: u32) -> Self {
        Self { seed: mix(seed, 1), profile, from, is_amid_pause: false }
    }

    /// Returns how often the choices of a site deviate in this run.
    #[inline]
    pub(crate) fn rate(&self, sites: &mut Sites, number: SiteNumber) -> Rate {
        sites.rate(number, |met| self.rate_of(met))
    }

    #[cold]
    fn rate_of(&self, Met { site, alternatives, .. }: &Met) -> Rate {
        let Self { seed, profile, .. } = self;
        if !profile.odds.is_empty() {
            let odds = profile.odds.iter().find(|(other, _)| other.hash() == site.hash());
            return odds.map_or(Rate::Never, |(_, thousandths)| in_thousandths(*thousandths));
        }
        let swarm = mix(seed ^ 0x5157_41A7, site.hash());
        if site.is_statement() && !profile.statements {
            return Rate::Never;
        }
        let interruptions = self.interruptions();
        let is_meeting = alternatives.are(&STATEMENT) || alternatives.are_names() && !site.is_optional();
        if interruptions != Interruptions::AsElsewhere && is_meeting {
            return meeting_rate(swarm);
        }
        if profile.swarm && swarm & 1 == 0 {
            return Rate::Never;
        }
        if site.is_schedule() {
            let rate = ORDER_RATES[(mix(*seed, 0x0DE5) >> 62) as usize];
            return if profile.task_order { Rate::UpTo(u64::MAX >> rate) } else { Rate::Never };
        }
        let calm = match interruptions {
            Interruptions::AsElsewhere => profile.calm[(mix(*seed, 0xCA13) >> 62) as usize],
            Interruptions::Together => 3,
            Interruptions::OneAtATime => return Rate::Never,
        };
        Rate::UpTo(u64::MAX >> (profile.rates[(swarm >> 62) as usize] + calm))
    }

    /// Makes the choice with this hash.
    #[inline(always)]
    pub(crate) fn pick(&self, most: u64, id: u64, met: &Met) -> Pick {
        let draw = join(self.seed, id);
        if draw > most { Pick::BENIGN } else { self.deviation(draw, met) }
    }

    fn deviation(&self, draw: u64, met: &Met) -> Pick {
        if !met.alternatives.are(&STATEMENT) || self.interruptions() == Interruptions::AsElsewhere {
            return deviating(draw, met);
        }
        if self.is_amid_pause && self.interruptions() == Interruptions::OneAtATime {
            return Pick::BENIGN;
        }
        let is_long = fold(draw ^ KEYS[2], KEYS[3]) & 3 == 0;
        if is_long { LONG_PAUSE } else { UNTIL_MET }
    }

    /// Returns what this run draws before statements.
    fn interruptions(&self) -> Interruptions {
        if !self.profile.swarm || !self.profile.statements {
            return Interruptions::AsElsewhere;
        }
        match below(mix(self.seed, 0x696E_7472), 4) {
            0 => Interruptions::AsElsewhere,
            1 => Interruptions::Together,
            _ => Interruptions::OneAtATime,
        }
    }
}

/// Returns the rate at which `below(draw, 1_000)` is less than `thousandths`.
fn in_thousandths(thousandths: u32) -> Rate {
    let draws = (u128::from(thousandths) << 64).div_ceil(1_000);
    match draws.checked_sub(1) {
        None => Rate::Never,
        Some(most) => Rate::UpTo(u64::try_from(most).unwrap_or(u64::MAX)),
    }
}

/// Returns the deviation for a draw.
fn deviating(draw: u64, Met { alternatives, corners, .. }: &Met) -> Pick {
    let which = fold(draw ^ KEYS[2], KEYS[3]);
    match alternatives.range_ms() {
        // The lowest bit selects the kind, the highest bits the delay.
        Some((least, most)) if which & 1 == 1 => corners.pick(least + below(which, most - least + 1)),
        _ => Pick::Named(1 + below(which, alternatives.deviations() as u32) as u16),
    }
}

/// Maps a word to 0..n without rejection (Lemire, "Fast random integer generation in an interval", 2019);
/// the bias of at most n in 2^64 does not matter to a search.
pub(crate) fn below(word: u64, n: u32) -> u32 {
    ((u128::from(word) * u128::from(n)) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_in_thousandths_agrees_with_below_a_thousand() {
        assert_eq!(in_thousandths(0), Rate::Never);
        assert_eq!(in_thousandths(1_000), Rate::UpTo(u64::MAX));
        for thousandths in 1..1_000 {
            let Rate::UpTo(most) = in_thousandths(thousandths) else { panic!("some deviate") };
            assert_eq!((below(most, 1_000), below(most + 1, 1_000)), (thousandths - 1, thousandths));
        }
    }
}
