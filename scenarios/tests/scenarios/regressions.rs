//! Every committed regression has its expected verdict, and the whole design holds under the same deviations.

use shakedown::regression::Regression;
use shakedown_scenarios::catalogue::catalogue;
use std::fs;
use std::path::PathBuf;

/// The files in `regressions/`, without their ending, in alphabetical order.
const REGRESSIONS: &[&str] = &[
    "answered-before-it-was-saved",
    "bad-release-everywhere",
    "call-under-way-while-a-person-looks",
    "callback-beside-the-response-mails-twice",
    "callback-confirms-what-is-being-cancelled",
    "callback-says-the-contrary-and-is-believed",
    "cancelled-with-an-old-snapshot",
    "confirmed-on-the-acknowledgement",
    "crash-after-the-document-leaves-no-record",
    "crash-before-the-log-is-written",
    "day-of-24-hours-ends-before-the-day",
    "feed-is-never-told-what-was-committed",
    "filing-that-can-never-be-filed",
    "first-callback-overwrites-what-the-retry-made",
    "half-done-migration",
    "hold-lapsed-and-called-confirmed",
    "job-there-before-its-order",
    "lapsed-is-taken-for-cancelled",
    "late-refusal-of-an-earlier-job",
    "late-result-ends-the-last-wait",
    "late-row-cancels-a-patient-who-is-here",
    "list-shows-what-never-was",
    "lost-with-the-database",
    "mail-out-before-its-row",
    "old-worker-new-message",
    "one-busy-answer-needs-a-person",
    "one-outcome-in-two-words",
    "one-slow-partner-starves-another",
    "order-answered-while-it-is-being-checked",
    "order-is-taken-on-after-the-offer-ended",
    "outage-loses-what-was-accepted",
    "page-meets-older-api",
    "page-shows-an-offer-that-has-ended",
    "pending-is-taken-for-confirmed",
    "price-risen-as-it-was-booked",
    "replay-tells-the-patient-twice",
    "retries-keep-the-registry-down",
    "rollback-onto-new-rows",
    "screen-says-processed-and-the-pdf-is-half-written",
    "second-click-books-twice",
    "slow-partner-keeps-the-customer-waiting",
    "text-broken-while-mail-is-under-way",
    "timed-out-but-created",
    "timer-sends-again-what-may-have-arrived",
    "told-before-it-was-stored",
    "work-for-an-order-that-never-was",
    "workers-retry-and-nobody-is-told",
];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("regressions")
}

#[test]
fn no_file_is_forgotten() {
    let files =
        fs::read_dir(directory()).expect("the directory is committed").map(|entry| entry.expect("readable"));
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut scripts: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".script").map(str::to_owned)).collect();
    scripts.sort();
    assert_eq!(scripts, REGRESSIONS, "list each script of {} in this file", directory().display());
}

#[test]
fn every_regression_has_its_expected_verdict() {
    for name in REGRESSIONS {
        let text = fs::read_to_string(directory().join(format!("{name}.script"))).expect("listed and there");
        let regression: Regression = text.parse().unwrap_or_else(|problem| panic!("{name}: {problem}"));
        regression.check(&catalogue()).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
}

/// Two regressions as they were committed before their words changed.
const IN_FORMER_WORDS: [(&str, &str); 2] = [
    (
        "mail-out-before-its-row",
        "# expect: violates one-message-per-event-and-recipient\n\
         scenario notifications\n\
         without notification-log\n\
         variant customers=1\n\
         mailer/after mail.send @ intent-1/click-1/request-1/mail-1 #1 = vanish\n",
    ),
    (
        "order-answered-while-it-is-being-checked",
        "# expect: holds\n\
         scenario consistency\n\
         variant shoppers=1\n\
         store/commit accept @ intent-1/request-1 #1 = answer lost\n\
         partner.reserve/outcome @ intent-1/request-1/attempt-1/step-1 #1 = 5xx after\n",
    ),
];

#[test]
fn a_regression_in_former_words_is_the_one_of_today() {
    for (name, text) in IN_FORMER_WORDS {
        let today = fs::read_to_string(directory().join(format!("{name}.script"))).expect("listed and there");
        assert_ne!(text, today, "{name} has no former word any more");
        let [former, today]: [Regression; 2] =
            [text, &today].map(|text| text.parse().unwrap_or_else(|problem| panic!("{name}: {problem}")));
        assert_eq!(former, today);
        former.check(&catalogue()).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
}
