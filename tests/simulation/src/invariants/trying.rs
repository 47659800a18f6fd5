//! What a file holds, tried beside the session that lives (decisions/0016).

use super::ledger::{Chain, Family, Heard, Token};
use super::meaning::{Meaning, Reach, meaning};
use super::pace::{Attempts, PULL, Pace, RETRY_AFTER_CAP, backoff};
use crate::engine::{Stage, World};
use crate::provider::token_of;
use bearerd_proto::Secret;
use bearerd_session::time::Boot;
use bearerd_session::{
    Cause, Failure, FetchId, Granted, Jitter, OAuthError, Outcome, Request, RequestKind,
};
use std::time::Duration;

/// A refresh token that the profile's file holds or held, and that is no session of the profile.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) chain: Chain,
    /// What the file held.
    pub(super) source: Option<Token>,
    /// The file holds it, and the provider has neither taken nor refused it.
    pub(super) is_wanted: bool,
}

/// A session whose refresh token is refused already, or is none, is no reason to spare it.
pub(super) fn goes_on(chain: &Chain) -> bool {
    !chain.is_over && chain.refresh.is_some()
}

/// A word that may be about this very token.
pub(super) fn may_be_the_tokens(cause: &Cause) -> bool {
    use OAuthError as E;
    matches!(cause, Cause::OAuth(E::InvalidRequest | E::InvalidScope | E::InvalidTarget))
}

impl Pace {
    /// The same of what is tried beside the live session: no caller makes it come sooner.
    pub(super) fn earliest_trial(&self) -> Option<Boot> {
        if self.trial_repeats {
            return None;
        }
        let spaced = self.slots.get(&0).and_then(|slot| slot.spaced.1);
        self.session.earliest().max(self.trial.own).max(spaced)
    }

    /// The file holds another one: that is no reason to hurry.
    pub(super) fn another_is_tried(&mut self) {
        self.trial.is_forgiven();
        self.trial = Attempts { own: self.trial.own, ..Attempts::default() };
        (self.trial_shared, self.trial_repeated, self.trial_scope_refused) = (None, false, false);
    }

    /// What held back the trial holds back its session.
    pub(super) fn begins_with_the_trial(&mut self) {
        self.trial_shared = None;
        let is_refused = std::mem::take(&mut self.trial_scope_refused);
        self.slots.entry(0).or_default().is_refused |= is_refused;
        if self.trial.failed.is_some() {
            self.session = std::mem::take(&mut self.trial);
        }
    }

    /// It goes out.
    pub(super) fn trial_sent(&mut self, fetch: FetchId) {
        self.counts = Some(fetch);
        self.trial_repeats = false;
        (self.session.own, self.session.asked) = (None, None);
    }

    /// It has failed.
    pub(super) fn trial_failed(
        &mut self,
        cause: &Cause,
        retry_after: Option<Duration>,
        heard: Heard,
        jitter: Jitter,
    ) {
        let now = heard.now.boot;
        let retry_after = retry_after.map(|wait| now + wait.min(RETRY_AFTER_CAP));
        self.trial.row += 1;
        self.trial.failed = Some((now, retry_after));
        let pause = match meaning(RequestKind::Refresh, cause) {
            Meaning::Hold { pause, .. } => pause,
            _ => backoff(self.trial.row, jitter),
        };
        self.trial.own = Some(now + pause).max(retry_after);
        self.trial_scope_refused = meaning(RequestKind::Refresh, cause).refuses_the_scope();
        // What is about the provider or the client holds up the session, too: as long as it does whoever asks again.
        let is_shared = match meaning(RequestKind::Refresh, cause) {
            Meaning::Again { reach } | Meaning::Hold { reach, .. } => reach == Reach::Session,
            _ => false,
        };
        let shared = Some(now + PULL).max(retry_after);
        self.trial_shared = shared.filter(|_| is_shared && !may_be_the_tokens(cause));
    }
}

impl World {
    /// What was tried beside the live session has been answered.
    pub(super) fn trial_paced(
        &mut self,
        fetch: FetchId,
        outcome: &Outcome,
        heard: Heard,
        jitter: Jitter,
    ) {
        let window = self.script.policy.profile_window.map(Duration::from_secs);
        let draining = self.life.as_ref().is_none_or(|life| life.stage != Stage::Serve);
        let pace = &mut self.ledger.pace;
        let Outcome::Failed(Failure { cause, retry_after, .. }) = outcome else {
            (pace.trial, pace.trial_repeated) = (Attempts::default(), false);
            // Another session begins: should its first token be of no use, that is the first failure.
            pace.session.row = 0;
            return self.pace_answered(fetch, 0, RequestKind::Refresh, outcome, heard, jitter);
        };
        pace.in_flight.remove(&fetch);
        pace.counts.take_if(|counts| *counts == fetch);
        pace.trial_failed(cause, *retry_after, heard, jitter);
        let now = heard.now.boot;
        if meaning(RequestKind::Refresh, cause) == Meaning::Lost
            && !draining
            && window.is_some_and(|window| now.since(heard.asked) <= window)
            && !std::mem::replace(&mut pace.trial_repeated, true)
        {
            pace.trial_repeats = true;
        }
    }

