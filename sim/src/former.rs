//! Former words: scripts and traces from before a renaming are read as if they had been written today.
//!
//! Only this table knows them. A word is looked up together with the point of its site, so that a user-defined choice
//! may still use a former word such as `stop`.

use std::borrow::Cow;

/// An alternative that was renamed.
struct FormerWord {
    /// The points of its sites: the part after the slash is one of these, possibly followed by the object.
    points: &'static [&'static str],
    former: &'static str,
    now: &'static str,
}

/// A prefix of site names that was renamed.
struct FormerSite {
    former: &'static str,
    now: &'static str,
}

const CRASH_POINTS: &[&str] = &["before", "after"];
const REQUESTS: &[&str] = &["commit", "send", "ack", "nack", "extend"];

const WORDS: &[FormerWord] = &[
    FormerWord { points: CRASH_POINTS, former: "vanish", now: "crash" },
    FormerWord { points: CRASH_POINTS, former: "stop", now: "shutdown" },
    FormerWord { points: REQUESTS, former: "answer lost", now: "response lost" },
    FormerWord { points: &["slowness"], former: "swift", now: "normal speed" },
    FormerWord { points: &["restart"], former: "soon", now: "on time" },
    FormerWord { points: &["restart"], former: "at once", now: "on time" },
];

/// One row for each renamed prefix, long enough to distinguish it from other names.
const SITES: &[FormerSite] = &[];

/// Kinds of steps that were renamed.
const STEP_KINDS: &[(&str, &str)] = &[("answer", "respond"), ("learn", "response"), ("give-up", "timeout")];

/// Returns the current word for a kind of step.
pub(crate) fn step_kind(word: &str) -> &str {
    STEP_KINDS.iter().find(|(former, _)| *former == word).map_or(word, |(_, now)| now)
}

/// Returns the current name of a site.
pub(crate) fn site(name: &str) -> Cow<'_, str> {
    site_by(SITES, name)
}

fn site_by<'a>(table: &[FormerSite], name: &'a str) -> Cow<'a, str> {
    let renamed = |row: &FormerSite| Some(format!("{}{}", row.now, name.strip_prefix(row.former)?));
    table.iter().find_map(renamed).map_or(Cow::Borrowed(name), Cow::Owned)
}

/// Returns the current word for an alternative; `site` is a current name.
pub(crate) fn alternative<'a>(site: &str, word: &'a str) -> &'a str {
    let point = site.split_once('/').map_or("", |(_, point)| point);
    let is_at = |at: &&str| {
        point.strip_prefix(*at).is_some_and(|object| object.is_empty() || object.starts_with(' '))
    };
    let is_former = |row: &&FormerWord| row.former == word && row.points.iter().any(&is_at);
    WORDS.iter().find(is_former).map_or(word, |row| row.now)
}

/// Returns the kind of fault that a site of this name lists, for traces from before traces named it. Returns only
/// what the name determines: a user-defined choice may have any other kind.
pub(crate) fn fault_kind(site: &str) -> Option<&'static str> {
    let (_, point) = site.split_once('/')?;
    match point.split(' ').next()? {
        "before" | "after" => Some("crash"),
        "request" | "response" => Some("link"),
        "outage" | "slowness" => Some("episode"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_word_is_read_at_its_sites_and_nowhere_else() {
        fn check(site: &str, word: &str, now: &str) {
            assert_eq!(alternative(site, word), now, "{site} = {word}");
        }
        check("worker/before pay.charge", "vanish", "crash");
        check("worker/after job done", "stop", "shutdown");
        check("store/commit accept", "answer lost", "response lost");
        check("jobs/ack", "answer lost", "response lost");
        check("bank/slowness", "swift", "normal speed");
        check("worker/restart", "soon", "on time");
        for (site, word) in [
            ("worker/before pay.charge", "pause 90 s"),
            ("machine/afterwards", "stop"),
            ("machine/button", "stop"),
            ("stop", "stop"),
            ("courier/news", "answer lost"),
        ] {
            check(site, word, word);
        }
    }

    #[test]
    fn a_former_kind_of_step_is_read_as_the_current_one() {
        use crate::event::Kind;
        let read = |word: &str| serde_json::from_value::<Kind>(word.into()).ok();
        for (former, now) in STEP_KINDS {
            assert_eq!(read(former), read(now), "{former}");
            assert!(read(now).is_some_and(|kind| serde_json::json!(kind) == *now));
        }
        assert_eq!((read("deviation"), read("answers")), (Some(Kind::Deviation), None));
    }

    #[test]
    fn no_current_word_is_a_former_word_of_the_same_site() {
        for row in WORDS {
            for point in row.points {
                assert_eq!(alternative(&format!("owner/{point} object"), row.now), row.now);
            }
        }
    }

    #[test]
    fn a_former_name_of_a_site_is_read_by_its_beginning() {
        let table = [FormerSite { former: "counter.", now: "till." }];
        assert_eq!(site_by(&table, "counter.charge/response"), "till.charge/response");
        assert_eq!(site_by(&table, "encounter.charge/response"), "encounter.charge/response");
        assert_eq!(site("till.charge/response"), "till.charge/response");
    }
}
