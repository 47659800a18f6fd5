//! What the profile's file holds now: it begins a session where none lives, and is tried beside one that does. That one
//! is the profile's until the other has given a token.

use super::Session;
use super::logging_in::unusable_unless_failed;
use super::orphans::Orphan;
use crate::grant::{Grant, InFlight, Way};
use crate::io::{Action, Request};
use crate::outcome::{Cause, Failure, Granted, Outcome};
use crate::record::SavedGrant;
use crate::schedule::{IDLE_AFTER, Jitter};
use crate::settings::Binding;
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use crate::trial::Trial;
use bearerd_proto::{EventKind, Secret};

/// What outlives a session that ends: a trial beside it, its request, and a change of the file.
pub(super) struct Outliving {
    trial: Option<Trial>,
    in_flight: Option<InFlight>,
    reread: bool,
}

impl Session {
    /// The profile's file holds this refresh token: taken if it is another than the last time.
    pub(super) fn found(
        &mut self,
        look: &InFlight,
        refresh_token: Secret,
        now: Now,
        jitter: Jitter,
    ) {
        let is_known = self.note_if_known(&refresh_token);
        let is_live = self.grant.as_ref().is_some_and(Grant::is_live);
        if is_known && !is_live {
            let failure = Failure {
                cause: Cause::Source,
                message: "the refresh token in its file was taken before, and is refused already or logged out: let \
                          the program that writes the file log in again"
                    .to_owned(),
                retry_after: None,
            };
            return self.refresh_failed(look, &failure, now, jitter);
        }
        let begins = !is_live || self.is_untried();
        if !is_known {
            let newest = self.note_trial(refresh_token);
            if !begins {
                self.want_trial(true);
            } else if self.is_being_used(&newest) {
                // Before a logout or a move, say: the answer decides whether it is good for anything.
                self.reread_after_use = true;
            } else {
                self.begin_with_trial(now);
                let slot = self.slot();
                return slot.pull(slot.spaced_for_need(now.boot));
            }
        }
        self.plan_as_before(look);
    }

    /// The file has brought nothing to act upon at once.
    pub(super) fn plan_as_before(&mut self, look: &InFlight) {
        if let Some(planned) = look.planned {
            self.slot().pull(planned);
        }
    }

    /// The profile's file holds this: says whether it is what was last taken from there, what the live session began
    /// with, or what is refused already. What the file held for a while is not wanted any more then.
    pub(super) fn note_if_known(&mut self, refresh_token: &Secret) -> bool {
        let is_ours = self.grant.as_ref().is_some_and(|grant| grant.is_or_was(refresh_token));
        if is_ours || self.trial_of(refresh_token).is_some_and(Trial::is_refused) {
            self.source = Some(refresh_token.clone());
        }
        let is_known = self.source.as_ref().is_some_and(|source| source.same_as(refresh_token));
        if is_known {
            self.want_trial(false);
        }
        is_known
    }

    /// The profile's file holds a refresh token that is no session of the profile, and nothing else any more: gives what
    /// has become of it.
    pub(super) fn note_trial(&mut self, source: Secret) -> Secret {
        if let Some(trial) = self.trial_of(&source) {
            return trial.newest.clone();
        }
        let binding = &self.settings.binding;
        self.trial = Some(Trial::of(source.clone(), binding, self.trial.take()));
        source
    }

    /// What is known of what the file holds, or somebody brings along.
    pub(super) fn trial_of(&self, refresh_token: &Secret) -> Option<&Trial> {
        let binding = &self.settings.binding;
        self.trial.as_ref().filter(|trial| trial.is_or_was(refresh_token, binding))
    }

    /// The same, where this very token is what would be sent next.
    pub(super) fn trial_by(&mut self, spent: &Secret, binding: &Binding) -> Option<&mut Trial> {
        self.trial.as_mut().filter(|trial| trial.is_spent_by(spent, binding))
    }

    fn wanted_trial(&self) -> Option<&Trial> {
        self.trial.as_ref().filter(|trial| trial.is_wanted)
    }

    fn want_trial(&mut self, is_wanted: bool) {
        if let Some(trial) = &mut self.trial {
            trial.is_wanted = is_wanted;
        }
    }

    /// There is no session but what the file holds.
    fn begin_with_trial(&mut self, now: Now) {
        let Some(trial) = self.trial.take() else { return };
        let (grant, attempts) = trial.into_grant(now.boot);
        self.source.clone_from(&grant.source);
        self.grant = Some(grant);
        self.ends = self.settings.lifetime.map(|lifetime| now.boot + lifetime);
        let before = self.attempts.for_another();
        let not_before = before.not_before.max(attempts.not_before);
        self.attempts = if attempts.problem.is_some() { attempts } else { before };
        self.attempts.not_before = not_before;
        self.want_save();
    }

