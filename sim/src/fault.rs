//! Faults as values: listed by profiles, matched by the engine, and carried by recorded choices.
//!
//! A profile lists the possible faults of a site and never the benign case, which is implied. The text of a fault in
//! scripts and traces is derived from its value when its site is first met, and never on the hot path.

use crate::choice::{OfferedAlternatives, Pick};
use crate::clock::ClockFault;
use crate::instances::InstanceFault;
use crate::kv::{CommandFault, EvictionFault, KvFailover, MessageFault};
use crate::link::LinkFault;
use crate::log::{MemberFault, RequestFault};
use crate::node::CrashFault;
use crate::queue::{DeliveryFault, EntryFault, SendFault, SettleFault, SupersededFault};
use crate::store::{CommitFault, FailoverFault, StatementFault};
use crate::time::{self, Duration};
use std::fmt;

/// The length of an outage or a slowness.
///
/// ```
/// use shakedown_sim::{CrashFault, CrashProfile, Duration, Episode, LinkFaults};
/// const FAULTS: LinkFaults =
///     LinkFaults { outage: &[Episode::For(Duration::from_secs(10)), Episode::UntilHealed], ..LinkFaults::NONE };
/// const CRASHES: CrashProfile = CrashProfile { before: &[CrashFault::Crash], ..CrashProfile::NEVER };
/// assert_eq!((FAULTS.outage.len(), CRASHES.before.len()), (2, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Episode {
    /// This long, or until the run heals if that is earlier.
    For(Duration),
    /// Until the run heals.
    UntilHealed,
}

impl Episode {
    /// Returns the length if the run heals `most` from now.
    pub(crate) fn length(self, most: Duration) -> Duration {
        match self {
            Self::For(length) => length.min(most),
            Self::UntilHealed => most,
        }
    }
}

/// A range of delays from which seeded exploration draws whole milliseconds. Certificates try the listed delays only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayRange(pub(crate) (u32, u32));

impl DelayRange {
    /// No range: only the listed delays are drawn.
    pub const NONE: DelayRange = DelayRange((0, 0));

    /// Creates the range of delays from `least` to `most` milliseconds.
    ///
    /// # Panics
    /// If the range is empty, or begins at zero, which is not a delay. In a `const` that is a compile error.
    pub const fn ms(least: u32, most: u32) -> Self {
        assert!(0 < least && least < most, "a range of delays begins above zero and is not empty");
        Self((least, most))
    }
}

/// A kind of fault that profiles list.
pub(crate) trait Listed: Copy + PartialEq + 'static {
    /// Returns the written form.
    fn text(self) -> String;

    /// Returns the fault with this written form.
    fn read(text: &str) -> Option<Self>;

    /// Returns the length of the fault, if it has one; zero is invalid.
    fn length(self) -> Option<Duration>;

    /// Returns the fault that is a delay of this length, if the kind has one.
    fn late(_: Duration) -> Option<Self> {
        None
    }

    /// Returns the delay, if the fault is one.
    fn delay(self) -> Option<Duration> {
        self.length().filter(|length| Self::late(*length) == Some(self))
    }

    fn erase(list: &'static [Self]) -> Faults;
}

/// Implements [`Listed`] for a fault type from the written form of each variant; `; Late` adds the variant that is a
/// delay, written as its length. `Settle` is its variant of [`Faults`]:
///
/// ```text
/// listed! { Settle(SettleFault): Lost = "lost", Refused = "refused"; Late }
/// ```
macro_rules! listed {
    ($kind:ident($fault:ty): $($variant:ident = $text:literal),+ $(; $late:ident)?) => {
        impl $crate::fault::Listed for $fault {
            fn text(self) -> String {
                match self {
                    $(Self::$variant => $text.to_owned(),)+
                    $(Self::$late(by) => $crate::time::text(by),)?
                }
            }

            fn read(text: &str) -> Option<Self> {
                $(if text == $text {
                    return Some(Self::$variant);
                })+
                $(if let Some(by) = $crate::time::parse(text) {
                    return Some(Self::$late(by));
                })?
                None
            }

            fn length(self) -> Option<$crate::time::Duration> {
                match self {
                    $(Self::$variant => None,)+
                    $(Self::$late(by) => Some(by),)?
                }
            }

            $(fn late(delay: $crate::time::Duration) -> Option<Self> {
                Some(Self::$late(delay))
            })?

            fn erase(list: &'static [Self]) -> $crate::fault::Faults {
                $crate::fault::Faults::$kind(list)
            }
        }
    };
}
pub(crate) use listed;

