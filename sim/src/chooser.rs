//! Who answers the choices of a run: a script, or a seed.
//!
//! A seed answers by a keyed function of (seed, choice name), so a draw that is added somewhere moves no
//! other draw. Swarm testing comes first (Groce et al., "Swarm testing", 2012): for each run and site it
//! is drawn whether the site may deviate at all, then how often; and for each run how restless it is.

use crate::choice::{Alternatives, Pick, Site};
use crate::label::mix;
use crate::scope::{Scope, Scopes};
use crate::script::{ChoiceId, Deviation, Script};

/// Where a run leaves the happy path, in the run's own terms: the cheap form of a deviation, which means
/// something in one build of a scenario only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Turn {
    /// Which of the run's choices, counted from 0 in the order in which they are offered.
    pub choice: u32,
    /// Which of its named alternatives.
    pub alternative: u16,
}

/// One choice that a run offered, and what it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) site: Site,
    pub(crate) scope: Scope,
    pub(crate) nth: u32,
    pub(crate) alternatives: Alternatives,
    pub(crate) pick: Pick,
}

impl Offer {
    pub(crate) fn id(&self, scopes: &Scopes) -> ChoiceId {
        ChoiceId { site: self.site.to_string(), scope: scopes.path(self.scope), nth: self.nth }
    }

    pub(crate) fn deviation(&self, scopes: &Scopes) -> Deviation {
        Deviation { id: self.id(scopes), alternative: self.alternatives.name_of(self.pick) }
    }
}

enum Source {
    /// Sorted by hash; the hash only finds candidates, the whole name decides.
    Script(Vec<(u64, Deviation, bool)>),
    Seed(u64),
}

/// Answers choices, and keeps what was offered.
pub(crate) struct Chooser {
    source: Source,
    offers: Vec<Offer>,
    /// Turns to take, and how many were taken.
    turns: Vec<Turn>,
    taken: usize,
}

impl Chooser {
    pub(crate) fn new() -> Self {
        Self { source: Source::Script(Vec::new()), offers: Vec::new(), turns: Vec::new(), taken: 0 }
    }

    pub(crate) fn follow(&mut self, script: &Script) {
        let keyed =
            script.deviations.iter().map(|deviation| (hash_of(&deviation.id), deviation.clone(), false));
        let mut keyed: Vec<_> = keyed.collect();
        keyed.sort_by_key(|(hash, ..)| *hash);
        self.source = Source::Script(keyed);
        self.offers.clear();
        self.turns.clear();
        self.taken = 0;
    }

    /// Takes these turns, in the order in which their choices are offered, and is benign elsewhere.
    pub(crate) fn take(&mut self, turns: &[Turn]) {
        self.follow(&Script::default());
        self.turns.extend_from_slice(turns);
    }

    /// Whether every turn was taken.
    pub(crate) fn is_past_turns(&self) -> bool {
        self.taken == self.turns.len()
    }

    fn turn(&mut self, alternatives: &Alternatives) -> Option<Pick> {
        let turn = self.turns.get(self.taken)?;
        let here = turn.choice as usize == self.offers.len()
            && usize::from(turn.alternative) < alternatives.names.len();
        here.then(|| {
            self.taken += 1;
            Pick::Named(turn.alternative)
        })
    }

    pub(crate) fn draw_from(&mut self, seed: u64) {
        self.source = Source::Seed(seed);
        self.offers.clear();
        self.turns.clear();
        self.taken = 0;
    }

    pub(crate) fn decide(
        &mut self,
        (site, scope, nth): (Site, Scope, u32),
        alternatives: &Alternatives,
        scopes: &Scopes,
    ) -> Pick {
        let hash = key(site.hash(), scopes.hash(scope), nth);
        let pick = match &mut self.source {
            Source::Script(keyed) if keyed.is_empty() => Pick::BENIGN,
            Source::Script(keyed) => scripted(keyed, hash, (site, scope, nth), alternatives, scopes),
            Source::Seed(seed) => drawn(*seed, site.hash(), hash, alternatives),
        };
        let pick = self.turn(alternatives).unwrap_or(pick);
        self.offers.push(Offer { site, scope, nth, alternatives: *alternatives, pick });
        pick
    }

