//! How the provider behaves, at the start and at run time.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// Everything that can be chosen. All but the addresses, users and clients can also be changed at run time, with
/// [`TestIdp::configure`](crate::TestIdp::configure) or `PATCH /control/settings`.
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
    /// Whether `resource` and `audience` parameters decide the `aud` of access tokens. Keycloak ignores them.
    pub honours_audience: bool,
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
            honours_audience: false,
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

/// The shape of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessTokenFormat {
    /// Header, payload and signature; the signature is random bytes.
    Jwt,
    /// A random string that says nothing.
    Opaque,
}

/// Someone who can log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name to log in with, also how methods and the control API name the user.
    pub username: String,
    /// The password of the password grant.
    pub password: String,
    /// The claim `sub`.
    pub sub: String,
    /// The claim `email`.
    pub email: String,
}

impl User {
    /// `jane`, password `jane-pw`, with the id that the `test_auth` profile has too.
    pub fn jane() -> Self {
        Self::named("jane", "99cace15-e0d4-4bb6-bf14-35efee181b90")
    }

    /// `bob`, password `bob-pw`.
    pub fn bob() -> Self {
        Self::named("bob", "0b5d2c1e-6a0f-4a53-9e1d-3f6f0f5c7b42")
    }

    /// A user whose password is `NAME-pw` and whose address is `NAME@ex.co`.
    pub fn named(name: &str, sub: &str) -> Self {
        Self {
            username: name.into(),
            password: format!("{name}-pw"),
            sub: sub.into(),
            email: format!("{name}@ex.co"),
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}

/// An OAuth client.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret` of a confidential client; only such a one may use client credentials.
    pub secret: Option<String>,
}

impl Client {
    /// A client without a secret, for device codes and passwords.
    pub fn public(client_id: &str) -> Self {
        Self { client_id: client_id.into(), secret: None }
    }

    /// `service-client` with the secret `service-secret`.
    pub fn service_client() -> Self {
        Self { client_id: "service-client".into(), secret: Some("service-secret".into()) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.secret.is_some() { "confidential" } else { "public" };
        f.debug_struct("Client")
            .field("client_id", &self.client_id)
            .field("kind", &kind)
            .finish_non_exhaustive()
    }
}
