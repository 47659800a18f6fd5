//! `auth_type = "sso"`: a person's login, and the refreshes that follow.

use super::auth::{Auth, AuthSettings};
use super::auth_type::{AuthType, Row};
use super::error::Fault;
use super::extra_parameters::ParameterKind;
use super::keys::closest;
use super::oauth_client::{self, OAuthClient};
use super::written::Written;
use super::{client_authentication, provider};
use bearerd_session::Kind;
use serde_json::{Map, Value};

pub(super) static ROW: Row = Row {
    word: "sso",
    keys: &[
        provider::KEYS,
        oauth_client::KEYS,
        oauth_client::REFRESH_KEYS,
        client_authentication::KEYS,
        &["flow", "public_addr"],
    ],
    read: |profile| Ok(Auth::Sso(Box::new(Sso::read(profile)?))),
};

/// A client with which a person logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sso {
    client: OAuthClient,
    flow: Flow,
}

/// How a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Flow {
    /// A link and a code, on any device (RFC 8628).
    #[default]
    Device,
}

impl Sso {
    /// The client.
    pub fn client(&self) -> &OAuthClient {
        &self.client
    }

    /// How a person logs in.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        Ok(Self { client: OAuthClient::read(profile, SENT)?, flow: Flow::read(profile)? })
    }
}

impl AuthSettings for Sso {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&ROW)
    }

    fn kind(&self) -> Kind {
        Kind::Person
    }

    fn client(&self) -> Option<&OAuthClient> {
        Some(&self.client)
    }

    fn own_settings(&self, settings: &mut Map<String, Value>) {
        settings.insert("flow".to_owned(), self.flow.as_str().into());
    }
}

impl Flow {
    /// The word that stands in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Flow::Device => "device",
        }
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        let form = "write `flow = \"device\"`, or leave it out";
        let Some(text) = profile.text("flow")? else { return Ok(Flow::default()) };
        match text.value {
            "device" => Ok(Flow::Device),
            "code" => {
                Err(text.fault("flow `code` is known but not built in this version yet", form))
            }
            other if closest(other, ["device", "code"].into_iter()).is_some() => {
                Err(text.fault("unknown flow", "did you mean `device`?"))
            }
            _ => Err(text.fault("unknown flow", form)),
        }
    }
}

/// The requests that it sends.
const SENT: &[ParameterKind] = &[
    ParameterKind::DeviceAuthorization,
    ParameterKind::Token,
    ParameterKind::Refresh,
    ParameterKind::Revocation,
];
