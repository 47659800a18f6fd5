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
/// A token fetched because of a `reject` is not fetched again for another one within this.
pub(crate) const REJECT_SPACING: Duration = Duration::from_secs(10);
/// A save holds a new token back no longer than this.
pub(crate) const SAVE_PATIENCE: Duration = Duration::from_secs(2);
/// Without a reader for this long, a session only keeps itself alive.
pub(crate) const IDLE_AFTER: Duration = Duration::from_secs(3600);
/// An idle session whose refresh token has no known end is renewed this often.
const KEEP_ALIVE_AT_LEAST: Duration = Duration::from_secs(24 * 3600);
/// The longest pause between attempts.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
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
