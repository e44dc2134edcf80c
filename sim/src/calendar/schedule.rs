//! A scheduler on a node: waits for the next fire of a timetable by the node's own clock.

use super::timetable::{Fire, Timetable};
use super::zone::LocalTime;
use crate::env::Env;
use crate::time::{Duration, WallTime};

/// What a scheduler does with fires that it has missed, because its node was down or its last job took too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CatchUp {
    /// They are left out: cron, and Quartz with "do nothing".
    None,
    /// The last one stands for all: anacron, systemd with `Persistent=`, Kubernetes CronJobs, Quartz with "fire once now".
    Once,
    /// Each one is made up for, in order: Quartz with "ignore misfire policy", Airflow with `catchup`.
    All,
}

/// A fire that is due.
#[derive(Clone)]
pub struct Due {
    /// The fire.
    pub fire: Fire,
    /// The number of missed fires that were left out since the last one that was due.
    pub left_out: u32,
    env: Env,
}

impl Due {
    /// Returns a handle of the node within the scope of this fire.
    pub fn env(&self) -> &Env {
        &self.env
    }
}

/// Waits for the fires of a timetable on one node. Two nodes with a schedule each fire twice: what they do must be made
/// unique by [`Fire::key`].
///
/// The scheduler reads the node's clock when it waits and when it wakes, and sleeps for the time that is left by that
/// clock. A jump of the clock is therefore noticed at the next fire, as in robfig/cron and Quartz; Vixie cron reads the clock
/// each minute. If the clock goes back, no fire is due again.
pub struct Schedule {
    timetable: Timetable,
    catch_up: CatchUp,
    tolerance: Duration,
    last: Fire,
    /// The number of missed fires since the last one that was due.
    left_out: u32,
    until: WallTime,
}

impl Schedule {
    /// A fire that is this late is not missed yet: the misfire threshold of Quartz.
    pub const TOLERANCE: Duration = Duration::from_secs(60);

    /// Creates a schedule of the fires after `after`. A job that catches up stores the last fire with its work, and passes
    /// it here when its node restarts; others pass [`Env::clock`].
    pub fn new(timetable: Timetable, catch_up: CatchUp, after: WallTime) -> Self {
        let last = Fire { at: after, local: LocalTime(i64::MAX) };
        let until = WallTime::from_unix_secs(i64::MAX);
        Self { timetable, catch_up, tolerance: Self::TOLERANCE, last, left_out: 0, until }
    }

    /// Sets how late a fire may be before it is missed.
    #[must_use]
    pub fn tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// Ends the schedule: fires after `until` never become due. A run comes to rest only when its schedules have ended.
    #[must_use]
    pub fn until(self, until: WallTime) -> Self {
        Self { until, ..self }
    }

    /// Waits for the next fire by the clock of `env`'s node. Returns `None` once there is none.
    pub async fn next(&mut self, env: &Env) -> Option<Due> {
        loop {
            let now = env.clock();
            if let Some((fire, left_out)) = self.due(now) {
                return Some(Due { fire, left_out, env: env.child("fire") });
            }
            let next = self.coming().next()?;
            // A slow clock may show no progress within a nanosecond.
            env.sleep(next.at.since(now).max(Duration::from_millis(1))).await;
        }
    }

    /// Returns the fires after the last one.
    fn coming(&self) -> impl Iterator<Item = Fire> + '_ {
        let (last, until) = (self.last, self.until);
        // Several fires may be at the same moment.
        let fires = self.timetable.fires(last.at - Duration::from_nanos(1));
        fires.skip_while(move |fire| *fire <= last).take_while(move |fire| fire.at <= until)
    }

    /// Takes the fires that are past by a clock that shows `now`. Returns the one that is due, and how many were left out.
    fn due(&mut self, now: WallTime) -> Option<(Fire, u32)> {
        let past = |fire: &Fire| fire.at <= now;
        if self.catch_up == CatchUp::All {
            let fire = self.coming().take_while(past).next()?;
            self.last = fire;
            return Some((fire, 0));
        }
        let (count, fire) = (1..).zip(self.coming().take_while(past)).last()?;
        self.last = fire;
        self.left_out += count;
        let is_missed = now.since(fire.at) > self.tolerance;
        (self.catch_up == CatchUp::Once || !is_missed).then(|| (fire, std::mem::take(&mut self.left_out) - 1))
    }
}
