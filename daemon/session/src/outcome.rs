//! What a request to the IdP came to, and what that means: the one table that decides it.

use crate::time::Wall;
use bearerd_proto::{ErrorCode, Secret};
use std::time::Duration;

/// What one request to the IdP came to.
#[derive(Debug)]
pub enum Outcome {
    /// Tokens.
    Granted(Box<Granted>),
    /// A file gave this refresh token; nothing was sent.
    Found(Secret),
    /// A device login was started (RFC 8628 §3.2).
    Device(DeviceAuthorization),
    /// The refresh token was revoked, or was dead already (RFC 7009).
    Revoked,
    /// Anything else.
    Failed(Failure),
}

/// A token endpoint's good answer, read.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The access token.
    pub access_token: Secret,
    /// How long it lives from the request's start; absent: no known end.
    pub lifetime: Option<Duration>,
    /// The refresh token, where the answer has one.
    pub refresh_token: Option<Secret>,
    /// How long that lives from the request's start; absent: no known end.
    pub refresh_lifetime: Option<Duration>,
    /// When the IdP would have it renewed, from the request's start, where it says so.
    pub refresh_in: Option<Duration>,
    /// Scopes granted, separated by spaces, where the answer has them.
    pub scope: Option<String>,
    /// The claim `sub`.
    pub user_id: Option<String>,
    /// The claim `email`.
    pub user_email: Option<String>,
    /// The IdP's own session (`sid`): two logins of one browser can share it.
    pub idp_session: Option<String>,
    /// The IdP's clock at the answer, where it shows (`Date`, else `iat`).
    pub idp_time: Option<Wall>,
}

/// RFC 8628 §3.2.
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// What the polls carry.
    pub device_code: Secret,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// How long the codes live from the request's start.
    pub lifetime: Duration,
    /// How long to wait between polls; RFC 8628's default is 5 s.
    pub interval: Duration,
    /// What the start's challenge was made of (RFC 7636 §4.1), for the polls; absent where none was sent.
    pub code_verifier: Option<Secret>,
}

/// A request that gave nothing.
#[derive(Debug)]
pub struct Failure {
    /// What kind of failure.
    pub cause: Cause,
    /// What happened, for a person: host, status, OAuth error. No body, no header, no secret.
    pub message: String,
    /// When the IdP said to come again (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// The kinds of failure.
#[derive(Debug)]
pub enum Cause {
    /// DNS, connect, TLS: nothing was sent.
    NotSent,
    /// "Later": 408, 429, 500, 503, `temporarily_unavailable`, `server_error`, an unreadable body that is no success.
    Later,
    /// Sent, and the answer did not arrive whole: reset, out of time, 502, 504, a success whose body is unreadable.
    Lost,
    /// No such endpoint (404), or another issuer than the configured one.
    WrongPlace,
    /// A file or a secret of the profile can't be used: nothing was sent.
    Source,
    /// The OAuth `error` field.
    OAuth(OAuthError),
    /// An answer that can't be used: no token, another `token_type`, a redirect. A refresh token in it still counts.
    Unusable {
        /// The rotated refresh token of an answer that is useless otherwise.
        refresh_token: Option<Secret>,
    },
    /// A token that is not for the audience that was asked for.
    WrongAudience {
        /// The rotated refresh token of that answer.
        refresh_token: Option<Secret>,
    },
}

/// The `error` field (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8693 §2.2.2, OpenID Connect).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthError {
    /// `invalid_grant`
    InvalidGrant,
    /// `invalid_client`
    InvalidClient,
    /// `unauthorized_client`
    UnauthorizedClient,
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// `invalid_request`
    InvalidRequest,
    /// `invalid_scope`
    InvalidScope,
    /// `invalid_target`
    InvalidTarget,
    /// `access_denied`
    AccessDenied,
    /// `authorization_pending`
    AuthorizationPending,
    /// `slow_down`
    SlowDown,
    /// `expired_token`
    ExpiredToken,
    /// `temporarily_unavailable`
    TemporarilyUnavailable,
    /// `server_error`
    ServerError,
    /// Any other word.
    Other,
}

impl OAuthError {
    /// From the word on the wire.
    pub fn from_word(word: &str) -> Self {
        match word {
            "invalid_grant" => Self::InvalidGrant,
            "invalid_client" => Self::InvalidClient,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unsupported_grant_type" => Self::UnsupportedGrantType,
            "invalid_request" => Self::InvalidRequest,
            "invalid_scope" => Self::InvalidScope,
            "invalid_target" => Self::InvalidTarget,
            "access_denied" => Self::AccessDenied,
            "authorization_pending" => Self::AuthorizationPending,
            "slow_down" => Self::SlowDown,
            "expired_token" => Self::ExpiredToken,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "server_error" => Self::ServerError,
            _ => Self::Other,
        }
    }
}

impl Cause {
    /// The refresh token of an answer that is of no use otherwise.
    pub fn refresh_token(&self) -> Option<&Secret> {
        match self {
            Cause::Unusable { refresh_token } | Cause::WrongAudience { refresh_token } => {
                refresh_token.as_ref()
            }
            _ => None,
        }
    }

    /// Whether the IdP may have refused this very refresh token, and not whoever brings it.
    pub(crate) fn may_be_the_tokens(&self) -> bool {
        use OAuthError as E;
        matches!(self, Cause::OAuth(E::InvalidRequest | E::InvalidScope | E::InvalidTarget))
    }

