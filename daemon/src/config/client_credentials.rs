//! `auth_type = "client_credentials"`: a service's own tokens, for which nobody logs in.

use super::auth::{Auth, AuthSettings};
use super::auth_type::{AuthType, Row};
use super::client_authentication::{self, ClientAuthentication};
use super::error::Fault;
use super::extra_parameters::ParameterKind;
use super::oauth_client::{self, OAuthClient};
use super::provider;
use super::written::Written;
use bearerd_session::{Kind, Own};

pub(super) static ROW: Row = Row {
    word: "client_credentials",
    keys: &[provider::KEYS, oauth_client::KEYS, client_authentication::KEYS],
    read: |profile| Ok(Auth::ClientCredentials(Box::new(ClientCredentials::read(profile)?))),
};

/// A client that acts for itself (RFC 6749 §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    client: OAuthClient,
}

impl ClientCredentials {
    /// The client, which has a secret or a key.
    pub fn client(&self) -> &OAuthClient {
        &self.client
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        let client = OAuthClient::read(profile, SENT)?;
        if *client.authentication() == ClientAuthentication::None {
            return Err(profile.lacks(
                "`client_secret_file` and no `private_key_file`",
                "name the file that holds the client's secret or its key: client credentials are for clients that have one",
            ));
        }
        // The client that is meant where none is named is a public one.
        profile.needed("client_id", "write the id of the client that has this secret")?;
        Ok(Self { client })
    }
}

impl AuthSettings for ClientCredentials {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&ROW)
    }

    fn kind(&self) -> Kind {
        Kind::Own(Own::Tokens)
    }

    fn client(&self) -> Option<&OAuthClient> {
        Some(&self.client)
    }
}

/// The requests that it sends.
const SENT: &[ParameterKind] = &[ParameterKind::Token];
