//! Logins: started or joined, polled to their end, and put in force beside the live session.

use super::Session;
use super::orphans::Orphan;
use crate::io::{Answer, FetchId, Means, Request, WaiterId};
use crate::login::{Granting, Login, Pending, Stage};
use crate::outcome::{Cause, Failure, Next, OAuthError, Outcome, RequestKind, verdict};
use crate::problem::seconds_up;
use crate::schedule::{Jitter, PATIENCE, PULL_SPACING};
use crate::settings::Kind;
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, ErrorCode, LoggedIn, LoginAnswer, PendingLogin};
use std::time::Duration;

/// The longest that `GET /v1/login/{id}` waits.
const LONG_POLL_CAP: Duration = Duration::from_secs(60);

/// What whoever logs in says of the session to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// Another `sub` may take over.
    pub(super) replace: bool,
    /// After how long it is to be forgotten.
    pub(super) lifetime: Option<Duration>,
}

impl Session {
    pub(super) fn log_in(
        &mut self,
        waiter: WaiterId,
        login_id: String,
        terms: Terms,
        means: Means,
        now: Now,
    ) {
        if self.is_constant() {
            let done = LoginAnswer::Done(self.logged_in());
            return self.answer(waiter, Answer::Login(done));
        }
        if self.draining {
            return self.answer(waiter, Answer::Refused(self.shutting_down()));
        }
        self.forgive(now);
        if let Some(login) = self.login.as_mut().filter(|_| matches!(means, Means::Own)) {
            login.replace |= terms.replace;
            login.lifetime = login.lifetime.into_iter().chain(terms.lifetime).min();
            login.starters.push((waiter, now.boot + PATIENCE));
            return self.show_pending(now);
        }
        if !matches!((&means, &self.settings.kind), (Means::Own, Kind::Person)) {
            return self.log_in_without_person(waiter, login_id, terms, means, now);
        }
        let Terms { replace, lifetime } = terms;
        if let Some(refusal) = self.failed_just_now(now) {
            return self.answer(waiter, Answer::Refused(refusal));
        }
        let over = self.grant.as_ref().is_some_and(|grant| !grant.is_live());
        let may_ask = self.attempts.pull_from().is_none_or(|from| from <= now.boot);
        let stage = if over && !replace && may_ask && self.in_flight.is_none() {
            self.refresh(SlotKey::default(), now.boot);
            Stage::Reviving
        } else {
            Stage::Starting(self.send(Request::DeviceStart), now.boot)
        };
        let starters = vec![(waiter, now.boot + PATIENCE)];
        let followers = Vec::new();
        self.login = Some(Login { id: login_id, replace, lifetime, stage, starters, followers });
    }

    pub(super) fn follow_login(&mut self, waiter: WaiterId, id: &str, wait: Duration, now: Now) {
        if let Some(end) = self.ended_logins.of(id) {
            let answer = match end {
                Ok(logged_in) => Answer::Login(LoginAnswer::Done(logged_in.clone())),
                Err(refusal) => Answer::Refused(refusal.clone()),
            };
            return self.answer(waiter, answer);
        }
        match &mut self.login {
            Some(login) if login.id == id => {
                login.followers.push((waiter, now.boot + wait.min(LONG_POLL_CAP)));
            }
            _ => self.answer(waiter, Answer::Refused(self.no_such_login())),
        }
    }

    pub(super) fn cancel_login(&mut self, waiter: WaiterId, id: &str) {
        // Once its tokens have come it is as good as done.
        let open = |login: &Login| login.id == id && !matches!(login.stage, Stage::Saving(_));
        if self.login.as_ref().is_some_and(open) {
            self.end_login_unasked("it was cancelled", true);
            self.answer(waiter, Answer::Cancelled);
        } else {
            self.answer(waiter, Answer::Refused(self.no_such_login()));
        }
    }

    /// A login ends because of something else: cancelled, logged out, configured away. Tokens that come after all are
    /// revoked where `revoke` says so.
    pub(super) fn end_login_unasked(&mut self, why: &str, revoke: bool) {
        let Some(login) = &self.login else { return };
        // The answer of a start that nobody wants any more has no tokens in it: it belongs to nobody.
        let unwanted = if revoke { Orphan::Revoke } else { Orphan::Drop };
        let orphan = match &login.stage {
            Stage::Pending(Pending { polling: Some((fetch, _)), .. }) => Some((*fetch, unwanted)),
            Stage::Granting(Granting { fetch, found, .. }) => {
                let strayed = found.as_ref().and_then(|spent| self.strayed(spent));
                let orphan = strayed.unwrap_or(unwanted);
                Some((*fetch, orphan))
            }
            _ => None,
        };
        self.orphans.extend(orphan);
        let message = format!("the login of profile `{}` has ended: {why}", self.settings.profile);
        let refusal = self.login_refusal(ErrorCode::LoginDenied, message);
        self.end_login(Err(refusal));
    }

