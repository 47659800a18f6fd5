//! Logins that nobody has to confirm: by a password, by a refresh token from elsewhere, by the profile's own grant.

use super::Session;
use super::logging_in::{Terms, unusable_unless_failed};
use crate::grant::{Grant, InFlight, Way};
use crate::io::{Answer, FetchId, Given, Means, Request, WaiterId};
use crate::login::{Granting, Login, Stage};
use crate::outcome::{Cause, Failure, Next, Outcome, RequestKind, Verdict, verdict};
use crate::schedule::{Jitter, PATIENCE};
use crate::settings::Own;
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, ErrorCode, LoginAnswer, Secret};

impl Session {
    /// Starts one; whoever asks waits for its end.
    pub(super) fn log_in_without_person(
        &mut self,
        waiter: WaiterId,
        login_id: String,
        terms: Terms,
        means: Means,
        now: Now,
    ) {
        if self.is_in_force(&means) {
            let done = LoginAnswer::Done(self.logged_in());
            return self.answer(waiter, Answer::Login(done));
        }
        if let Some(login) = self.login.as_mut().filter(|login| login.is_made_with(&means)) {
            login.replace |= terms.replace;
            return login.starters.push((waiter, now.boot + PATIENCE));
        }
        let refusal = self.refusal_of_means(&means, terms.replace);
        if let Some(refusal) = refusal.or_else(|| self.refusal_of_another(&means, now)) {
            return self.answer(waiter, Answer::Refused(refusal));
        }
        self.end_login_unasked("another login has taken its place", true);
        let granting = match means {
            Means::Import { refresh_token } => {
                // Where it is what the file holds or held, what has become of that is used.
                let trial = self.trial_of(&refresh_token);
                let (newest, source) = trial.map_or_else(
                    || (refresh_token.clone(), refresh_token.clone()),
                    |trial| (trial.newest.clone(), trial.source.clone()),
                );
                self.try_found(newest, source, false, now.boot)
            }
            Means::Given(given) => self.ask_for_grant(Some(given), RequestKind::Password, now.boot),
            Means::Own => self.take_own_grant().unwrap_or_else(|| {
                self.ask_for_grant(self.given.clone(), RequestKind::Grant, now.boot)
            }),
        };
        self.login = Some(Login {
            id: login_id,
            replace: terms.replace,
            lifetime: terms.lifetime,
            stage: Stage::Granting(granting),
            starters: vec![(waiter, now.boot + PATIENCE)],
            followers: Vec::new(),
        });
    }

    fn refusal_of_means(&self, means: &Means, replace: bool) -> Option<ErrorBody> {
        let profile = &self.settings.profile;
        let keeps_none = matches!(self.own(), Some(Own::Tokens | Own::TokenFile));
        let (code, message) = match means {
            Means::Import { .. } if keeps_none => {
                let message = format!("profile `{profile}` has no use for a refresh token");
                (ErrorCode::BadRequest, message)
            }
            Means::Import { .. } if !replace && self.grant.as_ref().is_some_and(Grant::is_live) => {
                let message = format!(
                    "profile `{profile}` has a live session, which the refresh token would replace: log out first, or \
                     say `replace` (`bearerctl import {profile} --replace`)"
                );
                (ErrorCode::LoginDenied, message)
            }
            Means::Own
                if self.own() == Some(Own::Sessions { needs_given: true })
                    && self.given.is_none() =>
            {
                let message = format!(
                    "profile `{profile}` logs in with a password that comes with the login: give `username` and \
                     `password` (`bearerctl login {profile} --username NAME --password-stdin`)"
                );
                (ErrorCode::BadRequest, message)
            }
            _ => return None,
        };
        Some(ErrorBody::new(code, message).of(profile))
    }