    fn family_of_token(&self, token: Token) -> Family {
        (token.0, self.providers[token.0].refresh[token.1].family)
    }

    /// Whether a request with this token is under way.
    fn is_being_used(&self, token: Token) -> bool {
        let number = self.life.as_ref().map_or(0, |life| life.number);
        let name = crate::engine::named(token.0, token.1);
        let mut open = self.exchanges.values().filter(|one| one.life == number && !one.is_back);
        open.any(|one| match &one.request {
            Request::Refresh { refresh_token, .. } | Request::Revoke { refresh_token } => {
                refresh_token.expose() == name
            }
            _ => false,
        })
    }

    /// Whether the file holds what was taken from there last, or what the live session began with. What it held for a
    /// while is not wanted any more then.
    pub(super) fn file_is_known(&mut self, token: Token) -> bool {
        let family = self.family_of_token(token);
        let ledger = &mut self.ledger;
        let is_refused = |trial: &Trial| trial.chain.family == family && trial.chain.is_over;
        if ledger.live.as_ref().is_some_and(|live| live.family == family && goes_on(live))
            || ledger.trial.as_ref().is_some_and(is_refused)
        {
            ledger.source = Some(token);
        }
        let is_known = ledger.source == Some(token);
        if is_known && let Some(trial) = &mut ledger.trial {
            trial.is_wanted = false;
        }
        is_known
    }

    /// It holds something else: gives what has become of it.
    pub(super) fn note_trial(&mut self, token: Token) -> Token {
        let family = self.family_of_token(token);
        let known = self.ledger.trial.as_mut().filter(|trial| trial.chain.family == family);
        if let Some(trial) = known {
            trial.source = Some(token);
            return trial.chain.refresh.unwrap_or(token);
        }
        self.takes_the_file_anew(token);
        self.ledger.received.insert(token);
        self.ledger.pace.another_is_tried();
        let chain = Chain { family, refresh: Some(token), is_over: false };
        self.ledger.trial = Some(Trial { chain, source: Some(token), is_wanted: false });
        token
    }

    /// Whether a session lives that needs nothing of the file.
    pub(super) fn has_another(&self) -> bool {
        self.ledger.live.as_ref().is_some_and(goes_on) && !self.ledger.is_untried
    }

    /// Whether a look at the file brings nothing to act upon at once.
    pub(super) fn is_no_news(&self, name: &str) -> bool {
        let is_live = self.ledger.live.as_ref().is_some_and(goes_on);
        self.has_another() || (is_live && token_of(name) == self.ledger.source)
    }

    /// The file was looked at.
    pub(super) fn found_in_the_file(&mut self, token: Token) {
        if self.file_is_known(token) {
            return;
        }
        self.tally.count("refresh tokens taken out of a file");
        let newest = self.note_trial(token);
        if self.has_another() {
            if let Some(trial) = &mut self.ledger.trial {
                trial.is_wanted = true;
            }
        } else if !self.is_being_used(newest) {
            self.begins_with_the_trial();
        }
    }

    /// There is no session but what the file holds.
    pub(super) fn begins_with_the_trial(&mut self) {
        let Some(trial) = self.ledger.trial.take() else { return };
        let before = self.ledger.live.replace(trial.chain);
        self.ledger.kept.extend(before.map(|before| before.family));
        self.ledger.source = trial.source;
        self.ledger.is_untried = true;
        self.ledger.pace.repeated = false;
        self.ledger.pace.begins_with_the_trial();
        self.ledger.ends = None;
        self.session_begins();
    }

    /// Whether the request that tries it is under way, and not a login's.
    pub(super) fn trial_is_under_way(&self, trial: Option<&Trial>) -> bool {
        let newest = trial.and_then(|trial| trial.chain.refresh);
        let pace = &self.ledger.pace;
        newest.is_some()
            && pace.counts.and_then(|counts| pace.in_flight.get(&counts).copied()) == newest
    }

    /// The live session has ended: what was to be tried beside it is all there is.
    pub(super) fn another_begins(&mut self) {
        let Some(trial) = self.ledger.trial.as_mut().filter(|trial| trial.is_wanted) else {
            return;
        };
        let newest = trial.chain.refresh;
        trial.is_wanted = false;
        if newest.is_some_and(|newest| !self.is_being_used(newest)) {
            self.begins_with_the_trial();
        }
    }

