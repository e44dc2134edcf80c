//! Laws that hold for any evidence.

use crate::known::{EVERY_KIND, KEYS, More, NOW, at, booking, decide};
use proptest::collection::vec;
use proptest::prelude::*;
use shakedown_model::PartnerTerms;
use shakedown_model::booking::booking_contract::{BookingContract, Rules};
use shakedown_model::booking::case::{Case, Step};
use shakedown_model::booking::rows::{Ask, Known, Standing, Status};
use shakedown_sim::Duration;

const STATUSES: [Status; 7] = [
    Status::Accepted,
    Status::OnRequest,
    Status::Confirmed,
    Status::Failed,
    Status::Withdrawn,
    Status::Cancelling,
    Status::Cancelled,
];

fn terms() -> impl Strategy<Value = PartnerTerms> {
    prop::sample::select(EVERY_KIND.to_vec())
}

fn known() -> impl Strategy<Value = Known> {
    let all = vec![
        Known::Started,
        Known::Unknown,
        Known::Effect(1),
        Known::Effect(2),
        Known::Refused,
        Known::NoEffect,
    ];
    prop::sample::select(all)
}

fn standing() -> impl Strategy<Value = Standing> {
    prop::sample::select(vec![Standing::Pending, Standing::Confirmed, Standing::Ended])
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![3 => Just(Ask::Reserve), 1 => Just(Ask::Cancel(1))]
}

/// One more piece of evidence.
#[derive(Clone, Copy, Debug)]
enum Learnt {
    Attempt(Ask, Known, u64, u32),
    Holding(u32, Standing, bool),
    /// Time passes: this many minutes.
    Time(u64),
}

fn learnt() -> impl Strategy<Value = Learnt> {
    prop_oneof![
        3 => (ask(), known(), 0u64..NOW, 0u32..8).prop_map(|(ask, known, ago, checks)| Learnt::Attempt(ask, known, ago, checks)),
        3 => (1u32..4, standing(), any::<bool>()).prop_map(|(id, standing, doubt)| Learnt::Holding(id, standing, doubt)),
        1 => (0u64..3_000).prop_map(Learnt::Time),
    ]
}

fn take_in(case: Case, learnt: Learnt) -> Case {
    match learnt {
        Learnt::Attempt(ask, known, ago, checks) => case
            .asked(ask, known, ago)
            .with(|case| case.attempts.last_mut().into_iter().for_each(|row| row.checks = checks)),
        Learnt::Holding(id, standing, doubtful) => {
            let ended =
                case.holdings.iter().any(|row| row.reservation == id && row.standing == Standing::Ended);
            let standing = if ended { Standing::Ended } else { standing };
            let case =
                case.with(|case| case.holdings.retain(|row| row.reservation != id)).holds(id, standing);
            if doubtful { case.doubtful() } else { case }
        }
        Learnt::Time(minutes) => case.with(|case| case.now = case.now + Duration::from_secs(60 * minutes)),
    }
}

/// Any booking with any evidence.
fn a_case() -> impl Strategy<Value = Case> {
    let status = prop::sample::select(STATUSES.to_vec());
    (status, terms(), vec(learnt(), 0..10)).prop_map(|(status, terms, all)| {
        let case = booking(status).with(|case| case.terms = terms);
        all.into_iter().fold(case, take_in)
    })
}

/// Returns whether evidence may cause this move.
fn is_a_move(from: Status, to: Status) -> bool {
    use Status::{Accepted, Cancelled, Cancelling, Confirmed, Failed, OnRequest, Withdrawn};
    matches!(
        (from, to),
        (Accepted, OnRequest)
            | (Accepted | OnRequest, Confirmed | Failed | Withdrawn)
            | (Confirmed, Withdrawn)
            | (Cancelling, Cancelled)
    )
}

fn is_settled_by(case: &Case, status: Status) -> bool {
    let stands = |holding: &&shakedown_model::booking::rows::Holding| holding.standing != Standing::Ended;
    let nothing_open = case.in_doubt().next().is_none() && !case.holdings.iter().any(|row| stands(&row));
    match status {
        Status::Failed | Status::Cancelled => nothing_open,
        Status::Confirmed => {
            case.holdings.iter().any(|row| row.standing == Standing::Confirmed && !row.doubtful)
        }
        Status::OnRequest => {
            case.holdings.iter().any(|row| row.standing == Standing::Pending && !row.doubtful)
        }
        Status::Withdrawn => case.holdings.iter().any(|row| row.standing == Standing::Ended),
        Status::Accepted | Status::Cancelling => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_booking_moves_only_as_it_may_and_by_evidence(case in a_case()) {
        let (from, (to, _)) = (case.booking.status, decide(&case, case.terms));
        prop_assert!(from == to || is_a_move(from, to), "{from:?} to {to:?}");
        prop_assert!(from == to || is_settled_by(&case, to), "{from:?} to {to:?}");
    }

    #[test]
    fn what_is_over_stays_over_whatever_is_learnt(start in a_case(), more in vec(learnt(), 1..12)) {
        let (mut case, mut last) = (start, None);
        for learnt in more {
            case = take_in(case, learnt);
            Rules.settle(&mut case);
            let status = case.booking.status;
            prop_assert!(last.is_none_or(|last: Status| !last.is_final() || last == status), "{last:?}, then {status:?}");
            last = Some(status);
        }
    }

    #[test]
    fn settling_twice_is_settling_once(case in a_case()) {
        let mut once = case;
        Rules.settle(&mut once);
        let mut twice = once.clone();
        Rules.settle(&mut twice);
        prop_assert_eq!(once.booking, twice.booking);
    }

    #[test]
    fn nothing_is_reserved_while_an_attempt_is_in_doubt_but_under_a_key_that_is_sound(case in a_case()) {
        let (status, step) = decide(&case, case.terms);
        if step == Step::Reserve {
            let in_doubt = case.in_doubt().next().is_some();
            prop_assert!(!in_doubt || case.terms == KEYS, "{status:?}");
            prop_assert!(in_doubt || status.is_open(), "{status:?} is reserved");
            prop_assert!(in_doubt || !case.holdings.iter().any(|row| row.standing != Standing::Ended));
        }
    }

    #[test]
    fn the_reservation_that_a_booking_rests_on_is_never_cancelled(case in a_case()) {
        let mut after = case.clone();
        Rules.settle(&mut after);
        if let (_, Step::Cancel(reservation)) = decide(&case, case.terms) {
            let rests_on = (after.booking.status == Status::Confirmed).then_some(after.booking.reservation).flatten();
            prop_assert_ne!(Some(reservation), rests_on);
            let row = case.holdings.iter().find(|row| row.reservation == reservation).expect("it is known");
            prop_assert!(!row.doubtful && row.standing != Standing::Ended);
        }
    }

    #[test]
    fn a_wait_ends_and_a_doubt_is_not_left_lying(case in a_case()) {
        let (_, step) = decide(&case, case.terms);
        if let Step::Wait(due) = step {
            prop_assert!(due > case.now);
            prop_assert!(due <= at(NOW) + Duration::from_secs(60 * 3_000 * 12 + 7 * 3_600));
        }
        let open = case.in_doubt().next().is_some() || case.holdings.iter().any(|row| row.doubtful);
        prop_assert!(!open || step != Step::Done, "nobody finds out");
    }
}