    pub(super) fn login_answered(
        &mut self,
        fetch: FetchId,
        outcome: Outcome,
        now: Now,
        jitter: Jitter,
    ) {
        if let Some(asked) = self.granting_since(fetch) {
            return self.granting_answered(outcome, asked, now, jitter);
        }
        let Some(login) = &mut self.login else { return };
        match (&mut login.stage, outcome) {
            (Stage::Starting(started, asked), Outcome::Device(device)) if *started == fetch => {
                login.stage = Stage::Pending(Pending::of(device, *asked, now.boot));
                self.changed = true;
                self.show_pending(now);
            }
            (Stage::Starting(started, _), outcome) if *started == fetch => {
                let failure = unusable_unless_failed(outcome);
                let verdict = verdict(RequestKind::DeviceStart, &failure.cause);
                let message = format!(
                    "failed to start a login of profile `{}`: {}",
                    self.settings.profile, failure.message
                );
                let refusal = ErrorBody::new(verdict.code, message).of(&self.settings.profile);
                self.start_fails(&failure, refusal, now);
            }
            (Stage::Pending(pending), outcome) => {
                let Some((_, asked)) = pending.polling.take_if(|(polling, _)| *polling == fetch)
                else {
                    return;
                };
                match outcome {
                    Outcome::Granted(granted) => self.granted(&granted, asked, now, jitter),
                    outcome => self.poll_failed(&unusable_unless_failed(outcome), now, jitter),
                }
            }
            _ => {}
        }
    }

    /// The login has failed with its first request: so has whoever asks for another too soon.
    pub(super) fn start_fails(&mut self, failure: &Failure, refusal: ErrorBody, now: Now) {
        let wait = failure.retry_after.map(|wait| wait.min(self.settings.pauses.retry_after));
        let refusal = ErrorBody { retry_after: wait.map(seconds_up), ..refusal };
        let pause = wait.unwrap_or_default().max(PULL_SPACING);
        self.start_failed = Some((now.boot + pause, refusal.clone()));
        self.end_login(Err(refusal));
    }

    /// What the start of a login has come to that is too near for another.
    pub(super) fn failed_just_now(&self, now: Now) -> Option<ErrorBody> {
        let (until, refusal) = self.start_failed.as_ref().filter(|(until, _)| now.boot < *until)?;
        let retry_after = Some(seconds_up(until.since(now.boot)));
        Some(ErrorBody { retry_after, ..refusal.clone() })
    }

    fn poll_failed(&mut self, failure: &Failure, now: Now, jitter: Jitter) {
        // A session that nobody will use; beside a live one it may be that one's own at the IdP, and stays.
        if let Some(refresh_token) = failure.cause.refresh_token()
            && self.grant.is_none()
        {
            self.revoke(refresh_token.clone());
        }
        let Some(Login { stage: Stage::Pending(pending), .. }) = &mut self.login else { return };
        let verdict = verdict(RequestKind::DevicePoll, &failure.cause);
        pending.lost |= matches!(
            failure.cause,
            Cause::Lost | Cause::Unusable { .. } | Cause::WrongAudience { .. }
        );
        match verdict.next {
            Next::PollOn => pending.poll_on(now.boot),
            Next::SlowDown => pending.slow_down(now.boot),
            // What an IdP or what stands before it says in no OAuth words may pass, too.
            Next::Backoff | Next::Lost
                if !matches!(failure.cause, Cause::OAuth(OAuthError::Other)) =>
            {
                let pauses = self.settings.pauses;
                pending.back_off(now.boot, failure.retry_after, pauses, jitter);
            }
            _ => {
                let honest = if pending.lost && verdict.code == ErrorCode::LoginExpired {
                    "; the answer to an earlier poll was lost on its way or was of no use, and the tokens may have been in \
                     it: log in again"
                } else {
                    ""
                };
                let message = format!(
                    "the login of profile `{}` failed: {}{honest}",
                    self.settings.profile, failure.message
                );
                let refusal = self.login_refusal(verdict.code, message);
                self.end_login(Err(refusal));
            }
        }
    }

