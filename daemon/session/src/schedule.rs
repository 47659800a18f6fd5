//! When: pure functions of lifetimes and jitter.

use crate::time::Boot;
use std::time::Duration;

/// A random value, given in: 0 is the low end of a range, 65535 just below its high end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(pub u16);

impl Jitter {
    /// The middle of every range.
    pub const MIDDLE: Jitter = Jitter(1 << 15);

    /// A point between nothing and `range`.
    fn of(self, range: Duration) -> Duration {
        range.mul_f64(f64::from(self.0) / 65536.0)
    }
}

/// A caller's patience, and that of a strict wish.
pub(crate) const PATIENCE: Duration = Duration::from_secs(bearerd_proto::PATIENCE_SECONDS);
/// How long a plain wish (`min_ttl`) is waited for.
pub(crate) const WISH_PATIENCE: Duration = Duration::from_secs(1);
/// A caller without a token starts no new attempt within this of the last failed one.
pub(crate) const PULL_SPACING: Duration = Duration::from_secs(2);
/// How much of a token's lifetime its way here may take.
pub(crate) const ANSWER_TAKES: Duration = Duration::from_secs(1);
/// A token fetched because of a `reject` is not fetched again for another one within this.
pub(crate) const REJECT_SPACING: Duration = Duration::from_secs(10);
/// A save holds a new token back no longer than this.
pub(crate) const SAVE_PATIENCE: Duration = Duration::from_secs(2);
/// Without a reader for this long, a session only keeps itself alive.
pub(crate) const IDLE_AFTER: Duration = Duration::from_secs(3600);
/// An idle session whose refresh token has no known end is renewed this often.
const KEEP_ALIVE_AT_LEAST: Duration = Duration::from_secs(24 * 3600);
/// The longest pause between attempts.
pub(crate) const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that is believed.
pub(crate) const RETRY_AFTER_CAP: Duration = Duration::from_secs(600);

/// The least time between two fetches of one slot, by the token's lifetime.
pub(crate) fn spacing(lifetime: Option<Duration>) -> Duration {
    let quarter = lifetime.map_or(Duration::MAX, |lifetime| lifetime / 4);
    quarter.clamp(Duration::from_secs(1), Duration::from_secs(10))
}

/// How long after it was asked for a token is renewed: half its lifetime ±10 %, sooner where the IdP says so or the
/// refresh token ends first. Absent: never by itself.
pub(crate) fn refresh_after(
    lifetime: Option<Duration>,
    idp_says: Option<Duration>,
    refresh_lifetime: Option<Duration>,
    jitter: Jitter,
) -> Option<Duration> {
    let half = lifetime.map(|lifetime| lifetime / 2 - lifetime / 20 + jitter.of(lifetime / 10));
    let grant_half = refresh_lifetime.map(|lifetime| lifetime / 2);
    [half, idp_says, grant_half].into_iter().flatten().min()
}

/// When an idle session renews itself. Both ends of its span stand still, so that looking again never moves it away.
pub(crate) fn keep_alive_at(renewed: Boot, refresh_ends: Option<Boot>) -> Boot {
    let half = refresh_ends.map_or(KEEP_ALIVE_AT_LEAST, |end| end.since(renewed) / 2);
    renewed + half.clamp(Duration::from_secs(1), KEEP_ALIVE_AT_LEAST)
}

/// The pause after the `failures`-th failure in a row: exponential from 1 s, full jitter, capped.
pub(crate) fn backoff(failures: u32, jitter: Jitter) -> Duration {
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1).min(16)).unwrap_or(u64::MAX);
    let ceiling = Duration::from_secs(doubled).min(BACKOFF_CAP);
    // Full jitter down to nothing would make a storm of the first retries: half a second is the floor.
    jitter.of(ceiling).max(Duration::from_millis(500))
}

