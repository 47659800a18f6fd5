//! What a saved session is worth, by decisions/0004, said once more in the words of that page.

use super::ledger::{Chain, Family, Got, Token};
use super::moving::Parked;
use crate::engine::World;
use crate::provider::token_of;
use bearerd_session::time::Now;
use bearerd_session::{Moment, Record, Restored, SavedSlot};
use std::collections::BTreeSet;
use std::time::Duration;

/// How much younger a saved token looks than it is.
#[derive(Debug)]
pub(super) struct Younger {
    /// Milliseconds.
    pub(super) by: u64,
    /// Without what was found at the last start.
    before: u64,
    /// The save that was read then.
    saved: Moment,
}

impl World {
    pub(super) fn take_up(&mut self, record: &Record, now: Now) {
        let source = record.source.as_ref().and_then(|source| token_of(source.expose()));
        let ends = record.ends.as_ref();
        let ends = ends
            .map(|ends| self.machine.true_time_in(&ends.boot_id, ends.boot).unwrap_or(u64::MAX));
        let another_boot = record.saved.boot_id != self.machine.boot_id();
        self.ledger.ends_are_doubted |=
            another_boot && self.offset_of(record) != self.machine.offset;
        let Some(family) = self.family_of(record) else {
            if record.binding.endpoint == crate::engine::endpoint(self.ledger.place) {
                (self.ledger.source, self.ledger.ends) = (source, ends);
            }
            return;
        };
        self.ledger.pace.repeated = record.grant.as_ref().is_some_and(|grant| grant.lost);
        let refresh =
            record.grant.as_ref().and_then(|grant| token_of(grant.refresh_token.expose()));
        self.ledger.received.extend(refresh);
        let is_over = record.grant.as_ref().is_some_and(|grant| grant.over.is_some());
        let chain = Chain { family, refresh, is_over };
        let place = self.life.as_ref().map_or(0, |life| life.place);
        let tokens = record.slots.iter().filter_map(|slot| token_of(slot.token.expose()));
        let families =
            tokens.map(|(place, token)| (place, self.providers[place].access[token].family));
        let kept: BTreeSet<Family> = families.filter(|one| *one != family).collect();
        let (user, steps) = (record.user_id.clone(), self.machine.steps);
        if family.0 != place {
            self.ledger.parked = Some(Parked { chain, kept, steps, user, source, ends });
            return;
        }
        (self.ledger.user, self.ledger.source, self.ledger.ends) = (user, source, ends);
        self.ledger.kept = kept;
        let by_login = self.script.policy.obtains.is_by_login();
        if is_over && !by_login {
            self.ledger.kept.insert(family);
        } else {
            self.ledger.live = Some(chain);
        }
        for slot in &record.slots {
            if let Some(token) = token_of(slot.token.expose()) {
                self.take_up_access(record, slot, token, now);
            }
        }
        let is_good = |got: &Got| got.ends.is_none_or(|end| now.boot < end);
        if refresh.is_none() && !by_login && !self.ledger.got.values().any(is_good) {
            // Nothing is left of it, and nothing goes with it when the profile moves.
            self.ledger.live = None;
            self.ledger.kept.insert(family);
        }
    }

    fn take_up_access(&mut self, record: &Record, slot: &SavedSlot, token: Token, now: Now) {
        let family = (token.0, self.providers[token.0].access[token.1].family);
        let boot_id = self.machine.boot_id();
        let another_boot = record.saved.boot_id != boot_id;
        if another_boot {
            self.looks_younger(record, token);
        }
        if another_boot && now.wall < record.saved.wall {
            self.ledger.doubted.insert(token);
            self.ledger.contradicted.insert(token);
            return;
        }
        let ends = match slot.lifetime.map(Duration::from_millis) {
            None => None,
            Some(lifetime) => {
                let left = left_of(slot, lifetime, now, &boot_id);
                if left.is_zero() {
                    self.ledger.doubted.insert(token);
                    return;
                }
                Some(now.boot + left)
            }
        };
        let asked = self.machine.true_time_in(&slot.asked.boot_id, slot.asked.boot).unwrap_or(0);
        let slot = self.providers[token.0].access[token.1].slot;
        self.note_access(token, Got { family, slot, asked, ends, rotated: None, number: 0 });
    }

    /// In another boot it does by as much as the wall clock was set back since the save. One that was set while a daemon
    /// ran that could save by it is no excuse.
    fn looks_younger(&mut self, record: &Record, token: Token) {
        let saved = match self.ledger.is_clock_saved {
            true => self.ledger.offset_saved,
            false => self.offset_of(record),
        };
        let known = self.ledger.younger.get(&token);
        let before = known.map_or(0, |known| match known.saved == record.saved {
            true => known.before,
            false => known.by,
        });
        let by = before.saturating_add_signed(saved - self.machine.offset);
        let saved = record.saved.clone();
        self.ledger.younger.insert(token, Younger { by, before, saved });
    }

    /// How far the wall clock was ahead at a save.
    fn offset_of(&self, record: &Record) -> i64 {
        let saved = &record.saved;
        let then = self.machine.true_time_in(&saved.boot_id, saved.boot).unwrap_or(0);
        let then = i64::try_from(then).expect("no history is so long");
        saved.wall.as_millis() - crate::engine::WALL_ORIGIN - then
    }

    /// Which login a saved session comes from.
    pub(super) fn family_of(&self, record: &Record) -> Option<Family> {
        let by_refresh = record.grant.as_ref().and_then(|grant| {
            let (place, token) = token_of(grant.refresh_token.expose())?;
            Some((place, self.providers[place].refresh[token].family))
        });
        by_refresh.or_else(|| {
            let (place, token) = token_of(record.slots.first()?.token.expose())?;
            Some((place, self.providers[place].access[token].family))
        })
    }

    pub(super) fn restored_again(&mut self, restored: &Restored, now: Now) {
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        let unread = session.is_some_and(bearerd_session::Session::is_unreadable);
        let is_live = self.ledger.live.is_some() || self.ledger.login.is_some();
        if !unread || is_live {
            return;
        }
        if let Restored::Session(record) = restored {
            if std::mem::take(&mut self.ledger.unread_logout) {
                let family = self.family_of(record);
                self.ledger.gone.extend(family);
            } else {
                self.take_up(record, now);
            }
        }
    }
}

/// The less of what the two clocks say.
fn left_of(slot: &SavedSlot, lifetime: Duration, now: Now, boot_id: &str) -> Duration {
    let asked = &slot.asked;
    if now.wall < asked.wall || (asked.boot_id == boot_id && now.boot < asked.boot) {
        return Duration::ZERO;
    }
    let by_wall = lifetime.saturating_sub(now.wall.since(asked.wall));
    if asked.boot_id != boot_id {
        return by_wall;
    }
    let by_boot = lifetime.saturating_sub(now.boot.since(asked.boot));
    let by_end = slot.ends.as_ref().filter(|ends| ends.boot_id == boot_id);
    by_wall.min(by_boot).min(by_end.map_or(by_boot, |ends| now.boot.until(ends.boot)))
}