    /// The session that lived has ended: what was to be tried beside it is all there is.
    pub(super) fn begin_with_wanted(&mut self, now: Now) {
        let Some(trial) = self.wanted_trial() else { return };
        if self.is_being_used(&trial.newest) {
            // By a login, say.
            self.reread_after_use = true;
            return self.want_trial(false);
        }
        self.begin_with_trial(now);
    }

    /// The session ends, and what is tried beside it does not.
    pub(super) fn take_what_outlives(&mut self) -> Outliving {
        let trial = self.trial.take().filter(|trial| trial.is_wanted);
        let newest = trial.as_ref().map(|trial| trial.newest.clone());
        let is_its = |it: &mut InFlight| match (&it.spends, &newest) {
            (Some(spent), Some(newest)) => spent.same_as(newest),
            _ => false,
        };
        Outliving { in_flight: self.in_flight.take_if(is_its), trial, reread: self.reread }
    }

    /// That session is no more.
    pub(super) fn go_on_with_what_outlives(&mut self, outliving: Outliving, now: Now) {
        self.trial = outliving.trial;
        self.reread |= outliving.reread;
        if let Some(in_flight) = outliving.in_flight {
            self.begin_with_trial(now);
            self.in_flight = Some(InFlight { way: Way::Refresh, spends: None, ..in_flight });
            return;
        }
        self.begin_with_wanted(now);
        if self.grant.is_some() {
            self.slot().pull(now.boot);
        }
    }

    /// When what the file holds is tried beside the session that lives.
    pub(super) fn trial_due(&self, now: Boot) -> Option<Boot> {
        let trial = self.wanted_trial()?;
        if self.is_taking_over() || self.is_being_used(&trial.newest) {
            return None;
        }
        if trial.repeats_at(self.settings.reuse_window, now) {
            return Some(now);
        }
        let spaced = self.slots.get(&SlotKey::default()).map(|slot| slot.spaced_for_need(now));
        let not_before = trial.not_before(self.is_idle(now)).max(self.attempts.not_before);
        Some(now).max(spaced).max(not_before)
    }

    /// Until when nothing else is asked for, by what it has come to.
    pub(super) fn trial_holds_up_until(&self) -> Option<Boot> {
        self.trial.as_ref()?.holds_up_until(&self.settings.binding)
    }

    /// Whether it goes before what is due of the session: a lost answer is repeated at once, and where the session has
    /// failed since its own last try it has waited longer.
    pub(super) fn trial_goes_first(&self, now: Boot) -> bool {
        let Some(trial) = self.wanted_trial() else { return false };
        trial.repeats_at(self.settings.reuse_window, now)
            || (self.attempts.problem.is_some() && trial.failed_at() < self.attempts.failed_at())
    }

    /// Whether nobody has read for so long that the session only keeps itself alive.
    pub(super) fn is_idle(&self, now: Boot) -> bool {
        now.since(self.last_read) >= IDLE_AFTER
    }

    /// What has failed and rests while nobody reads is tried again for whoever does.
    pub(super) fn let_readers_wake_the_trial(&mut self, now: Boot) {
        let rests = self.wanted_trial().is_some_and(Trial::has_failed) && self.is_idle(now);
        if rests && !std::mem::replace(&mut self.asleep, true) {
            self.changed = true;
        }
    }

    /// Tries what the file holds. The plan of the session that lives stays as it is.
    pub(super) fn start_trial(&mut self, asked: Boot) {
        let Some(trial) = &mut self.trial else { return };
        let (refresh_token, slot) = (trial.spend(), SlotKey::default());
        let spends = Some(refresh_token.clone());
        let fetch = self.send(Request::Refresh { refresh_token, slot: slot.clone() });
        self.in_flight = Some(InFlight { spends, ..InFlight::of(fetch, Way::Trial, slot, asked) });
    }

    /// With a token of its own it takes the place of the session that lived. That one is kept in mind, should the file
    /// hold again what it began with.
    pub(super) fn trial_answered(
        &mut self,
        in_flight: &InFlight,
        outcome: Outcome,
        now: Now,
        jitter: Jitter,
    ) {
        let Some(spent) = in_flight.spends.clone() else { return };
        let binding = self.settings.binding.clone();
        if self.trial_by(&spent, &binding).is_none_or(|trial| !trial.is_wanted) {
            // A login has found another one in the file meanwhile, or that it is back.
            if matches!(outcome, Outcome::Granted(_)) {
                self.slot().answered = Some(now.boot);
            }
            let orphan = Orphan::Strayed { spent, binding };
            self.orphan_answered(in_flight.fetch, orphan, outcome, now);
            return self.serve_what_cannot_come(now);
        }
        match outcome {
            Outcome::Granted(granted) => {
                let before = self.grant.take();
                self.begin_with_trial(now);
                self.trial = before.and_then(|grant| Trial::left_behind(grant, &binding));
                self.renewed(in_flight, &granted, now, jitter);
            }
            outcome => {
                let failure = unusable_unless_failed(outcome);
                self.trial_failed(in_flight.asked, &failure, now, jitter);
                self.serve_what_cannot_come(now);
            }
        }
    }