/// When a token counts as nearly used up: a tenth of its life before the end, 1 s at least, 30 s at most.
pub(crate) fn nearly_used_up(expires: Boot, lifetime: Duration) -> Boot {
    expires - (lifetime / 10).clamp(Duration::from_secs(1), Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_spacing_is_a_quarter_of_the_lifetime_between_one_and_ten_seconds() {
        for (lifetime, spacing_is) in [
            (Some(secs(0)), secs(1)),
            (Some(secs(1)), secs(1)),
            (Some(secs(8)), secs(2)),
            (Some(secs(30)), Duration::from_millis(7500)),
            (Some(secs(40)), secs(10)),
            (Some(secs(3600)), secs(10)),
            (Some(secs(u64::MAX)), secs(10)),
            (None, secs(10)),
        ] {
            assert_eq!(spacing(lifetime), spacing_is, "{lifetime:?}");
        }
    }

    #[test]
    fn the_soonest_of_what_asks_for_a_renewal_counts() {
        let after = |lifetime: Option<u64>, says: Option<u64>, grant: Option<u64>| {
            refresh_after(lifetime.map(secs), says.map(secs), grant.map(secs), Jitter::MIDDLE)
        };
        for (case, found, wanted) in [
            ("half the lifetime", after(Some(3600), None, None), Some(secs(1800))),
            ("the IdP says sooner", after(Some(3600), Some(60), None), Some(secs(60))),
            ("the IdP says later", after(Some(3600), Some(3000), None), Some(secs(1800))),
            ("the refresh token ends first", after(Some(3600), None, Some(600)), Some(secs(300))),
            ("it ends later", after(Some(3600), None, Some(86_400)), Some(secs(1800))),
            ("no known end of the token", after(None, None, Some(600)), Some(secs(300))),
            ("no known end at all", after(None, None, None), None),
        ] {
            assert_eq!(found, wanted, "{case}");
        }
    }

    #[test]
    fn nearly_used_up_is_a_tenth_before_the_end_between_one_and_thirty_seconds() {
        for (lifetime, before) in [(1, 1), (5, 1), (60, 6), (300, 30), (3600, 30), (u64::MAX, 30)] {
            let end = Boot::from_millis(10_000_000);
            assert_eq!(nearly_used_up(end, secs(lifetime)).until(end), secs(before), "{lifetime}");
        }
    }

    #[test]
    fn an_idle_session_is_renewed_at_half_of_its_refresh_token_and_once_a_day_at_least() {
        let from = Boot::from_millis(1000);
        for (ends_in, after) in [
            (Some(0), 1),
            (Some(1), 1),
            (Some(1800), 900),
            (Some(100 * 86_400), 86_400),
            (Some(u64::MAX), 86_400),
            (None, 86_400),
        ] {
            let ends = ends_in.map(|seconds| from + secs(seconds));
            assert_eq!(keep_alive_at(from, ends), from + secs(after), "{ends_in:?}");
        }
    }

    fn lifetimes() -> impl Strategy<Value = Duration> {
        prop_oneof![
            (1..100_000_u64).prop_map(secs),
            (1..10_000_u64).prop_map(Duration::from_millis),
            any::<u64>().prop_map(secs),
            Just(secs(u64::MAX)),
            Just(Duration::MAX),
        ]
    }

    proptest! {
        #[test]
        fn a_renewal_is_due_between_45_and_55_percent_of_a_lifetime(
            lifetime in lifetimes(), jitter in any::<u16>(),
        ) {
            let after = refresh_after(Some(lifetime), None, None, Jitter(jitter)).unwrap();
            let tolerance = lifetime / 1_000_000 + Duration::from_nanos(50);
            prop_assert!(after + tolerance >= lifetime / 20 * 9, "{after:?}");
            prop_assert!(after <= lifetime / 20 * 11 + tolerance, "{after:?}");
        }

        #[test]
        fn a_renewal_is_never_later_than_half_of_the_refresh_token(
            lifetime in prop::option::of(lifetimes()),
            says in prop::option::of(lifetimes()),
            grant in lifetimes(),
            jitter in any::<u16>(),
        ) {
            let after = refresh_after(lifetime, says, Some(grant), Jitter(jitter)).unwrap();
            prop_assert!(after <= grant / 2);
        }

        #[test]
        fn a_backoff_stays_below_its_doubling_ceiling_and_above_half_a_second(
            failures in any::<u32>(), jitter in any::<u16>(),
        ) {
            let pause = backoff(failures, Jitter(jitter));
            let ceiling = secs(1 << failures.saturating_sub(1).min(6)).min(BACKOFF_CAP);
            prop_assert!(pause >= Duration::from_millis(500) && pause <= ceiling, "{pause:?}");
        }

        #[test]
        fn nothing_overflows(
            at in any::<u64>(), lifetime in lifetimes(), ends in any::<u64>(), jitter in any::<u16>(),
        ) {
            let at = Boot::from_millis(at);
            let after = refresh_after(Some(lifetime), Some(lifetime), Some(lifetime), Jitter(jitter));
            prop_assert!(at + after.unwrap() >= at);
            prop_assert!(keep_alive_at(at, Some(Boot::from_millis(ends))) >= at);
            prop_assert!(nearly_used_up(at, lifetime) <= at);
            prop_assert!(spacing(Some(lifetime)) >= secs(1));
        }
    }

    #[test]
    fn jitter_spreads_over_the_whole_range() {
        let pauses: Vec<_> =
            (0..=u16::MAX).step_by(4096).map(|jitter| backoff(7, Jitter(jitter))).collect();
        assert!(pauses.first().is_some_and(|least| *least == Duration::from_millis(500)));
        assert!(pauses.last().is_some_and(|most| *most > secs(55)));
        assert!(pauses.is_sorted());
    }
}
