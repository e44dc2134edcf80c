//! Choices: every point at which the world could continue differently, with a name that survives code edits.
//!
//! Alternative 0 is always the benign one. A [`ChoiceId`](crate::script::ChoiceId) consists of a [`Site`], the scope
//! of the entity that it concerns, and the number of earlier choices of both.

use crate::fault::{DelayRange, Fault, Faults, Offer, OfferKey};
use crate::label::{Label, TextHash};
use crate::time::{self, Duration};
use std::fmt;

const SLASH: TextHash = TextHash::of("/");
const SPACE: TextHash = TextHash::of(" ");
const SCHEDULE: Label = Label::new("schedule");
const STATEMENT_ON: Label = Label::new("statement on");
/// What may happen before the first statement of a transaction: there is nothing yet that another one could disturb.
pub(crate) const FIRST_STATEMENT: Alternatives =
    Alternatives::new(&["goes", "pause 200 ms", "connection lost"]);
/// What may happen before a later statement.
pub(crate) const STATEMENT: Alternatives =
    Alternatives::new(&["goes", "pause until another commits or waits", "pause 900 ms", "connection lost"]);
/// The first of these pauses.
pub(crate) const UNTIL_MET: Pick = Pick::Named(1);
/// The second one.
pub(crate) const LONG_PAUSE: Pick = Pick::Named(2);

/// The stable name of a kind of choice: `pay.charge/response`, `worker/after pay.charge`.
///
/// ```
/// use shakedown_sim::{Label, Site};
/// const RESPONSE: Site = Site::new(Label::new("pay.charge"), Label::new("response"));
/// assert_eq!(RESPONSE.to_string(), "pay.charge/response");
/// assert_eq!(Site::of("worker".into(), "after".into(), "pay.charge".into()).to_string(), "worker/after pay.charge");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Site {
    owner: &'static str,
    point: &'static str,
    /// Empty if the site concerns no object.
    object: &'static str,
    hash: u64,
}

impl Site {
    /// Creates the site `point` of `owner`.
    pub const fn new(owner: Label, point: Label) -> Self {
        let hash = owner.hash().then(SLASH).then(point.hash());
        Self { owner: owner.text(), point: point.text(), object: "", hash: hash.finish() }
    }

    /// Creates the site `point` of `owner` that concerns `object`.
    ///
    /// # Panics
    /// If `object` is empty.
    pub const fn of(owner: Label, point: Label, object: Label) -> Self {
        assert!(!object.text().is_empty(), "what a site concerns has a name");
        let hash = owner.hash().then(SLASH).then(point.hash()).then(SPACE).then(object.hash());
        Self { owner: owner.text(), point: point.text(), object: object.text(), hash: hash.finish() }
    }

    /// Creates the site at which a task or an event of a role goes or yields.
    pub(crate) const fn schedule(role: Label) -> Self {
        Self::new(role, SCHEDULE)
    }

    /// Returns whether this is a site of task order.
    pub(crate) fn is_schedule(&self) -> bool {
        self.point == SCHEDULE.text() && self.object.is_empty()
    }

    /// Creates the site before the statements of a role on `object`: a table, for example.
    pub(crate) const fn statement(role: Label, object: Label) -> Self {
        Self::of(role, STATEMENT_ON, object)
    }

    /// Returns whether this is a site before statements.
    pub(crate) fn is_statement(&self) -> bool {
        self.point == STATEMENT_ON.text()
    }

    /// Returns whether this is a site of task order or before statements, which only some runs offer.
    pub(crate) fn is_optional(&self) -> bool {
        self.is_schedule() || self.is_statement()
    }