    /// Whether the live session has this refresh token already, or began with it: another use could end it.
    fn is_in_force(&self, means: &Means) -> bool {
        let Means::Import { refresh_token } = means else { return false };
        let live = self.grant.as_ref().filter(|grant| grant.is_live() && !grant.untried);
        live.is_some_and(|grant| grant.is_or_was(refresh_token))
    }

    /// Why no other login takes the place of the one under way, or of one that has failed just now: a program in a loop
    /// would try a password as often as it can.
    fn refusal_of_another(&self, means: &Means, now: Now) -> Option<ErrorBody> {
        let is_used = match means {
            Means::Import { refresh_token } => {
                let newest =
                    self.trial_of(refresh_token).map_or(refresh_token, |trial| &trial.newest);
                self.is_being_used(newest)
            }
            Means::Own | Means::Given(_) => false,
        };
        if is_used {
            return Some(self.refusal_of_a_used_one());
        }
        let tried = self.grant.as_ref().filter(|grant| grant.untried);
        if let (Means::Import { refresh_token }, Some(tried)) = (means, tried)
            && tried.is_or_was(refresh_token)
        {
            return Some(self.refusal_of_a_tried_one());
        }
        if self.is_granting() || self.is_taking_over() {
            let profile = &self.settings.profile;
            return Some(
                self.come_again(&format!("another login of profile `{profile}` is under way")),
            );
        }
        self.failed_just_now(now).filter(|_| matches!(means, Means::Own))
    }

    fn refusal_of_a_tried_one(&self) -> ErrorBody {
        let profile = &self.settings.profile;
        match self.problem(&SlotKey::default()) {
            Some(problem) => self.failed(problem, None),
            None => self.come_again(&format!("what profile `{profile}`'s file holds is tried")),
        }
    }

    fn refusal_of_a_used_one(&self) -> ErrorBody {
        let profile = &self.settings.profile;
        self.come_again(&format!(
            "a request of profile `{profile}` with this refresh token is under way"
        ))
    }

    fn come_again(&self, what: &str) -> ErrorBody {
        let message = format!("{what}: come again when it has ended");
        let body = ErrorBody::new(ErrorCode::LoginPending, message).of(&self.settings.profile);
        ErrorBody { retry_after: Some(1), ..body }
    }

    /// Whether a login asks for tokens: the profile asks for none by itself meanwhile.
    pub(super) fn is_granting(&self) -> bool {
        self.login.as_ref().is_some_and(|login| matches!(login.stage, Stage::Granting(_)))
    }

    /// The grant that the profile asks for by itself is the login's, too: a second one would be another session.
    fn take_own_grant(&mut self) -> Option<Granting> {
        if self.own().is_some_and(Own::follows_a_file) {
            return None;
        }
        let is_it = |it: &mut InFlight| it.way == Way::Own && it.slot == SlotKey::default();
        let InFlight { fetch, asked, .. } = self.in_flight.take_if(is_it)?;
        let given = self.given.clone();
        Some(Granting::of(fetch, asked, RequestKind::Grant, given))
    }

    fn ask_for_grant(&mut self, given: Option<Given>, kind: RequestKind, asked: Boot) -> Granting {
        let request = Request::Grant { slot: SlotKey::default(), given: given.clone() };
        Granting::of(self.send(request), asked, kind, given)
    }

    fn try_found(
        &mut self,
        refresh_token: Secret,
        source: Secret,
        is_out_of_file: bool,
        asked: Boot,
    ) -> Granting {
        let (found, source) = (Some(refresh_token.clone()), Some(source));
        let request = Request::Refresh { refresh_token, slot: SlotKey::default() };
        let granting = Granting::of(self.send(request), asked, RequestKind::Refresh, None);
        Granting { found, source, is_out_of_file, ..granting }
    }

    /// When the request of such a login was sent, if this is its answer.
    pub(super) fn granting_since(&self, fetch: FetchId) -> Option<Boot> {
        match &self.login.as_ref()?.stage {
            Stage::Granting(granting) if granting.fetch == fetch => Some(granting.asked),
            _ => None,
        }
    }

