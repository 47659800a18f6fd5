//! Id tokens: who has logged in, told to the client itself (OpenID Connect Core §2).

use serde_json::{Value, json};

use crate::clock::Now;
use crate::provider::Provider;
use crate::scopes;
use crate::token;

impl Provider {
    /// Puts an id token into an answer with an access token of a person, where `openid` was granted.
    pub(crate) fn add_id_token(&mut self, answer: &mut Value, now: Now) {
        let access_token = answer["access_token"].as_str().unwrap_or_default();
        let Some(known) = self.access_tokens.get(access_token) else { return };
        let claims = &known.claims;
        let Some(session) =
            claims.session.as_ref().filter(|_| scopes::has(&claims.scope, "openid"))
        else {
            return;
        };
        let lifetime = i64::try_from(known.lifetime_seconds).unwrap_or(i64::MAX);
        let mut document = json!({
            "iss": claims.issuer, "sub": claims.sub, "aud": claims.client_id, "azp": claims.client_id,
            "typ": "ID", "jti": token::id(), "sid": session, "preferred_username": claims.username,
            "iat": now.unix, "exp": now.unix.saturating_add(lifetime),
        });
        if let Some(email) = &claims.email {
            document["email"] = json!(email);
        }
        let id_token = token::jwt(&document);
        self.secrets.push(id_token.clone());
        answer["id_token"] = json!(id_token);
    }
}
