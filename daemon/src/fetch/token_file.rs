//! An access token out of a file that somebody else writes: the SDK's JSON, or the token alone.

use super::answer::positive;
use super::client::HttpClients;
use super::members::Members;
use super::oauth::not_of_this_grant;
use super::source::{Sources, shown};
use super::{Fetch, TokenFetcher};
use crate::clock::Clock;
use bearerd_proto::Secret;
use bearerd_session::time::Wall;
use bearerd_session::{Cause, Failure, Granted, OAuthError, Outcome, Request, SlotKey};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads a token, and sends nothing.
#[derive(Debug)]
pub(crate) struct TokenFileFetcher {
    path: PathBuf,
    sources: Sources,
    clock: Clock,
}

impl TokenFileFetcher {
    /// For the file at `path`, which is not read yet.
    pub(crate) fn new(path: &Path, clients: &HttpClients) -> Self {
        Self { path: path.to_owned(), sources: clients.sources(), clock: clients.clock() }
    }

    async fn read(&self, slot: &SlotKey) -> Result<Granted, Failure> {
        let content = self.sources.read(&self.path).await?;
        let granted = granted(&content, slot, self.clock.now().wall);
        granted.map_err(|(cause, reason)| Failure {
            cause,
            message: format!("{} {reason}", shown(&self.path)),
            retry_after: None,
        })
    }
}

impl TokenFetcher for TokenFileFetcher {
    fn fetch(&self, request: Request) -> Fetch<'_> {
        Box::pin(async move {
            match &request {
                Request::Grant { slot, .. } => match self.read(slot).await {
                    Ok(granted) => Outcome::Granted(Box::new(granted)),
                    Err(failure) => Outcome::Failed(failure),
                },
                _ => not_of_this_grant(),
            }
        })
    }
}

/// The token in `content`.
///
/// # Errors
/// Why it is of no use; the reason follows the file's name.
fn granted(content: &Secret, slot: &SlotKey, now: Wall) -> Result<Granted, (Cause, String)> {
    let of_source = |reason: &str| (Cause::Source, reason.to_owned());
    let text = content.expose().trim();
    let (token, members) = if text.starts_with('{') {
        let members = Members::read(text.as_bytes())
            .ok_or_else(|| of_source("holds torn JSON: is somebody writing it?"))?;
        let token = members.secret("token").cloned().ok_or_else(|| {
            of_source("holds JSON without a `token`: write `{\"token\": …}`, or the token alone")
        })?;
        (token, members)
    } else {
        (Secret::new(text), Members::default())
    };
    if token.expose().is_empty() {
        return Err(of_source("is empty: write the token there"));
    }
    if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(of_source("holds more than a token: write its JSON or the token alone"));
    }
    let claims = Members::claims_of(&token);
    is_for(slot, claims.as_ref())?;
    let claim = |name| claims.as_ref().and_then(|claims| claims.text(name));
    let lifetime = match claims.as_ref().and_then(|claims| claims.number("exp")) {
        None => None,
        // A second that has begun is over: the token's life is counted from no sooner than now.
        Some(ends_at) => match positive(ends_at.saturating_sub(seconds_begun(now))) {
            None => return Err(of_source("holds a token that has expired: write a new one there")),
            lifetime => lifetime,
        },
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Granted {
        lifetime,
        refresh_token: None,
        refresh_lifetime: None,
        refresh_in: None,
        scope: owned(claim("scope")),
        user_id: owned(members.text("user_id").or_else(|| claim("sub"))),
        user_email: owned(members.text("user_email").or_else(|| claim("email"))),
        idp_session: None,
        idp_time: None,
        access_token: token,
    })
}

fn seconds_begun(now: Wall) -> i64 {
    (now + Duration::from_millis(999)).as_secs()
}

/// Whether the one token that there is can be what is asked for.
fn is_for(slot: &SlotKey, claims: Option<&Members>) -> Result<(), (Cause, String)> {
    if slot.scope.is_some() {
        let reason = "holds one token, with the scopes that it has: ask for none";
        return Err((Cause::OAuth(OAuthError::InvalidScope), reason.to_owned()));
    }
    let Some(audience) = &slot.audience else { return Ok(()) };
    match claims.is_some_and(|claims| claims.texts("aud").any(|granted| granted == audience)) {
        true => Ok(()),
        false => {
            let reason = "holds a token that is not for the audience that was asked for";
            Err((Cause::WrongAudience { refresh_token: None }, reason.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
