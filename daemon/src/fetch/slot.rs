//! How a scope and an audience are asked for, and whether the token is for the audience that was.

use super::answer::TokenAnswer;
use crate::config::{AudienceParameter, OAuthClient};
use bearerd_session::{Cause, Failure, OAuthError, SlotKey};

/// The parameters of a request that say which token is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotParameters {
    scope: Option<String>,
    audience: Option<(&'static str, String)>,
}

impl SlotParameters {
    /// Those for `slot`; where it has no scope, `default_scope` counts.
    ///
    /// # Errors
    /// The client has no way to ask for this audience. Nothing is to be sent.
    pub(crate) fn of(
        client: &OAuthClient,
        slot: &SlotKey,
        default_scope: Option<String>,
    ) -> Result<Self, Failure> {
        let own = slot.scope.clone();
        let Some(audience) = slot.audience.clone() else {
            return Ok(Self { scope: own.or(default_scope), audience: None });
        };
        let (scope, audience) = match client.audience_parameter() {
            AudienceParameter::Resource => (own.or(default_scope), Some(("resource", audience))),
            AudienceParameter::Audience => (own.or(default_scope), Some(("audience", audience))),
            AudienceParameter::Scopes(scopes) => match scopes.get(&audience) {
                Some(scope) => (Some(joined(own.as_deref(), scope)), None),
                None => return Err(no_way("is not in the table `audience_parameter`")),
            },
            AudienceParameter::Exchange => return Err(no_way("is to be had by exchange alone")),
        };
        Ok(Self { scope, audience })
    }

    /// Name and value of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let scope = self.scope.as_deref().map(|scope| ("scope", scope));
        let audience = self.audience.as_ref().map(|(name, audience)| (*name, audience.as_str()));
        scope.into_iter().chain(audience)
    }
}

/// Whether a token that came for `slot` is for its audience, as far as that shows: an opaque one is its resource server's
/// to judge.
///
/// # Errors
/// It is a JWT for others; the reason ends a sentence.
pub(crate) fn check_audience(
    answer: &TokenAnswer,
    slot: &SlotKey,
    client: &OAuthClient,
) -> Result<(), (Cause, String)> {
    let (Some(audience), Some(claims)) = (&slot.audience, &answer.claims) else { return Ok(()) };
    if claims.texts("aud").any(|granted| granted == audience) {
        return Ok(());
    }
    let mend = match client.audience_parameter() {
        AudienceParameter::Scopes(_) => {
            "check its scope in `audience_parameter`, and that the login asked for that scope"
        }
        AudienceParameter::Resource | AudienceParameter::Audience => {
            "check `audience_parameter`, and what the IdP allows this client"
        }
        AudienceParameter::Exchange => "check what the IdP allows this client",
    };
    let cause = Cause::WrongAudience { refresh_token: answer.granted.refresh_token.clone() };
    Err((cause, format!("with a token that is not for the audience that was asked for ({mend})")))
}

/// Both, each scope once.
fn joined(own: Option<&str>, scope: &str) -> String {
    let mut scopes: Vec<&str> = own.unwrap_or_default().split_ascii_whitespace().collect();
    for scope in scope.split_ascii_whitespace() {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

fn no_way(reason: &str) -> Failure {
    Failure {
        cause: Cause::OAuth(OAuthError::InvalidTarget),
        message: format!("nothing was sent: the audience {reason}"),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests;
