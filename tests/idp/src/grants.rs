//! The token endpoint's other grants: refresh, password, client credentials.

use serde_json::{Value, json};
use std::time::Duration;

use crate::answer::{Mark, OauthError, Reply};
use crate::clock::Now;
use crate::provider::{AccessToken, Place, Provider, Request};
use crate::session::{RefreshToken, Session, Standing, Verdict};
use crate::settings::{AccessTokenFormat, Rotation};
use crate::token::{self, Claims};

impl Provider {
    /// `token` with the refresh token grant.
    pub(crate) fn refresh(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request.incoming)?;
        let refresh_token = request
            .parameter("refresh_token")
            .ok_or(OauthError::bad("invalid_request", "No refresh token"))?;
        let place = *self
            .refresh_tokens
            .get(refresh_token)
            .filter(|place| self.sessions[place.session].realm == request.incoming.realm)
            .ok_or(OauthError::invalid_grant("Invalid refresh token"))?;
        let session = &self.sessions[place.session];
        if session.client_id != client.client_id {
            return Err(OauthError::invalid_grant(
                "Invalid refresh token. Token client and authorized client don't match",
            ));
        }
        if self.disabled_users.contains(&session.username) {
            return Err(OauthError::invalid_grant("User disabled"));
        }
        let reuse_window = Duration::from_secs(self.settings.reuse_window_seconds);
        let verdict =
            session.judge(place.index, request.now.boot, self.settings.rotation, reuse_window);
        let granted = match verdict {
            Verdict::Refuse(refusal) => return Err(refusal),
            Verdict::EndSession(refusal) => {
                self.sessions[place.session].standing = Standing::Reused;
                return Err(refusal);
            }
            _ if request.same_token_again => {
                return Ok(Reply::ok(self.same_answer(place, request)));
            }
            Verdict::Rotate => {
                self.sessions[place.session].refresh_tokens[place.index].used_at =
                    Some(request.now.boot);
                Some(self.issue_refresh_token(place.session, request.now))
            }
            Verdict::Successor => Some(self.newest_refresh_token(place.session)),
            Verdict::Keep => {
                let expires_at = self.refresh_end(request.now);
                self.sessions[place.session].refresh_tokens[place.index].expires_at = expires_at;
                (self.settings.rotation == Rotation::Same).then(|| refresh_token.to_owned())
            }
        };
        let scope = narrowed(&self.sessions[place.session].scope, request.parameter("scope"));
        let audiences = self.audiences(request);
        let base_url = &request.incoming.base_url;
        let claims = self.claims(place.session, base_url, scope, audiences);
        let realm = &request.incoming.realm;
        let access_token = self.issue_access_token(Some(place.session), realm, claims, request.now);
        Ok(Reply::ok(self.answer(&access_token, granted)))
    }

    /// `token` with the password grant.
    pub(crate) fn password(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request.incoming)?;
        let username = request
            .parameter("username")
            .ok_or(OauthError::unauthorized("invalid_request", "Missing parameter: username"))?;
        let password = request.parameter("password");
        let Some(user) = self.user(username).filter(|user| Some(&*user.password) == password)
        else {
            return Err(OauthError::unauthorized("invalid_grant", "Invalid user credentials"));
        };
        if self.disabled_users.contains(&user.username) {
            return Err(OauthError::invalid_grant("Account disabled"));
        }
        let scope = request.parameter("scope").unwrap_or(&self.settings.scope).to_owned();
        let session =
            self.open_session(&request.incoming.realm, &client.client_id, username, &scope);
        let answer = self.login_answer(session, &request.incoming.base_url, request.now);
        let id = self.sessions[session].id.clone();
        Ok(Reply::ok(answer).about(Some(Mark { session: id, refresh_index: None })))
    }

    /// `token` with the client credentials grant.
    pub(crate) fn client_credentials(
        &mut self,
        request: &Request<'_>,
    ) -> Result<Reply, OauthError> {
        let client = self.authenticate(request.incoming)?;
        if client.secret.is_none() {
            let description = "Public client not allowed to retrieve service account";
            return Err(OauthError::unauthorized("unauthorized_client", description));
        }
        let realm = &request.incoming.realm;
        let claims = Claims {
            issuer: self.issuer(&request.incoming.base_url, realm),
            sub: format!("service-account-{}", client.client_id),
            email: None,
            username: format!("service-account-{}", client.client_id),
            client_id: client.client_id,
            session: None,
            scope: request.parameter("scope").unwrap_or(&self.settings.scope).into(),
            audiences: self.audiences(request),
        };
        let access_token = self.issue_access_token(None, realm, claims, request.now);
        Ok(Reply::ok(self.answer(&access_token, None)))
    }

    /// A new session, without any token yet; gives its place.
    pub(crate) fn open_session(
        &mut self,
        realm: &str,
        client_id: &str,
        username: &str,
        scope: &str,
    ) -> usize {
        self.sessions.push(Session {
            id: token::id(),
            realm: realm.into(),
            client_id: client_id.into(),
            username: username.into(),
            scope: scope.into(),
            standing: Standing::Live,
            refresh_tokens: Vec::new(),
            access_token: None,
        });
        self.sessions.len() - 1
    }

    /// The first tokens of a session.
    pub(crate) fn login_answer(&mut self, session: usize, base_url: &str, now: Now) -> Value {
        let refresh_token = self.issue_refresh_token(session, now);
        let (realm, scope) =
            (self.sessions[session].realm.clone(), self.sessions[session].scope.clone());
        let claims = self.claims(session, base_url, scope, Vec::new());
        let access_token = self.issue_access_token(Some(session), &realm, claims, now);
        self.answer(&access_token, Some(refresh_token))
    }

    fn same_answer(&self, place: Place, request: &Request<'_>) -> Value {
        let session = &self.sessions[place.session];
        let refresh_token = session.refresh_tokens[place.index].value.clone();
        let access_token = session.access_token.clone().unwrap_or_default();
        let mut answer = self.answer(&access_token, Some(refresh_token));
        if let Some(known) = self.access_tokens.get(&access_token) {
            let left = known.expires_at.saturating_sub(request.now.boot);
            answer["expires_in"] = json!(left.as_secs());
        }
        answer
    }

    fn answer(&self, access_token: &str, refresh_token: Option<String>) -> Value {
        let known = &self.access_tokens[access_token];
        let mut answer = json!({
            "access_token": access_token,
            "expires_in": known.lifetime_seconds,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": known.claims.scope,
        });
        if let Some(session) = &known.claims.session {
            answer["session_state"] = json!(session);
        }
        match (refresh_token, known.session) {
            (Some(refresh_token), _) => {
                answer["refresh_token"] = json!(refresh_token);
                if let Some(seconds) = self.settings.refresh_token_seconds {
                    answer["refresh_expires_in"] = json!(seconds);
                }
            }
            (None, None) => answer["refresh_expires_in"] = json!(0),
            (None, Some(_)) => {}
        }
        answer
    }

    fn issue_refresh_token(&mut self, session: usize, now: Now) -> String {
        let value = token::opaque("rt");
        let expires_at = self.refresh_end(now);
        let refresh_tokens = &mut self.sessions[session].refresh_tokens;
        let place = Place { session, index: refresh_tokens.len() };
        refresh_tokens.push(RefreshToken { value: value.clone(), used_at: None, expires_at });
        self.refresh_tokens.insert(value.clone(), place);
        self.secrets.push(value.clone());
        value
    }

    fn newest_refresh_token(&self, session: usize) -> String {
        let session = &self.sessions[session];
        session.refresh_tokens[session.newest()].value.clone()
    }

    fn refresh_end(&self, now: Now) -> Option<Duration> {
        let seconds = self.settings.refresh_token_seconds.filter(|seconds| *seconds > 0)?;
        Some(now.boot + Duration::from_secs(seconds))
    }

    fn issue_access_token(
        &mut self,
        session: Option<usize>,
        realm: &str,
        claims: Claims,
        now: Now,
    ) -> String {
        let lifetime_seconds = self.settings.access_token_seconds;
        let value = match self.settings.access_token_format {
            AccessTokenFormat::Jwt => token::jwt(&claims.document(now.unix, lifetime_seconds)),
            AccessTokenFormat::Opaque => token::opaque("at"),
        };
        let access_token = AccessToken {
            session,
            realm: realm.into(),
            claims,
            issued_at: now.unix,
            expires_at: now.boot + Duration::from_secs(lifetime_seconds),
            lifetime_seconds,
            revoked: false,
        };
        self.access_tokens.insert(value.clone(), access_token);
        self.secrets.push(value.clone());
        if let Some(session) = session {
            self.sessions[session].access_token = Some(value.clone());
        }
        value
    }

    fn claims(
        &self,
        session: usize,
        base_url: &str,
        scope: String,
        audiences: Vec<String>,
    ) -> Claims {
        let session = &self.sessions[session];
        let user = self.user(&session.username);
        Claims {
            issuer: self.issuer(base_url, &session.realm),
            sub: user.map_or_else(|| session.username.clone(), |user| user.sub.clone()),
            email: user.map(|user| user.email.clone()),
            username: session.username.clone(),
            client_id: session.client_id.clone(),
            session: Some(session.id.clone()),
            scope,
            audiences,
        }
    }

    fn audiences(&self, request: &Request<'_>) -> Vec<String> {
        if !self.settings.honours_audience {
            return Vec::new();
        }
        let named = |name| request.incoming.parameters(name);
        named("resource").iter().chain(named("audience")).cloned().collect()
    }
}

/// A refresh may ask for fewer scopes, for that answer alone; more are silently left out, as at Keycloak.
fn narrowed(granted: &str, asked: Option<&str>) -> String {
    let Some(asked) = asked else { return granted.into() };
    let granted: Vec<_> = granted.split_whitespace().collect();
    let kept: Vec<_> = asked.split_whitespace().filter(|scope| granted.contains(scope)).collect();
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::narrowed;

    #[test]
    fn a_refresh_can_ask_for_less_but_not_for_more() {
        assert_eq!(narrowed("email profile", None), "email profile");
        assert_eq!(narrowed("email profile", Some("profile")), "profile");
        assert_eq!(narrowed("email profile", Some("profile admin")), "profile");
    }
}
