//! The sites that a runner has met, each with its alternatives, identified by small numbers.
//!
//! A run offers hundreds of choices at a few dozen sites. Everything that is common to all choices of a site is
//! therefore stored once, across runs, and computed at most once a run: an offered choice costs a few words, not its
//! whole name.

use crate::choice::{Corners, OfferedAlternatives, Pick, Site, Texts};
use crate::fault::{Offer, OfferKey};
use crate::sites_met::{SiteMet, SitesMet};

/// The number of a site with its alternatives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SiteNumber(u32);

/// The rate at which choices deviate where no script decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rate {
    /// Never.
    Never,
    /// A choice deviates if its draw is at most this.
    UpTo(u64),
}

pub(crate) struct Met {
    pub(crate) site: Site,
    pub(crate) alternatives: OfferedAlternatives,
    pub(crate) texts: Texts,
    pub(crate) corners: Corners,
    /// Whether it is a site of task order or before statements.
    pub(crate) is_optional: bool,
    /// How often each alternative but the benign one was taken in the runs counted so far; the last count is for
    /// lengths of a range.
    taken: Box<[u64]>,
}

/// The data that every choice reads. A site is identified by its hash here, as where choices are counted; lists of
/// alternatives are literals.
struct Known {
    site: u64,
    offer: OfferKey,
    rate: Rate,
    /// The run in which the rate is valid.
    rated_in: u64,
    /// How many choices were offered in the runs counted so far.
    offered: u64,
}

/// All sites that were met. Sites and their alternatives are literals, so there are few. If the compiler has emitted one
/// list of alternatives twice, the site has two numbers, which is harmless.
pub(crate) struct Sites {
    met: Vec<Met>,
    known: Vec<Known>,
    /// Numbers of sites in an open-addressing hash table: each at the place of its hash or, if that is taken, after
    /// it. The number of places is a power of two, and at least half of them are free.
    places: Vec<u32>,
    run: u64,
}

const FREE: u32 = u32::MAX;
const PLACES_AT_FIRST: usize = 64;

impl Sites {
    pub(crate) fn new() -> Self {
        Self { met: Vec::new(), known: Vec::new(), places: vec![FREE; PLACES_AT_FIRST], run: 0 }
    }

    /// Begins another run: rates are computed again.
    pub(crate) fn begin_run(&mut self) {
        self.run += 1;
    }

    /// Returns the number of this site with these alternatives, and counts a choice.
    #[inline]
    pub(crate) fn number(&mut self, site: &Site, offer: impl Offer) -> SiteNumber {
        let key = offer.key();
        let mask = self.places.len() - 1;
        let mut place = site.hash() as usize & mask;
        loop {
            let number = self.places[place];
            match self.known.get_mut(number as usize) {
                Some(known) if known.site == site.hash() && known.offer == key => {
                    known.offered += 1;
                    return SiteNumber(number);
                }
                Some(_) => place = (place + 1) & mask,
                None => return self.meet(place, site, key, offer.offered()),
            }
        }
    }

    #[cold]
    fn meet(
        &mut self,
        place: usize,
        site: &Site,
        offer: OfferKey,
        alternatives: OfferedAlternatives,
    ) -> SiteNumber {
        let (site, number) = (*site, self.met.len() as u32);
        self.known.push(Known { site: site.hash(), offer, rate: Rate::Never, rated_in: 0, offered: 1 });
        let (texts, corners) = (Texts::of(&alternatives), Corners::of(&alternatives));
        let is_optional = site.is_optional();
        let taken = vec![0; alternatives.len() + 1].into();
        self.met.push(Met { site, alternatives, texts, corners, is_optional, taken });
        self.places[place] = number;
        if self.met.len() * 2 > self.places.len() {
            self.spread();
        }
        SiteNumber(number)
    }

