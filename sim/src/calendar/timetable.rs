//! When a cron expression fires in a zone.

use super::cron::Cron;
use super::zone::{DAY, LocalTime, MINUTE, Zone};
use crate::time::{Duration, WallTime};
use std::iter::successors;

/// What happens to a time that is skipped, because the clocks go forward over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gap {
    /// It does not fire on that day.
    Skip,
    /// It fires when the clocks go forward; each skipped time once.
    AtChange,
    /// It fires as long after the change as the time is after the start of the gap.
    Shifted,
}

/// What happens to a time that is repeated, because the clocks go back over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fold {
    /// It fires both times.
    Both,
    /// It fires the first time.
    First,
    /// It fires the second time.
    Second,
}

/// How a scheduler reads cron expressions where schedulers differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Semantics {
    /// Skipped times.
    pub gap: Gap,
    /// Repeated times.
    pub fold: Fold,
    /// Whether expressions whose minute or hour begins with `*` follow the elapsed time: they fire at each minute whose
    /// local time they name, whatever `gap` and `fold` say.
    pub stars_follow_elapsed_time: bool,
    /// Greater changes of the offset are corrections: all expressions then follow the elapsed time.
    pub greatest_change: Duration,
    /// Whether a day field such as `*/2` counts as restricted: if both day fields are restricted, one of them suffices,
    /// otherwise both must match.
    pub steps_restrict: bool,
}

impl Semantics {
    /// Vixie cron and cronie (`man 8 cron`): a job at a fixed time runs at once if its time is skipped, and once if its
    /// time is repeated; jobs with `*` in the minute or the hour run by elapsed time. This holds for changes of less than
    /// three hours.
    pub const VIXIE: Semantics = Semantics {
        gap: Gap::AtChange,
        fold: Fold::First,
        stars_follow_elapsed_time: true,
        greatest_change: Duration::from_secs(3 * 3_600 - 1),
        steps_restrict: false,
    };
    /// robfig/cron, and so the CronJobs of Kubernetes: skipped times do not run, repeated times run twice. The same holds
    /// for every loop that compares the local time with the expression each minute.
    pub const KUBERNETES: Semantics = Semantics {
        gap: Gap::Skip,
        fold: Fold::Both,
        stars_follow_elapsed_time: false,
        greatest_change: Duration::MAX,
        steps_restrict: true,
    };
    /// Amazon EventBridge Scheduler: skipped times do not run, repeated times run once.
    pub const EVENTBRIDGE: Semantics = Semantics { fold: Fold::First, ..Self::KUBERNETES };
    /// Code that computes the next local time and converts it by `java.time`, by Temporal ("compatible") or by RFC 5545:
    /// skipped times are shifted, repeated times run once.
    pub const COMPATIBLE: Semantics = Semantics { gap: Gap::Shifted, ..Self::EVENTBRIDGE };
}

/// One time at which a timetable fires.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct Fire {
    /// The moment.
    pub at: WallTime,
    /// The local time that the expression names.
    pub local: LocalTime,
}

impl Fire {
    /// Returns a key that is the same for every scheduler of the timetable, and differs between its fires: the minute that
    /// the expression names, and of a repeated minute which of the two.
    pub fn key(self) -> u64 {
        (self.local.minute() as u64) << 16 | (self.at.unix_nanos() / 60_000_000_000) as u64 & 0xffff
    }
}

/// A cron expression in a zone, as a scheduler reads it.
///
/// ```
/// use shakedown_sim::calendar::{LocalTime, Semantics, Timetable, Zone};
/// let berlin = Zone::named("Europe/Berlin")?;
/// let saturday = berlin.start_of_day(LocalTime::of(2026, 3, 28, 0, 0));
/// let nightly = |semantics| {
///     let timetable = Timetable::new("30 2 * * *".parse().unwrap(), berlin.clone(), semantics);
///     timetable.fires(saturday).map(|fire| berlin.local(fire.at).to_string()).take(3).collect::<Vec<_>>()
/// };
/// let kubernetes = ["2026-03-28 02:30:00", "2026-03-30 02:30:00", "2026-03-31 02:30:00"];
/// assert_eq!(nightly(Semantics::KUBERNETES), kubernetes);
/// let vixie = ["2026-03-28 02:30:00", "2026-03-29 03:00:00", "2026-03-30 02:30:00"];
/// assert_eq!(nightly(Semantics::VIXIE), vixie);
/// # Ok::<(), shakedown_sim::calendar::UnknownZone>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timetable {
    cron: Cron,
    zone: Zone,
    semantics: Semantics,
}

/// The length of the search for the next fire: 29 February falls on the same day of the week within 40 years.
const FARTHEST: Duration = Duration::from_secs(41 * 366 * DAY as u64);

