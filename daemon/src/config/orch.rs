//! `auth_type = "orch"`: an offline refresh token that the SDK has left in its cache file.

use super::auth::{Auth, AuthSettings};
use super::auth_type::{AuthType, Row};
use super::error::Fault;
use super::extra_parameters::ParameterKind;
use super::oauth_client::{self, OAuthClient};
use super::source::Source;
use super::written::Written;
use super::{client_authentication, provider};
use crate::environment::Environment;
use bearerd_session::{Kind, Own};
use std::path::{Path, PathBuf};

pub(super) static ROW: Row = Row {
    word: "orch",
    keys: &[
        provider::KEYS,
        oauth_client::KEYS,
        oauth_client::REFRESH_KEYS,
        client_authentication::KEYS,
        &[KEY],
    ],
    read: |profile| Ok(Auth::Orch(Box::new(Orch::read(profile)?))),
};

/// A client that goes on from what the SDK has saved, and never logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orch {
    client: OAuthClient,
    cache_file: PathBuf,
}

impl Orch {
    /// The client.
    pub fn client(&self) -> &OAuthClient {
        &self.client
    }

    /// The SDK's cache file, absolute: read and never written; it is not looked at yet.
    pub fn cache_file(&self) -> &Path {
        &self.cache_file
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        Ok(Self {
            client: OAuthClient::read(profile, SENT)?,
            cache_file: read_cache_file(profile)?,
        })
    }
}

impl AuthSettings for Orch {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&ROW)
    }

    fn kind(&self) -> Kind {
        Kind::Own(Own::GrantFile)
    }

    fn client(&self) -> Option<&OAuthClient> {
        Some(&self.client)
    }

    fn own_sources(&self) -> Vec<Source<'_>> {
        vec![Source { key: KEY, path: &self.cache_file }]
    }
}

fn read_cache_file(profile: &Written<'_>) -> Result<PathBuf, Fault> {
    if let Some(path) = profile.secret_file(KEY)? {
        return Ok(path);
    }
    let name_it = format!("write `{KEY}` with the path of the SDK's `keycloak.json`");
    if profile.limits.are_of_run_time() {
        // The default is a secret file outside the configuration's folder, and would be sent to whom the profile names.
        return Err(profile.lacks(
            &format!("`{KEY}`, which a profile that is made at run time needs"),
            format!("{name_it}, below the configuration's folder"),
        ));
    }
    Environment::read().sdk_cache_file().ok_or_else(|| {
        profile.lacks(&format!("`{KEY}`, and no HOME says where the SDK's own is"), name_it)
    })
}

const KEY: &str = "cache_file";

/// The requests that it sends.
const SENT: &[ParameterKind] = &[ParameterKind::Refresh, ParameterKind::Revocation];
