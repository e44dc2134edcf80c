//! Decides the choices of a run: from a script, or from a seed.

use crate::choice::{Pick, Site, Texts};
use crate::draws::{Draws, Profile};
use crate::fault::Offer as Offering;
use crate::hash::join_numbered;
use crate::scope::{Scope, Scopes};
use crate::script::{ChoiceId, Deviation, Script};
use crate::sites::{Met, Rate, SiteNumber, Sites};
use crate::sites_met::SitesMet;
use crate::time::Duration;

/// A deviation by its position in the run: a compact form that is valid for one build of a scenario only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize)]
pub struct Turn {
    /// The choice's position among those of the run, from 0.
    pub choice: u32,
    /// The index of the alternative.
    pub alternative: u16,
}

/// The numbers of choices that a run offered and took. Choices of task order are not counted, so that a run has the
/// same counts with and without them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChoiceCounts {
    /// The number of choices offered.
    pub offered: u32,
    /// The number of alternatives that they offered, without the benign ones.
    pub alternatives: u32,
    /// The number of choices that deviated: faults that happened.
    pub deviations: u32,
}

/// One offered choice, and its pick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) site: SiteNumber,
    pub(crate) scope: Scope,
    pub(crate) nth: u32,
    pub(crate) pick: Pick,
    /// The number of events before it.
    pub(crate) after: u32,
}

/// A deviation of a script, with the hash of its choice before it and whether it was applied after it.
type Keyed = (u64, Deviation, bool);

/// Decides choices, and records the offers.
pub(crate) struct Chooser {
    /// Sorted by hash. The hash only finds candidates; the whole name decides.
    keyed: Vec<Keyed>,
    draws: Option<Draws>,
    /// Whether every choice is drawn from a seed.
    draws_all: bool,
    sites: Sites,
    offers: Vec<Offer>,
    /// The turns to take, and the number already taken.
    turns: Vec<Turn>,
    taken: usize,
    /// Choices of task order that the run offered, and other choices that deviated.
    optional_offers: u32,
    deviations: u32,
    /// The alternatives offered in all runs counted before this one.
    alternatives: u64,
}

impl Chooser {
    pub(crate) fn new() -> Self {
        Self {
            keyed: Vec::new(),
            draws: None,
            draws_all: false,
            sites: Sites::new(),
            offers: Vec::new(),
            turns: Vec::new(),
            taken: 0,
            optional_offers: 0,
            deviations: 0,
            alternatives: 0,
        }
    }

    fn begin_run(&mut self, draws: Option<Draws>) {
        self.keyed.clear();
        self.draws = draws;
        self.draws_all = false;
        self.sites.begin_run();
        self.offers.clear();
        self.turns.clear();
        (self.taken, self.optional_offers, self.deviations) = (0, 0, 0);
    }

    pub(crate) fn follow(&mut self, script: &Script) {
        let keyed =
            script.deviations.iter().map(|deviation| (hash_of(&deviation.id), deviation.clone(), false));
        self.begin_run(None);
        self.keyed.extend(keyed);
        self.keyed.sort_by_key(|(hash, ..)| *hash);
    }

    /// Takes these turns in order; all other choices are benign.
    pub(crate) fn take(&mut self, turns: &[Turn]) {
        self.follow(&Script::default());
        self.turns.extend_from_slice(turns);
    }

    /// Returns whether every turn was taken.
    pub(crate) fn is_past_turns(&self) -> bool {
        self.taken == self.turns.len()
    }

    fn turn(&mut self, number: SiteNumber) -> Option<Pick> {
        let turn = self.turns.get(self.taken)?;
        let here = turn.choice as usize == self.offers.len()
            && usize::from(turn.alternative) < self.sites.get(number).alternatives.len();
        here.then(|| {
            self.taken += 1;
            Pick::Named(turn.alternative)
        })
    }

    pub(crate) fn draw_from(&mut self, seed: u64, profile: Profile) {
        self.begin_run(Some(Draws::new(seed, profile, 0)));
        self.draws_all = true;
    }

    /// Follows the script, and draws the choices that it does not name from position `from` on.
    pub(crate) fn branch(&mut self, script: &Script, from: u32, seed: u64, profile: Profile) {
        self.follow(script);
        self.draws = Some(Draws::new(seed, profile, from));
    }

    /// Sets whether a client pauses before a statement while the next choice is made.
    pub(crate) fn set_amid_pause(&mut self, is_amid_pause: bool) {
        if let Some(draws) = &mut self.draws {
            draws.is_amid_pause = is_amid_pause;
        }
    }

