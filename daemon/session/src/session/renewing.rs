//! Renewal: when it is due, what its answer means.

use super::Session;
use crate::grant::{Grant, InFlight, Lost, Way};
use crate::io::{Action, Request};
use crate::login::Stage;
use crate::outcome::{Cause, Failure, Granted, Next, Outcome, Reach, Verdict, verdict};
use crate::problem::Problem;
use crate::schedule::{self, Jitter};
use crate::slot::{Held, Slot, SlotKey};
use crate::time::{Boot, Now};
use bearerd_proto::EventKind;

/// Whose turn it is: what is due of the session goes before what is tried beside it, unless that has waited longer.
#[derive(Debug)]
pub(super) enum Turn {
    Slot(SlotKey),
    Trial,
}

impl Session {
    /// The next request for a token, and when. One at a time.
    pub(super) fn next_due(&self, now: Boot) -> Option<(Boot, Turn)> {
        if self.draining || self.in_flight.is_some() || !self.can_renew() {
            return None;
        }
        if self.is_to_be_reread() {
            return Some((now, Turn::Slot(SlotKey::default())));
        }
        let due =
            self.slots.iter().filter_map(|(key, slot)| Some((self.due(key, slot, now)?, key)));
        let due = due.min().map(|(at, key)| (at, Turn::Slot(key.clone())));
        let trial = self.trial_due(now).map(|at| (at, Turn::Trial));
        let is_first = |(at, _): &(Boot, Turn)| {
            let slot_at = due.as_ref().map_or(Boot::NEVER, |(at, _)| *at).max(now);
            *at < slot_at || (*at == slot_at && self.trial_goes_first(now))
        };
        if trial.as_ref().is_some_and(is_first) { trial } else { due.or(trial) }
    }

    /// When `slot` is fetched next, if nothing else comes up.
    pub(super) fn due(&self, key: &SlotKey, slot: &Slot, now: Boot) -> Option<Boot> {
        self.way(key, now)?;
        let needed = slot.valid(now).is_none() && self.callers.wait_for(key);
        let repeats = *key == SlotKey::default() && self.repeats_at(now);
        Some(if repeats { now } else { slot.due? })
            .max(self.attempts.not_before)
            .max(slot.attempts.not_before)
            .max(self.spared_until(needed, now))
            .max(self.trial_holds_up_until())
            .filter(|at| *at < Boot::NEVER)
    }

    /// After a lost answer a second use could end the session, and the tokens in hand with it: not before they are nearly
    /// used up, unless a caller has none (`needed`).
    pub(super) fn spared_until(&self, needed: bool, now: Boot) -> Option<Boot> {
        let grant = self.grant.as_ref()?;
        if needed || grant.lost.is_none() || grant.known_not_to_rotate || self.repeats_at(now) {
            return None;
        }
        let in_hand = self.slots.values().filter_map(|slot| slot.valid(now));
        in_hand.map(|held| held.nearly_used_up()).max()
    }

    /// Whether a use that may have had no answer is to be repeated now, whatever access token is in hand: the process
    /// before may have ended between an answer and its save, or sent what had no answer.
    fn repeats_at(&self, now: Boot) -> bool {
        let until =
            self.settings.reuse_window.and_then(|window| self.grant.as_ref()?.repeat_until(window));
        until.is_some_and(|until| now < until)
    }

    /// Whether there is a refresh token that may be used, or no need of one.
    pub(super) fn can_renew(&self) -> bool {
        self.grant.as_ref().is_some_and(Grant::is_live) || self.can_obtain()
    }

