//! Events with their causes, choices with their picks, and the limits of a run.

use super::Core;
use super::effects::Reach;
use crate::access::Access;
use crate::choice::{Pick, Site};
use crate::coverage::Shape;
use crate::env::{Env, Side};
use crate::event::{Chosen, Event, Kind};
use crate::fault::{Offer, Place};
use crate::judge::Fact;
use crate::label::Label;
use crate::node::{AfterEffects, BeforeEffects, CrashFault, NodeId};
use crate::placed::is_engine;
use crate::scope::{Scope, Source, User};
use crate::sites::SiteNumber;
use crate::task::Notes;
use crate::time::{Duration, Moment};
use crate::world::{Disturbance, RunAbort, Unwound};
use serde::Serialize;

/// The greatest length of all texts of a recording, in bytes. A loop that never ends would record text until the memory is
/// exhausted.
const RECORDED_TEXT_MAX: usize = 64 << 20;
const LEFT_OUT: &str = "the text is left out: the recording holds more than 64 MiB of text";

const BEFORE: Label = Label::new("before");
const AFTER: Label = Label::new("after");

impl Core {
    pub(crate) fn footprint(&self) -> [usize; 5] {
        let (scopes, counters) = self.scopes.capacity();
        [self.tasks.len(), self.timers.len(), self.deliveries.capacity(), scopes, counters]
    }

    /// Records an event: always in the digest, and in the trace while recording. `words` enter the digest beside
    /// time, node, scope and kind. Returns the number of the event.
    #[inline]
    pub(crate) fn event(
        &mut self,
        node: NodeId,
        scope: Scope,
        kind: Kind,
        words: [u64; 2],
        text: impl FnOnce() -> String,
    ) -> u32 {
        let index = self.count_event(node, scope, kind, words);
        if self.recording.is_some() {
            self.record(index, (node, scope, kind), text);
        }
        index
    }

    /// Counts and digests an event. Returns its number.
    #[inline]
    pub(crate) fn count_event(&mut self, node: NodeId, scope: Scope, kind: Kind, words: [u64; 2]) -> u32 {
        // The rare cases share one call, so that no register is reserved for them here.
        if self.events >= self.watched_from {
            self.watch_event(node, scope, kind, words);
        }
        self.digest_event(node, scope, kind, words)
    }

    fn digest_event(&mut self, node: NodeId, scope: Scope, kind: Kind, [one, other]: [u64; 2]) -> u32 {
        let index = self.events;
        self.events += 1;
        let at = self.scopes.hash(scope) ^ kind.of(node);
        self.digest.four([self.now.nanos(), at, one, other]);
        if self.recording.is_some() {
            self.follow(index);
        }
        index
    }

    /// Notes which event this one follows from. Only traces have causes.
    #[cold]
    fn follow(&mut self, index: u32) {
        self.follows = match self.current {
            None => self.cause,
            Some(slot) => self.tasks[slot as usize].last_event.replace(index),
        };
    }

    #[cold]
    fn watch_event(&mut self, node: NodeId, scope: Scope, kind: Kind, words: [u64; 2]) {
        if self.events >= self.limits.events {
            self.exceed_limit("events", self.events + 1, self.limits.events);
        }
        if self.effects.is_some() {
            self.note_event(node, scope, kind, words);
        }
    }

    fn note_event(&mut self, node: NodeId, scope: Scope, kind: Kind, [one, other]: [u64; 2]) {
        // A node that shut down is equivalent to one that crashed; its other effects have added words of their own.
        let kind = if kind == Kind::Stop { Kind::Crash } else { kind };
        let at = self.scopes.hash(scope) ^ kind.of(node);
        if let Some(effects) = &mut self.effects {
            effects.four([self.now.nanos(), at, one, other]);
        }
    }

    #[cold]
    #[inline(never)]
    fn record(
        &mut self,
        index: u32,
        (node, scope, kind): (NodeId, Scope, Kind),
        text: impl FnOnce() -> String,
    ) {
        let text = text();
        let (mut causes, mut because) = (Vec::new(), None);
        if let Some(slot) = self.current {
            Notes { causes, because } = std::mem::take(self.notes(slot));
        }
        causes.extend(self.follows);
        causes.sort_unstable();
        causes.dedup();
        causes.retain(|cause| *cause < index);
        let text = self.within_budget(text);
        let step = self.step((node, scope), kind, causes, text);
        self.recording.as_mut().expect("recording").push(Event { number: Some(index), because, ..step });
        self.show_to_observer();
    }

