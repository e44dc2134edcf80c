//! The clinics' calendar: the run starts at midnight of an ordinary day, or of one on which the clocks change.

use shakedown_model::Fact;
use shakedown_model::facts::VisitFact;
use shakedown_model::settings::APPOINTMENT_HOUR;
use shakedown_sim::calendar::{LocalTime, ZoneName};
use shakedown_sim::{Alternatives, Duration, Env, Label, Site, Stage, WallTime};

/// The zone of the clinics.
pub(super) const ZONE: ZoneName = ZoneName::new("Europe/Berlin");

const CLOCKS: Site = Site::new(Label::new("clinics"), Label::new("clocks"));
const CHANGES: Alternatives = Alternatives::new(&["do not change", "go forward", "go back"]);

/// The time from the start of an operator's work on a visit to the arrival of its patient.
const BEFORE_ARRIVAL: Duration = Duration::from_secs(600);

/// Draws the day of the run, and starts the run at its midnight.
pub(super) fn begin(stage: &Stage<Fact>, env: &Env) -> WallTime {
    let day = match CHANGES.names()[env.choose(CLOCKS, &CHANGES).index()] {
        "go forward" => LocalTime::of(2026, 3, 29, 0, 0),
        "go back" => LocalTime::of(2026, 10, 25, 0, 0),
        _ => LocalTime::of(2026, 1, 1, 0, 0),
    };
    let starts = ZONE.zone().start_of_day(day);
    stage.starts_at(starts);
    stage.facts().state(env, &Fact::Visit(VisitFact::Calendar { zone: ZONE, starts }));
    starts
}

/// Returns the time from the start of the run until an operator prepares for a visit of tomorrow.
pub(super) fn until_tomorrow(starts: WallTime) -> Duration {
    let zone = ZONE.zone();
    let nine = zone.local(starts).plus_days(1) + Duration::from_secs(APPOINTMENT_HOUR * 3_600);
    zone.resolve(nine).compatible().since(starts) - BEFORE_ARRIVAL
}