    /// That answer.
    pub(super) fn granting_answered(
        &mut self,
        outcome: Outcome,
        asked: Boot,
        now: Now,
        jitter: Jitter,
    ) {
        match outcome {
            Outcome::Granted(granted) => self.granted(&granted, asked, now, jitter),
            Outcome::Found(_) if self.draining => {
                let refusal = self.shutting_down();
                self.end_login(Err(refusal));
            }
            Outcome::Found(refresh_token) => self.login_found(refresh_token, now),
            outcome => self.granting_failed(&unusable_unless_failed(outcome), now, jitter),
        }
    }

    /// A person asks for what the profile's file holds. Where that is known and a session lives, nothing is new: a second
    /// use of it could end that.
    fn login_found(&mut self, refresh_token: Secret, now: Now) {
        let is_known = self.note_if_known(&refresh_token);
        if is_known && self.is_untried() {
            let refusal = self.refusal_of_a_tried_one();
            return self.end_login(Err(refusal));
        }
        if is_known && self.grant.as_ref().is_some_and(Grant::is_live) {
            let logged_in = self.logged_in();
            return self.end_login(Ok(logged_in));
        }
        let newest = self.note_trial(refresh_token.clone());
        if self.is_being_used(&newest) {
            let refusal = self.refusal_of_a_used_one();
            return self.end_login(Err(refusal));
        }
        let granting = self.try_found(newest, refresh_token, true, now.boot);
        self.advance_stage(|_| Stage::Granting(granting));
    }

    fn granting_failed(&mut self, failure: &Failure, now: Now, jitter: Jitter) {
        let Some(Login { stage: Stage::Granting(granting), .. }) = &self.login else { return };
        let kind = granting.kind;
        let (found, asked) = (granting.found.clone(), granting.asked);
        let out_of_file = granting.is_out_of_file;
        let verdict = verdict(kind, &failure.cause);
        if out_of_file && verdict.next != Next::Over {
            // It has not been refused: the profile goes on with it by itself.
            self.source = None;
            self.reread = true;
        }
        let binding = self.settings.binding.clone();
        if found.is_some_and(|found| self.trial_by(&found, &binding).is_some()) {
            self.trial_failed(asked, failure, now, jitter);
        } else if let Some(unwanted) = failure.cause.refresh_token() {
            self.revoke(unwanted.clone());
        }
        if kind == RequestKind::Grant && verdict.next == Next::UntilMended {
            self.refused = Some(failure.message.clone());
        }
        let is_forgotten = kind == RequestKind::Grant && self.forget_refused_password(verdict);
        let is_own = kind == RequestKind::Grant || out_of_file;
        if is_own && self.grant.is_none() && !is_forgotten && verdict.next != Next::Over {
            // Whoever reads meets the same answer, and a wrong password is not tried once for each of them.
            self.slot().pull(now.boot);
            self.note_failure(&SlotKey::default(), failure, verdict, now, jitter);
        }
        let honest = if kind == RequestKind::Refresh && matches!(failure.cause, Cause::Lost) {
            "; the refresh token may be used up by that, where the provider rotates it"
        } else {
            ""
        };
        let code = match verdict.code {
            ErrorCode::LoginRequired => ErrorCode::LoginDenied,
            code => code,
        };
        let message = format!(
            "the login of profile `{}` failed: {}{honest}",
            self.settings.profile, failure.message
        );
        let refusal = ErrorBody::new(code, message).of(&self.settings.profile);
        if kind == RequestKind::Refresh && !out_of_file {
            return self.end_login(Err(refusal));
        }
        self.start_fails(failure, refusal, now);
    }

    /// A password that a login gave and that is refused now is of no use any more: says whether there was one.
    pub(super) fn forget_refused_password(&mut self, verdict: Verdict) -> bool {
        verdict.next == Next::UntilMended && self.given.take().is_some()
    }
}
