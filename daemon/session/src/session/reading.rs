//! Readers that the snapshot could not answer: callers without a token, wishes, rejected tokens.

use super::Session;
use crate::callers::{Caller, Want};
use crate::io::{Answer, WaiterId};
use crate::problem::{Problem, seconds_up};
use crate::schedule::{PATIENCE, REJECT_SPACING, WISH_PATIENCE};
use crate::slot::{Held, SlotKey};
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, ErrorCode, Secret};
use std::time::Duration;

impl Session {
    pub(super) fn read(
        &mut self,
        waiter: WaiterId,
        min_ttl: Option<Duration>,
        strict: bool,
        now: Now,
    ) {
        self.last_read = now.boot;
        self.woke(now);
        if self.is_constant() {
            return self.answer(waiter, Answer::Token { degraded: false });
        }
        let slot = SlotKey::default();
        let want = min_ttl.map_or(Want::Any, |min_ttl| Want::Wish { min_ttl, strict });
        let Some(held) = self.slots.get(&slot).and_then(|slot| slot.valid(now.boot)) else {
            return self.ask_without_token(waiter, slot, want, now);
        };
        match min_ttl {
            Some(min_ttl) if !held.lives_for(min_ttl, now.boot) => {
                self.wish(waiter, slot, min_ttl, strict, now);
            }
            _ => self.answer(waiter, Answer::Token { degraded: false }),
        }
    }

    /// A reader came to a session that only kept itself alive: it is kept fresh again.
    pub(super) fn woke(&mut self, now: Now) {
        self.last_read = now.boot;
        if !std::mem::take(&mut self.asleep) {
            return;
        }
        self.changed = true;
        for slot in self.slots.values_mut() {
            slot.pull(slot.spaced(now.boot));
        }
    }