    /// Returns the number of this site with its alternatives.
    #[inline]
    pub(crate) fn number(&mut self, site: &Site, offer: impl Offering) -> SiteNumber {
        self.sites.number(site, offer)
    }

    /// Decides a choice that is offered after `after` events.
    #[inline(always)]
    pub(crate) fn decide(
        &mut self,
        number: SiteNumber,
        (site, scope, nth): (&Site, Scope, u32),
        scopes: &Scopes,
        after: u32,
    ) -> Pick {
        let pick = match &self.draws {
            Some(draws) if self.draws_all => match draws.rate(&mut self.sites, number) {
                Rate::Never => Pick::BENIGN,
                Rate::UpTo(most) => {
                    draws.pick(most, key(site.hash(), scopes.hash(scope), nth), self.sites.get(number))
                }
            },
            _ => self.decide_by_script(number, (site, scope, nth), scopes),
        };
        self.offers.push(Offer { site: number, scope, nth, pick, after });
        pick
    }

    #[inline(never)]
    fn decide_by_script(
        &mut self,
        number: SiteNumber,
        (site, scope, nth): (&Site, Scope, u32),
        scopes: &Scopes,
    ) -> Pick {
        if let Some(pick) = self.turn(number) {
            return pick;
        }
        if self.keyed.is_empty() && self.draws.is_none() {
            return Pick::BENIGN;
        }
        let hash = key(site.hash(), scopes.hash(scope), nth);
        let texts = &self.sites.get(number).texts;
        if let Some(pick) = scripted(&mut self.keyed, hash, (*site, scope, nth), texts, scopes) {
            return pick;
        }
        match &self.draws {
            Some(draws) if self.offers.len() >= draws.from as usize => {
                match draws.rate(&mut self.sites, number) {
                    Rate::Never => Pick::BENIGN,
                    Rate::UpTo(most) => draws.pick(most, hash, self.sites.get(number)),
                }
            }
            _ => Pick::BENIGN,
        }
    }

    /// Counts the choices of a completed run.
    pub(crate) fn count(&mut self) -> ChoiceCounts {
        let before = std::mem::replace(&mut self.alternatives, self.sites.alternatives_offered());
        ChoiceCounts {
            offered: self.offers.len() as u32 - self.optional_offers,
            alternatives: (self.alternatives - before) as u32,
            deviations: self.deviations,
        }
    }

    /// Counts the last choice as one of task order or before a statement.
    pub(crate) fn count_optional_offer(&mut self) {
        self.optional_offers += 1;
    }

    /// Counts the last choice as one that deviated.
    pub(crate) fn count_deviation(&mut self) {
        if let Some(offer) = self.offers.last() {
            let met = self.sites.count_deviation(offer.site, offer.pick);
            self.deviations += u32::from(!met.is_optional);
        }
    }

    /// Takes the counts of the runs so far.
    pub(crate) fn take_counts(&mut self) -> SitesMet {
        self.alternatives = 0;
        self.sites.take_counts()
    }

    pub(crate) fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// Returns the site of an offer, with its alternatives.
    pub(crate) fn met(&self, offer: &Offer) -> &Met {
        self.sites.get(offer.site)
    }

    /// Returns the delay of the last choice's pick.
    #[inline]
    pub(crate) fn delay(&self, pick: Pick) -> Duration {
        self.offers.last().map_or(Duration::ZERO, |offer| self.met(offer).corners.delay(pick))
    }

    /// Returns the name of an offer.
    pub(crate) fn id(&self, offer: &Offer, scopes: &Scopes) -> ChoiceId {
        ChoiceId { site: self.met(offer).site.to_string(), scope: scopes.path(offer.scope), nth: offer.nth }
    }

    /// Returns the deviations of the run, in the order taken.
    pub(crate) fn deviations(&self, scopes: &Scopes) -> Vec<Deviation> {
        let taken = self.offers.iter().filter(|offer| !offer.pick.is_benign());
        let deviation = |offer: &Offer| Deviation {
            id: self.id(offer, scopes),
            alternative: self.met(offer).alternatives.name_of(offer.pick),
        };
        taken.map(deviation).collect()
    }

    /// Returns the deviations of the script that were never offered, or not with their alternative.
    #[inline]
    pub(crate) fn unapplied(&self) -> Vec<Deviation> {
        if self.keyed.is_empty() { Vec::new() } else { self.unmatched() }
    }