macro_rules! faults {
    ($($(#[$doc:meta])* $kind:ident($fault:ty) $name:literal,)*) => {
        /// A fault of any kind that a choice took.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Fault { $($(#[$doc])* $kind($fault),)* }

        impl Fault {
            /// Returns the name of the kind, as trace files contain it.
            pub fn kind(self) -> &'static str {
                match self { $(Self::$kind(_) => $name,)* }
            }

            /// Reads a fault of the kind with this name from its written form.
            ///
            /// ```
            /// use shakedown_sim::{CrashFault, Duration, fault::Fault};
            /// let pause = Fault::Crash(CrashFault::Pause(Duration::from_secs(90)));
            /// assert_eq!(pause.to_string(), "pause 90 s");
            /// assert_eq!(Fault::read(pause.kind(), "pause 90 s"), Some(pause));
            /// assert_eq!(Fault::read(pause.kind(), "losst"), None);
            /// ```
            pub fn read(kind: &str, text: &str) -> Option<Self> {
                match kind { $($name => Listed::read(text).map(Self::$kind),)* _ => None }
            }
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&match self { $(Self::$kind(fault) => Listed::text(*fault),)* })
            }
        }

        /// The faults that one site lists.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Faults { $($kind(&'static [$fault]),)* }

        impl Faults {
            pub(crate) fn len(self) -> usize {
                match self { $(Self::$kind(list) => list.len(),)* }
            }

            pub(crate) fn get(self, at: usize) -> Option<Fault> {
                match self { $(Self::$kind(list) => list.get(at).copied().map(Fault::$kind),)* }
            }

            /// Returns the position of the fault with this written form. A length may be written in any unit: `600 s`
            /// is `10 min`.
            pub(crate) fn find(self, text: &str) -> Option<usize> {
                match self {
                    $(Self::$kind(list) => {
                        let fault: $fault = Listed::read(text)?;
                        list.iter().position(|listed| *listed == fault)
                    })*
                }
            }

            /// Returns the fault that is a delay of this length.
            pub(crate) fn late(self, delay: Duration) -> Option<Fault> {
                match self { $(Self::$kind(_) => <$fault as Listed>::late(delay).map(Fault::$kind),)* }
            }

            /// Returns the delay of the fault at this position, if it is one.
            pub(crate) fn delay(self, at: usize) -> Option<Duration> {
                match self { $(Self::$kind(list) => list.get(at).and_then(|fault| Listed::delay(*fault)),)* }
            }
        }
    };
}

faults! {
    /// Of a request or a response.
    Link(LinkFault) "link",
    /// Of a node.
    Crash(CrashFault) "crash",
    /// An outage, a slowness or a restart.
    Episode(Episode) "episode",
    /// Of a node's clock.
    Clock(ClockFault) "clock",
    /// Of a commit.
    Commit(CommitFault) "commit",
    /// Of a statement.
    Statement(StatementFault) "statement",
    /// Of the primary of a store.
    Failover(FailoverFault) "failover",
    /// Of a message that is sent.
    Send(SendFault) "send",
    /// Of an entry of a batch.
    Entry(EntryFault) "entry",
    /// Of an acknowledgement and the like.
    Settle(SettleFault) "settle",
    /// Of a message that is handed out.
    Delivery(DeliveryFault) "delivery",
    /// Of the acknowledgement of a message that was received again since.
    Superseded(SupersededFault) "superseded",
    /// Of a request to an address that several nodes serve.
    Instance(InstanceFault) "instance",
    /// Of a request to the broker of a log.
    Request(RequestFault) "log request",
    /// Of a group while one of its members processes records.
    Member(MemberFault) "member",
    /// Of a command to a key-value store.
    Command(CommandFault) "command",
    /// Of the primary of a key-value store.
    KvFailover(KvFailover) "key-value failover",
    /// Of a key of a key-value store.
    Eviction(EvictionFault) "eviction",
    /// Of a published message on its way to a subscriber.
    Message(MessageFault) "message",
    /// An additional delay.
    Delay(Duration) "delay",
}