    /// Sends what is due, or lets an idle session sleep on.
    pub(super) fn fetch_due(&mut self, now: Now) {
        while let Some((_, turn)) = self.next_due(now.boot).filter(|(at, _)| *at <= now.boot) {
            let Turn::Slot(key) = turn else { return self.start_trial(now.boot) };
            if self.is_left_alone(&key, now.boot) {
                self.leave_alone(&key, now.boot);
                continue;
            }
            // What the file holds now is tried at once; what has failed is no more urgent than the session.
            let is_new = self.is_untried() && self.problem(&key).is_none();
            let idle = !is_new
                && self.is_idle(now.boot)
                && !self.callers.wait_for(&key)
                && !self.repeats_at(now.boot)
                && !self.is_to_be_reread();
            match self.keep_alive_at().filter(|next| idle && *next > now.boot) {
                None => self.renew(key, now.boot),
                Some(next) => {
                    self.slots.entry(key).or_default().put_off(next);
                    self.asleep = true;
                    self.changed = true;
                }
            }
        }
    }

    /// When an idle session is renewed just to stay alive: one without a refresh token needs that never.
    fn keep_alive_at(&self) -> Option<Boot> {
        let keeps =
            self.grant.as_ref().map(|grant| schedule::keep_alive_at(grant.renewed, grant.expires));
        keeps.or(self.can_obtain().then_some(Boot::NEVER))
    }

    fn renew(&mut self, key: SlotKey, asked: Boot) {
        match self.way(&key, asked) {
            None => {}
            Some(Way::Refresh) => self.refresh(key, asked),
            Some(way) => self.obtain(key, way, asked),
        }
    }

    pub(super) fn refresh(&mut self, key: SlotKey, asked: Boot) {
        let repeats = self.repeats_at(asked);
        let Some(grant) = &mut self.grant else { return };
        if let Some(lost) = &mut grant.lost {
            lost.repeated = true;
        }
        let refresh_token = grant.refresh_token.clone();
        let request = Request::Refresh { refresh_token, slot: key.clone() };
        self.start(key, Way::Refresh, request, repeats, asked);
    }

    /// Sends a request for a token of `key`. One that does not stand in the plan leaves the plan as it is, should it fail.
    pub(super) fn start(
        &mut self,
        key: SlotKey,
        way: Way,
        request: Request,
        is_extra: bool,
        asked: Boot,
    ) {
        let fetch = self.send(request);
        let slot = self.slots.entry(key.clone()).or_default();
        let (due, postponed) = (slot.due.take(), slot.postponed.take());
        let planned = postponed.or(due).filter(|_| is_extra);
        let after_reject = slot.rejected;
        self.in_flight =
            Some(InFlight { planned, after_reject, ..InFlight::of(fetch, way, key, asked) });
    }

    pub(super) fn fetch_answered(&mut self, outcome: Outcome, now: Now, jitter: Jitter) {
        let Some(in_flight) = self.in_flight.take() else { return };
        match outcome {
            outcome if in_flight.way == Way::Trial => {
                self.trial_answered(&in_flight, outcome, now, jitter);
            }
            Outcome::Granted(granted) => self.renewed(&in_flight, &granted, now, jitter),
            Outcome::Failed(failure) => self.refresh_failed(&in_flight, &failure, now, jitter),
            Outcome::Found(refresh_token) if in_flight.way == Way::Own => {
                self.found(&in_flight, refresh_token, now, jitter);
            }
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => {
                self.refresh_failed(&in_flight, &Failure::foreign_answer(), now, jitter);
            }
        }
    }