    #[inline(never)]
    fn unmatched(&self) -> Vec<Deviation> {
        let unapplied = self.keyed.iter().filter(|(.., applied)| !applied);
        unapplied.map(|(_, deviation, _)| deviation.clone()).collect()
    }
}

fn key(site: u64, scope: u64, nth: u32) -> u64 {
    join_numbered(site, scope, nth)
}

fn hash_of(id: &ChoiceId) -> u64 {
    key(crate::label::TextHash::of(&id.site).finish(), id.scope.hash(), id.nth)
}

fn scripted(
    keyed: &mut [Keyed],
    hash: u64,
    (site, scope, nth): (Site, Scope, u32),
    texts: &Texts,
    scopes: &Scopes,
) -> Option<Pick> {
    let first = keyed.partition_point(|(other, ..)| *other < hash);
    for (other, deviation, applied) in &mut keyed[first..] {
        if *other != hash {
            break;
        }
        let id = &deviation.id;
        if id.nth == nth && site.is(&id.site) && scopes.is(scope, &id.scope) {
            let pick = texts.pick(&deviation.alternative);
            *applied = pick.is_some();
            return Some(pick.unwrap_or(Pick::BENIGN));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Alternatives;

    const LOSS: Alternatives = Alternatives::new(&["arrives", "lost", "late"]);
    const SITE: Site = Site::new(crate::Label::new("pay.charge"), crate::Label::new("response"));

    fn picks(chooser: &mut Chooser, count: u32) -> Vec<Pick> {
        let mut scopes = Scopes::new();
        let orders = (0..count).map(|_| scopes.child(Scope::ROOT, "order".into())).collect::<Vec<_>>();
        let number = chooser.number(&SITE, &LOSS);
        orders.into_iter().map(|order| chooser.decide(number, (&SITE, order, 1), &scopes, 0)).collect()
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
            chooser.draw_from(seed, Profile::MIXED);
            let three = picks(&mut chooser, 3);
            chooser.draw_from(seed, Profile::MIXED);
            let four = picks(&mut chooser, 4);
            assert_eq!(three, four[..3]);
            restless += usize::from(four.iter().any(|pick| !pick.is_benign()));
        }
        assert!((10..150).contains(&restless), "swarm leaves some runs calm and some not: {restless}");
    }

    #[test]
    fn a_storm_deviates_more_often_than_calm() {
        let share = |profile: Profile| -> usize {
            let runs = (0..400).map(|seed| {
                let mut chooser = Chooser::new();
                chooser.draw_from(seed, profile);
                picks(&mut chooser, 50).iter().filter(|pick| !pick.is_benign()).count()
            });
            runs.sum()
        };
        let [mixed, calm, storm, even] = Profile::ALL.map(share);
        assert!(calm < even && even < mixed && mixed < storm, "{calm} {even} {mixed} {storm}");
        assert!((400..800).contains(&even), "about one in 32 of 20,000: {even}");
    }

    #[test]
    fn what_was_measured_is_what_deviates() {
        const OTHER: Site = Site::new(crate::Label::new("pay.charge"), crate::Label::new("request"));
        let share = |odds| {
            let mut chooser = Chooser::new();
            chooser.draw_from(7, Profile::measured("as measured", "one site, now and then", odds));
            picks(&mut chooser, 10_000).iter().filter(|pick| !pick.is_benign()).count()
        };
        assert_eq!(share(&[(SITE, 1_000)]), 10_000);
        assert_eq!(share(&[(OTHER, 1_000)]), 0);
        assert!((900..1_100).contains(&share(&[(OTHER, 500), (SITE, 100)])));
    }

    #[test]
    fn a_branch_is_benign_then_drawn_and_its_script_holds_throughout() {
        let mut script = Script::default();
        script.deviations.push("pay.charge/response @ order-2 #1 = lost".parse().unwrap());
        let mut chooser = Chooser::new();
        let storm = Profile::STORM.without_swarm();
        chooser.draw_from(3, storm);
        let drawn = picks(&mut chooser, 60);
        chooser.branch(&script, 30, 3, storm);
        let branched = picks(&mut chooser, 60);
        assert_eq!(branched[30..], drawn[30..]);
        let early = branched[..30].iter().enumerate().filter(|(_, pick)| !pick.is_benign());
        assert_eq!(early.map(|(at, _)| at).collect::<Vec<_>>(), [1]);
    }
}
