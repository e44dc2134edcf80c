//! How requests are answered at the edge.

use shakedown_model::Fact;
use shakedown_model::facts::{Code, EdgeFact};
use shakedown_model::settings::REQUEST_BUDGET;
use shakedown_sim::{At, Disturbance, Duration, Findings, Invariant, Moment};

/// Owners of the choice sites of what is ours: their faults are charged to nobody else.
pub const OURS: [&str; 10] =
    ["api", "worker", "sync", "close", "store", "relay", "cache", "cache.get", "cache.fill", "cache.delete"];

/// Requests are answered in time, with something better than "try again".
#[derive(Default)]
pub struct RequestsAnswerInTime {
    entered: Vec<(u32, Moment)>,
    ours: Vec<(Moment, Moment)>,
    /// Requests in a minute above which "try again" is an answer.
    declared: Option<usize>,
    /// Whether there were as many.
    overloaded: bool,
}

impl RequestsAnswerInTime {
    /// Judges a platform that is made for so many requests in a minute and may say so above them.
    pub fn up_to(declared: usize) -> Self {
        Self { declared: Some(declared), ..Self::default() }
    }

    /// Takes a request that came in; what a load above the declared one has left behind may stay for long.
    fn enter(&mut self, request: u32, now: Moment) {
        self.entered.push((request, now));
        let load = || self.entered.iter().filter(|(_, since)| *since + MINUTE >= now).count();
        self.overloaded |= self.declared.is_some_and(|declared| load() > declared);
    }
}

/// Over this long the load is counted.
const MINUTE: Duration = Duration::from_secs(60);

impl Invariant<Fact> for RequestsAnswerInTime {
    fn name(&self) -> &'static str {
        "requests-answer-in-time"
    }
    fn about(&self) -> &'static str {
        "always: the edge has an answer within 2 s, and not a 503, unless a node, the store or the cache of ours was \
         itself failing between request and answer, or (503 only) more requests had come in some minute than the \
         platform is declared for. Time on the way between browser and edge is not counted"
    }
    fn reset(&mut self) {
        self.entered.clear();
        self.ours.clear();
        self.overloaded = false;
    }
    fn disturbed(&mut self, disturbance: &Disturbance) {
        if OURS.contains(&disturbance.owner) {
            self.ours.push((disturbance.from, disturbance.until));
        }
    }
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        match fact {
            Fact::Edge(EdgeFact::Entered { request, .. }) => self.enter(*request, at.time),
            Fact::Edge(EdgeFact::Answered { request, code, took_ms }) => {
                let since =
                    self.entered.iter().find(|(number, _)| number == request).map(|(_, since)| *since);
                let since = since.unwrap_or(at.time);
                let excused = self.ours.iter().any(|(from, until)| *from <= at.time && *until >= since);
                let late = *took_ms > REQUEST_BUDGET.as_millis() as u64;
                if late && !excused {
                    findings.violated("late", &[at.event], || {
                        format!("a request was answered after {took_ms} ms")
                    });
                }
                if matches!(code, Code::Unavailable | Code::NoResponse)
                    && !excused
                    && !(*code == Code::Unavailable && self.overloaded)
                {
                    findings.violated("unavailable", &[at.event], || {
                        "a request was told to try again though nothing of ours had failed".to_owned()
                    });
                }
            }
            _ => {}
        }
    }
}

/// What others do to us is not shown to customers as an error.
#[derive(Default)]
pub struct NoDependencyFailureShown;

impl Invariant<Fact> for NoDependencyFailureShown {
    fn name(&self) -> &'static str {
        "no-dependency-failure-shown"
    }
    fn about(&self) -> &'static str {
        "always: no request is answered with the failure of somebody we depend on (502). Refusals for what is in \
         the request or in our rows are none"
    }
    fn reset(&mut self) {}
    fn observe(&mut self, at: &At<'_>, fact: &Fact, findings: &mut Findings) {
        if let Fact::Edge(EdgeFact::Answered { code: Code::BadGateway, .. }) = fact {
            findings.violated("502", &[at.event], || {
                "somebody was shown the failure of one whom we depend on".to_owned()
            });
        }
    }
}
