//! What is saved of a session, and what a saved one is worth after a restart.

use crate::settings::Binding;
use crate::time::{Boot, Now, Wall};
use bearerd_proto::Secret;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A session as it stands on disk, inside the seal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Where it came from: never used anywhere else.
    pub binding: Binding,
    /// When it was saved.
    pub saved: Moment,
    /// When it is to be forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Moment>,
    /// The refresh token that its profile's file held when one was last taken from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Secret>,
    /// The rotating credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<SavedGrant>,
    /// The claim `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The claim `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// The access tokens: a restart in the middle of an outage goes on serving.
    pub slots: Vec<SavedSlot>,
}

/// A refresh token on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedGrant {
    /// The token.
    pub refresh_token: Secret,
    /// Its known end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// The IdP has handed the same one back.
    #[serde(default)]
    pub known_not_to_rotate: bool,
    /// The session is over: why. The token is kept for one more try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// An answer to it was lost: the IdP may know its successor already.
    #[serde(default)]
    pub lost: bool,
    /// When that use was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_since: Option<Moment>,
    /// The IdP's own session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_session: Option<String>,
    /// What it began with, out of the profile's file or brought along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Secret>,
}

/// An access token on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedSlot {
    /// The scope it was asked for; absent: the profile's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The audience it was asked for; absent: the profile's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The token.
    pub token: Secret,
    /// When it was asked for.
    pub asked: Moment,
    /// Milliseconds that it lives from then; absent: no known end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// When it ends. On the clock of a boot that began after it was asked for, nothing else tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Moment>,
    /// Scopes granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_scope: Option<String>,
}

/// A moment that outlives a reboot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which boot `boot` counts from.
    pub boot_id: String,
    /// On the boot-time clock.
    pub boot: Boot,
    /// On the wall clock.
    pub wall: Wall,
}

/// What the store found for a profile.
#[derive(Debug)]
pub enum Restored {
    /// Nothing.
    Nothing,
    /// A session.
    Session(Box<Record>),
    /// Something that can't be opened: what, and how to mend it.
    Unreadable(String),
}

/// Why a saved file is kept under another name when a login replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It could not be opened.
    Unreadable,
    /// It is bound to another place than the profile's.
    Parked,
}

impl Moment {
    /// The moment `at`, said so that it outlives a reboot.
    pub(crate) fn of(at: Boot, now: Now, boot_id: &str) -> Self {
        Self { boot_id: boot_id.to_owned(), boot: at, wall: now.wall_at(at) }
    }

    /// How much of `lifetime`, counted from this moment, is left now: the less of what the two clocks say, and nothing
    /// where they contradict themselves (a wall clock before the save). The boot-time clock counts in its own boot alone.
    pub(crate) fn left_of(&self, lifetime: Duration, now: Now, boot_id: &str) -> Duration {
        if now.wall < self.wall {
            return Duration::ZERO;
        }
        let by_wall = lifetime.saturating_sub(now.wall.since(self.wall));
        if self.boot_id != boot_id {
            return by_wall;
        }
        if now.boot < self.boot {
            return Duration::ZERO;
        }
        by_wall.min(lifetime.saturating_sub(now.boot.since(self.boot)))
    }

    /// Whether the wall clock was set since, as far as this boot's other clock can tell; in another boot, whether it was
    /// set back so far that it stands before this moment.
    pub(crate) fn clock_was_set(&self, now: Now, boot_id: &str) -> bool {
        if self.boot_id != boot_id {
            return now.wall < self.wall;
        }
        let by_boot = now.wall_at(self.boot);
        let apart = by_boot.since(self.wall).max(self.wall.since(by_boot));
        apart > READ_APART
    }

    /// This moment on today's boot-time clock.
    pub(crate) fn on(&self, now: Now, boot_id: &str) -> Boot {
        if self.boot_id == boot_id {
            self.boot
        } else if now.wall >= self.wall {
            now.boot - now.wall.since(self.wall)
        } else {
            now.boot + self.wall.since(now.wall)
        }
    }
}

/// The two clocks are read one after the other, and on a busy machine this much may lie between.
const READ_APART: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(60);

    fn now(boot_secs: u64, wall_secs: i64) -> Now {
        Now { boot: Boot::from_millis(boot_secs * 1000), wall: Wall::from_secs(wall_secs) }
    }

    #[test]
    fn what_is_left_after_a_restart() {
        let asked = Moment::of(Boot::from_millis(100_000), now(100, 1_000), "a");
        for (case, at, boot_id, left) in [
            ("same boot, 20 s on", now(120, 1_020), "a", 40),
            ("same boot, wall stepped a day ahead: the less", now(120, 87_420), "a", 0),
            ("same boot, wall stepped back before the save", now(120, 10), "a", 0),
            ("another boot counts by the wall", now(5, 1_030), "b", 30),
            ("another boot, long after", now(5, 2_000), "b", 0),
            ("the same boot id in a time namespace that runs behind", now(5, 1_030), "a", 0),
        ] {
            assert_eq!(asked.left_of(LIFE, at, boot_id), Duration::from_secs(left), "{case}");
        }
    }

    #[test]
    fn a_set_wall_clock_is_seen_against_the_boot_time_clock_of_the_same_boot() {
        let saved = Moment::of(Boot::from_millis(100_000), now(100, 1_000), "a");
        for (case, at, boot_id, was_set) in [
            ("20 s on", now(120, 1_020), "a", false),
            ("set back by 40 s", now(120, 980), "a", true),
            ("set ahead by a day", now(120, 87_420), "a", true),
            ("another boot cannot tell", now(5, 1_020), "b", false),
            ("another boot, at the moment itself", now(5, 1_000), "b", false),
            ("another boot, set back behind it", now(5, 999), "b", true),
        ] {
            assert_eq!(saved.clock_was_set(at, boot_id), was_set, "{case}");
        }
        for (apart, was_set) in [(100, false), (101, true)] {
            let wall = Wall::from_millis(1_020_000 + apart);
            let at = Now { wall, ..now(120, 0) };
            assert_eq!(saved.clock_was_set(at, "a"), was_set, "{apart} ms apart");
        }
    }

    #[test]
    fn a_moment_of_another_boot_is_placed_by_the_wall_clock() {
        let saved = Moment::of(Boot::from_millis(100_000), now(100, 1_000), "a");
        for (case, at, boot_id, on) in [
            ("same boot, whatever the wall clock says", now(120, 5_000), "a", 100),
            ("another boot, 30 s on", now(500, 1_030), "b", 470),
            ("another boot, at the same second", now(500, 1_000), "b", 500),
            ("another boot, 30 s ahead", now(500, 970), "b", 530),
            ("before this boot: cut at its start", now(5, 1_030), "b", 0),
        ] {
            assert_eq!(saved.on(at, boot_id), Boot::from_millis(on * 1000), "{case}");
        }
    }
}
