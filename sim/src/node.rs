//! Nodes: processes of the simulated system, and the crash behaviour of each kind.
//!
//! A node's tasks and memory are lost with it; the data that it put into a store are not. A [`CrashFault`] may happen
//! to it at a crash point. If it *crashes*, nothing that the dead incarnation does from that point has any effect,
//! not even within the same poll or in a destructor; its peers find out by timeout. If it *shuts down*, it takes no
//! more calls, its tasks are dropped while their destructors still have effects, and then its [shutdown
//! hooks](Env::on_shutdown) run, within a grace period. If it is *paused*, it is not scheduled, its timers and
//! messages wait, and after the pause it believes that no time has passed.

use crate::balancing::Presence;
use crate::calendar::ZoneName;
use crate::clock::{Clock, ClockProfile};
use crate::fault::{DelayRange, Faults, Listed, Place};
use crate::label::Label;
use crate::signal::Signal;
use crate::task::BoxFuture;
use crate::time::{self, Duration, Moment};
use crate::world::Env;
use std::ops::{Index, IndexMut};

/// The identity of a process of the simulated system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
pub struct NodeId(pub(crate) u16);

/// The possible faults of a node at a crash point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrashFault {
    /// The node crashes, as by `kill -9`.
    Crash,
    /// The node shuts down, as by SIGTERM.
    ShutDown,
    /// The node is not scheduled for this long.
    Pause(Duration),
}

impl Listed for CrashFault {
    fn text(self) -> String {
        match self {
            Self::Crash => "crash".to_owned(),
            Self::ShutDown => "shutdown".to_owned(),
            Self::Pause(length) => format!("pause {}", time::text(length)),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "crash" => Some(Self::Crash),
            "shutdown" => Some(Self::ShutDown),
            _ => text.strip_prefix("pause ").and_then(time::parse).map(Self::Pause),
        }
    }

    fn length(self) -> Option<Duration> {
        match self {
            Self::Crash | Self::ShutDown => None,
            Self::Pause(length) => Some(length),
        }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Crash(list)
    }
}

/// The possible faults of a node at its crash points, and its restart. An empty list offers no choice.
#[derive(Clone, Copy, Debug)]
pub struct CrashProfile {
    /// The possible faults before an effect.
    pub before: &'static [CrashFault],
    /// The possible faults after an effect, before the node receives its outcome.
    pub after: &'static [CrashFault],
    /// The time that a restart takes.
    pub restart: Duration,
    /// The possible additional delays of a restart.
    pub late_restart: &'static [Duration],
    /// The range from which seeded exploration also draws additional delays of restarts.
    pub late_restart_range: DelayRange,
}

impl CrashProfile {
    /// Never crashes: for users and external systems.
    pub const NEVER: CrashProfile = CrashProfile {
        before: &[],
        after: &[],
        restart: Duration::from_secs(5),
        late_restart: &[],
        late_restart_range: DelayRange::NONE,
    };

    /// # Panics
    /// If the profile lists an impossible fault; the message names the site.
    #[cold]
    pub(crate) fn check(&'static self, role: Label) {
        BeforeEffects(self).check(format_args!("{role}/before"));
        AfterEffects(self).check(format_args!("{role}/after"));
        Restarts(self).check(format_args!("{role}/restart"));
    }
}

/// Crash points before effects.
#[derive(Clone, Copy)]
pub(crate) struct BeforeEffects(pub(crate) &'static CrashProfile);

impl Place for BeforeEffects {
    type Fault = CrashFault;
    const BENIGN: &'static str = "goes on";

    #[inline(always)]
    fn faults(self) -> &'static [CrashFault] {
        self.0.before
    }
}

/// Crash points after effects.
#[derive(Clone, Copy)]
pub(crate) struct AfterEffects(pub(crate) &'static CrashProfile);

impl Place for AfterEffects {
    type Fault = CrashFault;
    const BENIGN: &'static str = "goes on";

    #[inline(always)]
    fn faults(self) -> &'static [CrashFault] {
        self.0.after
    }
}

/// Late restarts of nodes.
#[derive(Clone, Copy)]
pub(crate) struct Restarts(pub(crate) &'static CrashProfile);

impl Place for Restarts {
    type Fault = Duration;
    const BENIGN: &'static str = "on time";

    #[inline(always)]
    fn faults(self) -> &'static [Duration] {
        self.0.late_restart
    }

    #[inline(always)]
    fn range(self) -> DelayRange {
        self.0.late_restart_range
    }
}

