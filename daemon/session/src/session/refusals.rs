//! What callers are told who get no token: the code, what happened, what to do next.

use super::Session;
use crate::login::{Login, Stage};
use crate::problem::{Problem, seconds_up};
use crate::schedule::PATIENCE;
use crate::slot::SlotKey;
use bearerd_proto::{ErrorBody, ErrorCode};
use std::time::Duration;

impl Session {
    /// Why a caller without a token gets none although nothing is under way: there is no session.
    pub(super) fn no_session(&self) -> Option<ErrorBody> {
        if self.is_constant() || self.can_renew() {
            return None;
        }
        let profile = &self.settings.profile;
        let command = self.login_command();
        if let Some(Login { stage: Stage::Pending(pending), .. }) = &self.login {
            let message = format!(
                "a login of profile `{profile}` waits for its person: open {}",
                pending.link()
            );
            let body = ErrorBody::new(ErrorCode::LoginPending, message).of(profile);
            return Some(ErrorBody { login_hint: Some(pending.link().to_owned()), ..body });
        }
        let (code, message) = if let Some(reason) =
            self.grant.as_ref().and_then(|grant| grant.over.as_deref())
        {
            let message =
                format!("the session of profile `{profile}` is over: {reason}; run `{command}`");
            (ErrorCode::LoginRequired, message)
        } else if let Some(reason) = &self.unreadable {
            let message =
                format!("the saved session of profile `{profile}` can't be opened: {reason}");
            (ErrorCode::StateUnreadable, message)
        } else if let Some(parked) = &self.parked {
            let was = &parked.binding;
            let message = format!(
                "the saved session of profile `{profile}` belongs to {} (client `{}`, {}), not to its configuration: \
                 it is kept and not used; put the configuration back, or run `{command}`",
                was.endpoint, was.client_id, was.auth_type
            );
            (ErrorCode::LoginRequired, message)
        } else {
            let message = format!("profile `{profile}` is not logged in: run `{command}`");
            (ErrorCode::LoginRequired, message)
        };
        Some(ErrorBody { login_hint: Some(command), ..ErrorBody::new(code, message).of(profile) })
    }

    /// What a caller without a token gets after a failed attempt.
    pub(super) fn failed(&self, problem: &Problem, wait: Option<Duration>) -> ErrorBody {
        let message = match problem.code {
            ErrorCode::IdpUnreachable | ErrorCode::IdpRejected => {
                format!("{}; bearerd tries again by itself", problem.message)
            }
            ErrorCode::Misconfigured => format!(
                "{}; mend the client at the identity provider or the profile's configuration, then reload bearerd \
                 (`systemctl --user reload bearerd`, or SIGHUP)",
                problem.message
            ),
            _ => problem.message.clone(),
        };
        let body = ErrorBody::new(problem.code, message).of(&self.settings.profile);
        ErrorBody { retry_after: wait.map(seconds_up), ..body }
    }

    pub(super) fn out_of_patience(&self, slot: &SlotKey) -> ErrorBody {
        let last = self
            .problem(slot)
            .map_or(String::new(), |problem| format!("; before that: {}", problem.message));
        let message = format!(
            "the identity provider of profile `{}` has not given a valid token in {} s; bearerd goes on waiting for \
             it: ask again{last}",
            self.settings.profile,
            PATIENCE.as_secs()
        );
        let body = ErrorBody::new(ErrorCode::IdpUnreachable, message).of(&self.settings.profile);
        ErrorBody { retry_after: Some(1), ..body }
    }

    pub(super) fn min_ttl_unmet(&self, min_ttl: Duration, reason: &str) -> ErrorBody {
        let message = format!(
            "profile `{}` has no token that lives {} s on: {reason}; ask for less, or leave `strict` out",
            self.settings.profile,
            min_ttl.as_secs()
        );
        ErrorBody::new(ErrorCode::MinTtlUnmet, message).of(&self.settings.profile)
    }

    pub(super) fn rejected_again(&self, reason: &str, wait: Duration) -> ErrorBody {
        let message = format!(
            "the token of profile `{}` was rejected, and {reason}; check that the resource server is meant for this \
             profile and that its clock is right",
            self.settings.profile
        );
        let body = ErrorBody::new(ErrorCode::IdpRejected, message).of(&self.settings.profile);
        ErrorBody { retry_after: Some(seconds_up(wait)), ..body }
    }

    pub(super) fn shutting_down(&self) -> ErrorBody {
        let message = "bearerd is going down: try again on a new connection";
        ErrorBody {
            retry_after: Some(1),
            ..ErrorBody::new(ErrorCode::ShuttingDown, message).of(&self.settings.profile)
        }
    }

    pub(super) fn login_refusal(&self, code: ErrorCode, message: String) -> ErrorBody {
        let body = ErrorBody::new(code, message).of(&self.settings.profile);
        ErrorBody { login_hint: Some(self.login_command()), ..body }
    }

    pub(super) fn no_such_login(&self) -> ErrorBody {
        let message = format!(
            "profile `{}` has no login of that id under way, or it ended long ago",
            self.settings.profile
        );
        ErrorBody::new(ErrorCode::NotFound, message).of(&self.settings.profile)
    }

    pub(super) fn login_command(&self) -> String {
        format!("bearerctl login {}", self.settings.profile)
    }
}