    /// Returns the owner: a role, an operation, a link.
    pub const fn owner(self) -> &'static str {
        self.owner
    }

    #[inline]
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns whether `text` is the written form of this site; compares every character.
    pub(crate) fn is(self, text: &str) -> bool {
        let rest = text.strip_prefix(self.owner).and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.and_then(|rest| rest.strip_prefix(self.point));
        match self.object {
            "" => rest == Some(""),
            object => rest.and_then(|rest| rest.strip_prefix(' ')) == Some(object),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.point)?;
        if self.object.is_empty() { Ok(()) } else { write!(f, " {}", self.object) }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The alternatives of a user-defined choice: their names, the benign one first. For a delay, also every whole number
/// of milliseconds of a range, which only seeded exploration draws. Profiles list [faults](crate::fault) instead.
///
/// ```
/// use shakedown_sim::{Alternatives, Duration, Pick};
/// const READS: Alternatives = Alternatives::delays(&["at once", "30 s", "10 min"], (1, 60_000));
/// assert_eq!(Pick::BENIGN.delay(&READS), Duration::ZERO);
/// assert_eq!(Pick::Named(1).delay(&READS), Duration::from_secs(30));
/// assert_eq!(Pick::Millis(1_500).delay(&READS), Duration::from_millis(1_500));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Alternatives {
    names: &'static [&'static str],
    /// Least and greatest milliseconds of a range; both 0 without a range.
    range_ms: (u32, u32),
}

/// The names of numbered alternatives; also the greatest number of alternatives.
const NUMBERS: &[&str] = &[
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18",
    "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35",
    "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47", "48", "49", "50", "51", "52",
    "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63",
];

impl Alternatives {
    /// Creates alternatives with these names; `names[0]` is the benign one. In a `const`, invalid names are a compile
    /// error:
    ///
    /// ```compile_fail,E0080
    /// const TWICE: shakedown_sim::Alternatives = shakedown_sim::Alternatives::new(&["pays", "waits", "waits"]);
    /// # let _ = TWICE;
    /// ```
    ///
    /// # Panics
    /// If there is no name or more than 64, if a name is empty, or if a name occurs twice.
    pub const fn new(names: &'static [&'static str]) -> Self {
        assert!(!names.is_empty() && names.len() <= 64, "a choice has 1 to 64 alternatives");
        let mut at = 0;
        while at < names.len() {
            assert!(!names[at].is_empty(), "an alternative has a name");
            let mut earlier = 0;
            while earlier < at {
                assert!(!is_same(names[earlier], names[at]), "an alternative is listed once");
                earlier += 1;
            }
            at += 1;
        }
        Self { names, range_ms: (0, 0) }
    }

    /// Creates delays: `names[0]` names the typical case, the others are durations such as `8 s`. Seeded exploration
    /// also draws from `range_ms` (least and greatest milliseconds).
    ///
    /// ```compile_fail,E0080
    /// const TYPO: shakedown_sim::Alternatives = shakedown_sim::Alternatives::delays(&["on time", "losst"], (1, 2));
    /// # let _ = TYPO;
    /// ```
    ///
    /// # Panics
    /// As [`Alternatives::new`]; if one of the others is not a duration or is zero; if the range is empty.
    pub const fn delays(names: &'static [&'static str], range_ms: (u32, u32)) -> Self {
        let mut at = 1;
        while at < names.len() {
            assert!(
                time::is_written_delay(names[at]),
                "all but the first are durations above zero, such as `8 s`"
            );
            at += 1;
        }
        Self::new(names).or_within(range_ms)
    }

    /// Returns these alternatives with a range: seeded exploration also draws delays from `range_ms` (least and
    /// greatest milliseconds).
    ///
    /// # Panics
    /// If the range is empty.
    #[must_use]
    pub const fn or_within(self, range_ms: (u32, u32)) -> Self {
        Self { range_ms: DelayRange::ms(range_ms.0, range_ms.1).0, ..self }
    }

    /// Creates alternatives that are named by numbers, with `0` the benign one: a choice among a variable number of
    /// things, such as which message in flight arrives next.
    ///
    /// ```
    /// use shakedown_sim::Alternatives;
    /// assert_eq!(Alternatives::numbered(3).names(), ["0", "1", "2"]);
    /// ```
    ///
    /// # Panics
    /// If there is no alternative, or there are more than 64.
    pub const fn numbered(ways: usize) -> Self {
        assert!(0 < ways && ways <= NUMBERS.len(), "a choice has 1 to 64 alternatives");
        Self { names: NUMBERS.split_at(ways).0, range_ms: (0, 0) }
    }

    /// Returns the names, the benign one first.
    pub const fn names(&self) -> &'static [&'static str] {
        self.names
    }

    /// Expects that each name but the first is one of `words` or, if `may_delay`, a duration above zero. Adapters call
    /// it when the world is built, because they interpret the names.
    ///
    /// ```should_panic
    /// use shakedown_sim::Alternatives;
    /// Alternatives::new(&["arrives", "losst"]).expect("bank/request", &["lost", "refused"], true);
    /// ```
    ///
    /// # Panics
    /// If there is another name. `site` is the choice that offers these alternatives.
    pub fn expect(&self, site: impl fmt::Display, words: &[&str], may_delay: bool) {
        let is_known = |name: &str| words.contains(&name) || may_delay && time::is_written_delay(name);
        if let Some(other) = self.names.iter().skip(1).find(|name| !is_known(name)) {
            let delay = if may_delay { ", or a delay such as `8 s`" } else { "" };
            panic!("{site} lists `{other}`, which is none of `{}`{delay}", words.join("`, `"));
        }
    }
}

