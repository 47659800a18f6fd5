//! A service's own tokens (RFC 6749 §4.4): nobody logs in, and nothing is refreshed.

use super::Fetch;
use super::endpoint::Stake;
use super::oauth::{Grant, GrantAsk, OAuth, Subject, not_of_this_grant};
use bearerd_session::{Granted, Outcome, Request, SlotKey};

/// The client credentials grant.
#[derive(Debug)]
pub(crate) struct ClientCredentialsGrant;

impl Grant for ClientCredentialsGrant {
    fn fetch<'a>(&'a self, oauth: &'a OAuth, request: &'a Request) -> Fetch<'a> {
        Box::pin(async move {
            match request {
                Request::Grant { slot, .. } => grant(oauth, slot).await,
                _ => not_of_this_grant(),
            }
        })
    }
}

async fn grant(oauth: &OAuth, slot: &SlotKey) -> Outcome {
    let ask = GrantAsk {
        grant_type: "client_credentials",
        parameters: Vec::new(),
        secrets: Vec::new(),
        stake: Stake::SpendsNothing,
        origin: "",
        subject: Subject::Client,
    };
    match oauth.grant(ask, slot).await {
        // RFC 6749 §4.4.3 has none; where one comes all the same, the secret that got it gets the next token, too.
        Outcome::Granted(granted) => {
            let granted = Granted { refresh_token: None, refresh_lifetime: None, ..*granted };
            Outcome::Granted(Box::new(granted))
        }
        other => other,
    }
}
