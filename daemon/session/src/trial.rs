//! A refresh token that the profile's file holds or held, and that is no session of the profile.

use crate::grant::{Grant, Lost};
use crate::outcome::{Cause, Failure, Next, Outcome, Reach, RequestKind, Verdict, verdict};
use crate::problem::Attempts;
use crate::schedule::{IDLE_AFTER, Jitter};
use crate::settings::{Binding, Pauses};
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
    /// Where it is of use.
    binding: Binding,
    /// The file holds it, and it is to be tried beside the session that lives.
    pub(crate) is_wanted: bool,
    /// The provider takes it no more.
    is_over: bool,
    /// An answer to it was lost.
    lost: Option<Lost>,
    attempts: Attempts,
    /// No request of the profile before this: the last failure was about the provider, or the client.
    holds_up_until: Option<Boot>,
}

impl Trial {
    /// What the file holds by now, instead of `before`.
    pub(crate) fn of(source: Secret, binding: &Binding, before: Option<Self>) -> Self {
        // One after the other is no reason to ask the provider as often.
        let holds_up_until = before.as_ref().and_then(|before| before.holds_up_until(binding));
        let attempts = before.map(|before| before.attempts.for_another()).unwrap_or_default();
        Self { attempts, holds_up_until, ..Self::known(source, binding) }
    }

    /// A session that is the profile's no more, should the file hold again what it began with.
    pub(crate) fn left_behind(grant: Grant, binding: &Binding) -> Option<Self> {
        let (source, newest) = (grant.source?, grant.refresh_token);
        Some(Self { newest, ..Self::known(source, binding) })
    }

    fn known(source: Secret, binding: &Binding) -> Self {
        Self {
            newest: source.clone(),
            source,
            binding: binding.clone(),
            is_wanted: false,
            is_over: false,
            lost: None,
            attempts: Attempts::default(),
            holds_up_until: None,
        }
    }

    /// Whether this is it, in the file or brought along.
    pub(crate) fn is_or_was(&self, refresh_token: &Secret, binding: &Binding) -> bool {
        let is_it = self.source.same_as(refresh_token) || self.newest.same_as(refresh_token);
        is_it && self.binding == *binding
    }

    /// Whether it would be spent by a use of this very token.
    pub(crate) fn is_spent_by(&self, refresh_token: &Secret, binding: &Binding) -> bool {
        self.newest.same_as(refresh_token) && self.binding == *binding
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
    pub(crate) fn holds_up_until(&self, binding: &Binding) -> Option<Boot> {
        self.holds_up_until.filter(|_| self.binding == *binding)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::OAuthError;
    use crate::time::Wall;

    const ASKED: Boot = Boot::from_millis(1_000_000);
    const NOW: Now = Now { boot: Boot::from_millis(1_001_000), wall: Wall::from_secs(0) };
    const SECOND: Duration = Duration::from_secs(1);

    fn at(endpoint: &str) -> Binding {
        Binding {
            auth_type: "orch".to_owned(),
            endpoint: endpoint.to_owned(),
            client_id: "sdk-client".to_owned(),
            user: None,
        }
    }

    fn here() -> Binding {
        at("https://one.example")
    }

    fn secret(token: &str) -> Secret {
        Secret::new(token)
    }

    /// One that has failed just now.
    fn failed(cause: Cause) -> Trial {
        let mut trial = Trial::of(secret("r-file"), &here(), None);
        let failure = Failure { cause, message: String::new(), retry_after: None };
        trial.failed(ASKED, &failure, String::new(), Pauses::DEFAULT, NOW, Jitter::MIDDLE);
        trial
    }

    #[test]
    fn a_failure_is_known_by_its_moment() {
        let trial = Trial::of(secret("r-file"), &here(), None);
        assert_eq!(
            (trial.has_failed(), trial.failed_at(), trial.not_before(true)),
            (false, None, None)
        );
        let trial = failed(Cause::NotSent);
        assert_eq!((trial.has_failed(), trial.failed_at()), (true, Some(NOW.boot)));
        assert_eq!(trial.not_before(false), Some(NOW.boot + SECOND / 2));
        assert_eq!(trial.not_before(true), Some(NOW.boot + 2 * SECOND + IDLE_AFTER));
    }

    #[test]
    fn what_is_about_the_provider_holds_up_everything_of_its_place_for_a_moment() {
        for (cause, until) in [
            (Cause::NotSent, Some(NOW.boot + 2 * SECOND)),
            (Cause::WrongPlace, Some(NOW.boot + 2 * SECOND)),
            (Cause::Lost, None),
            (Cause::Unusable { refresh_token: None }, None),
            (Cause::OAuth(OAuthError::InvalidGrant), None),
            (Cause::OAuth(OAuthError::InvalidRequest), None),
        ] {
            let trial = failed(cause);
            assert_eq!(trial.holds_up_until(&here()), until, "{trial:?}");
            assert_eq!(trial.holds_up_until(&at("https://two.example")), None);
        }
    }

    #[test]
    fn another_one_in_the_file_is_tried_no_sooner_than_this_one_could_be() {
        let another = Trial::of(secret("r-other"), &here(), Some(failed(Cause::WrongPlace)));
        assert_eq!(another.not_before(false), Some(NOW.boot + 2 * SECOND));
        assert!(!another.has_failed());
        let mut before = failed(Cause::Later);
        let retry_after = Some(60 * SECOND);
        let failure = Failure { cause: Cause::Later, message: String::new(), retry_after };
        before.failed(ASKED, &failure, String::new(), Pauses::DEFAULT, NOW, Jitter::MIDDLE);
        let another = Trial::of(secret("r-other"), &here(), Some(before));
        assert_eq!(another.not_before(false), Some(NOW.boot + 60 * SECOND));
        assert_eq!(another.holds_up_until(&here()), Some(NOW.boot + 60 * SECOND));
    }

    #[test]
    fn a_lost_answer_is_repeated_once_and_within_the_window() {
        let window = Some(10 * SECOND);
        let mut trial = failed(Cause::Lost);
        assert!(!trial.repeats_at(None, NOW.boot));
        assert!(trial.repeats_at(window, ASKED + 9 * SECOND));
        assert!(!trial.repeats_at(window, ASKED + 10 * SECOND), "it may not arrive in time");
        trial.spend();
        assert!(!trial.repeats_at(window, NOW.boot));
        let (grant, _) = failed(Cause::Lost).into_grant(NOW.boot);
        assert_eq!(grant.lost, Some(Lost { asked: ASKED, repeated: false }));
    }

    #[test]
    fn a_successor_leaves_no_lost_answer() {
        let mut trial = failed(Cause::Lost);
        trial.rotate(Some(&secret("r-newer")));
        assert_eq!(trial.lost, None);
        assert!(trial.is_spent_by(&secret("r-newer"), &here()));
        assert!(trial.is_or_was(&secret("r-file"), &here()));
    }
}