    /// Aborts a run that exceeds a limit. Code that never waits would not notice that it is not polled again, so it
    /// is unwound past twice the limit.
    #[cold]
    fn exceed_limit(&mut self, limit: &'static str, count: u32, most: u32) {
        if self.run_abort.is_none() {
            self.run_abort = Some(RunAbort::LimitExceeded { limit, most });
        }
        if count > most.saturating_mul(2) && !std::thread::panicking() {
            std::panic::resume_unwind(Box::new(Unwound));
        }
    }

    /// Counts a poll, or a wait that ended at once: a loop of such waits must reach the limit, too.
    #[inline]
    pub(crate) fn count_poll(&mut self) {
        self.polls += 1;
        if self.polls > self.limits.polls {
            self.exceed_limit("polls", self.polls, self.limits.polls);
        }
    }

    /// Moves the `tracing` output since the last step into the trace. Such steps have no number and do not enter the
    /// digest: a run is the same whether it is recorded or not.
    #[inline]
    pub(crate) fn collect_log(&mut self, node: NodeId, scope: Scope) {
        if self.recording.is_some() {
            self.record_log(node, scope);
        }
    }

    #[cold]
    fn record_log(&mut self, node: NodeId, scope: Scope) {
        for text in self.log.take() {
            self.aside((node, scope), Kind::Log, (Vec::new(), text));
        }
    }

    /// Records a step without a number. Only recorded traces contain it, and it does not enter the digest.
    #[cold]
    pub(crate) fn aside(
        &mut self,
        (node, scope): (NodeId, Scope),
        kind: Kind,
        (accesses, text): (Vec<Access>, String),
    ) {
        if self.recorded_bytes > RECORDED_TEXT_MAX {
            return;
        }
        let text = self.within_budget(text);
        let causes = self.current_event().into_iter().collect();
        let step = self.step((node, scope), kind, causes, text);
        self.recording.as_mut().expect("recording").push(Event { accesses, ..step });
        self.show_to_observer();
    }

    /// Returns a text of a recorded step, or a remark in its place if the recording holds too much text.
    pub(crate) fn within_budget(&mut self, text: String) -> String {
        self.recorded_bytes += text.len();
        if self.recorded_bytes > RECORDED_TEXT_MAX { LEFT_OUT.to_owned() } else { text }
    }

    /// Adds the state of a fact and the objects that it names to the step that recorded it.
    #[cold]
    #[inline(never)]
    pub(crate) fn describe_fact(&mut self, fact: &impl Fact) {
        let (state, committing) = (self.state_of(fact), self.committing.clone());
        if let Some(last) = self.last_recorded() {
            last.state = state;
            last.routine = fact.is_routine();
            last.accesses = fact.accesses();
            last.accesses.extend(committing);
        }
    }

    /// Returns a fact as JSON text, unless the recording holds too much text.
    fn state_of(&mut self, fact: &impl Serialize) -> Option<Box<str>> {
        let state = serde_json::to_value(fact).ok()?.to_string();
        self.recorded_bytes += state.len();
        (self.recorded_bytes <= RECORDED_TEXT_MAX).then(|| state.into())
    }

    /// Returns a step of this time, without a number.
    fn step(&self, (node, scope): (NodeId, Scope), kind: Kind, causes: Vec<u32>, text: String) -> Event {
        let (time, digest) = (self.now, self.digest);
        let (number, because, choice, state, routine) = (None, None, None, None, false);
        let accesses = Vec::new();
        Event {
            number,
            time,
            node,
            scope,
            kind,
            causes,
            text,
            because,
            choice,
            state,
            accesses,
            routine,
            digest,
        }
    }

    /// Returns the name of the running task, if it is one of this node.
    pub(crate) fn running_task(&self, node: NodeId) -> Option<u64> {
        let of_node = |slot: &u32| self.tasks[*slot as usize].node == node;
        self.current.filter(of_node).map(|slot| self.task_name(slot))
    }

    /// Returns whether the task with this name has not ended.
    pub(crate) fn is_task(&self, name: u64) -> bool {
        let slot = (name >> 32) as u32;
        self.tasks.get(slot as usize).is_some_and(|task| task.alive) && self.task_name(slot) == name
    }