    /// The kind of an answer that gave nothing, by the OAuth `error` field first and the HTTP status second.
    ///
    /// `error` is absent where the body can't be read, and empty where it can but has none. A success whose body can't be
    /// read is not for here: it is [`Cause::Lost`], as the request was carried out.
    pub fn of_answer(status: u16, error: Option<&str>) -> Cause {
        // A success or a redirect that carries an error contradicts itself: it ends no session. What an IdP says so that
        // answers the polls of a device login like this (some do) is understood all the same.
        if (200..400).contains(&status) {
            return match error.map(OAuthError::from_word) {
                Some(waits @ (OAuthError::AuthorizationPending | OAuthError::SlowDown)) => {
                    Cause::OAuth(waits)
                }
                _ => Cause::Unusable { refresh_token: None },
            };
        }
        match error.map(OAuthError::from_word) {
            Some(OAuthError::TemporarilyUnavailable | OAuthError::ServerError) => Cause::Later,
            Some(known) if known != OAuthError::Other => Cause::OAuth(known),
            other => match status {
                502 | 504 => Cause::Lost,
                408 | 429 | 500..=599 => Cause::Later,
                404 => Cause::WrongPlace,
                _ if other.is_some() => Cause::OAuth(OAuthError::Other),
                _ => Cause::Later,
            },
        }
    }
}

/// What was asked of the IdP, as far as its failure's meaning depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// Grant `refresh_token`.
    Refresh,
    /// The profile's own means.
    Grant,
    /// The same with a password that somebody gave just now.
    Password,
    /// RFC 8693.
    Exchange,
    /// The start of a device login.
    DeviceStart,
    /// One poll of a device login.
    DevicePoll,
    /// RFC 7009.
    Revoke,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Its class, as callers see it.
    pub code: ErrorCode,
    /// What it reaches.
    pub reach: Reach,
    /// What comes next.
    pub next: Next,
}

/// How far a failure reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every slot of the session.
    Session,
    /// That slot alone.
    Slot,
}

/// What comes after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Again, exponentially later, `Retry-After` respected.
    Backoff,
    /// The IdP may have carried it out: the rule of lost answers.
    Lost,
    /// The session is over: a person logs in.
    Over,
    /// Not again by itself for so long.
    Hold(Duration),
    /// Not again before a person or a changed file may have mended it.
    UntilMended,
    /// A device login: poll on at the interval.
    PollOn,
    /// A device login: poll on, slower.
    SlowDown,
}

/// A mended configuration is noticed by reload or login; else after this long.
pub(crate) const MISCONFIGURED_HOLD: Duration = Duration::from_secs(600);
/// A scope or audience that was refused is not asked for again within this.
const BAD_REQUEST_HOLD: Duration = Duration::from_secs(60);

/// The table: what a failure of a request means.
pub fn verdict(request: RequestKind, cause: &Cause) -> Verdict {
    use OAuthError as E;
    let session = |code, next| Verdict { code, reach: Reach::Session, next };
    let slot = |code, next| Verdict { code, reach: Reach::Slot, next };
    match (request, cause) {
        (_, Cause::NotSent | Cause::Later) => session(ErrorCode::IdpUnreachable, Next::Backoff),
        (RequestKind::Refresh, Cause::Lost) => session(ErrorCode::IdpUnreachable, Next::Lost),
        (_, Cause::Lost) => session(ErrorCode::IdpUnreachable, Next::Backoff),
        (_, Cause::WrongPlace) => session(ErrorCode::Misconfigured, Next::Hold(MISCONFIGURED_HOLD)),
        // Looking at a file again costs nobody anything.
        (_, Cause::Source) => session(ErrorCode::Misconfigured, Next::Backoff),
        (_, Cause::Unusable { .. }) => slot(ErrorCode::IdpRejected, Next::Backoff),
        (_, Cause::WrongAudience { .. }) => {
            slot(ErrorCode::BadRequest, Next::Hold(BAD_REQUEST_HOLD))
        }
        (request, Cause::OAuth(error)) => match (request, error) {
            (_, E::TemporarilyUnavailable | E::ServerError) => {
                session(ErrorCode::IdpUnreachable, Next::Backoff)
            }
            (RequestKind::DevicePoll, E::AuthorizationPending) => {
                session(ErrorCode::LoginPending, Next::PollOn)
            }
            (RequestKind::DevicePoll, E::SlowDown) => {
                session(ErrorCode::LoginPending, Next::SlowDown)
            }
            // Keycloak forgets a code a while after its end and then says `invalid_grant`.
            (RequestKind::DevicePoll, E::ExpiredToken | E::InvalidGrant) => {
                session(ErrorCode::LoginExpired, Next::Over)
            }
            (RequestKind::DeviceStart | RequestKind::DevicePoll, E::AccessDenied) => {
                session(ErrorCode::LoginDenied, Next::Over)
            }
            (RequestKind::Refresh, E::InvalidGrant) => {
                session(ErrorCode::LoginRequired, Next::Over)
            }
            // A wrong password that is tried again and again locks an account.
            (RequestKind::Grant, E::InvalidGrant) => {
                session(ErrorCode::Misconfigured, Next::UntilMended)
            }
            (RequestKind::Password, E::InvalidGrant | E::AccessDenied) => {
                session(ErrorCode::LoginDenied, Next::Over)
            }
            (RequestKind::Exchange, E::AccessDenied) => {
                slot(ErrorCode::BadRequest, Next::Hold(BAD_REQUEST_HOLD))
            }
            (
                _,
                E::InvalidClient
                | E::UnauthorizedClient
                | E::UnsupportedGrantType
                | E::InvalidRequest,
            ) => session(ErrorCode::Misconfigured, Next::Hold(MISCONFIGURED_HOLD)),
            (_, E::InvalidScope | E::InvalidTarget) => {
                slot(ErrorCode::BadRequest, Next::Hold(BAD_REQUEST_HOLD))
            }
            _ => slot(ErrorCode::IdpRejected, Next::Backoff),
        },
    }
}
