//! Who is known to the provider: users, clients, and how a client proves that it is itself.

use std::fmt;

use crate::keys::PublicKey;

/// Someone who can log in.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name to log in with, also how methods and the control API name the user.
    pub username: String,
    /// The password of the password grant.
    pub password: String,
    /// The claim `sub`.
    pub sub: String,
    /// The claim `email`, if there is one.
    pub email: Option<String>,
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
            email: Some(format!("{name}@ex.co")),
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}

/// An OAuth client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The `client_id`.
    pub client_id: String,
    /// How it proves that it is itself.
    pub authentication: Authentication,
    /// Whether a device login of it must bring a PKCE challenge, as a client of Keycloak's can demand it.
    pub demands_challenge: bool,
}

/// How a client proves that it is itself at every endpoint (RFC 6749 §2.3, RFC 7523 §2.2).
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all: a public client, without client credentials.
    Public,
    /// By this secret, in the header or in the form: Keycloak takes both.
    Secret(String),
    /// By this secret in `Authorization: Basic` alone.
    SecretBasic(String),
    /// By this secret in the form alone.
    SecretPost(String),
    /// By an assertion that is signed with this secret (HS256).
    SecretJwt(String),
    /// By an assertion that this key verifies.
    PrivateKeyJwt(PublicKey),
}

impl Client {
    /// A client without a secret, for device codes and passwords.
    pub fn public(client_id: &str) -> Self {
        Self::new(client_id, Authentication::Public)
    }

    /// A client that proves who it is in this way.
    pub fn new(client_id: &str, authentication: Authentication) -> Self {
        Self { client_id: client_id.into(), authentication, demands_challenge: false }
    }

    /// `service-client` with the secret `service-secret`.
    pub fn service_client() -> Self {
        Self::new("service-client", Authentication::Secret("service-secret".into()))
    }

    /// The same client, which takes no device login without a PKCE challenge.
    #[must_use]
    pub fn demanding_challenge(mut self) -> Self {
        self.demands_challenge = true;
        self
    }
}

impl Authentication {
    /// The secret, where it is one.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Public | Self::PrivateKeyJwt(_) => None,
            Self::Secret(secret)
            | Self::SecretBasic(secret)
            | Self::SecretPost(secret)
            | Self::SecretJwt(secret) => Some(secret),
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "Public",
            Self::Secret(_) => "Secret",
            Self::SecretBasic(_) => "SecretBasic",
            Self::SecretPost(_) => "SecretPost",
            Self::SecretJwt(_) => "SecretJwt",
            Self::PrivateKeyJwt(_) => "PrivateKeyJwt",
        })
    }
}