    fn spread(&mut self) {
        let mask = self.places.len() * 2 - 1;
        self.places = vec![FREE; mask + 1];
        for (number, known) in (0..).zip(&self.known) {
            let mut place = known.site as usize & mask;
            while self.places[place] != FREE {
                place = (place + 1) & mask;
            }
            self.places[place] = number;
        }
    }

    pub(crate) fn get(&self, number: SiteNumber) -> &Met {
        &self.met[number.0 as usize]
    }

    /// Counts a choice that deviated. Returns its site.
    pub(crate) fn count_deviation(&mut self, number: SiteNumber, pick: Pick) -> &Met {
        let met = &mut self.met[number.0 as usize];
        let way = pick.index().min(met.taken.len() - 1);
        met.taken[way] += 1;
        met
    }

    /// Returns the alternatives offered beside the benign ones in the runs counted so far, without task order and
    /// pauses before statements.
    pub(crate) fn alternatives_offered(&self) -> u64 {
        let sites = self.known.iter().zip(&self.met).filter(|(_, met)| !met.is_optional);
        sites.map(|(known, met)| known.offered * (met.taken.len() as u64 - 2)).sum()
    }

    /// Takes the counts.
    pub(crate) fn take_counts(&mut self) -> SitesMet {
        let mut sites = SitesMet::default();
        for (known, met) in self.known.iter_mut().zip(&mut self.met) {
            let offered = std::mem::take(&mut known.offered);
            if offered == 0 {
                continue;
            }
            met.taken[0] = offered - met.taken.iter().sum::<u64>();
            let (taken_of_range, named) = met.taken.split_last().expect("one place is for ranges");
            let names = met.alternatives.names().into_iter();
            let taken = names.zip(named.iter().copied()).collect();
            let one = SiteMet { offered, taken, taken_of_range: *taken_of_range };
            sites.add(SitesMet([(met.site.to_string(), one)].into()));
            met.taken.fill(0);
        }
        sites
    }

    /// Returns the rate at which choices of the site deviate in this run; `rate` computes it at the first of them.
    #[inline]
    pub(crate) fn rate(&mut self, number: SiteNumber, rate: impl FnOnce(&Met) -> Rate) -> Rate {
        let known = &mut self.known[number.0 as usize];
        if known.rated_in != self.run {
            known.rated_in = self.run;
            known.rate = rate(&self.met[number.0 as usize]);
        }
        known.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Alternatives;
    use crate::label::Label;

    const WAYS: Alternatives = Alternatives::new(&["arrives", "lost"]);
    const OTHER_WAYS: Alternatives = Alternatives::new(&["arrives", "lost", "refused"]);

    #[test]
    fn each_site_keeps_its_number_and_other_alternatives_make_another() {
        // Bound once: each use of a constant may have an address of its own.
        let (ways, other_ways, request) = (WAYS, OTHER_WAYS, Label::new("request"));
        let texts: Vec<&'static str> = (0..300).map(|at| &*format!("op-{at}").leak()).collect();
        let site = |at: usize| Site::new(Label::new(texts[at]), request);
        let mut sites = Sites::new();
        let numbers: Vec<_> = (0..300).map(|at| sites.number(&site(at), &ways)).collect();
        for (at, number) in numbers.iter().enumerate() {
            assert_eq!(sites.number(&site(at), &ways), *number);
            assert_eq!(sites.get(*number).site, site(at));
        }
        assert_eq!(sites.number(&site(7), &other_ways), SiteNumber(300));
        assert_eq!(sites.get(SiteNumber(300)).alternatives.names().len(), 3);
    }

    #[test]
    fn a_rate_is_worked_out_once_a_run() {
        let mut sites = Sites::new();
        let number = sites.number(&Site::new("op".into(), "request".into()), &WAYS);
        for run in 1..=2 {
            sites.begin_run();
            assert_eq!(sites.rate(number, |_| Rate::UpTo(run)), Rate::UpTo(run));
            assert_eq!(sites.rate(number, |_| Rate::Never), Rate::UpTo(run));
        }
    }
}