impl Offer for &Alternatives {
    const HAS_ONE_PLACE: bool = true;

    #[inline(always)]
    fn key(self) -> OfferKey {
        OfferKey { list: self.names.as_ptr().addr(), ways: self.names.len(), range_ms: self.range_ms }
    }

    fn offered(self) -> OfferedAlternatives {
        OfferedAlternatives { list: List::Names(self.names), range_ms: self.range_ms }
    }
}

/// The alternatives that a site offers: the names of a user-defined choice, or the faults of a profile.
#[derive(Clone, Copy, Debug)]
pub struct OfferedAlternatives {
    list: List,
    /// Least and greatest milliseconds of a range; both 0 without a range.
    range_ms: (u32, u32),
}

#[derive(Clone, Copy, Debug)]
enum List {
    Names(&'static [&'static str]),
    Faults { benign: &'static str, faults: Faults },
}

impl OfferedAlternatives {
    /// Creates the offer of a profile: the benign case, with this name, and these faults.
    pub(crate) const fn listed(benign: &'static str, faults: Faults, range: DelayRange) -> Self {
        Self { list: List::Faults { benign, faults }, range_ms: range.0 }
    }

    /// Returns the written forms, the benign one first.
    pub fn names(&self) -> Vec<String> {
        (0..self.len()).map(|index| self.name(index)).collect()
    }

    fn name(&self, index: usize) -> String {
        match self.list {
            List::Names(names) => names[index].to_owned(),
            List::Faults { benign, .. } if index == 0 => benign.to_owned(),
            List::Faults { faults, .. } => {
                faults.get(index - 1).map_or_else(String::new, |fault| fault.to_string())
            }
        }
    }

    /// Returns the fault of a pick; `None` if the pick is benign, or if the alternatives are names only.
    pub fn fault_of(&self, pick: Pick) -> Option<Fault> {
        match (self.list, pick) {
            (List::Names(_), _) | (_, Pick::BENIGN) => None,
            (List::Faults { faults, .. }, Pick::Named(index)) => faults.get(usize::from(index) - 1),
            (List::Faults { faults, .. }, Pick::Millis(ms)) => {
                faults.late(Duration::from_millis(u64::from(ms)))
            }
        }
    }

    /// Returns whether they are the names of a choice, and no faults of a profile.
    pub(crate) fn are_names(&self) -> bool {
        matches!(self.list, List::Names(_))
    }

    /// Returns whether they are these.
    pub(crate) fn are(&self, alternatives: &Alternatives) -> bool {
        matches!(self.list, List::Names(names) if names == alternatives.names)
    }

    /// Returns the least and the greatest milliseconds of the range, if there is one.
    #[inline]
    pub(crate) fn range_ms(&self) -> Option<(u32, u32)> {
        (self.range_ms.1 > 0).then_some(self.range_ms)
    }

