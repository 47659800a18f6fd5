//! A refresh token that the SDK has saved: its cache file is read, and never written.

use super::Fetch;
use super::members::Members;
use super::oauth::{Grant, OAuth, not_of_this_grant};
use super::source::{Sources, shown, unusable};
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
    async fn find(&self, sources: &Sources) -> Result<Secret, Failure> {
        let content = sources.read(&self.path).await?;
        let path = shown(&self.path);
        let members = Members::read(content.expose().as_bytes()).ok_or_else(|| {
            unusable(format!("{path} holds no whole JSON object: is the SDK writing it?"))
        })?;
        let refresh_token = members.secret("refresh_token").ok_or_else(|| {
            unusable(format!("{path} holds no `refresh_token`: log in with the SDK once more"))
        })?;
        Ok(refresh_token.clone())
    }
}

impl Grant for CacheFile {
    fn fetch<'a>(&'a self, oauth: &'a OAuth, request: &'a Request) -> Fetch<'a> {
        Box::pin(async move {
            match request {
                Request::Grant { .. } => match self.find(oauth.sources()).await {
                    Ok(refresh_token) => Outcome::Found(refresh_token),
                    Err(failure) => Outcome::Failed(failure),
                },
                _ => not_of_this_grant(),
            }
        })
    }
}