    pub(super) fn renewed(
        &mut self,
        in_flight: &InFlight,
        granted: &Granted,
        now: Now,
        jitter: Jitter,
    ) {
        self.note_answer(granted, in_flight.asked, now);
        let is_own = in_flight.slot == SlotKey::default();
        if is_own {
            let begins = in_flight.way == Way::Own || self.is_untried();
            self.note_user(granted, begins);
        }
        self.told_over = false;
        let asked = in_flight.asked;
        let is_anothers = is_own && self.user.id != self.shown_user.id;
        let rotated = match in_flight.way {
            Way::Refresh | Way::Trial => {
                self.grant.as_mut().is_some_and(|grant| grant.renew(granted, asked))
            }
            Way::Own => self.begin_own_session(&in_flight.slot, granted, asked, now.boot),
            Way::Exchange => false,
        };
        let generation = self.want_save();
        let held = Held::of(granted, in_flight.asked, in_flight.after_reject);
        if !held.is_valid(now.boot) {
            if is_anothers {
                // The one in hand is not theirs whose session it is by now.
                self.slot().held = None;
                self.shown_user = self.user.clone();
            }
            return self.came_too_late(in_flight, now, jitter);
        }
        self.attempts.succeeded();
        // The patience with the disk counts from the first token that waits, where one does.
        let waits = self.slots.values().any(|slot| slot.unpublished.is_some());
        let slot = self.slots.entry(in_flight.slot.clone()).or_default();
        slot.take(granted, held, now.boot, jitter);
        if rotated {
            self.held_back = Some((
                generation,
                self.held_back.filter(|_| waits).map_or(now.boot, |(_, since)| since),
            ));
        } else if self.held_back.is_none() {
            self.publish(now);
        }
    }

    /// An answer that took longer than its token lives is a failure, though its refresh token counts.
    fn came_too_late(&mut self, in_flight: &InFlight, now: Now, jitter: Jitter) {
        let failure = Failure {
            cause: Cause::Later,
            message: "the answer took longer than the token in it lives".to_owned(),
            retry_after: None,
        };
        self.slots.entry(in_flight.slot.clone()).or_default().pull(now.boot);
        let verdict = verdict(in_flight.way.kind(), &failure.cause);
        self.note_failure(&in_flight.slot, &failure, verdict, now, jitter);
    }

    pub(super) fn refresh_failed(
        &mut self,
        in_flight: &InFlight,
        failure: &Failure,
        now: Now,
        jitter: Jitter,
    ) {
        let verdict = verdict(in_flight.way.kind(), &failure.cause);
        let newer = failure.cause.refresh_token();
        if in_flight.way == Way::Refresh {
            if self.grant.as_mut().is_some_and(|grant| grant.rotate(newer)) {
                self.want_save();
            }
        } else if let (Way::Own, Some(unwanted)) = (in_flight.way, newer) {
            // A session that nobody will use.
            self.revoke(unwanted.clone());
        }
        let has_another = in_flight.way == Way::Own && self.grant.is_some();
        if has_another && matches!(failure.cause, Cause::Source) {
            // The session that there is needs its file no more.
            return self.plan_as_before(in_flight);
        }
        // The same slot is due again; how soon is for the attempts to say.
        let again = in_flight.planned.unwrap_or(now.boot);
        self.slots.entry(in_flight.slot.clone()).or_default().pull(again);
        if verdict.next == Next::UntilMended {
            self.refused = Some(failure.message.clone());
        }
        let is_forgotten = in_flight.way == Way::Own && self.forget_refused_password(verdict);
        if verdict.next == Next::Over || is_forgotten {
            return self.session_over(failure, now);
        }
        if verdict.next == Next::Lost && self.lost_once_more(in_flight, now) {
            return;
        }
        self.note_failure(&in_flight.slot, failure, verdict, now, jitter);
    }

    /// Notes that an answer was lost. Within the reuse window the same token is sent once more, at once: says whether.
    fn lost_once_more(&mut self, in_flight: &InFlight, now: Now) -> bool {
        let Some(grant) = &mut self.grant else { return false };
        grant.lost.get_or_insert(Lost { asked: in_flight.asked, repeated: false });
        self.want_save();
        let again = !self.draining && self.repeats_at(now.boot);
        if again {
            self.refresh(in_flight.slot.clone(), now.boot);
        }
        again
    }