impl Listed for Duration {
    fn text(self) -> String {
        time::text(self)
    }

    fn read(text: &str) -> Option<Self> {
        time::parse(text)
    }

    fn length(self) -> Option<Duration> {
        Some(self)
    }

    fn late(delay: Duration) -> Option<Self> {
        Some(delay)
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Delay(list)
    }
}

impl Listed for Episode {
    fn text(self) -> String {
        match self {
            Self::For(length) => time::text(length),
            Self::UntilHealed => "until healed".to_owned(),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text {
            "until healed" => Some(Self::UntilHealed),
            _ => time::parse(text).map(Self::For),
        }
    }

    fn length(self) -> Option<Duration> {
        match self {
            Self::For(length) => Some(length),
            Self::UntilHealed => None,
        }
    }

    fn erase(list: &'static [Self]) -> Faults {
        Faults::Episode(list)
    }
}

/// The alternatives of a choice, in the form that the drawing code has them.
pub(crate) trait Offer: Copy {
    /// Whether two places in the source may not draw one choice, as the code under test names it. The engine draws the
    /// choices of a profile wherever the code under test calls it, also in two places for one entity.
    const HAS_ONE_PLACE: bool;

    /// Returns the key of the list: its address, the number of its alternatives, the benign one included, and the
    /// range. A site identifies its list by this key.
    fn key(self) -> OfferKey;

    /// Returns the same list with its texts.
    fn offered(self) -> OfferedAlternatives;
}

/// The key by which a site identifies its alternatives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OfferKey {
    pub(crate) list: usize,
    pub(crate) ways: usize,
    pub(crate) range_ms: (u32, u32),
}

/// A list of faults in a profile, with the name of its benign case.
pub(crate) trait Place: Copy {
    type Fault: Listed;
    const BENIGN: &'static str;

    fn faults(self) -> &'static [Self::Fault];

    fn range(self) -> DelayRange {
        DelayRange::NONE
    }

    /// Returns the picked fault; `None` if the pick is benign.
    #[inline]
    fn fault(self, pick: Pick) -> Option<Self::Fault> {
        match pick {
            Pick::Named(0) => None,
            Pick::Named(index) => self.faults().get(usize::from(index) - 1).copied(),
            Pick::Millis(ms) => Self::Fault::late(Duration::from_millis(u64::from(ms))),
        }
    }

    /// # Panics
    /// If a fault is listed twice, or has a length that scripts cannot express.
    fn check(self, site: impl fmt::Display) {
        let faults = self.faults();
        let has_range = self.range() != DelayRange::NONE;
        assert!(!(has_range && faults.is_empty()), "{site} has a range of delays and lists no fault");
        assert!(faults.len() < 64, "{site} lists {} faults; a site has at most 63", faults.len());
        for (at, fault) in faults.iter().enumerate() {
            let text = fault.text();
            assert!(!faults[..at].contains(fault), "{site} lists `{text}` twice");
            if let Some(length) = fault.length() {
                assert!(!length.is_zero(), "{site} lists `{text}`: a fault of no length is none");
                let whole = length.subsec_nanos() % 1_000_000 == 0;
                assert!(whole, "{site} lists {length:?}: lengths are whole milliseconds");
            }
        }
    }
}

impl<P: Place> Offer for P {
    const HAS_ONE_PLACE: bool = false;

    #[inline(always)]
    fn key(self) -> OfferKey {
        let faults = self.faults();
        OfferKey { list: faults.as_ptr().addr(), ways: faults.len() + 1, range_ms: self.range().0 }
    }

    fn offered(self) -> OfferedAlternatives {
        OfferedAlternatives::listed(P::BENIGN, P::Fault::erase(self.faults()), self.range())
    }
}

/// A list of delays outside any profile.
#[derive(Clone, Copy)]
pub(crate) struct Delays(pub(crate) &'static [Duration]);

impl Place for Delays {
    type Fault = Duration;
    const BENIGN: &'static str = "at once";

    fn faults(self) -> &'static [Duration] {
        self.0
    }
}
