//! `GET /v1/token` and `POST /v1/token/reject`.

use crate::{ProfileName, Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The query of `GET /v1/token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenQuery {
    /// Which profile; left out: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// The issuer of the wanted token, in place of a profile's name: the one profile of that issuer is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Seconds that the token should live on: a wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ttl: Option<u64>,
    /// Makes `min_ttl` a condition: `min-ttl-unmet` instead of a token that lives shorter.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict: bool,
    /// Scopes of the wanted token, separated by spaces; left out: the profile's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Audience of the wanted token; left out: the profile's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// The body of `POST /v1/token/reject`: a resource server answered 401 for this very token.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RejectRequest {
    /// Which profile; left out: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileName>,
    /// The token that was refused.
    pub token: Secret,
}

/// The current token. The four times are absent where a token has no known end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TokenAnswer {
    /// The access token; absent where `token_type` is `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// `Bearer`, or `none` for a profile that sends no header.
    pub token_type: TokenType,
    /// When it expires: Unix seconds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Whole seconds from now until it expires, for a client's own boot-time clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// When bearerd means to renew it: Unix seconds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_at: Option<i64>,
    /// Whole seconds from now until then: a client may hold the token that long without asking again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_in: Option<u64>,
    /// The profile that it belongs to.
    pub profile: ProfileName,
    /// Scopes granted, separated by spaces, where the IdP said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The claim `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The claim `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// The last attempt to renew failed, the session is over, or a wish went unmet.
    pub degraded: bool,
}

/// How a token is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum TokenType {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// No header at all.
    #[serde(rename = "none")]
    None,
    /// A type of a newer daemon.
    #[serde(other, rename = "unknown")]
    Unknown,
}

pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}
