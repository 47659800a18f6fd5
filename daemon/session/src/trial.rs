//! A refresh token that the profile's file holds or held, and that is no session of the profile.

use crate::grant::{Grant, Lost};
use crate::outcome::{Cause, Failure, Next, Outcome, Reach, RequestKind, Verdict, verdict};
use crate::problem::Attempts;
use crate::schedule::{IDLE_AFTER, Jitter};
use crate::settings::Pauses;
use crate::time::{Boot, Now};
use bearerd_proto::Secret;
use std::time::Duration;

/// It, and what is known of it.
#[derive(Debug)]
pub(crate) struct Trial {
    /// What the file held.
    pub(crate) source: Secret,
    /// What has become of it.
    pub(crate) newest: Secret,
    /// Where: of no use anywhere else.
    endpoint: String,
    /// The file holds it, and it is to be tried beside the session that lives.
    pub(crate) is_wanted: bool,
    /// The provider takes it no more.
    is_over: bool,
    /// An answer to it was lost.
    pub(crate) lost: Option<Lost>,
    attempts: Attempts,
    /// No request of the profile before this: the last failure was about the provider, or the client.
    holds_up_until: Option<Boot>,
}

impl Trial {
    /// What the file holds by now, instead of `before`.
    pub(crate) fn of(source: Secret, endpoint: &str, before: Option<Self>) -> Self {
        // One after the other is no reason to ask the provider as often.
        let attempts = before.map(|before| before.attempts.for_another()).unwrap_or_default();
        let newest = source.clone();
        Self { newest, attempts, ..Self::known(source, endpoint) }
    }

    /// A session that is the profile's no more, should the file hold again what it began with.
    pub(crate) fn left_behind(grant: Grant, endpoint: &str) -> Option<Self> {
        let (source, newest) = (grant.source?, grant.refresh_token);
        Some(Self { newest, ..Self::known(source, endpoint) })
    }

    fn known(source: Secret, endpoint: &str) -> Self {
        Self {
            newest: source.clone(),
            source,
            endpoint: endpoint.to_owned(),
            is_wanted: false,
            is_over: false,
            lost: None,
            attempts: Attempts::default(),
            holds_up_until: None,
        }
    }

    /// Whether this is it, in the file or brought along.
    pub(crate) fn is_or_was(&self, refresh_token: &Secret, endpoint: &str) -> bool {
        let is_it = self.source.same_as(refresh_token) || self.newest.same_as(refresh_token);
        is_it && self.endpoint == endpoint
    }

    /// Whether it would be spent by a use of this very token.
    pub(crate) fn is_spent_by(&self, refresh_token: &Secret, endpoint: &str) -> bool {
        self.newest.same_as(refresh_token) && self.endpoint == endpoint
    }

    /// Whether the provider has said of it that it takes it no more.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_over
    }

    /// When it may be tried by its own attempts.
    pub(crate) fn not_before(&self, is_idle: bool) -> Option<Boot> {
        // What has failed is no more urgent than a session that nobody reads.
        let rests = self.attempts.pull_from().filter(|_| is_idle).map(|from| from + IDLE_AFTER);
        self.attempts.not_before.max(rests)
    }

    /// Whether its last try has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.attempts.problem.is_some()
    }

    /// When its last try failed.
    pub(crate) fn failed_at(&self) -> Option<Boot> {
        self.attempts.failed_at()
    }

    /// Until when nothing else of the profile is asked for, by what its last try came to.
    pub(crate) fn holds_up_until(&self, endpoint: &str) -> Option<Boot> {
        self.holds_up_until.filter(|_| self.endpoint == endpoint)
    }

    /// What was held against it is forgiven.
    pub(crate) fn forgive(&mut self) {
        self.attempts.forgive();
    }

    /// What held it back holds back the session that it begins.
    pub(crate) fn into_grant(self, now: Boot) -> (Grant, Attempts) {
        let (source, lost) = (Some(self.source), self.lost);
        let grant = Grant { untried: true, source, lost, ..Grant::found(self.newest, now) };
        (grant, self.attempts)
    }

    /// Whether a use whose answer was lost is repeated at once, within the reuse window.
    pub(crate) fn repeats_at(&self, window: Option<Duration>, now: Boot) -> bool {
        let until =
            window.and_then(|window| Some(self.lost.filter(|lost| !lost.repeated)?.asked + window));
        until.is_some_and(|until| now < until)
    }

    /// It goes out once more: gives what is sent.
    pub(crate) fn spend(&mut self) -> Secret {
        if let Some(lost) = &mut self.lost {
            lost.repeated = true;
        }
        self.newest.clone()
    }

    /// What has become of it, as far as an answer tells that nobody waits for any more.
    pub(crate) fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Granted(granted) => self.rotate(granted.refresh_token.as_ref()),
            Outcome::Failed(failure) => {
                self.is_over |= verdict(RequestKind::Refresh, &failure.cause).next == Next::Over;
                self.is_wanted &= !self.is_over;
                self.rotate(failure.cause.refresh_token());
            }
            Outcome::Found(_) | Outcome::Device(_) | Outcome::Revoked => {}
        }
    }

    /// An answer of no use otherwise has brought its successor, where it did.
    pub(crate) fn rotate(&mut self, newer: Option<&Secret>) {
        if let Some(newer) = newer {
            self.newest = newer.clone();
            self.lost = None;
        }
    }

    /// The provider has not taken it.
    pub(crate) fn failed(
        &mut self,
        asked: Boot,
        failure: &Failure,
        message: String,
        pauses: Pauses,
        now: Now,
        jitter: Jitter,
    ) {
        let verdict = verdict(RequestKind::Refresh, &failure.cause);
        self.is_over |= verdict.next == Next::Over;
        self.rotate(failure.cause.refresh_token());
        if verdict.next == Next::Lost {
            self.lost.get_or_insert(Lost { asked, repeated: false });
        }
        self.attempts.failed(failure, verdict, message, pauses, now, jitter);
        let is_shared = !is_about_the_token(&failure.cause, verdict);
        self.holds_up_until = self.attempts.for_another().not_before.filter(|_| is_shared);
    }
}

/// Whether a failure may be about this very token, and says nothing of the provider or the client.
fn is_about_the_token(cause: &Cause, verdict: Verdict) -> bool {
    cause.may_be_the_tokens()
        || verdict.reach == Reach::Slot
        || matches!(verdict.next, Next::Over | Next::Lost)
}