/// A kind of node. Its profiles are borrowed, because worlds are built again and again.
///
/// ```
/// # use shakedown_sim::*;
/// const CRASHES: CrashProfile =
///     CrashProfile { before: &[CrashFault::Crash], after: &[CrashFault::Crash], ..CrashProfile::NEVER };
/// // `worker-1`, `worker-2` and so on: each may crash before and after its effects.
/// const WORKER: Role = Role::new(Label::new("worker"), &CRASHES);
/// // The user's browser: one node, which never crashes.
/// const BROWSER: Role = Role::outside(Label::new("browser"));
/// assert!(BROWSER.single && BROWSER.crash.before.is_empty() && !WORKER.single);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Role {
    /// The name; the nodes of a role are numbered.
    pub name: Label,
    /// Whether there is only one node of this role, named without a number.
    pub single: bool,
    /// The crash behaviour of its nodes.
    pub crash: &'static CrashProfile,
    /// The possible clock faults of its nodes.
    pub clock: &'static ClockProfile,
    /// The time zone of its nodes.
    pub zone: ZoneName,
}

impl Role {
    /// Creates a role whose nodes are numbered and crash as `crash` allows.
    pub const fn new(name: Label, crash: &'static CrashProfile) -> Self {
        Self { name, single: false, crash, clock: &ClockProfile::RIGHT, zone: ZoneName::UTC }
    }

    /// Creates a role of one node that never crashes.
    pub const fn outside(name: Label) -> Self {
        Self { single: true, ..Self::new(name, &CrashProfile::NEVER) }
    }
}

/// The effect of a crash point on its node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CrashMode {
    /// The node is dead already.
    Gone,
    Fault(CrashFault),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Up,
    Paused,
    Down,
}

pub(crate) struct Node {
    pub(crate) role: Role,
    /// Its number among the nodes of its role, from 1.
    pub(crate) number: usize,
    pub(crate) state: State,
    pub(crate) incarnation: u32,
    /// `None` while it runs.
    pub(crate) boot: Option<Box<dyn Fn(Env)>>,
    /// Tasks woken while the node is paused, in order.
    pub(crate) deferred: Vec<u32>,
    /// Counts pauses, so that a resume meant for an earlier one is stale.
    pub(crate) pauses: u32,
    pub(crate) clock: Clock,
    /// The hooks that run when the node shuts down.
    pub(crate) shutdown_hooks: Vec<BoxFuture>,
    /// Whether the node is shutting down.
    pub(crate) stopping: bool,
    /// Raised when the node is asked to shut down, if its own code handles that.
    pub(crate) termination: Option<Signal>,
    /// The event that last changed the node's state.
    pub(crate) last_event: Option<u32>,
    /// The state of its heartbeat.
    pub(crate) pulse: Pulse,
    /// Whether it is up, as health checks see it.
    pub(crate) presence: Presence,
}

/// The state of a node's [`Heartbeat`](crate::heartbeat::Heartbeat).
#[derive(Default)]
pub(crate) struct Pulse {
    /// The time at which it last began.
    pub(crate) began: Moment,
    /// The time at which it last stopped.
    pub(crate) left: Moment,
    /// Whether the node's own code has suspended it.
    pub(crate) stopped: bool,
    /// Whether the node's own code controls it: then a restarted node sends none until that code resumes it.
    pub(crate) is_led: bool,
    /// Raised when it stops or resumes, if there is a listener.
    pub(crate) turned: Option<Signal>,
}

impl Node {
    /// Creates a place for a node.
    fn vacant() -> Self {
        Self {
            role: Role::outside(Label::new("nobody")),
            number: 0,
            state: State::Down,
            incarnation: 0,
            boot: None,
            deferred: Vec::new(),
            pauses: 0,
            clock: Clock::default(),
            shutdown_hooks: Vec::new(),
            stopping: false,
            termination: None,
            last_event: None,
            pulse: Pulse::default(),
            presence: Presence::ALWAYS,
        }
    }

    /// Initializes a node in this place.
    #[inline]
    fn begin(&mut self, its_role: Role, its_number: usize, its_boot: Box<dyn Fn(Env)>) {
        // All fields are named, so that none is forgotten.
        let Self {
            role,
            number,
            state,
            incarnation,
            boot,
            deferred,
            pauses,
            clock,
            shutdown_hooks,
            stopping,
            termination,
            last_event,
            pulse,
            presence,
        } = self;
        (*role, *number, *boot) = (its_role, its_number, Some(its_boot));
        (*state, *incarnation, *pauses, *stopping, *last_event) = (State::Up, 0, 0, false, None);
        deferred.clear();
        shutdown_hooks.clear();
        *termination = None;
        *clock = Clock::default();
        *pulse = Pulse::default();
        *presence = Presence::ALWAYS;
    }