    pub(crate) fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// The deviations of the script that were never offered, or not with their alternative.
    pub(crate) fn unapplied(&self) -> Vec<Deviation> {
        match &self.source {
            Source::Seed(_) => Vec::new(),
            Source::Script(keyed) => keyed
                .iter()
                .filter(|(.., applied)| !applied)
                .map(|(_, deviation, _)| deviation.clone())
                .collect(),
        }
    }
}

fn key(site: u64, scope: u64, nth: u32) -> u64 {
    mix(mix(site, scope), u64::from(nth))
}

fn hash_of(id: &ChoiceId) -> u64 {
    key(crate::label::TextHash::of(&id.site).finish(), id.scope.hash(), id.nth)
}

fn scripted(
    keyed: &mut [(u64, Deviation, bool)],
    hash: u64,
    (site, scope, nth): (Site, Scope, u32),
    alternatives: &Alternatives,
    scopes: &Scopes,
) -> Pick {
    let first = keyed.partition_point(|(other, ..)| *other < hash);
    for (other, deviation, applied) in &mut keyed[first..] {
        if *other != hash {
            break;
        }
        let id = &deviation.id;
        if id.nth == nth && site.is(&id.site) && scopes.is(scope, &id.scope) {
            let pick = alternatives.pick(&deviation.alternative);
            *applied = pick.is_some();
            return pick.unwrap_or(Pick::BENIGN);
        }
    }
    Pick::BENIGN
}

/// How often a site deviates, as one in 2^n, where it may at all.
const RATES: [u32; 4] = [1, 2, 4, 6];
/// How much rarer everything is in a run, as one in 2^n.
const CALM: [u32; 4] = [0, 0, 2, 5];

fn drawn(seed: u64, site: u64, id: u64, alternatives: &Alternatives) -> Pick {
    if alternatives.deviations() == 0 {
        return Pick::BENIGN;
    }
    let swarm = mix(seed ^ 0x5157_41A7, site);
    if swarm & 1 == 0 {
        return Pick::BENIGN;
    }
    let calm = CALM[(mix(seed, 0xCA13) >> 62) as usize];
    let rate = RATES[(swarm >> 62) as usize] + calm;
    let draw = mix(seed, id);
    if draw >> (64 - rate) != 0 {
        return Pick::BENIGN;
    }
    let which = mix(draw, 1);
    match alternatives.range_ms {
        Some((least, most)) if which & 1 == 1 => {
            alternatives.corner_or(least + below(mix(draw, 2), most - least + 1))
        }
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

    const LOSS: Alternatives = Alternatives::new(&["arrives", "lost", "late"]);
    const SITE: Site = Site::new(crate::Label::new("pay.charge"), crate::Label::new("response"));

    fn picks(chooser: &mut Chooser, count: u32) -> Vec<Pick> {
        let mut scopes = Scopes::new();
        let orders = (0..count).map(|_| scopes.child(Scope::ROOT, "order".into())).collect::<Vec<_>>();
        orders.into_iter().map(|order| chooser.decide((SITE, order, 1), &LOSS, &scopes)).collect()
    }

    #[test]
    fn a_script_decides_the_choice_it_names_and_no_other() {
        let mut chooser = Chooser::new();
        let mut script = Script::default();
        script.deviations.push("pay.charge/response @ order-2 #1 = lost".parse().unwrap());
        script.deviations.push("pay.charge/response @ order-9 #1 = lost".parse().unwrap());
        script.deviations.push("pay.charge/response @ order-3 #1 = eaten".parse().unwrap());
        chooser.follow(&script);
        assert_eq!(picks(&mut chooser, 3), [Pick::BENIGN, Pick::Named(1), Pick::BENIGN]);
        let unapplied: Vec<_> = chooser.unapplied().iter().map(Deviation::to_string).collect();
        assert_eq!(unapplied.len(), 2, "{unapplied:?}");
    }

    #[test]
    fn a_draw_that_is_added_moves_no_other() {
        let mut restless = 0;
        for seed in 0..200 {
            let mut chooser = Chooser::new();
            chooser.draw_from(seed);
            let three = picks(&mut chooser, 3);
            chooser.draw_from(seed);
            let four = picks(&mut chooser, 4);
            assert_eq!(three, four[..3]);
            restless += usize::from(four.iter().any(|pick| !pick.is_benign()));
        }
        assert!((10..150).contains(&restless), "swarm leaves some runs calm and some not: {restless}");
    }
}
