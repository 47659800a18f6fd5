//! A login by name and password (RFC 6749 §4.3), out of files or as a person gave them.

use super::Fetch;
use super::endpoint::Stake;
use super::members::Members;
use super::oauth::{Grant, GrantAsk, OAuth, Subject, not_of_this_grant};
use super::source::{Sources, shown, unusable};
use crate::config::Credentials;
use bearerd_proto::Secret;
use bearerd_session::{Failure, Given, Outcome, Request, SlotKey};

/// The password grant.
#[derive(Debug)]
pub(crate) struct PasswordGrant {
    credentials: Credentials,
}

/// Who logs in, by what.
struct Login {
    username: String,
    password: Secret,
    /// What to check where they are refused.
    origin: String,
}

impl PasswordGrant {
    /// With what the configuration says of name and password; no file is read yet.
    pub(crate) fn new(credentials: &Credentials) -> Self {
        Self { credentials: credentials.clone() }
    }

    async fn grant(&self, oauth: &OAuth, slot: &SlotKey, given: Option<&Given>) -> Outcome {
        let login = match self.login(oauth.sources(), given).await {
            Ok(login) => login,
            Err(failure) => return Outcome::Failed(failure),
        };
        let ask = GrantAsk {
            grant_type: "password",
            parameters: vec![("username", &login.username), ("password", login.password.expose())],
            secrets: vec![&login.password],
            // It can be asked again.
            stake: Stake::SpendsNothing,
            origin: &login.origin,
            subject: Subject::Person,
        };
        oauth.grant(ask, slot).await
    }

    /// What a person gave comes first: they have been asked for it just now, or since.
    async fn login(&self, sources: &Sources, given: Option<&Given>) -> Result<Login, Failure> {
        match (&self.credentials, given) {
            (credentials, Some(given)) => {
                let username = given.username.as_deref().or(credentials.username());
                let username = username.ok_or_else(|| {
                    unusable("no user's name came with the password: give both".to_owned())
                })?;
                let (username, password) = (username.to_owned(), given.password.clone());
                Ok(Login { username, password, origin: "name and password".to_owned() })
            }
            (Credentials::File(path), None) => {
                let content = sources.read(path).await?;
                let path = shown(path);
                let form = "write `{\"username\": …, \"password\": …}` there";
                let members = Members::read(content.expose().as_bytes()).ok_or_else(|| {
                    unusable(format!("{path} holds no whole JSON object: {form}"))
                })?;
                match (members.text("username"), members.secret("password")) {
                    (Some(username), Some(password)) => Ok(Login {
                        username: username.to_owned(),
                        password: password.clone(),
                        origin: format!("name and password in {path}"),
                    }),
                    _ => Err(unusable(format!("{path} lacks a name or a password: {form}"))),
                }
            }
            (Credentials::Password { username, file }, None) => Ok(Login {
                username: username.clone(),
                password: sources.read(file).await?,
                origin: format!("`username`, and the password in {}", shown(file)),
            }),
            (Credentials::Given { .. }, None) => {
                Err(unusable("no password is at hand: log in and give it".to_owned()))
            }
        }
    }
}

impl Grant for PasswordGrant {
    fn fetch<'a>(&'a self, oauth: &'a OAuth, request: &'a Request) -> Fetch<'a> {
        Box::pin(async move {
            match request {
                Request::Grant { slot, given } => self.grant(oauth, slot, given.as_ref()).await,
                _ => not_of_this_grant(),
            }
        })
    }
}
