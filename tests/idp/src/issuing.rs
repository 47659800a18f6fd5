//! What the provider gives out: sessions, their tokens, and the answers that carry them.

use serde_json::{Value, json};
use std::time::Duration;

use crate::clock::Now;
use crate::provider::{AccessToken, Place, Provider, Request};
use crate::scopes;
use crate::session::{RefreshToken, Session, Standing};
use crate::settings::AccessTokenFormat;
use crate::token::{self, Claims};

impl Provider {
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
        let audiences = self.settings.audiences_of_scopes(&scope);
        let claims = self.claims(session, base_url, scope, audiences);
        let access_token = self.issue_access_token(Some(session), &realm, claims, now);
        let mut answer = self.answer(&access_token, Some(refresh_token));
        self.add_id_token(&mut answer, now);
        answer
    }

    /// What a refresh gave before, for one that gets it again.
    pub(crate) fn same_answer(&self, place: Place, request: &Request<'_>) -> Value {
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

    /// The answer that gives these tokens.
    pub(crate) fn answer(&self, access_token: &str, refresh_token: Option<String>) -> Value {
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
            (Some(refresh_token), session) => {
                answer["refresh_token"] = json!(refresh_token);
                if let Some(seconds) = session.and_then(|session| self.refresh_seconds(session)) {
                    answer["refresh_expires_in"] = json!(seconds);
                }
            }
            (None, None) => answer["refresh_expires_in"] = json!(0),
            (None, Some(_)) => {}
        }
        answer
    }

    /// The next refresh token of a session.
    pub(crate) fn issue_refresh_token(&mut self, session: usize, now: Now) -> String {
        let value = token::opaque("rt");
        let expires_at = self.refresh_end(session, now);
        let refresh_tokens = &mut self.sessions[session].refresh_tokens;
        let place = Place { session, index: refresh_tokens.len() };
        refresh_tokens.push(RefreshToken { value: value.clone(), used_at: None, expires_at });
        self.refresh_tokens.insert(value.clone(), place);
        self.secrets.push(value.clone());
        value
    }

    /// The one that is good now.
    pub(crate) fn newest_refresh_token(&self, session: usize) -> String {
        let session = &self.sessions[session];
        session.refresh_tokens[session.newest()].value.clone()
    }

    /// When a refresh token of this session that is made or used now ends; an offline one never does.
    pub(crate) fn refresh_end(&self, session: usize, now: Now) -> Option<Duration> {
        let seconds = self.refresh_seconds(session).filter(|seconds| *seconds > 0)?;
        Some(now.boot + Duration::from_secs(seconds))
    }

    /// An access token that says this, of a session or of a client's own.
    pub(crate) fn issue_access_token(
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

    fn refresh_seconds(&self, session: usize) -> Option<u64> {
        let offline = scopes::has(&self.sessions[session].scope, "offline_access");
        if offline { Some(0) } else { self.settings.refresh_token_seconds }
    }

    /// What an access token of this session says.
    pub(crate) fn claims(
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
            email: user.and_then(|user| user.email.clone()),
            username: session.username.clone(),
            client_id: session.client_id.clone(),
            session: Some(session.id.clone()),
            scope,
            audiences,
        }
    }
}
