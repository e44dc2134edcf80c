//! The faults of links, and the places at which they are drawn.

use crate::fault::{DelayRange, Episode, Place, listed};
use crate::label::Label;
use crate::time::Duration;

/// The possible faults of a request or of its response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkFault {
    /// It is lost.
    Lost,
    /// The connection is refused; for requests only.
    Refused,
    /// It takes this much longer.
    Late(Duration),
}

listed! { Link(LinkFault): Lost = "lost", Refused = "refused"; Late }

/// The faults that a link can show. An empty list offers no choice.
///
/// ```
/// use shakedown_sim::{DelayRange, Duration, Episode, LinkFault, LinkFaults};
/// const BANK: LinkFaults = LinkFaults {
///     request: &[LinkFault::Lost, LinkFault::Refused, LinkFault::Late(Duration::from_secs(8))],
///     request_range: DelayRange::ms(500, 60_000),
///     response: &[LinkFault::Lost],
///     outage: &[Episode::For(Duration::from_secs(600)), Episode::UntilHealed],
///     ..LinkFaults::NONE
/// };
/// # let _ = BANK;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LinkFaults {
    /// The possible faults of a request.
    pub request: &'static [LinkFault],
    /// The range from which seeded exploration also draws delays of requests.
    pub request_range: DelayRange,
    /// The possible faults of a response: [`LinkFault::Lost`] or [`LinkFault::Late`].
    pub response: &'static [LinkFault],
    /// The range from which seeded exploration also draws delays of responses.
    pub response_range: DelayRange,
    /// The possible lengths of an outage, in which all calls are refused.
    pub outage: &'static [Episode],
    /// The possible lengths of a slowness, in which the far side takes [`LinkFaults::slow_by`] longer.
    pub slowness: &'static [Episode],
    /// The additional time of a slow far side.
    pub slow_by: Duration,
}

impl LinkFaults {
    /// A link without faults.
    pub const NONE: LinkFaults = LinkFaults {
        request: &[],
        request_range: DelayRange::NONE,
        response: &[],
        response_range: DelayRange::NONE,
        outage: &[],
        slowness: &[],
        slow_by: Duration::ZERO,
    };

    /// A link on which requests and responses may be lost.
    pub const LOSSY: LinkFaults =
        LinkFaults { request: &[LinkFault::Lost], response: &[LinkFault::Lost], ..LinkFaults::NONE };

    /// # Panics
    /// If the faults list an impossible value; the message names the site.
    #[cold]
    pub(crate) fn check(&'static self, op: Label, link: Label) {
        Requests(self).check(format_args!("{op}/request"));
        Responses(self).check(format_args!("{op}/response"));
        Outages(self).check(format_args!("{link}/outage"));
        Slowness(self).check(format_args!("{link}/slowness"));
        let refused = self.response.contains(&LinkFault::Refused);
        assert!(!refused, "{op}/response lists `refused`: only a request can be refused");
        let slow = self.slowness.is_empty() || !self.slow_by.is_zero();
        assert!(slow, "{link}/slowness has no effect: `slow_by` is zero");
    }
}

/// Requests over a link.
#[derive(Clone, Copy)]
pub(crate) struct Requests(pub(crate) &'static LinkFaults);

impl Place for Requests {
    type Fault = LinkFault;
    const BENIGN: &'static str = "arrives";

    #[inline(always)]
    fn faults(self) -> &'static [LinkFault] {
        self.0.request
    }

    #[inline(always)]
    fn range(self) -> DelayRange {
        self.0.request_range
    }
}

/// Responses over a link.
#[derive(Clone, Copy)]
pub(crate) struct Responses(pub(crate) &'static LinkFaults);

impl Place for Responses {
    type Fault = LinkFault;
    const BENIGN: &'static str = "arrives";

    #[inline(always)]
    fn faults(self) -> &'static [LinkFault] {
        self.0.response
    }

    #[inline(always)]
    fn range(self) -> DelayRange {
        self.0.response_range
    }
}

/// Outages of a link.
#[derive(Clone, Copy)]
pub(crate) struct Outages(pub(crate) &'static LinkFaults);

impl Place for Outages {
    type Fault = Episode;
    const BENIGN: &'static str = "up";

    #[inline(always)]
    fn faults(self) -> &'static [Episode] {
        self.0.outage
    }
}

/// Periods in which the far side of a link is slow.
#[derive(Clone, Copy)]
pub(crate) struct Slowness(pub(crate) &'static LinkFaults);

impl Place for Slowness {
    type Fault = Episode;
    const BENIGN: &'static str = "normal speed";

    #[inline(always)]
    fn faults(self) -> &'static [Episode] {
        self.0.slowness
    }
}