    /// Whether `spent` is what is tried beside the live session, by a request that was not given up.
    pub(super) fn is_tried(&self, spent: Token, unwanted: bool) -> bool {
        let trial = self.ledger.trial.as_ref();
        let is_it = |trial: &Trial| trial.is_wanted && trial.chain.refresh == Some(spent);
        !unwanted && trial.is_some_and(is_it)
    }

    /// The answer to what is tried.
    pub(super) fn trial_heard(&mut self, spent: Token, outcome: &Outcome, heard: Heard) {
        let newer = match outcome {
            Outcome::Granted(granted) => granted.refresh_token.as_ref(),
            Outcome::Failed(failure) => failure.cause.refresh_token(),
            _ => None,
        };
        let newer = newer.and_then(|newer| token_of(newer.expose()));
        match outcome {
            Outcome::Granted(granted) => return self.trial_is_granted(granted, newer, heard),
            Outcome::Failed(failure) => self.trial_has_failed(&failure.cause),
            _ => {}
        }
        if let Some(newer) = newer {
            self.ledger.rotates(spent, newer);
        }
    }

    /// It has given a token: its session takes the place of the one that lived, which may come back with its file.
    pub(super) fn trial_is_granted(
        &mut self,
        granted: &Granted,
        newer: Option<Token>,
        heard: Heard,
    ) {
        let before = self.ledger.live.take();
        self.begins_with_the_trial();
        self.ledger.is_untried = false;
        let Some(family) = self.ledger.live.as_ref().map(|live| live.family) else { return };
        self.ledger.live.iter_mut().for_each(|live| live.is_over = false);
        self.tally.count("sessions that took the place of another by a file");
        self.ledger.kept.extend(before.as_ref().map(|before| before.family));
        self.ledger.kept.remove(&family);
        let left = |chain| Trial { chain, source: None, is_wanted: false };
        self.ledger.trial = before.filter(|chain| chain.refresh.is_some()).map(left);
        self.note_the_user(granted, family);
        let spent = self.ledger.newest();
        if let (Some(spent), Some(newer)) = (spent, newer) {
            self.ledger.rotates(spent, newer);
        }
        let rotated = newer.filter(|newer| Some(*newer) != spent);
        for got in self.ledger.got.values_mut().filter(|got| got.rotated.is_some()) {
            // What waited for the save of the session before waits for that of this one.
            got.rotated = rotated;
        }
        self.note_granted(granted, family, rotated, heard);
    }

    /// It has not: that is the end of it where it is refused.
    pub(super) fn trial_has_failed(&mut self, cause: &Cause) {
        let lives = self.ledger.live.as_ref().is_some_and(goes_on);
        let is_over = meaning(RequestKind::Refresh, cause) == Meaning::Over;
        if let Some(trial) = &mut self.ledger.trial {
            trial.chain.is_over |= is_over;
        }
        if is_over || lives && may_be_the_tokens(cause) {
            self.trial_is_refused();
        }
    }

    pub(super) fn trial_is_refused(&mut self) {
        if let Some(trial) = &mut self.ledger.trial {
            trial.is_wanted = false;
            self.ledger.source = trial.source;
            self.ledger.pace.another_is_tried();
        }
    }

    /// Whether a login was made with what has become of the file's.
    pub(super) fn is_the_trials(&self, brought: Option<Token>) -> bool {
        brought.is_some()
            && self.ledger.trial.as_ref().is_some_and(|trial| trial.chain.refresh == brought)
    }

    /// An answer that nobody waits for says what has become of it.
    pub(super) fn trial_rotates(&mut self, spent: Option<Token>, newer: Option<&Secret>) {
        let newer = newer.and_then(|newer| token_of(newer.expose()));
        if let (Some(spent), Some(newer)) = (spent, newer) {
            self.ledger.rotates(spent, newer);
        }
    }

    /// Another session takes the place of all, or there is none any more: gives what was to be tried.
    pub(super) fn trial_is_given_up(&mut self) -> Option<Chain> {
        self.ledger.pace.trial = Attempts::default();
        let trial = self.ledger.trial.take().filter(|trial| trial.is_wanted)?;
        self.ledger.source = trial.source;
        Some(trial.chain)
    }

    /// What is tried is tried on when its place is back: what was sent for it says only what it has come to.
    pub(super) fn trial_is_left(&mut self) {
        let Some(trial) = &mut self.ledger.trial else { return };
        trial.is_wanted = false;
        let newest = trial.chain.refresh.map(|(place, token)| crate::engine::named(place, token));
        let number = self.life.as_ref().map_or(0, |life| life.number);
        for exchange in self.exchanges.values_mut().filter(|exchange| exchange.life == number) {
            if let Request::Refresh { refresh_token, .. } = &exchange.request {
                exchange.unwanted |= newest.as_deref() == Some(refresh_token.expose());
            }
        }
    }
}
