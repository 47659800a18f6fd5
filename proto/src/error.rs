//! Errors on the wire: codes that are never renamed, and what each asks of whom.

use crate::ProfileName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong, as a client decides by it. `PROTOCOL.md` has the table with who acts on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// Malformed request, or a scope or audience that the IdP refuses: the caller mends the request.
    BadRequest,
    /// No such route or login id.
    NotFound,
    /// No profile of that name.
    UnknownProfile,
    /// There is no session: a person logs in.
    LoginRequired,
    /// There is no session yet, but a login is under way: a person finishes it.
    LoginPending,
    /// The login's time ran out: a person starts another.
    LoginExpired,
    /// The person, or the IdP, said no.
    LoginDenied,
    /// Locked by `POST /v1/lock`.
    Locked,
    /// The peer is another user, or a browser.
    Forbidden,
    /// The IdP gave no answer, or said "later": bearerd tries on by itself.
    IdpUnreachable,
    /// The IdP gave an answer that can't be used.
    IdpRejected,
    /// `strict` was asked for, and `min_ttl` could not be met.
    MinTtlUnmet,
    /// Wrong client, secret, issuer or configuration: whoever configured it mends it.
    Misconfigured,
    /// The saved session can't be opened.
    StateUnreadable,
    /// Too many connections or requests at once: try again shortly.
    Overloaded,
    /// The daemon is going down: try again on a new connection.
    ShuttingDown,
    /// A fault of bearerd itself.
    Internal,
    /// A code of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// All codes that this version says, in the order of the protocol's table.
    pub const ALL: [ErrorCode; 17] = [
        ErrorCode::BadRequest,
        ErrorCode::NotFound,
        ErrorCode::UnknownProfile,
        ErrorCode::LoginRequired,
        ErrorCode::LoginPending,
        ErrorCode::LoginExpired,
        ErrorCode::LoginDenied,
        ErrorCode::Locked,
        ErrorCode::Forbidden,
        ErrorCode::IdpUnreachable,
        ErrorCode::IdpRejected,
        ErrorCode::MinTtlUnmet,
        ErrorCode::Misconfigured,
        ErrorCode::StateUnreadable,
        ErrorCode::Overloaded,
        ErrorCode::ShuttingDown,
        ErrorCode::Internal,
    ];

    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::BadRequest => "bad-request",
            ErrorCode::NotFound => "not-found",
            ErrorCode::UnknownProfile => "unknown-profile",
            ErrorCode::LoginRequired => "login-required",
            ErrorCode::LoginPending => "login-pending",
            ErrorCode::LoginExpired => "login-expired",
            ErrorCode::LoginDenied => "login-denied",
            ErrorCode::Locked => "locked",
            ErrorCode::Forbidden => "forbidden",
            ErrorCode::IdpUnreachable => "idp-unreachable",
            ErrorCode::IdpRejected => "idp-rejected",
            ErrorCode::MinTtlUnmet => "min-ttl-unmet",
            ErrorCode::Misconfigured => "misconfigured",
            ErrorCode::StateUnreadable => "state-unreadable",
            ErrorCode::Overloaded => "overloaded",
            ErrorCode::ShuttingDown => "shutting-down",
            ErrorCode::Internal => "internal",
            ErrorCode::Unknown => "unknown",
        }
    }

    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            ErrorCode::BadRequest => 400,
            ErrorCode::LoginRequired => 401,
            ErrorCode::Forbidden | ErrorCode::LoginDenied => 403,
            ErrorCode::NotFound | ErrorCode::UnknownProfile => 404,
            ErrorCode::LoginPending => 409,
            ErrorCode::LoginExpired => 410,
            ErrorCode::Locked => 423,
            ErrorCode::Misconfigured
            | ErrorCode::StateUnreadable
            | ErrorCode::Internal
            | ErrorCode::Unknown => 500,
            ErrorCode::IdpRejected => 502,
            ErrorCode::IdpUnreachable
            | ErrorCode::MinTtlUnmet
            | ErrorCode::Overloaded
            | ErrorCode::ShuttingDown => 503,
        }
    }
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct ErrorBody {
    /// What a client decides by.
    pub code: ErrorCode,
    /// What was tried, on what, why it failed and what to do next: a sentence for a person.
    pub message: String,
    /// The profile it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// Seconds after which asking again makes sense; also in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The command that starts a login, or the link of the one under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
}

impl ErrorBody {
    /// An error with nothing but its code and its sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), profile: None, retry_after: None, login_hint: None }
    }

    /// The same error, about `profile`.
    #[must_use]
    pub fn of(self, profile: &ProfileName) -> Self {
        Self { profile: Some(profile.clone()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_reads_on_the_wire_as_it_is_written_here() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(serde_json::from_value::<ErrorCode>(code.as_str().into()).unwrap(), code);
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
    }

    #[test]
    fn a_code_of_a_newer_daemon_is_taken_as_unknown() {
        assert_eq!(
            serde_json::from_str::<ErrorCode>("\"quota-used-up\"").unwrap(),
            ErrorCode::Unknown
        );
    }
}
