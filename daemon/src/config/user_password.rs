//! `auth_type = "user_password"`: a user's name and password, out of files or given with a login.

use super::auth::{Auth, AuthSettings};
use super::auth_type::{AuthType, Row};
use super::error::Fault;
use super::extra_parameters::ParameterKind;
use super::oauth_client::{self, OAuthClient};
use super::source::Source;
use super::written::Written;
use super::{client_authentication, provider};
use bearerd_session::{Kind, Own};
use serde_json::{Map, Value};
use std::path::PathBuf;

pub(super) static ROW: Row = Row {
    word: "user_password",
    keys: &[
        provider::KEYS,
        oauth_client::KEYS,
        oauth_client::REFRESH_KEYS,
        client_authentication::KEYS,
        &["credentials_file", "username", "password_file"],
    ],
    read: |profile| Ok(Auth::UserPassword(Box::new(UserPassword::read(profile)?))),
};

/// A client that logs a user in by password (RFC 6749 §4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPassword {
    client: OAuthClient,
    credentials: Credentials,
}

/// Where name and password come from. Files are absolute, and not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The SDK's JSON: `{"username", "password"}`.
    File(PathBuf),
    /// A name, and a file that holds the password alone.
    Password {
        /// The user's name.
        username: String,
        /// The password's file.
        file: PathBuf,
    },
    /// A person gives the password with `POST /v1/login`; it is kept in memory alone.
    Given {
        /// The user's name, where it is not given there, too.
        username: Option<String>,
    },
}

impl UserPassword {
    /// The client.
    pub fn client(&self) -> &OAuthClient {
        &self.client
    }

    /// Where name and password come from.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        Ok(Self {
            client: OAuthClient::read(profile, SENT)?,
            credentials: Credentials::read(profile)?,
        })
    }
}

impl AuthSettings for UserPassword {
    fn auth_type(&self) -> AuthType {
        AuthType::of(&ROW)
    }

    fn kind(&self) -> Kind {
        Kind::Own(Own::Sessions {
            needs_given: matches!(self.credentials, Credentials::Given { .. }),
        })
    }

    fn client(&self) -> Option<&OAuthClient> {
        Some(&self.client)
    }

    fn user(&self) -> Option<&str> {
        self.credentials.username()
    }

    fn own_sources(&self) -> Vec<Source<'_>> {
        match &self.credentials {
            Credentials::File(path) => vec![Source { key: CREDENTIALS_FILE, path }],
            Credentials::Password { file, .. } => vec![Source { key: PASSWORD_FILE, path: file }],
            Credentials::Given { .. } => Vec::new(),
        }
    }

    fn own_settings(&self, settings: &mut Map<String, Value>) {
        if let Some(username) = self.credentials.username() {
            settings.insert(USERNAME.to_owned(), username.into());
        }
    }
}

impl Credentials {
    /// The user's name, where the configuration has it.
    pub fn username(&self) -> Option<&str> {
        match self {
            Credentials::File(_) => None,
            Credentials::Password { username, .. } => Some(username),
            Credentials::Given { username } => username.as_deref(),
        }
    }

    fn read(profile: &Written<'_>) -> Result<Self, Fault> {
        let username = read_username(profile)?;
        let password_file = profile.secret_file(PASSWORD_FILE)?;
        if let Some(file) = profile.secret_file(CREDENTIALS_FILE)? {
            return match [USERNAME, PASSWORD_FILE].into_iter().find(|key| profile.has(key)) {
                Some(key) => Err(profile.fault_at(
                    key,
                    format!("`{key}` and `{CREDENTIALS_FILE}` name the user twice"),
                    format!("keep `{CREDENTIALS_FILE}`, or `{USERNAME}` and `{PASSWORD_FILE}`"),
                )),
                None => Ok(Credentials::File(file)),
            };
        }
        match (username, password_file) {
            (Some(username), Some(file)) => Ok(Credentials::Password { username, file }),
            (username, None) => Ok(Credentials::Given { username }),
            (None, Some(_)) => Err(profile.fault_at(
                PASSWORD_FILE,
                format!("`{PASSWORD_FILE}` stands without `{USERNAME}`"),
                format!("write the user's name in `{USERNAME}`"),
            )),
        }
    }
}

fn read_username(profile: &Written<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = profile.text(USERNAME)? else { return Ok(None) };
    // RFC 6749 appendix A.15: Unicode without control characters.
    if text.value.is_empty() || text.value.contains(char::is_control) {
        return Err(text.fault(
            format!("`{USERNAME}` is empty or has a control character in it"),
            "write the user's name as the provider knows it",
        ));
    }
    Ok(Some(text.value.to_owned()))
}

const CREDENTIALS_FILE: &str = "credentials_file";
const USERNAME: &str = "username";
const PASSWORD_FILE: &str = "password_file";

/// The requests that it sends.
const SENT: &[ParameterKind] =
    &[ParameterKind::Token, ParameterKind::Refresh, ParameterKind::Revocation];
