//! Answers for callers that wait: a new token, a failed attempt, the end of their patience.

use super::Session;
use crate::callers::{Caller, Want};
use crate::io::Answer;
use crate::schedule::REJECT_SPACING;
use crate::slot::SlotKey;
use crate::time::Now;
use bearerd_proto::ErrorBody;

impl Session {
    /// A new token is published: whoever waited for one gets it.
    pub(super) fn serve_published(&mut self, slot: &SlotKey, now: Now) {
        for caller in self.callers.take(|caller| caller.slot == *slot) {
            let Some(held) = self.valid(slot, now.boot) else {
                let refusal = self.out_of_patience(slot);
                self.answer(caller.waiter, Answer::Refused(refusal));
                continue;
            };
            let good = |degraded| Answer::Token { slot: slot.clone(), degraded };
            let answer = match &caller.want {
                Want::Any => good(false),
                Want::Wish { min_ttl, .. } if held.lives_for(*min_ttl, now.boot) => good(false),
                Want::Wish { strict: false, .. } => good(true),
                Want::Wish { min_ttl, .. } => Answer::Refused(
                    self.min_ttl_unmet(*min_ttl, "even a fresh token lives shorter"),
                ),
                Want::Instead(rejected) if held.token.same_as(rejected) => {
                    Answer::Refused(self.rejected_again(
                        "the identity provider handed the same token out again",
                        REJECT_SPACING,
                    ))
                }
                Want::Instead(_) => good(false),
            };
            self.answer(caller.waiter, answer);
        }
    }

    /// An attempt failed: all who waited for it share its answer. A strict wish waits on for the next attempt, and whoever
    /// waits for no more than a save waits on for that.
    pub(super) fn serve_failed(
        &mut self,
        reached: impl Fn(&SlotKey) -> bool,
        refusal: &ErrorBody,
        now: Now,
    ) {
        let can_renew = self.can_renew();
        let slots = &self.slots;
        let has_token =
            |slot: &SlotKey| slots.get(slot).is_some_and(|slot| slot.valid(now.boot).is_some());
        let is_here = |slot: &SlotKey| {
            let newest = slots.get(slot).and_then(|slot| slot.unpublished.as_ref());
            newest.is_some_and(|held| held.is_valid(now.boot))
        };
        let waits_on = |caller: &Caller| {
            let is_strict = matches!(caller.want, Want::Wish { strict: true, .. });
            is_here(&caller.slot) || (is_strict && can_renew && has_token(&caller.slot))
        };
        for caller in self.callers.take(|caller| reached(&caller.slot) && !waits_on(caller)) {
            let has_token = self.valid(&caller.slot, now.boot).is_some();
            let good = |degraded| Answer::Token { slot: caller.slot.clone(), degraded };
            let answer = match caller.want {
                Want::Wish { strict: false, .. } if has_token => good(true),
                Want::Wish { min_ttl, .. } if has_token => Answer::Refused(
                    self.min_ttl_unmet(min_ttl, "the session can't be renewed without a login"),
                ),
                _ => Answer::Refused(refusal.clone()),
            };
            self.answer(caller.waiter, answer);
        }
    }

    /// Callers whose patience has ended.
    pub(super) fn serve_impatient(&mut self, now: Now) {
        for mut caller in self.callers.take(|caller| caller.deadline <= now.boot) {
            let has_token = self.valid(&caller.slot, now.boot).is_some();
            let good = |degraded| Answer::Token { slot: caller.slot.clone(), degraded };
            let answer = match &caller.want {
                Want::Wish { strict: false, .. } if has_token => good(true),
                Want::Wish { strict: false, .. } if now.boot < caller.last_deadline => {
                    caller.want = Want::Any;
                    caller.deadline = caller.last_deadline;
                    self.callers.add(caller);
                    continue;
                }
                Want::Wish { min_ttl, strict: true } if has_token => {
                    Answer::Refused(self.min_ttl_unmet(*min_ttl, "no fresh token came in time"))
                }
                _ => Answer::Refused(self.out_of_patience(&caller.slot)),
            };
            self.answer(caller.waiter, answer);
        }
    }
}
