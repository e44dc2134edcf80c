//! How fast and with which codes the edge responds.

use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact};
use shakedown_model::settings::REQUEST_BUDGET;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Owners of the choice sites of our own components. Their faults excuse a late or unavailable response; faults of
/// dependencies do not.
pub const OWN_COMPONENTS: [&str; 10] =
    ["api", "worker", "sync", "close", "store", "relay", "cache", "cache.get", "cache.fill", "cache.delete"];

/// Verifies that responses come in time and are not "try again".
#[derive(Default)]
pub struct RequestsAnswerInTime {
    entered: Vec<(u32, Moment)>,
    own_faults: Vec<(Moment, Moment)>,
    /// The declared load in requests per minute; above it a 503 is legal.
    declared: Option<usize>,
    /// Whether some minute had more than the declared load.
    overloaded: bool,
}

impl RequestsAnswerInTime {
    /// Returns the invariant for a platform with this declared load in requests per minute: above it a 503 is legal.
    pub fn up_to(declared: usize) -> Self {
        Self { declared: Some(declared), ..Self::default() }
    }

    /// Counts a request. The backlog of an overload may last, so `overloaded` stays set.
    fn count(&mut self, request: u32, now: Moment) {
        self.entered.push((request, now));
        let load = || self.entered.iter().filter(|(_, since)| *since + MINUTE >= now).count();
        self.overloaded |= self.declared.is_some_and(|declared| load() > declared);
    }
}

/// The window over which load is counted.
const MINUTE: Duration = Duration::from_secs(60);

impl Invariant<Fact> for RequestsAnswerInTime {
    fn name(&self) -> &'static str {
        "requests-answer-in-time"
    }
    fn about(&self) -> &'static str {
        "always: the edge responds within 2 s and not with 503, unless one of our nodes, the database or \
         the cache failed between request and response, or (503 only) some minute had more requests than \
         declared. Not judged: time between browser and edge"
    }
    fn reset(&mut self) {
        self.entered.clear();
        self.own_faults.clear();
        self.overloaded = false;
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if OWN_COMPONENTS.contains(&disturbance.owner) {
            self.own_faults.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Edge(EdgeFact::Entered { request, .. }) => self.count(*request, at.time),
            Fact::Edge(EdgeFact::Answered { request, code, took_ms }) => {
                let since =
                    self.entered.iter().find(|(number, _)| number == request).map(|(_, since)| *since);
                let since = since.unwrap_or(at.time);
                let excused = self.own_faults.iter().any(|(from, until)| *from <= at.time && *until >= since);
                let late = *took_ms > REQUEST_BUDGET.as_millis() as u64;
                if late && !excused {
                    findings.violated("late", &[at.event], || {
                        format!("the response to a request took {took_ms} ms")
                    });
                }
                if matches!(code, Code::Unavailable | Code::NoResponse)
                    && !excused
                    && !(*code == Code::Unavailable && self.overloaded)
                {
                    findings.violated("unavailable", &[at.event], || {
                        "a request got \"try again\" (503) though none of our components had failed"
                            .to_owned()
                    });
                }
            }
            _ => {}
        }
    }
}

/// Verifies that no client sees a dependency's failure.
#[derive(Default)]
pub struct NoDependencyFailureShown;

impl Invariant<Fact> for NoDependencyFailureShown {
    fn name(&self) -> &'static str {
        "no-dependency-failure-shown"
    }
    fn about(&self) -> &'static str {
        "always: no response shows the failure of a dependency (502). Not judged: refusals for a cause in \
         the request or in our rows"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Edge(EdgeFact::Answered { code: Code::BadGateway, .. }) = fact {
            findings
                .violated("502", &[at.event], || "a client got the failure of a dependency (502)".to_owned());
        }
    }
}
