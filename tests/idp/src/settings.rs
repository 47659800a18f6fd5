//! How the provider behaves, at the start and at run time.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use crate::clients::{Client, User};

/// Everything that can be chosen. All but the addresses can also be changed at run time with
/// [`TestIdp::configure`](crate::TestIdp::configure), and all but users and clients with `PATCH /control/settings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen; loopback only. Port 0 picks a free one.
    #[serde(skip)]
    pub listen: SocketAddr,
    /// A second port for the control API, which stays up through outages. `None`: the control API stands on the main
    /// port alone.
    #[serde(skip)]
    pub control_port: Option<u16>,
    /// Who can log in.
    #[serde(skip)]
    pub users: Vec<User>,
    /// Which clients are known.
    #[serde(skip)]
    pub clients: Vec<Client>,
    /// Lifetime of access tokens, in seconds.
    pub access_token_seconds: u64,
    /// Idle lifetime of refresh tokens, in seconds. `Some(0)`: no known end, reported as 0 as Keycloak does for offline
    /// tokens. `None`: no known end and no `refresh_expires_in` in the answer.
    pub refresh_token_seconds: Option<u64>,
    /// Lifetime of device codes, in seconds.
    pub device_code_seconds: u64,
    /// Seconds between two polls. `None`: no `interval` in the answer, which means 5 (RFC 8628 §3.2).
    pub device_interval_seconds: Option<u64>,
    /// What a poll gets that comes sooner than the interval.
    pub early_poll: EarlyPoll,
    /// Whether the device answer has a `verification_uri_complete`.
    pub verification_uri_complete: bool,
    /// What a refresh does to the refresh token.
    pub rotation: Rotation,
    /// For how many seconds after its use the previous refresh token is taken again and gives its successor. 0: never.
    pub reuse_window_seconds: u64,
    /// The shape of access tokens.
    pub access_token_format: AccessTokenFormat,
    /// Whether answers carry a `Date` header. Keycloak sends none.
    pub date_header: bool,
    /// How far this provider's wall clock is ahead, in seconds; seen in `iat`, `exp` and `Date`.
    pub clock_skew_seconds: i64,
    /// Approves every device login at once as this user.
    pub auto_approve: Option<String>,
    /// Stands as issuer in tokens and in the discovery document. `None`: follows the `Host` header, as Keycloak does.
    pub issuer: Option<String>,
    /// The scope that is granted where none is asked for.
    pub scope: String,
    /// The scopes that exist, each with the audiences that it gives an access token, as Keycloak's client scopes do with
    /// an audience mapper. Another one is `invalid_scope`. `None`: every scope exists.
    pub scopes: Option<BTreeMap<String, Vec<String>>>,
    /// What a refresh or an exchange gets that asks for a scope that was not granted at the login.
    pub wider_scope: WiderScope,
    /// Whether `resource` and `audience` parameters decide the `aud` of access tokens. Keycloak ignores them, but for an
    /// exchange, which follows them whatever stands here.
    pub honours_audience: bool,
    /// The audiences that a request may ask for. Another one is `invalid_target` (RFC 8707 §2). `None`: any.
    pub audiences: Option<Vec<String>>,
    /// Where the endpoints are below the realm. Moved, the old ones answer 404, and the documents name the new ones.
    pub endpoints_at: String,
    /// Which documents of discovery there are.
    pub documents: Documents,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control_port: None,
            users: vec![User::jane(), User::bob()],
            clients: vec![Client::public("sdk-client"), Client::service_client()],
            access_token_seconds: 300,
            refresh_token_seconds: Some(1800),
            device_code_seconds: 600,
            device_interval_seconds: Some(5),
            early_poll: EarlyPoll::SlowDown,
            verification_uri_complete: true,
            rotation: Rotation::Rotate,
            reuse_window_seconds: 0,
            access_token_format: AccessTokenFormat::Jwt,
            date_header: false,
            clock_skew_seconds: 0,
            auto_approve: None,
            issuer: None,
            scope: "email profile".into(),
            scopes: None,
            wider_scope: WiderScope::LeftOut,
            honours_audience: false,
            audiences: None,
            endpoints_at: "protocol/openid-connect".into(),
            documents: Documents::Both,
        }
    }
}

/// What a refresh does to the refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// A new one each time; using an old one ends the session (Keycloak with `revokeRefreshToken`).
    Rotate,
    /// The same one comes back.
    Same,
    /// The answer has none; the old one stays good (RFC 6749 §6).
    Omit,
}

/// What a device poll gets that comes sooner than the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EarlyPoll {
    /// The same as any other poll.
    Ignore,
    /// `slow_down`; the interval stays and early polls do not extend it, as at Keycloak.
    SlowDown,
    /// `slow_down`, and from then on the interval is 5 seconds longer (RFC 8628 §3.5, taken at its word).
    SlowDownAndRaise,
}

/// What becomes of a scope that was not granted at the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WiderScope {
    /// It is left out without a word, as at Keycloak.
    LeftOut,
    /// `invalid_scope` (RFC 6749 §6).
    Refused,
}

/// Which documents of discovery there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Documents {
    /// Both.
    Both,
    /// `ISSUER/.well-known/openid-configuration` alone (OpenID Connect Discovery §4).
    OpenidConfiguration,
    /// `/.well-known/oauth-authorization-server`, then the issuer's path, alone (RFC 8414 §3.1).
    OauthAuthorizationServer,
    /// None.
    None,
}

/// The shape of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessTokenFormat {
    /// Header, payload and signature; the signature is random bytes.
    Jwt,
    /// A random string that says nothing.
    Opaque,
}