    pub(crate) fn last_recorded(&mut self) -> Option<&mut Event> {
        self.recording.as_mut()?.last_mut()
    }

    /// Returns the event that the running code follows from; none unless the run is recorded.
    #[inline]
    pub(crate) fn current_event(&self) -> Option<u32> {
        self.recording.as_ref()?;
        self.current.map_or(self.cause, |slot| self.tasks[slot as usize].last_event)
    }

    /// Adds `cause` to what the running task's next event follows from.
    pub(crate) fn follows_from(&mut self, cause: u32) {
        if self.recording.is_some()
            && let Some(slot) = self.current
        {
            self.notes(slot).causes.push(cause);
        }
    }

    /// Sets the reason of the running task's next event.
    pub(crate) fn because(&mut self, reason: String) {
        if let Some(slot) = self.current {
            self.notes(slot).because = Some(reason);
        }
    }

    /// Draws whether and how a node crashes beside this effect.
    #[inline(never)]
    pub(crate) fn draw_crash(
        &mut self,
        (user, env): (User, &Env),
        side: Side,
        effect: Label,
    ) -> Option<CrashFault> {
        let role = &self.nodes[env.node].role;
        let (name, crash) = (role.name, role.crash);
        let by = (user, env);
        match side {
            Side::Before => self.draw_crash_at(by, Site::of(name, BEFORE, effect), BeforeEffects(crash)),
            Side::After => self.draw_crash_at(by, Site::of(name, AFTER, effect), AfterEffects(crash)),
        }
    }

    fn draw_crash_at<P: Place<Fault = CrashFault>>(
        &mut self,
        (user, env): (User, &Env),
        site: Site,
        faults: P,
    ) -> Option<CrashFault> {
        match self.effects {
            None => faults.fault(self.choose_as(user, env.node, (&site, env.scope()), faults)),
            Some(_) => self.choose_crash(user, env.node, (&site, env.scope()), faults),
        }
    }

    /// Opens a child scope of a handle's entity; returns the entity's own scope if its node is dead.
    pub(crate) fn open(&mut self, env: &Env, label: Label) -> Scope {
        if !self.is_alive(env.node, env.incarnation) {
            return env.scope();
        }
        let scope = self.scopes.child(env.scope(), label);
        if self.effects.is_some() {
            // The number of the next child depends on this one.
            self.touch(Reach::Part, self.scopes.hash(scope));
        }
        scope
    }

    #[inline]
    pub(crate) fn choose(
        &mut self,
        node: NodeId,
        (site, scope): (&Site, Scope),
        offer: impl Offer,
        place: Option<Source>,
    ) -> Pick {
        if self.healed || offer.key().ways == 1 {
            return Pick::BENIGN;
        }
        let user = User { place, ..self.user() };
        self.choose_as(user, node, (site, scope), offer)
    }

    /// Returns the drawing task.
    #[inline]
    pub(crate) fn user(&self) -> User {
        User { task: self.current.map_or(User::ENGINE.task, |slot| self.task_name(slot)), place: None }
    }

    /// Draws a choice for a user. It is instantiated once for each kind of place in a profile, so that the position
    /// of the list is known at compile time.
    #[inline(never)]
    pub(crate) fn choose_as<O: Offer>(
        &mut self,
        user: User,
        node: NodeId,
        (site, scope): (&Site, Scope),
        offer: O,
    ) -> Pick {
        if self.healed || offer.key().ways == 1 {
            return Pick::BENIGN;
        }
        let number = self.chooser.number(site, offer);
        let (before, last_user) = self.scopes.count(scope, site.hash(), user);
        if before > 0 && (last_user.task != user.task || O::HAS_ONE_PLACE && last_user.place != user.place) {
            self.note_ambiguity((site, scope), [last_user, user]);
        }
        let nth = before + 1;
        let pick = self.draw(number, (site, scope, nth));
        self.digest.pair(site.hash(), pick.code());
        if !pick.is_benign() {
            self.deviate((node, user.place), (site, scope, nth), pick);
        }
        pick
    }