    /// Returns whether its own code runs when it is asked to shut down.
    pub(crate) fn handles_shutdown(&self) -> bool {
        self.termination.is_some() || !self.shutdown_hooks.is_empty()
    }

    /// Returns its name: that of its role, numbered unless the role has only one node.
    pub(crate) fn name(&self) -> String {
        let Role { name, single, .. } = &self.role;
        if *single { name.to_string() } else { format!("{name}-{}", self.number) }
    }
}

/// The nodes of a run, in places that the next run reuses. A node is initialized in place: building it elsewhere and
/// moving it there stalls the processor.
#[derive(Default)]
pub(crate) struct Nodes {
    places: Vec<Node>,
    /// The number of places in use.
    taken: usize,
}

impl Nodes {
    /// Frees all places.
    pub(crate) fn clear(&mut self) {
        self.taken = 0;
    }

    /// Adds a node.
    ///
    /// # Panics
    /// If the role allows only one node, and there is one already.
    pub(crate) fn add(&mut self, role: Role, boot: Box<dyn Fn(Env)>) -> NodeId {
        let earlier = self.all().iter().filter(|node| node.role.name == role.name).count();
        assert!(!role.single || earlier == 0, "there is but one node of the role `{}`", role.name);
        let place = self.taken;
        if place == self.places.len() {
            self.places.push(Node::vacant());
        }
        self.taken += 1;
        self.places[place].begin(role, earlier + 1, boot);
        NodeId(place as u16)
    }

    pub(crate) fn all(&self) -> &[Node] {
        &self.places[..self.taken]
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Node] {
        &mut self.places[..self.taken]
    }
}

impl Index<NodeId> for Nodes {
    type Output = Node;

    #[inline]
    fn index(&self, node: NodeId) -> &Node {
        &self.places[node.0 as usize]
    }
}

impl IndexMut<NodeId> for Nodes {
    #[inline]
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.places[node.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_fault_is_read_back_as_it_is_written() {
        for fault in [CrashFault::Crash, CrashFault::ShutDown, CrashFault::Pause(Duration::from_secs(90))] {
            assert_eq!(CrashFault::read(&fault.text()), Some(fault));
        }
        assert_eq!(CrashFault::read("explode"), None);
    }

    #[test]
    fn a_profile_that_lists_what_cannot_be_names_the_site() {
        fn check(before: &'static [CrashFault], problem: &str) {
            let profile: &'static CrashProfile =
                Box::leak(Box::new(CrashProfile { before, ..CrashProfile::NEVER }));
            let panic = std::panic::catch_unwind(|| profile.check("worker".into())).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().map(String::as_str), Some(problem));
        }
        check(&[CrashFault::Crash, CrashFault::Crash], "worker/before lists `crash` twice");
        let zero = "worker/before lists `pause 0 ms`: a fault of no length is none";
        check(&[CrashFault::Pause(Duration::ZERO)], zero);
        let fraction = "worker/before lists 1.5ms: lengths are whole milliseconds";
        const FRACTION: CrashFault = CrashFault::Pause(Duration::from_micros(1_500));
        check(&[FRACTION], fraction);
    }

    #[test]
    fn a_node_in_a_place_used_again_is_as_new() {
        let mut nodes = Nodes::default();
        let [left, kept] =
            ["till", "shelf"].map(|name| nodes.add(Role::outside(name.into()), Box::new(|_| {})));
        let node = &mut nodes[left];
        (node.state, node.incarnation, node.pauses, node.stopping) = (State::Paused, 3, 2, true);
        (node.last_event, node.clock) = (Some(7), Clock::fresh(3, Moment::NEVER));
        node.deferred.push(1);
        node.shutdown_hooks.push(Box::pin(async {}));
        node.pulse = Pulse { stopped: true, is_led: true, turned: Some(Signal::new()), ..Pulse::default() };
        nodes.clear();
        assert!(nodes.all().is_empty());
        let again = nodes.add(Role::new("worker".into(), &CrashProfile::NEVER), Box::new(|_| {}));
        assert_eq!((again, nodes.all().len()), (left, 1));
        let Node {
            state,
            incarnation,
            pauses,
            stopping,
            last_event,
            clock,
            deferred,
            shutdown_hooks,
            pulse,
            ..
        } = &nodes[again];
        assert_eq!((*state, *incarnation, *pauses, *stopping, *last_event), (State::Up, 0, 0, false, None));
        assert!(clock.set.is_none() && deferred.is_empty() && shutdown_hooks.is_empty());
        assert!(!pulse.stopped && !pulse.is_led && pulse.turned.is_none());
        assert_eq!(nodes[again].name(), "worker-1");
        assert_ne!(again, kept);
    }
}
