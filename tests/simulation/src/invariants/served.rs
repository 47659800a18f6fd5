//! What callers are served: never an expired token, never one that is rejected, logged out, or not on disk yet.

use super::Invariant;
use crate::engine::{Shown, ShownToken, World, named, slot_named};
use crate::history::Slot;
use crate::provider::token_of;
use bearerd_session::time::Now;
use std::time::Duration;

/// A save holds a token back no longer than this.
const SAVE_PATIENCE: Duration = Duration::from_secs(2);
/// Milliseconds that the timer of a session's end may be late, and an answer on its way.
const LATENESS: u64 = 600;
/// Tokens for scopes and audiences that a profile may hold beside its own.
pub(super) const SLOTS: usize = 64;

impl World {
    /// A caller gets this token now; one that rejected another waited for it, as the daemon heard at that moment.
    pub(crate) fn served(&mut self, shown: &ShownToken, slot: Slot, rejected: Option<(&str, u64)>) {
        self.tally.count(match slot {
            0 => "tokens served",
            _ => "tokens served for other scopes and audiences",
        });
        self.ledger.last_served = Some(self.now);
        let Some((place, token)) = token_of(&shown.token) else { return };
        let now = self.now;
        let is_for = self.providers[place].access[token].slot;
        // Nobody knows any more what a rejected token was for that had expired when it was rejected, where none is shown
        // for that: the profile's own is given instead.
        let rejects = rejected.and_then(|(token, heard)| Some((token_of(token)?, heard)));
        let is_gone = self.life.as_ref().is_some_and(|life| !life.shown.contains_key(&slot));
        let is_unknown = is_for == 0
            && is_gone
            && rejects.is_some_and(|((place, token), heard)| {
                self.providers[place].access[token].expires.is_some_and(|end| end <= heard)
            });
        self.demand(Invariant::OfTheRightScope, is_for == slot || is_unknown, || {
            let (is_for, slot) = (slot_named(is_for), slot_named(slot));
            format!("{} is for {is_for}, and was served for {slot}", shown.token)
        });
        if let Some(ends) = self.ledger.ends.filter(|_| !self.ledger.ends_are_doubted) {
            self.demand(Invariant::OverAtItsEnd, now < ends + LATENESS, || {
                format!("{} was served {} ms after its session's end", shown.token, now - ends)
            });
        }
        let expires = self.providers[place].access[token].expires;
        if expires.is_some_and(|end| end <= now) && !self.is_the_limit(place, token, expires) {
            let late = now - expires.unwrap_or(now);
            self.demand(Invariant::NoExpiredTokenServed, false, || {
                format!("{} was served {late} ms after its end", shown.token)
            });
        }
        let again = rejected.is_some_and(|(token, _)| token == shown.token);
        self.demand(Invariant::RejectedNotServedAgain, !again, || {
            format!("{} was served to the caller that rejected it", shown.token)
        });
    }

    /// The documented limit of decisions/0004: a wall clock that was set back between a save and another boot of the
    /// machine makes a saved token look younger by as much, from then on.
    fn is_the_limit(&mut self, place: usize, token: usize, expires: Option<u64>) -> bool {
        let younger = self.ledger.younger.get(&(place, token)).map_or(0, |younger| younger.by);
        // Both clocks are read in whole milliseconds.
        let may_be = !self.ledger.vanished.contains(&(place, token));
        let is_within =
            may_be && expires.is_some_and(|end| younger > 0 && self.now <= end + younger + 2);
        if is_within {
            self.tally.count("limit of decisions/0004 met");
        }
        is_within
    }

    /// Readers see something new.
    pub(crate) fn published(&mut self, now: Now, before: &Shown, login_required: bool) {
        if login_required {
            self.said_login_required("the published state");
        }
        let Some(life) = &self.life else { return };
        let shown = Shown::clone(&life.shown);
        let others = shown.keys().filter(|slot| **slot != 0).count();
        self.demand(Invariant::SlotsBounded, others <= SLOTS, || {
            format!("tokens for {others} scopes and audiences are held")
        });
        for token in shown.values() {
            // What was shown before was looked at then, unless its session has gone since.
            let known = before.get(&token.slot).is_some_and(|known| known.token == token.token);
            self.may_be_shown(now, token, known);
        }
    }

    fn may_be_shown(&mut self, now: Now, shown: &ShownToken, known: bool) {
        let Some(life) = &self.life else { return };
        let Some((place, token)) = token_of(&shown.token) else { return };
        let configured = life.place;
        self.demand(Invariant::NothingSentElsewhere, place == configured, || {
            format!("{} is shown while the profile is of place {configured}", shown.token)
        });
        let record = &self.providers[place].access[token];
        let owner = self.providers[place].sessions[record.session].user;
        let family = (place, record.family);
        let is_named = shown.user.as_deref().is_none_or(|user| user == owner);
        self.demand(Invariant::UnderItsOwnersName, is_named, || {
            format!("{} of {owner} is shown as that of {:?}", shown.token, shown.user)
        });
        let is_gone = self.ledger.gone.contains(&family) || self.ledger.forgotten.contains(&family);
        self.demand(Invariant::NothingAfterLogout, !is_gone, || {
            format!("{} of a session that is no more is shown", shown.token)
        });
        let rotated = self.ledger.got.get(&(place, token)).and_then(|got| got.rotated);
        let held_since = self.ledger.held_since;
        if let (Some((place, refresh)), Some(since), false) = (rotated, held_since, known) {
            let excused = now.boot >= since + SAVE_PATIENCE
                || self
                    .ledger
                    .save_failed
                    .is_some_and(|failed| self.machine.clocks(failed).boot >= since);
            if !excused {
                let kept = self.disk.keeps(&named(place, refresh))
                    || self.ledger.disk.holds_descendant(&self.providers, (place, refresh));
                self.demand(Invariant::SavedBeforeServed, kept, || {
                    format!("{} is shown before {} is on disk", shown.token, named(place, refresh))
                });
            }
        }
    }

    /// Nothing waits longer for a save than this.
    pub(super) fn release_what_has_waited(&mut self, now: Now) {
        if self.ledger.held_since.is_some_and(|since| now.boot >= since + SAVE_PATIENCE) {
            self.released();
        }
    }

    /// What waited for its save is shown: it is on disk, or does not have to be any more.
    pub(crate) fn released(&mut self) {
        self.ledger.got.values_mut().for_each(|got| got.rotated = None);
        self.ledger.held_since = None;
    }
}