    /// Decides a choice and counts it.
    #[inline(always)]
    pub(crate) fn draw(&mut self, number: SiteNumber, (site, scope, nth): (&Site, Scope, u32)) -> Pick {
        let pick = self.chooser.decide(number, (site, scope, nth), &self.scopes, self.events);
        let offered = self.chooser.offers().len() as u32;
        if offered > self.limits.choices {
            self.exceed_limit("choices", offered, self.limits.choices);
        }
        if self.effects.is_some()
            && let Some(offer) = self.chooser.offers().last().copied()
        {
            self.touch_offer(&offer);
        }
        pick
    }

    #[cold]
    fn note_ambiguity(&mut self, (site, scope): (&Site, Scope), users: [User; 2]) {
        if self.run_abort.is_none() {
            let choice = format!("{site} @ {}", self.scopes.path(scope));
            let users = users.map(|user| self.user_in_words(user));
            self.run_abort = Some(RunAbort::Ambiguous { choice, users });
        }
    }

    /// Records a deviation as an event and a disturbance.
    #[inline(never)]
    fn deviate(&mut self, (node, place): (NodeId, Option<Source>), choice: (&Site, Scope, u32), pick: Pick) {
        self.deviate_as((node, place), choice, pick, |taken| format!("{} = {taken}", choice.0));
    }

    /// Like `deviate`, but derives the event's text from the alternative's text. Returns the event's number.
    pub(crate) fn deviate_as(
        &mut self,
        (node, place): (NodeId, Option<Source>),
        (site, scope, nth): (&Site, Scope, u32),
        pick: Pick,
        text: impl FnOnce(String) -> String,
    ) -> u32 {
        self.chooser.count_deviation();
        let words = [site.hash(), pick.code() << 32 | u64::from(nth)];
        let event_number = self.count_event(node, scope, Kind::Deviation, words);
        if self.recording.is_some() {
            self.record_deviation(event_number, (node, scope, place), (site, nth, pick), text);
        }
        if let Some(gauge) = &mut self.gauge {
            gauge.deviation(site.hash(), pick.index() as u64);
        }
        let (from, until) = (self.now, self.now);
        self.disturbances.push(Disturbance { owner: site.owner(), scope, node, from, until });
        event_number
    }

    #[cold]
    #[inline(never)]
    fn record_deviation(
        &mut self,
        index: u32,
        (node, scope, place): (NodeId, Scope, Option<Source>),
        (site, nth, pick): (&Site, u32, Pick),
        text: impl FnOnce(String) -> String,
    ) {
        let Some(offer) = self.chooser.offers().last() else { return };
        let alternatives = self.chooser.met(offer).alternatives;
        let place = place.filter(|place| !is_engine(place)).or(self.caller);
        self.record(index, (node, scope, Kind::Deviation), || text(alternatives.name_of(pick)));
        if let Some(event) = self.last_recorded() {
            event.choice = Some(Chosen { site: *site, nth, pick, alternatives, place });
            // What the process ends by may be the next that the code does.
            self.show_to_observer();
        }
    }

    /// Records the shape of a fact, if coverage was requested.
    pub(crate) fn gauge_fact(&mut self, node: NodeId, scope: Scope, fact: &impl Serialize) {
        if let Some(gauge) = &mut self.gauge {
            let role = self.nodes[node].role.name.word();
            gauge.fact(Shape::of(fact), role, self.scopes.outermost(scope));
        }
    }

    /// Returns a number that distinguishes tasks that use one slot one after the other.
    #[inline]
    fn task_name(&self, slot: u32) -> u64 {
        u64::from(slot) << 32 | u64::from(self.tasks[slot as usize].generation)
    }

    /// Sets how long the last deviation lasts, from now.
    pub(crate) fn lasts(&mut self, duration: Duration) {
        let until = self.now + duration;
        self.touch(Reach::Lasting, until.nanos());
        if let Some(last) = self.disturbances.last_mut() {
            last.until = last.until.max(until);
        }
    }

    /// Returns when the last deviation so far ends.
    pub(crate) fn disturbed_until(&self) -> Moment {
        self.disturbances.iter().map(|disturbance| disturbance.until).max().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn heal_if_time(&mut self) {
        if !self.healed && self.now >= self.heal_at {
            self.heal();
        }
    }

    #[cold]
    fn heal(&mut self) {
        self.healed = true;
        if let Some(node) = self.nodes.all().first().map(|_| NodeId(0)) {
            self.event(node, Scope::ROOT, Kind::Heal, [0, 0], || "nothing deviates from here".to_owned());
        }
    }
}