    /// Polls, codes out of time, callers out of patience.
    pub(super) fn advance_login(&mut self, now: Now) {
        if self.is_reviving() && self.in_flight.is_none() && self.held_back.is_none() {
            if self.can_renew() {
                self.login_published();
            } else if self.draining {
                let refusal = self.shutting_down();
                self.end_login(Err(refusal));
            } else {
                // The kept token is of no use: a person is needed after all.
                let started = self.send(Request::DeviceStart);
                self.advance_stage(|_| Stage::Starting(started, now.boot));
            }
        }
        let Some(Login { stage: Stage::Pending(pending), .. }) = &mut self.login else {
            return self.answer_impatient(now);
        };
        if now.boot >= pending.expires && pending.polling.is_none() {
            let message = format!(
                "nobody confirmed the login of profile `{}` in time",
                self.settings.profile
            );
            let refusal = self.login_refusal(ErrorCode::LoginExpired, message);
            return self.end_login(Err(refusal));
        }
        if now.boot >= pending.next_poll && pending.polling.is_none() && !self.draining {
            let device_code = pending.device_code.clone();
            let code_verifier = pending.code_verifier.clone();
            pending.polling = Some((FetchId(self.next_fetch), now.boot));
            self.send(Request::DevicePoll { device_code, code_verifier });
        }
        self.answer_impatient(now);
    }

    pub(super) fn login_deadline(&self) -> Option<Boot> {
        let login = self.login.as_ref()?;
        let next = match &login.stage {
            Stage::Pending(pending) if pending.polling.is_none() && self.draining => {
                Some(pending.expires)
            }
            Stage::Pending(pending) if pending.polling.is_none() => {
                Some(pending.next_poll.min(pending.expires))
            }
            _ => None,
        };
        let waiting = login.starters.iter().chain(&login.followers).map(|(_, until)| *until).min();
        [next, waiting].into_iter().flatten().min()
    }

    /// Whether an answer that belongs to the login is still to come.
    pub(super) fn login_is_asking(&self) -> bool {
        match self.login.as_ref().map(|login| &login.stage) {
            Some(Stage::Starting(..) | Stage::Granting(_)) => true,
            Some(Stage::Pending(pending)) => pending.polling.is_some(),
            _ => false,
        }
    }

    /// All who asked for the start get the same link.
    fn show_pending(&mut self, now: Now) {
        let Some(login) = &mut self.login else { return };
        let Stage::Pending(pending) = &login.stage else { return };
        let shown = pending.shown(&login.id, &self.settings.profile, now);
        for (starter, _) in std::mem::take(&mut login.starters) {
            self.answers.push((starter, Answer::Login(LoginAnswer::Pending(shown.clone()))));
        }
    }

    fn answer_impatient(&mut self, now: Now) {
        let Some(login) = &mut self.login else { return };
        let late = |(_, until): &mut (WaiterId, Boot)| *until <= now.boot;
        let starters: Vec<_> = login.starters.extract_if(.., late).collect();
        let followers: Vec<_> = login.followers.extract_if(.., late).collect();
        for (starter, _) in starters {
            let message = format!(
                "the identity provider of profile `{}` has not answered the start of a login in {} s; ask again",
                self.settings.profile,
                PATIENCE.as_secs()
            );
            let refusal =
                ErrorBody::new(ErrorCode::IdpUnreachable, message).of(&self.settings.profile);
            self.answer(starter, Answer::Refused(refusal));
        }
        for (follower, _) in followers {
            let pending = self.pending_login(now).unwrap_or_else(|| self.login_without_link(now));
            self.answer(follower, Answer::Login(LoginAnswer::Pending(pending)));
        }
    }

    /// A login whose start the IdP has not answered yet.
    fn login_without_link(&self, now: Now) -> PendingLogin {
        PendingLogin {
            login_id: self.login.as_ref().map_or_else(String::new, |login| login.id.clone()),
            profile: self.settings.profile.clone(),
            verification_uri: None,
            verification_uri_complete: None,
            user_code: None,
            qr_code: None,
            authorization_url: None,
            expires_at: now.wall.as_secs(),
            expires_in: 0,
        }
    }

    pub(super) fn end_login(&mut self, end: Result<LoggedIn, ErrorBody>) {
        let Some(login) = self.login.take() else { return };
        self.changed = true;
        let answer = match &end {
            Ok(logged_in) => Answer::Login(LoginAnswer::Done(logged_in.clone())),
            Err(refusal) => Answer::Refused(refusal.clone()),
        };
        for (waiter, _) in login.starters.into_iter().chain(login.followers) {
            self.answers.push((waiter, answer.clone()));
        }
        self.ended_logins.add(login.id, end);
    }
}

pub(super) fn unusable_unless_failed(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        _ => Failure::foreign_answer(),
    }
}
