//! How a visit may move, and by whom.

use shakedown_model::Fact;
use shakedown_model::facts::VisitFact;
use shakedown_model::visit::rows::{Status, Visit};
use shakedown_sim::{At, Findings, Invariant};

/// Each move is one of the table, made by somebody who may make it.
pub(super) struct LegalTransitionsOnly;

/// On whose behalf a row changed, told by the scope in which it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    NightlyClose,
    Worker,
    Operator,
    Importer,
    Nobody,
}

fn cause(at: &At<'_>) -> Cause {
    let within = |label: &'static str| at.number_of(label).is_some();
    match () {
        () if within("close") => Cause::NightlyClose,
        () if within("attempt") => Cause::Worker,
        () if within("action") => Cause::Operator,
        () if within("row") => Cause::Importer,
        () => Cause::Nobody,
    }
}

/// Why a change must not be; nothing if it may.
fn objection(cause: Cause, before: Option<&Visit>, after: &Visit) -> Option<&'static str> {
    use Cause::{Importer, NightlyClose, Operator};
    use Status::{Arrived, Cancelled, NoShow, Processed, Scheduled};
    let Some(before) = before else {
        let begins = (after.status, after.revision, cause) == (Scheduled, 0, Importer);
        return (!begins).then_some("a visit begins as scheduled, by a clinic's row");
    };
    let allowed: &[Cause] = match (before.status, after.status) {
        (Scheduled, Arrived) | (Arrived, Processed | Cancelled) | (Processed, Processed) => &[Operator],
        (Scheduled, NoShow) => &[Operator, NightlyClose],
        (Scheduled, Cancelled) => &[Operator, Importer],
        _ => return Some("there is no such move"),
    };
    let reported = u32::from(after.status == Processed);
    if after.revision != before.revision + reported {
        return Some("its revision counts what was recorded of it");
    }
    if after.version != before.version + 1 {
        return Some("it is not made of the version before");
    }
    (!allowed.contains(&cause)).then_some("it may not make that move")
}

impl Invariant<Fact> for LegalTransitionsOnly {
    fn name(&self) -> &'static str {
        "legal-transitions-only"
    }
    fn about(&self) -> &'static str {
        "always: each change of a visit is one that there is, made of the version before it, and on behalf of somebody \
         who may make it. Whether the patient was really there is not judged"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        let Fact::Visit(VisitFact::Visit { before, after }) = fact else { return };
        let cause = cause(at);
        if let Some(objection) = objection(cause, before.as_ref(), after) {
            let from = before.map_or("nothing".to_owned(), |before| format!("{:?}", before.status));
            let roles = format!("{from} to {:?} by {cause:?}", after.status);
            findings.violated(&roles, &[at.event], || {
                format!("V{} moved from {from} to {:?} by {cause:?}: {objection}", after.id, after.status)
            });
        }
    }
}