    /// Returns the number of named alternatives, the benign one included.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self.list {
            List::Names(names) => names.len(),
            List::Faults { faults, .. } => 1 + faults.len(),
        }
    }

    /// Returns the number of named alternatives, the benign one excluded.
    #[inline]
    pub fn deviations(&self) -> usize {
        self.len() - 1
    }

    /// Returns the written form of a pick.
    pub fn name_of(&self, pick: Pick) -> String {
        match pick {
            Pick::Named(index) => self.name(usize::from(index)),
            Pick::Millis(ms) => {
                let delay = Duration::from_millis(u64::from(ms));
                self.fault_of(pick).map_or_else(|| time::text(delay), |fault| fault.to_string())
            }
        }
    }

    /// Returns the alternative with this index as a delay, if it is one.
    fn delay(&self, index: usize) -> Option<Duration> {
        match self.list {
            List::Names(names) => time::parse(names[index]),
            List::Faults { .. } if index == 0 => None,
            List::Faults { faults, .. } => faults.delay(index - 1),
        }
    }

    /// Returns the pick with the written form `text`, if there is one.
    pub fn pick(&self, text: &str) -> Option<Pick> {
        Texts::of(self).pick(text)
    }
}

/// Returns whether two texts are equal. (`==` on texts is not available in constants yet.)
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The names of alternatives, computed once for many scripts.
pub(crate) struct Texts {
    alternatives: OfferedAlternatives,
    names: Box<[String]>,
}

impl Texts {
    pub(crate) fn of(alternatives: &OfferedAlternatives) -> Self {
        Self { alternatives: *alternatives, names: alternatives.names().into() }
    }

    /// Returns the pick with the written form `text`, if there is one.
    pub(crate) fn pick(&self, text: &str) -> Option<Pick> {
        if let Some(index) = self.names.iter().position(|name| *name == text) {
            return Some(Pick::Named(index as u16));
        }
        if let List::Faults { faults, .. } = self.alternatives.list
            && let Some(at) = faults.find(text)
        {
            return Some(Pick::Named(1 + at as u16));
        }
        let (least, most) = self.alternatives.range_ms()?;
        let ms = u32::try_from(time::parse(text)?.as_millis()).ok()?;
        (least..=most).contains(&ms).then(|| Corners::of(&self.alternatives).pick(ms))
    }
}

/// The durations of named alternatives, computed once for many picks.
pub(crate) struct Corners {
    /// One for each alternative; `None` for the benign one and for alternatives that are not durations.
    durations: Box<[Option<Duration>]>,
    /// Bit `n` is set if the milliseconds of some duration are `n` modulo 64.
    bits: u64,
}

impl Corners {
    pub(crate) fn of(alternatives: &OfferedAlternatives) -> Self {
        let named = (1..alternatives.len()).map(|index| alternatives.delay(index));
        let durations: Box<[_]> = std::iter::once(None).chain(named).collect();
        let bits = durations.iter().flatten().map(|duration| 1 << (duration.as_millis() % 64));
        Self { bits: bits.fold(0, |bits, bit: u64| bits | bit), durations }
    }

    /// Returns the pick for a delay of this many milliseconds: the named alternative of that length, if there is one,
    /// so that equal written forms are equal picks.
    pub(crate) fn pick(&self, ms: u32) -> Pick {
        if self.bits >> (ms % 64) & 1 == 0 {
            return Pick::Millis(ms);
        }
        let delay = Some(Duration::from_millis(u64::from(ms)));
        let corner = self.durations.iter().position(|duration| *duration == delay);
        corner.map_or(Pick::Millis(ms), |index| Pick::Named(index as u16))
    }

    /// Returns the delay of a pick.
    #[inline]
    pub(crate) fn delay(&self, pick: Pick) -> Duration {
        match pick {
            Pick::Named(index) => {
                self.durations.get(usize::from(index)).copied().flatten().unwrap_or_default()
            }
            Pick::Millis(ms) => Duration::from_millis(u64::from(ms)),
        }
    }
}

