//! A refresh token that the SDK has saved: its cache file is read, and never written.

use super::Fetch;
use super::members::Members;
use super::oauth::{Grant, OAuth, not_of_this_grant};
use super::source::{shown, unusable};
use bearerd_proto::Secret;
use bearerd_session::{Failure, Outcome, Request};
use std::path::{Path, PathBuf};

/// Finds a grant instead of asking for one.
#[derive(Debug)]
pub(crate) struct CacheFile {
    path: PathBuf,
}

impl CacheFile {
    /// The file at `path`, which is not read yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The member `refresh_token`; what else is in there, its access token included, is the SDK's own affair.
    async fn find(&self, oauth: &OAuth) -> Result<Secret, Failure> {
        let content = oauth.sources().read(&self.path).await?;
        let path = shown(&self.path);
        let members = Members::read(content.expose().as_bytes()).ok_or_else(|| {
            unusable(format!("{path} holds no whole JSON object: is the SDK writing it?"))
        })?;
        let refresh_token = members.secret("refresh_token").ok_or_else(|| {
            unusable(format!("{path} holds no `refresh_token`: log in with the SDK once more"))
        })?;
        // The SDK has one file for all its providers, and one's refresh token is not for another's eyes.
        let claims = Members::claims_of(refresh_token);
        match claims.as_ref().and_then(|claims| claims.text("iss")) {
            Some(issuer) if !oauth.is_theirs(issuer) => Err(unusable(format!(
                "{path} holds a refresh token of another issuer than this profile's, which is not sent: log in there with \
                 the SDK, or mend the profile"
            ))),
            _ => Ok(refresh_token.clone()),
        }
    }
}

impl Grant for CacheFile {
    fn fetch<'a>(&'a self, oauth: &'a OAuth, request: &'a Request) -> Fetch<'a> {
        Box::pin(async move {
            match request {
                Request::Grant { .. } => match self.find(oauth).await {
                    Ok(refresh_token) => Outcome::Found(refresh_token),
                    Err(failure) => Outcome::Failed(failure),
                },
                _ => not_of_this_grant(),
            }
        })
    }
}