    /// The provider has not taken what the file holds. What may be about that very token says nothing of the session that
    /// lives.
    pub(super) fn trial_failed(
        &mut self,
        asked: Boot,
        failure: &Failure,
        now: Now,
        jitter: Jitter,
    ) {
        let lives = self.grant.as_ref().is_some_and(Grant::is_live);
        let Some(trial) = &mut self.trial else { return };
        let message = format!(
            "failed to begin a session of profile `{}` with the refresh token in its file: {}",
            self.settings.profile, failure.message
        );
        trial.failed(asked, failure, message.clone(), self.settings.pauses, now, jitter);
        if trial.is_refused() || (lives && failure.cause.may_be_the_tokens()) {
            self.refuse_trial();
            let told = format!("{message}; the session that there is goes on");
            self.actions.extend(lives.then_some(Action::Tell(EventKind::Degraded, Some(told))));
        }
    }

    /// What the file holds is of no use: it is not tried again.
    fn refuse_trial(&mut self) {
        let Some(trial) = &mut self.trial else { return };
        trial.is_wanted = false;
        self.source = Some(trial.source.clone());
        self.want_save();
    }

    /// A login has spent it for a session that nobody wants.
    pub(super) fn trial_is_spent_in_vain(&mut self, spent: &Secret, granted: &Granted) {
        let binding = self.settings.binding.clone();
        if let Some(trial) = self.trial_by(spent, &binding) {
            trial.rotate(granted.refresh_token.as_ref());
            self.refuse_trial();
        }
    }

    /// What becomes of the answer to a use that is given up, where what it spends is tried again.
    pub(super) fn strayed(&self, spent: &Secret) -> Option<Orphan> {
        let binding = self.settings.binding.clone();
        let is_its = self.trial.as_ref().is_some_and(|trial| trial.is_spent_by(spent, &binding));
        is_its.then(|| Orphan::Strayed { spent: spent.clone(), binding })
    }

    /// What was tried where the profile is no more, or for a login that was given up, has been answered. Where nothing of
    /// it is known any more, nobody wants its session.
    pub(super) fn strayed_answered(&mut self, spent: &Secret, binding: &Binding, outcome: Outcome) {
        if let Some(trial) = self.trial_by(spent, binding) {
            return trial.note(outcome);
        }
        // To another place no token of this one goes.
        if *binding == self.settings.binding {
            self.revoke_what_came(outcome);
        }
    }

    /// The profile moves away. What its file holds is tried again should it come back, also where that was all there was
    /// and is not parked: gives what of it is spent just now, as its successor would be lost otherwise.
    pub(super) fn note_strayed(&mut self, parks: bool) -> Option<Secret> {
        let untried = self.grant.take_if(|grant| grant.untried && !parks);
        let spent = untried.as_ref().map(|grant| grant.refresh_token.clone());
        let binding = &self.settings.binding;
        if let Some(trial) = untried.and_then(|grant| Trial::left_behind(grant, binding)) {
            self.trial = Some(trial);
        }
        self.want_trial(false);
        let in_flight = self.in_flight.as_ref()?;
        in_flight.spends.clone().or(spent.filter(|_| in_flight.way == Way::Refresh))
    }

    /// A logout, or a login in its place: what the file holds is not taken any more. Gives what was to be tried.
    pub(super) fn give_up_trial(&mut self) -> Option<Secret> {
        let trial = self.trial.take().filter(|trial| trial.is_wanted)?;
        self.source = Some(trial.source);
        Some(trial.newest)
    }

    /// Whether the refresh token came out of the profile's file and has given no token yet.
    pub(super) fn is_untried(&self) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.untried)
    }

    /// Whether there is nothing but that, and a session that is parked and goes on should its place come back.
    pub(super) fn gives_way_to_the_parked(&self) -> bool {
        let goes_on = |grant: &SavedGrant| grant.over.is_none();
        let parked = self.parked.as_ref().and_then(|parked| parked.grant.as_ref());
        self.is_untried() && parked.is_some_and(goes_on)
    }
}
