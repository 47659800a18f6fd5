//! What the profile's file holds now: it begins a session where none lives, and is tried beside one that does. That one
//! is the profile's until the other has given a token.

use super::Session;
use super::logging_in::unusable_unless_failed;
use crate::grant::{Grant, InFlight, Way};
use crate::io::Request;
use crate::outcome::{Cause, Failure, Next, Outcome, Reach, RequestKind, verdict};
use crate::problem::Attempts;
use crate::record::SavedGrant;
use crate::schedule::{IDLE_AFTER, Jitter};
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use bearerd_proto::Secret;

/// A refresh token that the profile's file holds or held, and that is no session of the profile.
#[derive(Debug)]
pub(super) struct Trial {
    /// What the file held.
    source: Secret,
    /// What has become of it.
    newest: Secret,
    /// Where: of no use anywhere else.
    endpoint: String,
    /// The file holds it, and the provider has neither taken nor refused it.
    is_wanted: bool,
    attempts: Attempts,
}

/// The same while its session ends.
pub(super) struct SetAside {
    trial: Option<Trial>,
    in_flight: Option<InFlight>,
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
        let is_known = self.note_known_source(&refresh_token);
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
    fn plan_as_before(&mut self, look: &InFlight) {
        if let Some(planned) = look.planned {
            self.slot().pull(planned);
        }
    }

    /// Whether the profile's file holds what was last taken from there, or again what the live session began with. What
    /// it held for a while is not wanted any more then.
    pub(super) fn note_known_source(&mut self, refresh_token: &Secret) -> bool {
        if self.grant.as_ref().is_some_and(|grant| grant.is_or_was(refresh_token)) {
            self.source = Some(refresh_token.clone());
        }
        let is_known = self.source.as_ref().is_some_and(|source| source.same_as(refresh_token));
        if is_known {
            self.want_trial(false);
        }
        is_known
    }

    /// The profile's file holds a refresh token that is no session of the profile: gives what has become of it.
    pub(super) fn note_trial(&mut self, source: Secret) -> Secret {
        if self.trial_of(&source).is_none() {
            let endpoint = self.settings.binding.endpoint.clone();
            // One after the other is no reason to ask the provider as often.
            let attempts = self.trial.take().map(|before| before.attempts.for_another());
            let attempts = attempts.unwrap_or_default();
            let (source, newest) = (source.clone(), source.clone());
            self.trial = Some(Trial { source, newest, endpoint, is_wanted: false, attempts });
        }
        self.trial_of(&source).map_or(source, |trial| trial.newest.clone())
    }

    fn trial_of(&self, source: &Secret) -> Option<&Trial> {
        let endpoint = &self.settings.binding.endpoint;
        let is_it = |it: &&Trial| it.source.same_as(source) && it.endpoint == *endpoint;
        self.trial.as_ref().filter(is_it)
    }

