//! Readers that the snapshot could not answer: callers without a token, wishes, rejected tokens.

use super::Session;
use crate::callers::{Caller, Want};
use crate::grant::{Grant, InFlight, Way};
use crate::io::{Answer, WaiterId};
use crate::problem::Problem;
use crate::schedule::{ANSWER_TAKES, PATIENCE, REJECT_SPACING, WISH_PATIENCE};
use crate::slot::{Held, Slot, SlotKey};
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, Secret};
use std::time::Duration;

impl Session {
    pub(super) fn read(
        &mut self,
        waiter: WaiterId,
        slot: SlotKey,
        min_ttl: Option<Duration>,
        strict: bool,
        now: Now,
    ) {
        self.woke(now);
        if self.is_constant() {
            let slot = SlotKey::default();
            return self.answer(waiter, Answer::Token { slot, degraded: false });
        }
        self.drop_idle_slots(now);
        self.make_room(&slot, now.boot);
        if let Some(refusal) = self.refusal_of_slot(&slot) {
            return self.answer(waiter, Answer::Refused(refusal));
        }
        self.note_reader(&slot, now.boot);
        let Some(held) = self.valid(&slot, now.boot) else {
            let want = min_ttl.map_or(Want::Any, |min_ttl| Want::Wish { min_ttl, strict });
            return self.ask_without_token(waiter, slot, want, now);
        };
        match min_ttl {
            Some(min_ttl) if !held.lives_for(min_ttl, now.boot) => {
                self.wish(waiter, slot, min_ttl, strict, now);
            }
            _ => self.answer(waiter, Answer::Token { slot, degraded: false }),
        }
    }

    /// A reader is here: a session that only kept itself alive is kept fresh again.
    pub(super) fn woke(&mut self, now: Now) {
        self.last_read = now.boot;
        if !std::mem::take(&mut self.asleep) {
            return;
        }
        self.changed = true;
        for slot in self.slots.values_mut() {
            slot.wake();
        }
    }

    /// The token in hand is good, but not for as long as the caller wishes.
    fn wish(&mut self, waiter: WaiterId, slot: SlotKey, min_ttl: Duration, strict: bool, now: Now) {
        // No fresh token arrives with its whole lifetime: a second of it is for the way.
        let reach = min_ttl.saturating_add(ANSWER_TAKES);
        let fresh_could =
            self.can_renew() && self.lifetime_of(&slot).is_none_or(|lifetime| reach <= lifetime);
        let failed = self.problem(&slot).is_some();
        let nothing_comes = self.draining && !self.is_under_way(&slot);
        if strict {
            let refusal = if !self.can_renew() {
                Some(self.min_ttl_unmet(min_ttl, "the session can't be renewed without a login"))
            } else if !fresh_could {
                Some(self.min_ttl_unmet(min_ttl, "no token of this provider lives that long"))
            } else {
                nothing_comes.then(|| self.shutting_down())
            };
            if let Some(refusal) = refusal {
                return self.answer(waiter, Answer::Refused(refusal));
            }
        } else if !fresh_could || failed || nothing_comes {
            return self.answer(waiter, Answer::Token { slot, degraded: true });
        }
        // After a failure the planned attempts go on at their own pace: this caller has a token.
        if !failed {
            self.attempts.pull(now.boot);
            let slot = self.slots.entry(slot.clone()).or_default();
            slot.attempts.pull(now.boot);
            slot.pull(slot.spaced(now.boot));
        }
        let patience = if strict { PATIENCE } else { WISH_PATIENCE };
        self.callers.add(Caller {
            waiter,
            slot,
            want: Want::Wish { min_ttl, strict },
            deadline: now.boot + patience,
            last_deadline: now.boot + PATIENCE,
        });
    }

    /// There is no valid token: join the attempt in flight, pull the next one forward, or give the last error.
    fn ask_without_token(&mut self, waiter: WaiterId, slot: SlotKey, want: Want, now: Now) {
        if !self.is_on_its_way(&slot) {
            if let Some(refusal) = self.refusal_of_need(&slot, now).filter(|_| !self.is_trying()) {
                return self.answer(waiter, Answer::Refused(refusal));
            }
            self.attempts.pull(now.boot);
            self.pull_for_need(&slot, now.boot);
        }
        self.wait(waiter, slot, want, now);
    }

