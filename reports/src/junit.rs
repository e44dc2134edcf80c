//! What a CI server reads: JUnit XML, a suite for each scenario, a case for each invariant and one for the goals.

use crate::layout::Style;
use crate::records::{Finding, Finished, Verdict};
use crate::terminal;
use std::fmt::Write as _;

/// The results of campaigns. It states no durations: equal campaigns give equal files.
pub fn finished(all: &[Finished]) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"shakedown\">\n");
    for finished in all {
        suite(&mut out, finished);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, finished: &Finished) {
    let name: String = std::iter::once(finished.scenario.clone())
        .chain(finished.without.iter().map(|part| format!(" without {part}")))
        .collect();
    let (name, broken) = (escaped(&name), broken(finished));
    let inconclusive = usize::from(finished.verdict == Verdict::Inconclusive);
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">",
        finished.invariants.len() + 1,
        broken.len() + inconclusive
    );
    let _ = writeln!(out, "    <properties>\n      <property name=\"runs\" value=\"{}\"/>", finished.runs);
    let _ =
        writeln!(out, "      <property name=\"digest\" value=\"{}\"/>\n    </properties>", finished.digest);
    for invariant in &finished.invariants {
        let findings: Vec<_> = findings_of(finished, invariant).collect();
        case(out, &name, invariant, &findings);
    }
    goals(out, &name, finished);
    out.push_str("  </testsuite>\n");
}

fn findings_of<'a>(finished: &'a Finished, invariant: &'a str) -> impl Iterator<Item = &'a Finding> {
    finished.findings.iter().filter(move |finding| finding.failure.violation.invariant == invariant)
}

fn broken(finished: &Finished) -> Vec<&String> {
    finished.invariants.iter().filter(|name| findings_of(finished, name).next().is_some()).collect()
}

fn case(out: &mut String, suite: &str, invariant: &str, findings: &[&Finding]) {
    let _ = write!(out, "    <testcase classname=\"{suite}\" name=\"{}\"", escaped(invariant));
    let Some(first) = findings.first() else {
        out.push_str("/>\n");
        return;
    };
    let story: Vec<String> =
        findings.iter().map(|finding| terminal::failure(Style::PLAIN, finding)).collect();
    let message = escaped(&first.failure.violation.message);
    let _ = writeln!(
        out,
        ">\n      <failure type=\"violation\" message=\"{message}\">{}</failure>\n    </testcase>",
        escaped(&story.join("\n"))
    );
}

fn goals(out: &mut String, suite: &str, finished: &Finished) {
    let _ = write!(out, "    <testcase classname=\"{suite}\" name=\"goals\"");
    if finished.verdict != Verdict::Inconclusive {
        out.push_str("/>\n");
        return;
    }
    let missed = finished.goals.iter().filter(|goal| goal.reached == 0).map(|goal| goal.name.as_str());
    let missed = missed.collect::<Vec<_>>().join(", ");
    let survivors = finished.canaries.iter().filter(|canary| !canary.caught);
    let survivors = survivors.map(|canary| canary.name.as_str()).collect::<Vec<_>>().join(", ");
    let message = match (survivors.is_empty(), missed.is_empty()) {
        (false, _) => format!("canaries that survived: {survivors}"),
        (true, true) => "the campaign did not end".to_owned(),
        (true, false) => format!("never reached: {missed}"),
    };
    let _ = writeln!(
        out,
        ">\n      <failure type=\"inconclusive\" message=\"{}\"/>\n    </testcase>",
        escaped(&message)
    );
}

/// Text as XML holds it, in elements and attributes. Characters that XML 1.0 forbids become a question mark.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\u{FFFE}' | '\u{FFFF}' => out.push('?'),
            _ if character.is_control() => out.push('?'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_of_its_element() {
        assert_eq!(escaped("a<b> & \"c\" \u{1b}[0m"), "a&lt;b&gt; &amp; &quot;c&quot; ?[0m");
    }
}
