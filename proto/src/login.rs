//! `POST /v1/login`, `GET`/`DELETE /v1/login/{id}`, `POST /v1/import`, `POST /v1/logout`.

use crate::token::is_false;
use crate::{ProfileName, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Starts a login, or joins the one under way.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoginRequest {
    /// Which profile; left out: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// `device` or `code`; left out: the profile's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// For a password login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For a password login; kept in memory alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Lets another person (another `sub`) take the profile over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replace: bool,
    /// Seconds after which the session is forgotten; the profile's own `lifetime` counts where it is shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
}

/// The body of `POST /v1/import`: takes over a refresh token that somebody has already.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ImportRequest {
    /// Which profile; left out: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// The refresh token. From now on it is the daemon's alone: whoever goes on using it ends the session.
    pub refresh_token: Secret,
    /// Lets it take the place of a live session, also of another person's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub replace: bool,
}

/// What a login looks like from outside: the answer of `POST /v1/login` and of `GET /v1/login/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum LoginAnswer {
    /// A person has something to do.
    Pending(PendingLogin),
    /// The session is there.
    Done(LoggedIn),
}

/// A login that waits for its person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PendingLogin {
    /// For `GET` and `DELETE /v1/login/{id}`.
    pub login_id: String,
    /// The profile that logs in.
    pub profile: ProfileName,
    /// Device flow: the page where the code is typed (RFC 8628 §3.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri: Option<String>,
    /// Device flow: the same page with the code in it, for a link or a QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<String>,
    /// Device flow: the code to type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_code: Option<String>,
    /// The device flow's link as a QR code: its rows from top to bottom, `1` a dark module and `0` a light one, without the
    /// light border that scanners want (ISO/IEC 18004: 4 modules).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<Vec<String>>,
    /// Code flow: the page to open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_url: Option<String>,
    /// When the code's time runs out: Unix seconds.
    pub expires_at: i64,
    /// Whole seconds from now until then.
    pub expires_in: u64,
}

/// Who is logged in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedIn {
    /// The claim `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The claim `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
}

/// The answer of `DELETE /v1/login/{id}`: nothing to say yet, room for what comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginCancelled {}

/// Forgets one profile's tokens, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogoutRequest {
    /// Which profile; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// Whether the refresh token is revoked at the IdP (RFC 7009); left out: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<bool>,
}

/// What a logout did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogoutAnswer {
    /// One entry for each profile that was asked for.
    pub profiles: Vec<LoggedOut>,
}

/// What a logout did to one profile; also the answer of `DELETE /v1/profiles/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedOut {
    /// The profile.
    pub profile: ProfileName,
    /// What became of the refresh token at the IdP.
    pub revocation: Revocation,
    /// Why the IdP could not be told, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of a refresh token at the IdP. It is forgotten here in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Revocation {
    /// The IdP took it back.
    Revoked,
    /// The IdP could not be told: the token lives there until it ends by itself.
    Failed,
    /// Not asked for, or there was nothing to revoke.
    Skipped,
    /// A word of a newer daemon.
    #[serde(other)]
    Unknown,
}