    /// Why there can be no token of `slot`, nor of the profile's own where it needs that first.
    fn refusal_of_need(&self, slot: &SlotKey, now: Now) -> Option<ErrorBody> {
        let of_own = || self.refusal_of_a_fetch(&SlotKey::default(), now);
        let needs_own = self.needs_own(slot, now.boot);
        self.refusal_of_a_fetch(slot, now).or_else(|| of_own().filter(|_| needs_own))
    }

    /// Whether what the profile's file holds is being tried: that may give a token where nothing else does.
    fn is_trying(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| in_flight.way == Way::Trial)
    }

    /// What was tried has given none: whoever waited for that alone is told why there is none.
    pub(super) fn serve_what_cannot_come(&mut self, now: Now) {
        for slot in self.callers.slots(|_| true) {
            let needs_one = self.valid(&slot, now.boot).is_none() && !self.is_on_its_way(&slot);
            if let Some(refusal) = self.refusal_of_need(&slot, now).filter(|_| needs_one) {
                self.serve_failed(|waiting| *waiting == slot, &refusal, now);
            }
        }
    }

    /// Whoever waits for a slot that went with its session waits for that of the next one.
    pub(super) fn pull_for_waiting(&mut self, now: Now) {
        if self.draining {
            return;
        }
        let slots = &self.slots;
        for key in self.callers.slots(|key| !slots.contains_key(key)) {
            self.pull_for_need(&key, now.boot);
        }
    }

    /// Whether the profile's own token has to be there first, and does not come yet.
    fn needs_own(&self, key: &SlotKey, now: Boot) -> bool {
        self.way(key, now).is_none() && !self.is_on_its_way(&SlotKey::default())
    }

    /// Somebody has no token of this slot: its fetch comes as soon as may be, after that of the profile's own where it
    /// needs that.
    fn pull_for_need(&mut self, key: &SlotKey, now: Boot) {
        let own = self.needs_own(key, now).then(SlotKey::default);
        for key in own.iter().chain([key]) {
            let slot = self.slots.entry(key.clone()).or_default();
            slot.last_read = now;
            slot.attempts.pull(now);
            slot.pull(slot.spaced_for_need(now));
        }
    }

    /// A resource server refused `token`: a newer one, unless that is what it has already.
    pub(super) fn reject(&mut self, waiter: WaiterId, token: Secret, now: Now) {
        self.woke(now);
        if self.constant_token().is_some_and(|constant| constant.same_as(&token)) {
            let refusal =
                self.rejected_again("it is a constant that can't be fetched anew", REJECT_SPACING);
            return self.answer(waiter, Answer::Refused(refusal));
        }
        let holds = |held: &Held| held.token.same_as(&token);
        let mut slots = self.slots.iter();
        let found = slots.find(|(_, slot)| slot.valid(now.boot).is_some_and(holds));
        let Some(key) = found.map(|(key, _)| key.clone()) else {
            return self.read_instead(waiter, token, now);
        };
        if let Some(held) = self.valid(&key, now.boot) {
            let again_from = held.asked + REJECT_SPACING;
            if held.after_reject && now.boot < again_from {
                let reason = "it was fetched a moment ago because its predecessor was rejected";
                let refusal = self.rejected_again(reason, again_from.since(now.boot));
                return self.answer(waiter, Answer::Refused(refusal));
            }
        }
        let comes = self.is_on_its_way(&key);
        // Going down, nothing would replace it any more.
        if comes || !self.draining {
            self.slots.entry(key.clone()).or_default().rejected = true;
            self.changed = true;
        }
        if !comes {
            if let Some(refusal) = self.refusal_of_a_fetch(&key, now) {
                return self.answer(waiter, Answer::Refused(refusal));
            }
            let own = SlotKey::default();
            if self.needs_own(&key, now.boot) {
                if let Some(refusal) = self.refusal_of_a_fetch(&own, now) {
                    return self.answer(waiter, Answer::Refused(refusal));
                }
                self.pull_for_need(&own, now.boot);
            }
            self.attempts.pull(now.boot);
            let slot = self.slots.entry(key.clone()).or_default();
            slot.attempts.pull(now.boot);
            slot.pull(now.boot);
        }
        self.wait(waiter, key, Want::Instead(token), now);
    }

    /// The token that was rejected is not the current one: that one, or the next, of the slot that gave it last.
    fn read_instead(&mut self, waiter: WaiterId, rejected: Secret, now: Now) {
        let gave = |slot: &Slot| slot.previous.as_ref().is_some_and(|old| old.same_as(&rejected));
        let found = self.slots.iter().find(|(_, slot)| gave(slot));
        let slot = found.map_or_else(SlotKey::default, |(key, _)| key.clone());
        if self.is_constant() || self.valid(&slot, now.boot).is_some() {
            return self.answer(waiter, Answer::Token { slot, degraded: false });
        }
        self.ask_without_token(waiter, slot, Want::Instead(rejected), now);
    }

    pub(super) fn gone(&mut self, waiter: WaiterId) {
        self.callers.gone(waiter);
        self.leaving.retain(|leaving| leaving.waiter != waiter);
        if let Some(login) = &mut self.login {
            login.starters.retain(|(starter, _)| *starter != waiter);
            login.followers.retain(|(follower, _)| *follower != waiter);
        }
    }

    fn wait(&mut self, waiter: WaiterId, slot: SlotKey, want: Want, now: Now) {
        let deadline = now.boot + PATIENCE;
        self.callers.add(Caller { waiter, slot, want, deadline, last_deadline: deadline });
    }

    /// Why no fetch may start for a caller that can't do without: no session, going down, or a failure just now.
    fn refusal_of_a_fetch(&self, slot: &SlotKey, now: Now) -> Option<ErrorBody> {
        if let Some(refusal) = self.no_session() {
            return Some(refusal);
        }
        if self.draining {
            return Some(self.shutting_down());
        }
        let (problem, pull_from) = self.refused_until(slot)?;
        if pull_from.is_some_and(|from| from == Boot::NEVER) {
            return Some(self.failed(&problem, None));
        }
        // A second use of a token whose answer was lost waits until the token in hand is nearly used up.
        let needed = self.valid(slot, now.boot).is_none();
        let from = pull_from.max(self.spared_until(needed, now.boot))?;
        (now.boot < from).then(|| self.failed(&problem, Some(from.since(now.boot))))
    }

    /// The last failure that reaches `slot`, and when a caller may pull the next attempt.
    fn refused_until(&self, slot: &SlotKey) -> Option<(Problem, Option<Boot>)> {
        let of_slot = self.slots.get(slot).map(|slot| &slot.attempts);
        [Some(&self.attempts), of_slot]
            .into_iter()
            .flatten()
            .filter_map(|attempts| Some((attempts.problem.clone()?, attempts.pull_from())))
            .max_by_key(|(_, pull_from)| *pull_from)
    }

    /// Whether a newer token of `slot` comes anyway: not by what the profile's file holds beside a session that goes on.
    fn is_under_way(&self, slot: &SlotKey) -> bool {
        let is_live = self.grant.as_ref().is_some_and(Grant::is_live);
        let is_the_files = |way| matches!(way, Way::Own | Way::Trial);
        let brings_one = |it: &InFlight| it.slot == *slot && !(is_live && is_the_files(it.way));
        self.in_flight.as_ref().is_some_and(brings_one)
            || self.slots.get(slot).is_some_and(|slot| slot.unpublished.is_some())
    }

    /// The same, where a caller may count on it: the try of a kept refresh token of a session that is over is not its.
    fn is_on_its_way(&self, slot: &SlotKey) -> bool {
        self.is_under_way(slot)
            && (self.can_renew()
                || self.slots.get(slot).is_some_and(|slot| slot.unpublished.is_some()))
    }

    fn lifetime_of(&self, slot: &SlotKey) -> Option<Duration> {
        self.slots.get(slot).and_then(|slot| slot.held.as_ref()).and_then(|held| held.lifetime)
    }

    /// The token that readers of `slot` get, while it is good.
    pub(super) fn valid(&self, slot: &SlotKey, now: Boot) -> Option<&Held> {
        self.slots.get(slot).and_then(|slot| slot.valid(now))
    }
}