    /// The token in hand is good, but not for as long as the caller wishes.
    fn wish(&mut self, waiter: WaiterId, slot: SlotKey, min_ttl: Duration, strict: bool, now: Now) {
        let fresh_could =
            self.can_renew() && self.lifetime_of(&slot).is_none_or(|lifetime| min_ttl <= lifetime);
        let failed = self.problem(&slot).is_some();
        if strict && !fresh_could {
            let refusal = self.min_ttl_unmet(min_ttl, "no token of this provider lives that long");
            return self.answer(waiter, Answer::Refused(refusal));
        }
        if !strict && (!fresh_could || failed) {
            return self.answer(waiter, Answer::Token { degraded: true });
        }
        // After a failure the planned attempts go on at their own pace: this caller has a token.
        if !failed {
            self.pull(&slot, now);
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
        if let Some(refusal) = self.no_session() {
            return self.answer(waiter, Answer::Refused(refusal));
        }
        if !self.is_under_way(&slot) {
            if self.draining {
                return self.answer(waiter, Answer::Refused(self.shutting_down()));
            }
            if let Some((problem, pull_from)) = self.refused_until(&slot)
                && now.boot < pull_from
            {
                let refusal = self.failed(&problem, Some(pull_from.since(now.boot)));
                return self.answer(waiter, Answer::Refused(refusal));
            }
            self.pull(&slot, now);
        }
        let deadline = now.boot + PATIENCE;
        self.callers.add(Caller { waiter, slot, want, deadline, last_deadline: deadline });
    }

    /// A resource server refused `token`: a newer one, unless that is what it has already.
    pub(super) fn reject(&mut self, waiter: WaiterId, token: Secret, now: Now) {
        self.woke(now);
        let holds =
            |held: &Option<Held>| held.as_ref().is_some_and(|held| held.token.same_as(&token));
        let found =
            self.slots.iter().find(|(_, slot)| holds(&slot.held)).map(|(key, _)| key.clone());
        let constant = self.constant_token().is_some_and(|constant| constant.same_as(&token));
        if constant {
            let refusal =
                self.rejected_again("it is a constant that can't be fetched anew", REJECT_SPACING);
            return self.answer(waiter, Answer::Refused(refusal));
        }
        let Some(key) = found else { return self.read(waiter, None, false, now) };
        if let Some(held) = self.slots.get(&key).and_then(|slot| slot.held.as_ref()) {
            let again_from = held.asked + REJECT_SPACING;
            if held.after_reject && now.boot < again_from {
                let reason = "it was fetched a moment ago because its predecessor was rejected";
                let refusal = self.rejected_again(reason, again_from.since(now.boot));
                return self.answer(waiter, Answer::Refused(refusal));
            }
        }
        let pull_from = self.refused_until(&key).filter(|(_, pull_from)| now.boot < *pull_from);
        if !self.is_under_way(&key) {
            if let Some(refusal) = self.no_session() {
                return self.answer(waiter, Answer::Refused(refusal));
            }
            if self.draining {
                return self.answer(waiter, Answer::Refused(self.shutting_down()));
            }
            if let Some((problem, pull_from)) = pull_from {
                let refusal = self.failed(&problem, Some(pull_from.since(now.boot)));
                return self.answer(waiter, Answer::Refused(refusal));
            }
            self.attempts.pull(now.boot);
            let slot = self.slots.entry(key.clone()).or_default();
            slot.attempts.pull(now.boot);
            slot.pull(now.boot);
        }
        self.slots.entry(key.clone()).or_default().rejected = true;
        self.changed = true;
        let deadline = now.boot + PATIENCE;
        self.callers.add(Caller {
            waiter,
            slot: key,
            want: Want::Instead(token),
            deadline,
            last_deadline: deadline,
        });
    }

    pub(super) fn gone(&mut self, waiter: WaiterId) {
        self.callers.gone(waiter);
        self.leaving.retain(|leaving| leaving.waiter != waiter);
        if let Some(login) = &mut self.login {
            login.starters.retain(|(starter, _)| *starter != waiter);
            login.followers.retain(|(follower, _)| *follower != waiter);
        }
    }

    /// A new token is published: whoever waited for one gets it.
    pub(super) fn serve_published(&mut self, slot: &SlotKey, now: Now) {
        for caller in self.callers.take(|caller| caller.slot == *slot) {
            let Some(held) = self.slots.get(slot).and_then(|slot| slot.valid(now.boot)) else {
                let refusal = self.out_of_patience(slot);
                self.answer(caller.waiter, Answer::Refused(refusal));
                continue;
            };
            let answer = match &caller.want {
                Want::Any => Answer::Token { degraded: false },
                Want::Wish { min_ttl, .. } if held.lives_for(*min_ttl, now.boot) => {
                    Answer::Token { degraded: false }
                }
                Want::Wish { strict: false, .. } => Answer::Token { degraded: true },
                Want::Wish { min_ttl, .. } => Answer::Refused(
                    self.min_ttl_unmet(*min_ttl, "even a fresh token lives shorter"),
                ),
                Want::Instead(rejected) if held.token.same_as(rejected) => {
                    Answer::Refused(self.rejected_again(
                        "the identity provider handed the same token out again",
                        REJECT_SPACING,
                    ))
                }
                Want::Instead(_) => Answer::Token { degraded: false },
            };
            self.answer(caller.waiter, answer);
        }
    }

    /// An attempt failed: all who waited for it share its answer. A strict wish waits on for the next attempt.
    pub(super) fn serve_failed(
        &mut self,
        reached: impl Fn(&SlotKey) -> bool,
        refusal: &ErrorBody,
        now: Now,
    ) {
        let hopeless = !self.can_renew();
        let patient = |want: &Want| matches!(want, Want::Wish { strict: true, .. }) && !hopeless;
        for caller in self.callers.take(|caller| reached(&caller.slot) && !patient(&caller.want)) {
            let valid =
                self.slots.get(&caller.slot).and_then(|slot| slot.valid(now.boot)).is_some();
            let answer = match caller.want {
                Want::Wish { strict: false, .. } if valid => Answer::Token { degraded: true },
                _ => Answer::Refused(refusal.clone()),
            };
            self.answer(caller.waiter, answer);
        }
    }

    /// Callers whose patience has ended.
    pub(super) fn serve_callers(&mut self, now: Now) {
        for mut caller in self.callers.take(|caller| caller.deadline <= now.boot) {
            let valid =
                self.slots.get(&caller.slot).and_then(|slot| slot.valid(now.boot)).is_some();
            let answer = match &caller.want {
                Want::Wish { strict: false, .. } if valid => Answer::Token { degraded: true },
                Want::Wish { strict: false, .. } if now.boot < caller.last_deadline => {
                    caller.want = Want::Any;
                    caller.deadline = caller.last_deadline;
                    self.callers.add(caller);
                    continue;
                }
                Want::Wish { min_ttl, strict: true } => {
                    Answer::Refused(self.min_ttl_unmet(*min_ttl, "no fresh token came in time"))
                }
                _ => Answer::Refused(self.out_of_patience(&caller.slot)),
            };
            self.answer(caller.waiter, answer);
        }
    }

    /// Brings the next fetch of `slot` forward as far as the spacing between two fetches allows.
    fn pull(&mut self, slot: &SlotKey, now: Now) {
        self.attempts.pull(now.boot);
        let slot = self.slots.entry(slot.clone()).or_default();
        slot.attempts.pull(now.boot);
        slot.pull(slot.spaced(now.boot));
    }

    fn is_under_way(&self, slot: &SlotKey) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| in_flight.slot == *slot)
            || self.slots.get(slot).is_some_and(|slot| slot.unpublished.is_some())
    }

    fn lifetime_of(&self, slot: &SlotKey) -> Option<Duration> {
        self.slots.get(slot).and_then(|slot| slot.held.as_ref()).and_then(|held| held.lifetime)
    }

    /// The last failure that reaches `slot`, and when a caller may pull the next attempt.
    fn refused_until(&self, slot: &SlotKey) -> Option<(Problem, Boot)> {
        let of_slot = self.slots.get(slot).map(|slot| &slot.attempts);
        [Some(&self.attempts), of_slot]
            .into_iter()
            .flatten()
            .filter_map(|attempts| Some((attempts.problem.clone()?, attempts.pull_from()?)))
            .max_by_key(|(_, pull_from)| *pull_from)
    }

    fn min_ttl_unmet(&self, min_ttl: Duration, reason: &str) -> ErrorBody {
        let message = format!(
            "profile `{}` has no token that lives {} s on: {reason}; ask for less, or leave `strict` out",
            self.settings.profile,
            min_ttl.as_secs()
        );
        ErrorBody::new(ErrorCode::MinTtlUnmet, message).of(&self.settings.profile)
    }

    fn rejected_again(&self, reason: &str, wait: Duration) -> ErrorBody {
        let message = format!(
            "the token of profile `{}` was rejected, and {reason}; check that the resource server is meant for this \
             profile and that its clock is right",
            self.settings.profile
        );
        let body = ErrorBody::new(ErrorCode::IdpRejected, message).of(&self.settings.profile);
        ErrorBody { retry_after: Some(seconds_up(wait)), ..body }
    }

    fn out_of_patience(&self, slot: &SlotKey) -> ErrorBody {
        let last = self
            .problem(slot)
            .map_or(String::new(), |problem| format!("; before that: {}", problem.message));
        let message = format!(
            "the identity provider of profile `{}` has not given a valid token in {} s; bearerd goes on waiting for \
             it: ask again{last}",
            self.settings.profile,
            PATIENCE.as_secs()
        );
        let body = ErrorBody::new(ErrorCode::IdpUnreachable, message).of(&self.settings.profile);
        ErrorBody { retry_after: Some(1), ..body }
    }
}
