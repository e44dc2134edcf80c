//! `matrix`: the violations without each guardrail.

use super::{answer, code, json, stderr, stdout};

#[test]
fn each_missing_guardrail_is_caught_by_a_claim_beside_its_row() {
    let directory = tempfile::tempdir().expect("a directory");
    let output =
        answer(directory.path(), &["matrix", "idempotency-store", "retry-safe-job", "--format", "json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let matrix = json(&output);
    let rows = matrix["rows"].as_array().expect("rows");
    let names: Vec<_> = rows.iter().map(|row| row["guardrail"].as_str().expect("a name")).collect();
    assert_eq!(names, ["idempotency-store", "retry-safe-job:a", "retry-safe-job:b"]);
    for row in rows {
        let claims = shakedown_model::GUARDRAILS.iter().flat_map(|guardrail| guardrail.forms());
        let claims = claims.into_iter().find(|(form, _)| row["guardrail"] == form.as_str());
        let invariant = row["invariant"].as_str().expect("what broke");
        assert!(claims.expect("a form").1.breaks.contains(&invariant), "{row}");
        assert!((1..=3).contains(&row["deviations"].as_u64().expect("a count")), "{row}");
        assert!(row["runs_to_find"].as_u64().expect("a count") >= 1, "{row}");
        let replay = answer(directory.path(), &["replay", row["trace"].as_str().expect("a trace")]);
        assert_eq!(code(&replay), 1, "{}", stderr(&replay));
    }
    assert_eq!(matrix["guarded"][0]["verdict"], "held");
}

#[test]
fn a_matrix_is_the_same_at_any_number_of_jobs() {
    let directory = tempfile::tempdir().expect("a directory");
    let matrix = |jobs| {
        stdout(&answer(
            directory.path(),
            &["matrix", "retry-safe-job", "--seeds", "50", "--jobs", jobs, "--format", "json"],
        ))
    };
    assert_eq!(matrix("1"), matrix("3"));
}

#[test]
fn a_design_that_is_not_caught_ends_with_its_own_code() {
    let directory = tempfile::tempdir().expect("a directory");
    let report = "md=matrix.md";
    let arguments = ["matrix", "retry-safe-job:a", "--give-up", "1", "--seeds", "1", "--report", report];
    let output = answer(directory.path(), &arguments);
    assert_eq!(code(&output), 7, "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    let page = std::fs::read_to_string(directory.path().join("matrix.md")).expect("the page");
    assert!(
        page.contains(
            "| idempotency | retry-safe-job:a | each attempt has a new idempotency key | nothing |"
        ),
        "{page}"
    );
}

#[test]
fn an_unknown_guardrail_is_named_with_those_that_there_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = answer(directory.path(), &["matrix", "execution-lock"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("did you mean `execution-log`?"), "{}", stderr(&output));
    assert!(stderr(&output).contains("retry-safe-job:b"), "{}", stderr(&output));
}