/// A period in which the offset does not change.
#[derive(Clone, Copy)]
struct Span {
    from: WallTime,
    until: WallTime,
    offset: i64,
    /// The offset before it.
    before: i64,
    /// The offset after it.
    after: i64,
}

impl Span {
    /// Returns the period that a moment is in.
    fn of(zone: &Zone, at: WallTime) -> Self {
        let from = zone.change_until(at);
        let until = zone.change_after(at);
        let (offset, second) = (zone.offset(at), Duration::from_secs(1));
        Self {
            before: from.map_or(offset, |from| zone.offset(from - second)),
            from: from.unwrap_or(at - Duration::from_secs(2 * DAY as u64)),
            after: until.map_or(offset, |until| zone.offset(until)),
            until: until.unwrap_or(at + FARTHEST * 2),
            offset,
        }
    }
}

impl Timetable {
    /// Creates the timetable of an expression in a zone.
    pub fn new(cron: Cron, zone: Zone, semantics: Semantics) -> Self {
        Self { cron, zone, semantics }
    }

    /// Returns the expression.
    pub fn cron(&self) -> &Cron {
        &self.cron
    }

    /// Returns the zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Returns the first fire after a moment; `None` if there is none within 41 years.
    pub fn next(&self, after: WallTime) -> Option<Fire> {
        self.fires(after).next()
    }

    /// Returns all fires after a moment, in order.
    pub fn fires(&self, after: WallTime) -> impl Iterator<Item = Fire> + '_ {
        let first = Span::of(&self.zone, after);
        let spans = successors(Some(first), move |span| {
            (span.until < after + FARTHEST).then(|| Span::of(&self.zone, span.until))
        });
        spans.flat_map(move |span| self.within(span, after)).skip_while(move |fire| fire.at <= after)
    }

    /// Returns whether the expression follows the elapsed time across a change of the offset.
    fn follows_elapsed_time(&self, change: i64) -> bool {
        let Semantics { stars_follow_elapsed_time, greatest_change, .. } = self.semantics;
        stars_follow_elapsed_time && (self.cron.minutes.is_star || self.cron.hours.is_star)
            || change.unsigned_abs() > greatest_change.as_secs()
    }

    /// Returns the fires of a period, but not all of those until `after`.
    fn within(&self, span: Span, after: WallTime) -> impl Iterator<Item = Fire> + '_ {
        let Span { from, until, offset, before, .. } = span;
        let mut skipped = self.of_gap(span).into_iter().peekable();
        let steps_restrict = self.semantics.steps_restrict;
        let mut last = local(until, offset);
        if span.after < offset
            && self.semantics.fold == Fold::Second
            && !self.follows_elapsed_time(offset - span.after)
        {
            // The minutes before the change come again.
            last = LocalTime(last.0 - (offset - span.after));
        }
        let mut first = local(from, offset);
        if before > offset
            && self.semantics.fold == Fold::First
            && !self.follows_elapsed_time(before - offset)
        {
            // The minutes after the change have been there before.
            first = LocalTime(first.0 + before - offset);
        }
        let begin = first.max(local(after, offset));
        let regular = successors(self.cron.next(begin, last, steps_restrict), move |local| {
            self.cron.next(LocalTime(local.0 + MINUTE), last, steps_restrict)
        });
        let mut regular = regular.map(move |local| fire(local, offset)).peekable();
        std::iter::from_fn(move || match (skipped.peek(), regular.peek()) {
            (Some(one), Some(other)) if one > other => regular.next(),
            (Some(_), _) => skipped.next(),
            (None, _) => regular.next(),
        })
    }

    /// Returns the fires of the times that are skipped at the start of a period.
    fn of_gap(&self, Span { from, offset, before, .. }: Span) -> Vec<Fire> {
        let gap = self.semantics.gap;
        if offset <= before || gap == Gap::Skip || self.follows_elapsed_time(offset - before) {
            return Vec::new();
        }
        let (first, last) = (local(from, before), local(from, offset));
        let next = |from| self.cron.next(from, last, self.semantics.steps_restrict);
        let skipped = successors(next(first), |local| next(LocalTime(local.0 + MINUTE)));
        let at = |local: LocalTime| if gap == Gap::AtChange { from } else { fire(local, before).at };
        skipped.map(|local| Fire { at: at(local), local }).collect()
    }

    /// Returns whether the expression names a local time.
    pub fn names(&self, local: LocalTime) -> bool {
        local.0 % MINUTE == 0 && self.cron.names(local, self.semantics.steps_restrict)
    }
}

/// Returns the local time at a moment, in whole seconds.
fn local(at: WallTime, offset: i64) -> LocalTime {
    LocalTime(at.unix_nanos().div_euclid(1_000_000_000) + offset)
}

fn fire(local: LocalTime, offset: i64) -> Fire {
    Fire { at: WallTime::from_unix_secs(local.0 - offset), local }
}
