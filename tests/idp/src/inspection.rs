//! The endpoints around tokens that exist: revocation, introspection, userinfo.

use axum::http::StatusCode;
use serde_json::json;

use crate::answer::{Mark, OauthError, Reply};
use crate::provider::{Provider, Request};

impl Provider {
    /// `revoke`: a refresh token, an old one too, ends its session; an access token only itself.
    pub(crate) fn revoke(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request)?;
        let token = request
            .parameter("token")
            .ok_or(OauthError::bad("invalid_request", "Token not provided"))?;
        let unmatching = Err(OauthError::bad("invalid_request", "Unmatching clients"));
        if let Some(place) = self.refresh_tokens.get(token) {
            let id = self.sessions[place.session].id.clone();
            if self.sessions[place.session].client_id != client.client_id {
                return unmatching;
            }
            if self.end_sessions(|session| session.id == id) > 0 {
                return Ok(Reply::empty(StatusCode::OK));
            }
        } else if let Some(access_token) = self.access_tokens.get_mut(token) {
            if access_token.claims.client_id != client.client_id {
                return unmatching;
            }
            access_token.revoked = true;
            return Ok(Reply::empty(StatusCode::OK));
        }
        // Keycloak says 200 and says an error (RFC 7009 §2.2 wants the 200).
        let unknown = OauthError::bad("invalid_token", "Invalid token");
        Ok(Reply::from(OauthError { status: StatusCode::OK, ..unknown }))
    }

    /// `token/introspect`. Any client that is known may ask, a public one too: Keycloak wants a confidential one.
    pub(crate) fn introspect(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        self.authenticate(request)?;
        let token = request
            .parameter("token")
            .ok_or(OauthError::bad("invalid_request", "Token not provided"))?;
        if !self.is_active(token, request.now) {
            return Ok(Reply::ok(json!({"active": false})).about(self.mark(token)));
        }
        let mark = self.mark(token);
        if let Some(mark) = mark {
            let answer = json!({"active": true, "sid": mark.session, "typ": "Refresh"});
            return Ok(Reply::ok(answer).about(Some(mark)));
        }
        let access_token = &self.access_tokens[token];
        let claims = &access_token.claims;
        let mut answer = claims.document(access_token.issued_at, access_token.lifetime_seconds);
        answer["active"] = json!(true);
        answer["client_id"] = json!(claims.client_id);
        answer["username"] = json!(claims.username);
        answer["token_type"] = json!("Bearer");
        Ok(Reply::ok(answer))
    }

    /// `userinfo`, with the access token as bearer.
    pub(crate) fn userinfo(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let invalid = OauthError::unauthorized("invalid_token", "Token verification failed");
        let token = request
            .incoming
            .bearer_token()
            .ok_or(OauthError::unauthorized("invalid_request", "Token not provided"))?;
        let access_token = self
            .access_tokens
            .get(token)
            .filter(|it| it.realm == request.incoming.realm && self.is_active(token, request.now))
            .ok_or(invalid)?;
        let claims = &access_token.claims;
        let mut answer = json!({"sub": claims.sub, "preferred_username": claims.username});
        if let Some(email) = &claims.email {
            answer["email"] = json!(email);
        }
        let mark = claims.session.clone().map(|session| Mark { session, refresh_index: None });
        Ok(Reply::ok(answer).about(mark))
    }
}