    pub(super) fn is_of_the_trial(&self, refresh_token: &Secret) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.newest.same_as(refresh_token))
    }

    fn want_trial(&mut self, is_wanted: bool) {
        if let Some(trial) = &mut self.trial {
            trial.is_wanted = is_wanted;
        }
    }

    /// There is no session but what the file holds.
    fn begin_with_trial(&mut self, now: Now) {
        let Some(trial) = self.trial.take() else { return };
        self.source = Some(trial.source.clone());
        let source = Some(trial.source);
        self.grant = Some(Grant { untried: true, source, ..Grant::found(trial.newest, now.boot) });
        self.ends = self.settings.lifetime.map(|lifetime| now.boot + lifetime);
        self.attempts.forgive();
        if trial.attempts.problem.is_some() {
            self.attempts = trial.attempts;
        }
        self.want_save();
    }

    /// The session that lived has ended: what was to be tried beside it is all there is.
    pub(super) fn begin_with_wanted(&mut self, now: Now) {
        if self.trial.as_ref().is_some_and(|trial| trial.is_wanted) {
            self.begin_with_trial(now);
        }
    }

    /// What is tried outlives the session beside which it is.
    pub(super) fn set_trial_aside(&mut self) -> SetAside {
        let trial = self.trial.take().filter(|trial| trial.is_wanted);
        SetAside { trial, in_flight: self.in_flight.take_if(|it| it.way == Way::Trial) }
    }

    /// That session is no more.
    pub(super) fn begin_with_what_was_set_aside(&mut self, aside: SetAside, now: Now) {
        self.trial = aside.trial;
        self.begin_with_wanted(now);
        if let Some(in_flight) = aside.in_flight {
            self.in_flight = Some(InFlight { way: Way::Refresh, ..in_flight });
        } else if self.grant.is_some() {
            self.slot().pull(now.boot);
        }
    }

    /// When what the file holds is tried beside the session that lives.
    pub(super) fn trial_due(&self, now: Boot) -> Option<Boot> {
        let trial = self.trial.as_ref().filter(|trial| trial.is_wanted)?;
        if self.is_taking_over() || self.is_being_used(&trial.newest) {
            return None;
        }
        let spaced = self.slots.get(&SlotKey::default()).map(|slot| slot.spaced_for_need(now));
        // What has failed is no more urgent than a session that nobody reads.
        let is_idle = now.since(self.last_read) >= IDLE_AFTER;
        let failed = trial.attempts.pull_from().filter(|_| is_idle);
        let rarely = failed.map(|from| from + IDLE_AFTER);
        let not_before = self.attempts.not_before.max(trial.attempts.not_before);
        Some(now).max(spaced).max(not_before).max(rarely)
    }

    /// Tries what the file holds. The plan of the session that lives stays as it is.
    pub(super) fn start_trial(&mut self, asked: Boot) {
        let Some(trial) = &self.trial else { return };
        let (refresh_token, slot) = (trial.newest.clone(), SlotKey::default());
        let fetch = self.send(Request::Refresh { refresh_token, slot: slot.clone() });
        let after_reject = self.slot().rejected;
        self.in_flight = Some(InFlight {
            fetch,
            way: Way::Trial,
            slot,
            asked,
            planned: None,
            after_reject,
            silence_told: false,
        });
    }

    /// With a token of its own it takes the place of the session that lived. That one is kept in mind, should the file
    /// hold again what it began with.
    pub(super) fn trial_answered(
        &mut self,
        in_flight: InFlight,
        outcome: Outcome,
        now: Now,
        jitter: Jitter,
    ) {
        let unwanted = self.trial.as_ref().filter(|trial| !trial.is_wanted);
        if let Some(spent) = unwanted.map(|trial| trial.newest.clone()) {
            // A login has found the file back meanwhile.
            return self.strayed_answered(&spent, outcome);
        }
        match outcome {
            Outcome::Granted(granted) => {
                let before = self.grant.take();
                self.begin_with_trial(now);
                self.trial = before.and_then(|grant| self.left_behind(grant));
                let in_flight = InFlight { way: Way::Refresh, ..in_flight };
                self.renewed(&in_flight, &granted, now, jitter);
            }
            outcome => {
                let failure = unusable_unless_failed(outcome);
                self.trial_failed(&failure, now, jitter);
                let verdict = verdict(RequestKind::Refresh, &failure.cause);
                let is_the_trials = failure.cause.may_be_the_tokens()
                    || matches!(verdict.next, Next::Over | Next::Lost);
                if verdict.reach == Reach::Session && !is_the_trials {
                    // That is about the provider, or the client.
                    self.note_failure(&in_flight.slot, &failure, verdict, now, jitter);
                }
            }
        }
    }

    /// The provider has not taken what the file holds. What may be about that very token says nothing of the session that
    /// lives.
    pub(super) fn trial_failed(&mut self, failure: &Failure, now: Now, jitter: Jitter) {
        let lives = self.grant.as_ref().is_some_and(Grant::is_live);
        let Some(trial) = &mut self.trial else { return };
        let verdict = verdict(RequestKind::Refresh, &failure.cause);
        if let Some(newer) = failure.cause.refresh_token() {
            trial.newest = newer.clone();
        }
        let message = format!(
            "failed to begin a session of profile `{}` with the refresh token in its file: {}",
            self.settings.profile, failure.message
        );
        trial.attempts.failed(failure, verdict, message, self.settings.pauses, now, jitter);
        if verdict.next == Next::Over || (lives && failure.cause.may_be_the_tokens()) {
            self.refuse_trial();
        }
    }

    /// What the file holds is of no use: it is not tried again.
    pub(super) fn refuse_trial(&mut self) {
        let Some(trial) = &mut self.trial else { return };
        trial.is_wanted = false;
        trial.attempts = trial.attempts.for_another();
        self.source = Some(trial.source.clone());
        self.want_save();
    }

    /// What has become of it, as far as an answer tells that nobody waits for any more.
    pub(super) fn strayed_answered(&mut self, spent: &Secret, outcome: Outcome) {
        let newer = match outcome {
            Outcome::Granted(granted) => granted.refresh_token,
            Outcome::Failed(failure) => failure.cause.refresh_token().cloned(),
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => None,
        };
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.newest.same_as(spent))
            && let Some(newer) = newer
        {
            trial.newest = newer;
        }
    }

    /// What is to be known of a session that is the profile's no more, should its file hold again what it began with.
    fn left_behind(&self, grant: Grant) -> Option<Trial> {
        Some(Trial {
            source: grant.source?,
            newest: grant.refresh_token,
            endpoint: self.settings.binding.endpoint.clone(),
            is_wanted: false,
            attempts: Attempts::default(),
        })
    }

    /// The profile moves away. What its file holds is tried again should it come back, also where that was all there was
    /// and is not parked: gives what of it is spent just now, as its successor would be lost otherwise.
    pub(super) fn note_strayed(&mut self, parks: bool) -> Option<Secret> {
        let untried = self.grant.take_if(|grant| grant.untried && !parks);
        let is_all = untried.is_some();
        if let Some(trial) = untried.and_then(|grant| self.left_behind(grant)) {
            self.trial = Some(trial);
        }
        self.want_trial(false);
        let is_its = |it: &&InFlight| it.way == Way::Trial || (is_all && it.way == Way::Refresh);
        self.in_flight.as_ref().filter(is_its)?;
        self.trial.as_ref().map(|trial| trial.newest.clone())
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