/// The result of a choice.
///
/// ```
/// # use shakedown_sim::*;
/// # use shakedown_sim::search::explore;
/// # #[derive(serde::Serialize)] struct Left(usize);
/// # impl Fact for Left { fn sentence(&self) -> String { "leaves".to_owned() } }
/// const LEAVES: Site = Site::new(Label::new("customer"), Label::new("leaves"));
/// const WHEN: Alternatives = Alternatives::new(&["after payment", "before payment"]);
///
/// struct Customer;
/// impl Scenario for Customer {
///     type Fact = Left;
/// #   fn name(&self) -> &str { "customer" }
/// #   fn invariants(&self) -> Vec<Box<dyn Invariant<Left>>> {
/// #       vec![shakedown_sim::judge::invariant("pays", |_: &mut (), at, fact: &Left, findings| {
/// #           if fact.0 == 1 { findings.violated("customer", &[at.event], || "leaves before payment".to_owned()) }
/// #       }).boxed()]
/// #   }
///     fn build(&self, stage: &Stage<Left>) {
///         let facts = stage.facts().clone();
///         stage.node(Role::outside("customer".into()), move |env| {
///             let pick = env.choose(LEAVES, &WHEN);
///             facts.state(&env, &Left(pick.index()));
///         });
///     }
/// }
/// let campaign = explore(&mut Runner::new(Customer), 0..100, 1);
/// assert_eq!(campaign.failing.len(), 1, "some seed draws the second alternative");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// The alternative with this index; 0 is the benign one.
    Named(u16),
    /// A delay within the range, in milliseconds.
    Millis(u32),
}

impl Pick {
    /// The benign alternative.
    pub const BENIGN: Pick = Pick::Named(0);

    /// Returns whether this is the benign alternative.
    pub fn is_benign(self) -> bool {
        self == Self::BENIGN
    }

    /// Returns the index of the named alternative; a delay of a range counts as the last.
    pub fn index(self) -> usize {
        match self {
            Pick::Named(index) => usize::from(index),
            Pick::Millis(_) => usize::MAX,
        }
    }

    /// Returns the delay of this pick among `delays`; the benign alternative is no delay.
    ///
    /// # Panics
    /// If the picked alternative is not a delay.
    pub fn delay(self, delays: &Alternatives) -> Duration {
        match self {
            Self::BENIGN => Duration::ZERO,
            Pick::Named(index) => {
                let name = delays.names[usize::from(index)];
                time::parse(name).unwrap_or_else(|| panic!("`{name}` is no delay"))
            }
            Pick::Millis(ms) => Duration::from_millis(u64::from(ms)),
        }
    }

    pub(crate) fn code(self) -> u64 {
        match self {
            Pick::Named(index) => u64::from(index),
            Pick::Millis(ms) => 1 << 32 | u64::from(ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_known_by_its_whole_text() {
        let site = Site::of("worker".into(), "after".into(), "pay.charge".into());
        assert!(site.is("worker/after pay.charge"));
        for other in ["worker/after", "worker/after pay.charge2", "worker/after pay", "pay/after pay.charge"]
        {
            assert!(!site.is(other), "{other}");
        }
        assert_eq!(site.hash(), TextHash::of("worker/after pay.charge").finish());
    }

    #[test]
    fn a_fault_is_picked_by_its_value_however_its_length_is_written() {
        const LATE: &[Duration] = &[Duration::from_secs(8), Duration::from_secs(600)];
        let offered = crate::fault::Delays(LATE).offered();
        assert_eq!(offered.names(), ["at once", "8 s", "10 min"]);
        for text in ["10 min", "600 s", "600000 ms"] {
            assert_eq!(offered.pick(text), Some(Pick::Named(2)), "{text}");
        }
        assert_eq!(offered.pick("9 min"), None);
    }

    #[test]
    fn every_pick_is_written_so_that_it_can_be_read_back() {
        const LATE: Alternatives = Alternatives::delays(&["on time", "8 s", "10 min"], (100, 20_000));
        let offered = (&LATE).offered();
        for pick in [Pick::BENIGN, Pick::Named(2), Pick::Millis(1_500), Pick::Millis(100)] {
            assert_eq!(offered.pick(&offered.name_of(pick)), Some(pick));
        }
        assert_eq!(offered.pick("21 s"), None, "out of range");
        assert_eq!(Pick::Named(1).delay(&LATE), Duration::from_secs(8));
    }
}
