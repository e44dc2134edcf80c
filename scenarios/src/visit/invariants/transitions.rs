//! Legal changes of a visit, and the actors that may make them.

use shakedown_model::Fact;
use shakedown_model::facts::VisitFact;
use shakedown_model::visit::rows::{Status, Visit};
use shakedown_sim::{At, Findings, Invariant};

/// Verifies that each change is in the table and made by an actor who may make it.
pub(super) struct LegalTransitionsOnly;

/// The actor on whose behalf a row changed, derived from the scope of the change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    NightlyClose,
    Reminder,
    Worker,
    Operator,
    Importer,
    Nobody,
}

fn cause(at: &At<'_>) -> Cause {
    let within = |label: &'static str| at.number_of(label).is_some();
    let causes = [
        ("close", Cause::NightlyClose),
        ("reminder", Cause::Reminder),
        ("attempt", Cause::Worker),
        ("action", Cause::Operator),
        ("row", Cause::Importer),
    ];
    causes.into_iter().find(|(label, _)| within(label)).map_or(Cause::Nobody, |(_, cause)| cause)
}

/// Returns why a change is illegal; `None` if it is legal.
fn objection(cause: Cause, before: Option<&Visit>, after: &Visit) -> Option<&'static str> {
    use Cause::{Importer, NightlyClose, Operator, Reminder};
    use Status::{Arrived, Cancelled, NoShow, Processed, Scheduled};
    let Some(before) = before else {
        let begins = (after.status, after.revision, cause) == (Scheduled, 0, Importer);
        return (!begins).then_some("a visit begins as Scheduled, by a clinic's row");
    };
    let allowed: &[Cause] = match (before.status, after.status) {
        (Scheduled, Arrived) | (Arrived, Processed | Cancelled) | (Processed, Processed) => &[Operator],
        (Scheduled, Scheduled) if before.remind_at.is_some() && after.remind_at.is_none() => &[Reminder],
        (Scheduled, NoShow) => &[Operator, NightlyClose],
        (Scheduled, Cancelled) => &[Operator, Importer],
        _ => return Some("the table has no such change"),
    };
    let reported = u32::from(after.status == Processed);
    if after.revision != before.revision + reported {
        return Some("the revision must grow by one when the visit is processed, and only then");
    }
    if after.version != before.version + 1 {
        return Some("the version must grow by one");
    }
    (!allowed.contains(&cause)).then_some("the actor may not make this change")
}

impl Invariant<Fact> for LegalTransitionsOnly {
    fn name(&self) -> &'static str {
        "legal-transitions-only"
    }
    fn about(&self) -> &'static str {
        "always: each change of a visit is in the table of legal changes, based on the version before it, \
         and made by an actor who may make it. Not judged: whether the patient was really there"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Visit(VisitFact::Visit { before, after }) = fact else { return };
        let cause = cause(at);
        if let Some(objection) = objection(cause, before.as_ref(), after) {
            let from = before.map_or("nothing".to_owned(), |before| format!("{:?}", before.status));
            let roles = format!("{from} to {:?} by {cause:?}", after.status);
            findings.violated(&roles, &[at.event], || {
                format!("V{} changed from {from} to {:?} by {cause:?}: {objection}", after.id, after.status)
            });
        }
    }
}
