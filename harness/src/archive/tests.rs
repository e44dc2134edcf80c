//! The same claims on each database: the history must not depend on the database.

use super::history::FindingLines;
use super::record::{CampaignRecord, FindingRecord};
use super::sqlite::Sqlite;
use super::{Archive, Recorded};

/// Returns a campaign of one design with findings of these signatures.
fn campaign(build: &str, found: &[&str], goals: &[(&str, i64)]) -> CampaignRecord {
    let finding = |signature: &&str| FindingRecord {
        signature: (*signature).to_owned(),
        invariant: "charged-once".to_owned(),
        message: "order-1 is charged twice".to_owned(),
        script: format!("scenario till\n# {signature}\n"),
        runs: 2,
    };
    CampaignRecord {
        catalogue: "till".to_owned(),
        command: "explore".to_owned(),
        scenario: "till".to_owned(),
        build: build.to_owned(),
        search: "mixed, seeds 0..100".to_owned(),
        verdict: if found.is_empty() { "held" } else { "violated" }.to_owned(),
        runs: 100,
        failing: found.len() as i64,
        goals: goals.iter().map(|(name, reached)| ((*name).to_owned(), *reached)).collect(),
        findings: found.iter().map(finding).collect(),
        ..CampaignRecord::default()
    }
}

fn signatures(lines: &FindingLines) -> Vec<(&str, &str, &str)> {
    assert_eq!(lines.count, lines.findings.len() as i64);
    lines
        .findings
        .iter()
        .map(|one| (one.signature.as_str(), one.first_build.as_str(), one.since_build.as_str()))
        .collect()
}

fn check_history(mut archive: Archive) {
    let record = |archive: &mut Archive, build: &str, found: &[&str], goals: &[(&str, i64)]| {
        archive.record(&campaign(build, found, goals)).expect("it is recorded")
    };
    assert_eq!(record(&mut archive, "b1", &["aa", "bb"], &[("rare", 3), ("often", 9)]), Recorded::New(1));
    assert_eq!(record(&mut archive, "b1", &["aa", "bb"], &[]), Recorded::Known(1));
    assert_eq!(record(&mut archive, "b2", &["bb", "cc"], &[("rare", 0), ("often", 9)]), Recorded::New(2));
    let history = archive.history("till", &[]).expect("a history").remove(0);
    assert_eq!(signatures(&history.new), [("cc", "b2", "b2")]);
    assert_eq!(signatures(&history.standing), [("bb", "b1", "b1")]);
    assert_eq!(signatures(&history.gone), [("aa", "b1", "b1")]);
    assert_eq!(signatures(&history.returned), []);
    let goals: Vec<_> =
        history.unstable_goals.iter().map(|goal| (goal.name.as_str(), goal.reached_in, goal.of)).collect();
    assert_eq!(goals, [("rare", 1, 2)]);
    assert!(!history.searches_differ);
    record(&mut archive, "b3", &["aa", "bb"], &[]);
    let history = archive.history("till", &["till".to_owned()]).expect("a history").remove(0);
    assert_eq!(signatures(&history.returned), [("aa", "b1", "b3")]);
    assert_eq!(signatures(&history.standing), [("bb", "b1", "b1")]);
    assert_eq!(signatures(&history.gone), [("cc", "b2", "b2")]);
    assert_eq!((history.campaigns, history.last.build.as_str()), (3, "b3"));
    assert_eq!(archive.history("till", &["other".to_owned()]).expect("a history"), []);
    assert_eq!(archive.history("other", &[]).expect("a history"), []);
    let larger = CampaignRecord { runs: 200, ..campaign("b4", &["aa", "bb"], &[]) };
    archive.record(&larger).expect("it is recorded");
    let history = archive.history("till", &[]).expect("a history").remove(0);
    assert!(history.searches_differ, "{:?} {:?}", history.last, history.previous);
    let known = archive.known_failures("till", "till", &[], 2).expect("known failures");
    let known: Vec<_> = known.iter().map(|failure| failure.signature.as_str()).collect();
    assert_eq!(known, ["aa", "bb"], "those met last come first");
    assert_eq!(archive.known_failures("till", "till", &["log".to_owned()], 9).expect("none"), []);
}

fn check_a_failed_record_leaves_nothing(mut archive: Archive) {
    let twice = campaign("b1", &["aa"], &[("rare", 1), ("rare", 2)]);
    archive.record(&twice).expect_err("a goal has one count");
    assert_eq!(archive.history("till", &[]).expect("a history"), []);
    archive.record(&campaign("b1", &["aa"], &[("rare", 1)])).expect("the archive is usable");
}

fn check_writers(open: impl Fn() -> Archive + Sync) {
    const WRITERS: usize = 2;
    const EACH: usize = 25;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let open = &open;
            scope.spawn(move || {
                let mut archive = open();
                for number in 0..EACH {
                    let (build, own) = (format!("b{writer}-{number}"), format!("own-{writer}-{number}"));
                    let recorded = archive.record(&campaign(&build, &["shared", &own], &[("rare", 1)]));
                    assert!(matches!(recorded, Ok(Recorded::New(_))), "{recorded:?}");
                }
            });
        }
    });
    let mut archive = open();
    let history = archive.history("till", &[]).expect("a history").remove(0);
    assert_eq!(history.campaigns, (WRITERS * EACH) as i64);
    assert_eq!(
        history.standing.findings[0].campaigns,
        (WRITERS * EACH) as i64,
        "each saw the shared finding"
    );
    let known = archive.known_failures("till", "till", &[], 1_000).expect("known failures");
    assert_eq!(known.len(), 1 + WRITERS * EACH);
}

#[test]
fn sqlite_knows_what_is_new_back_and_gone() {
    let here = tempfile::tempdir().expect("a directory");
    let open = |name: &str| {
        Archive::of(Box::new(Sqlite::open(&here.path().join(name)).expect("it opens"))).expect("tables")
    };
    check_history(open("history"));
    check_a_failed_record_leaves_nothing(open("failed"));
}

#[test]
fn two_writers_of_a_sqlite_file_lose_nothing() {
    let here = tempfile::tempdir().expect("a directory");
    check_writers(|| Archive::open(&here.path().join("team.db").display().to_string()).expect("it opens"));
}

/// On the server that `SHAKEDOWN_POSTGRES` names: `.ci/archive` starts one.
#[cfg(feature = "archive-postgres")]
mod on_postgres {
    use super::super::postgres::Postgres;
    use super::*;

    /// Opens an archive in a schema of its own, which is emptied first if `fresh`.
    fn open(schema: &str, fresh: bool) -> Archive {
        let server =
            std::env::var("SHAKEDOWN_POSTGRES").expect("SHAKEDOWN_POSTGRES names a server: run .ci/archive");
        if fresh {
            let mut client =
                ::postgres::Client::connect(&server, ::postgres::NoTls).expect("the server is up");
            let made = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
            client.batch_execute(&made).expect("a schema");
        }
        let place = format!("{server} options='-c search_path={schema}'");
        Archive::of(Box::new(Postgres::connect(&place).expect("it connects"))).expect("tables")
    }

    #[test]
    fn postgres_knows_what_is_new_back_and_gone() {
        check_history(open("archive_history", true));
        check_a_failed_record_leaves_nothing(open("archive_failed", true));
    }

    #[test]
    fn two_writers_of_a_postgres_lose_nothing() {
        drop(open("archive_writers", true));
        check_writers(|| open("archive_writers", false));
    }
}