    pub(super) fn note_failure(
        &mut self,
        key: &SlotKey,
        failure: &Failure,
        verdict: Verdict,
        now: Now,
        jitter: Jitter,
    ) {
        let has_one = self.slots.get(key).is_some_and(|slot| slot.held.is_some());
        let message = format!(
            "failed to {} the token of profile `{}`: {}",
            if has_one { "renew" } else { "get" },
            self.settings.profile,
            failure.message
        );
        // What is held against a request for another scope or audience is not held against the profile's own.
        let of_slot = *key != SlotKey::default() && matches!(verdict.next, Next::Hold(_));
        let reach = if of_slot { Reach::Slot } else { verdict.reach };
        let attempts = match reach {
            Reach::Session => &mut self.attempts,
            Reach::Slot => {
                // The IdP is there and knows the client: what was wrong with the session is not any more.
                self.attempts.succeeded();
                &mut self.slots.entry(key.clone()).or_default().attempts
            }
        };
        let before = attempts.problem.as_ref().map(|problem| problem.code);
        attempts.failed(failure, verdict, message.clone(), self.settings.pauses, now, jitter);
        let again = attempts.pull_from().filter(|from| *from < Boot::NEVER);
        let wait = again.map(|from| from.since(now.boot));
        let problem = Problem { code: verdict.code, message, at: now.wall };
        if before != Some(verdict.code) {
            self.actions.push(Action::Tell(EventKind::Degraded, Some(problem.message.clone())));
        }
        self.changed = true;
        let refusal = self.failed(&problem, wait);
        self.serve_failed(|slot| reach == Reach::Session || slot == key, &refusal, now);
    }

    /// The IdP refuses the refresh token: said once; the token in hand is served on while it is good.
    fn session_over(&mut self, failure: &Failure, now: Now) {
        if self.can_obtain() {
            // Nobody is needed for the next one.
            self.grant = None;
            self.begin_with_wanted(now);
            self.want_save();
            // A provider whose sessions end as soon as they begin is not asked for one after the other.
            let slot = self.slot();
            slot.pull(slot.spaced_by_itself(now.boot));
            return self.hold_what_is_refused(now);
        }
        let reviving = self.is_reviving();
        let honest = self.grant.as_ref().map_or("", Grant::why_over);
        let reason = format!("{}{honest}", failure.message);
        if let Some(grant) = &mut self.grant {
            grant.over = Some(reason.clone());
        }
        self.broken_since = now.wall;
        self.attempts.succeeded();
        for slot in self.slots.values_mut() {
            slot.attempts.succeeded();
        }
        self.want_save();
        self.changed = true;
        if reviving {
            return;
        }
        self.tell_over(&reason);
        if let Some(refusal) = self.no_session() {
            self.serve_failed(|_| true, &refusal, now);
        }
    }

    pub(super) fn tell_over(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.told_over, true) {
            self.actions.push(Action::Tell(EventKind::LoginRequired, Some(reason.to_owned())));
        }
    }

    /// The IdP keeps silent for longer than anybody waits: `status` says so from then on.
    pub(super) fn note_silence(&mut self, now: Now) {
        if let Some(in_flight) = &mut self.in_flight
            && !in_flight.silence_told
            && in_flight.silent_from() <= now.boot
        {
            in_flight.silence_told = true;
            self.changed = true;
        }
    }

    /// When that is next.
    pub(super) fn silent_from(&self) -> Option<Boot> {
        self.in_flight.as_ref().filter(|it| !it.silence_told).map(InFlight::silent_from)
    }

    /// The end of a token in hand: readers get none any more; without a grant the session is over with it.
    pub(super) fn note_expiry(&mut self, now: Now) {
        let mut ended = false;
        for slot in self.slots.values_mut() {
            if !slot.expiry_seen && slot.expires().is_some_and(|end| end <= now.boot) {
                slot.expiry_seen = true;
                ended = true;
            }
        }
        if ended {
            self.changed = true;
            let newer_comes = self.slots.values().any(|slot| slot.unpublished.is_some());
            if self.grant.is_none() && !newer_comes && !self.can_obtain() {
                self.tell_over(
                    "the access token has expired, and the identity provider gave no refresh token",
                );
            }
        }
    }

    /// Whether the refresh under way is the one try of a session that is over, for a login.
    pub(super) fn is_reviving(&self) -> bool {
        self.login.as_ref().is_some_and(|login| matches!(login.stage, Stage::Reviving))
    }
}
