//! The shortest history that still fails: fewer happenings first, then simpler ones.

use crate::engine::play;
use crate::history::{Happening, Person, Policy, Rotation, Script, When};
use crate::invariants::Invariant;

/// The shortest history found that still breaks `invariant`, within so many plays.
pub fn shrink(script: &Script, invariant: Invariant, plays: usize) -> Script {
    let fails = |script: &Script| {
        play(script, false).broken.is_some_and(|broken| broken.invariant == invariant)
    };
    let mut script = script.clone();
    if let Some(broken) = play(&script, false).broken
        && broken.at < script.ends
    {
        let shorter = Script { ends: broken.at + 1, ..script.clone() };
        if fails(&shorter) {
            script = shorter;
        }
    }
    shrink_by(script, fails, plays)
}

/// The same by any test of whether a history still fails.
pub fn shrink_by(script: Script, fails: impl FnMut(&Script) -> bool, plays: usize) -> Script {
    let mut search = Search { script, fails, plays };
    loop {
        let before = search.script.clone();
        search.leave_out();
        search.simplify();
        search.plain_policy();
        if search.script == before || search.plays == 0 {
            return search.script;
        }
    }
}

struct Search<F> {
    script: Script,
    fails: F,
    plays: usize,
}

impl<F: FnMut(&Script) -> bool> Search<F> {
    /// Whether this one fails as well: then it is the new one.
    fn take(&mut self, script: Script) -> bool {
        if self.plays == 0 || script == self.script {
            return false;
        }
        self.plays -= 1;
        let fails = (self.fails)(&script);
        if fails {
            self.script = script;
        }
        fails
    }

    /// Leaves out halves, quarters, and so on down to single happenings.
    fn leave_out(&mut self) {
        let mut size = self.script.happenings.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.script.happenings.len() {
                let mut shorter = self.script.clone();
                let to = (from + size).min(shorter.happenings.len());
                shorter.happenings.drain(from..to);
                if !self.take(shorter) {
                    from = to;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Makes each happening shorter and plainer.
    fn simplify(&mut self) {
        for place in 0..self.script.happenings.len() {
            for _ in 0..12 {
                let mut tried = false;
                for simpler in simpler(&self.script.happenings[place].what) {
                    let mut script = self.script.clone();
                    script.happenings[place].what = simpler;
                    tried |= self.take(script);
                }
                if !tried {
                    break;
                }
            }
            let mut script = self.script.clone();
            script.happenings[place].when = When::Now;
            self.take(script);
        }
    }

    fn plain_policy(&mut self) {
        let policy = self.script.policy.clone();
        let plainer = [
            Policy { refresh_life: None, ..policy.clone() },
            Policy { provider_window: None, profile_window: None, ..policy.clone() },
            Policy { says_refresh_in: None, ..policy.clone() },
            Policy { person_returns: None, ..policy.clone() },
            Policy { says_session: false, ..policy.clone() },
            Policy { rotation: Rotation::Rotates, ..policy.clone() },
            Policy { latency: 5, ..policy.clone() },
            Policy { lifetime: None, ..policy.clone() },
            Policy { exchanges: false, ..policy.clone() },
            Policy { device_interval: 5, ..policy },
        ];
        for policy in plainer {
            // Those that were taken before stay.
            let mut script = self.script.clone();
            script.policy = merged(&script.policy, &policy);
            self.take(script);
        }
    }
}

/// What is plain in either.
fn merged(one: &Policy, other: &Policy) -> Policy {
    Policy {
        refresh_life: one.refresh_life.and(other.refresh_life),
        provider_window: one.provider_window.and(other.provider_window),
        profile_window: one.profile_window.and(other.profile_window),
        says_refresh_in: one.says_refresh_in.and(other.says_refresh_in),
        person_returns: one.person_returns.and(other.person_returns),
        lifetime: one.lifetime.and(other.lifetime),
        exchanges: one.exchanges && other.exchanges,
        says_session: one.says_session && other.says_session,
        rotation: other.rotation,
        latency: one.latency.min(other.latency),
        device_interval: other.device_interval,
        ..one.clone()
    }
}

fn simpler(what: &Happening) -> Vec<Happening> {
    let half = |time: u64| if time > 2_000 { time / 2 / 1000 * 1000 } else { time / 2 };
    match what.clone() {
        Happening::Readers { every, lasts, slot } => vec![
            Happening::Read { min_ttl: None, strict: false, slot },
            Happening::Readers { every, lasts: half(lasts), slot },
            Happening::Readers { every: every * 2, lasts, slot },
        ],
        Happening::Burst { callers } => vec![Happening::Burst { callers: callers / 2 }],
        Happening::Read { min_ttl: Some(_), strict, slot } => {
            vec![
                Happening::Read { min_ttl: None, strict: false, slot },
                Happening::Read { min_ttl: Some(1), strict, slot },
            ]
        }
        Happening::Scopes { count } => vec![Happening::Scopes { count: count / 2 }],
        Happening::Provider { condition, lasts, share } => vec![
            Happening::Provider { condition, lasts, share: 1000 },
            Happening::Provider { condition, lasts: half(lasts), share },
        ],
        Happening::UserDisabled { lasts } => vec![Happening::UserDisabled { lasts: half(lasts) }],
        Happening::Disk { weather, lasts } => vec![Happening::Disk { weather, lasts: half(lasts) }],
        Happening::Suspend { lasts } => {
            vec![Happening::Stall { lasts }, Happening::Suspend { lasts: half(lasts) }]
        }
        Happening::Stall { lasts } => vec![Happening::Stall { lasts: half(lasts) }],
        Happening::WallStep { seconds } => vec![Happening::WallStep { seconds: seconds / 2 }],
        Happening::Reboot { power_lost, down } => {
            vec![Happening::Kill { down }, Happening::Reboot { power_lost, down: half(down) }]
        }
        Happening::Kill { down } => vec![Happening::Kill { down: half(down) }],
        Happening::Terminate { down } => vec![Happening::Terminate { down: half(down) }],
        Happening::Login {
            replace,
            person: Person::Approves { after, same_browser },
            lifetime,
        } => {
            let login = |replace, after, same_browser, lifetime| {
                let person = Person::Approves { after, same_browser };
                Happening::Login { replace, person, lifetime }
            };
            vec![
                login(false, after, same_browser, lifetime),
                login(replace, after, false, lifetime),
                login(replace, half(after), same_browser, lifetime),
                login(replace, after, same_browser, None),
            ]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_happenings_that_matter_are_found_among_many() {
        let script = Script::drawn(3, crate::mix::Mix::named("crashes"), None);
        assert!(script.happenings.len() > 15);
        let kills = |script: &Script| {
            let is_kill = |what: &Happening| matches!(what, Happening::Kill { .. });
            let count = script.happenings.iter().filter(|one| is_kill(&one.what)).count();
            count >= 2 && script.policy.token_life > 1
        };
        assert!(kills(&script), "the drawn one has kills");
        let shrunk = shrink_by(script, kills, 5_000);
        let plain = Happening::Kill { down: 0 };
        let left: Vec<&Happening> = shrunk.happenings.iter().map(|one| &one.what).collect();
        assert_eq!(left, [&plain, &plain]);
        assert!(shrunk.happenings.iter().all(|one| one.when.is_now()));
        assert_eq!(shrunk.policy.refresh_life, None);
    }
}
