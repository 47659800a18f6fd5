//! Logins that nobody has to confirm: by a password, by a refresh token from elsewhere, by the profile's own grant.

use super::Session;
use super::logging_in::{Terms, unusable_unless_failed};
use crate::grant::Grant;
use crate::io::{Answer, FetchId, Given, Means, Request, WaiterId};
use crate::login::{Granting, Login, Stage};
use crate::outcome::{Cause, Failure, Outcome, RequestKind, verdict};
use crate::schedule::{Jitter, PATIENCE};
use crate::settings::Own;
use crate::slot::SlotKey;
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, ErrorCode, Secret};

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
        if let Some(refusal) = self.refusal_of_means(&means, terms.replace) {
            return self.answer(waiter, Answer::Refused(refusal));
        }
        let granting = match means {
            Means::Import { refresh_token } => self.try_found(refresh_token, now.boot),
            Means::Given(given) => self.ask_for_grant(Some(given), RequestKind::Password, now.boot),
            Means::Own => self.ask_for_grant(self.given.clone(), RequestKind::Grant, now.boot),
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

    fn ask_for_grant(&mut self, given: Option<Given>, kind: RequestKind, asked: Boot) -> Granting {
        let request = Request::Grant { slot: SlotKey::default(), given: given.clone() };
        Granting { fetch: self.send(request), asked, kind, given, found: None }
    }

    fn try_found(&mut self, refresh_token: Secret, asked: Boot) -> Granting {
        let found = Some(refresh_token.clone());
        let request = Request::Refresh { refresh_token, slot: SlotKey::default() };
        Granting {
            fetch: self.send(request),
            asked,
            kind: RequestKind::Refresh,
            given: None,
            found,
        }
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
            Outcome::Found(refresh_token) => self.login_found(refresh_token, now),
            outcome => self.granting_failed(&unusable_unless_failed(outcome), now, jitter),
        }
    }

    /// A person asks for what the profile's file holds. Where that is what the live session began with, nothing is new:
    /// a second use of it could end that.
    fn login_found(&mut self, refresh_token: Secret, now: Now) {
        let is_known = self.source.as_ref().is_some_and(|source| source.same_as(&refresh_token));
        if is_known && self.grant.as_ref().is_some_and(Grant::is_live) {
            let logged_in = self.logged_in();
            return self.end_login(Ok(logged_in));
        }
        self.source = Some(refresh_token.clone());
        let granting = self.try_found(refresh_token, now.boot);
        self.advance_stage(|_| Stage::Granting(granting));
    }

    fn granting_failed(&mut self, failure: &Failure, now: Now, jitter: Jitter) {
        let Some(Login { stage: Stage::Granting(granting), .. }) = &self.login else { return };
        let kind = granting.kind;
        let verdict = verdict(kind, &failure.cause);
        if let Some(unwanted) = failure.cause.refresh_token() {
            self.revoke(unwanted.clone());
        }
        if kind == RequestKind::Grant && self.grant.is_none() {
            // Whoever reads meets the same answer, and a wrong password is not tried once for each of them.
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
        self.end_login(Err(refusal));
    }
}
