//! The token endpoint's other grants: refresh, password, client credentials.

use std::time::Duration;

use crate::answer::{Mark, OauthError, Reply};
use crate::clients::Authentication;
use crate::provider::{Provider, Request};
use crate::session::{Standing, Verdict};
use crate::settings::Rotation;
use crate::token::Claims;

impl Provider {
    /// `token` with the refresh token grant.
    pub(crate) fn refresh(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request)?;
        let now = request.now;
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
        // Before the token is judged: a request that is refused for what it asks for spends nothing.
        let scope = self.settings.narrowed_scope(&session.scope, request.parameter("scope"))?;
        let audiences = self.settings.audiences(request, &scope)?;
        let reuse_window = Duration::from_secs(self.settings.reuse_window_seconds);
        let verdict = session.judge(place.index, now.boot, self.settings.rotation, reuse_window);
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
                self.sessions[place.session].refresh_tokens[place.index].used_at = Some(now.boot);
                Some(self.issue_refresh_token(place.session, now))
            }
            Verdict::Successor => Some(self.newest_refresh_token(place.session)),
            Verdict::Keep => {
                let expires_at = self.refresh_end(place.session, now);
                self.sessions[place.session].refresh_tokens[place.index].expires_at = expires_at;
                (self.settings.rotation == Rotation::Same).then(|| refresh_token.to_owned())
            }
        };
        let base_url = &request.incoming.base_url;
        let claims = self.claims(place.session, base_url, scope, audiences);
        let realm = &request.incoming.realm;
        let access_token = self.issue_access_token(Some(place.session), realm, claims, now);
        let mut answer = self.answer(&access_token, granted);
        self.add_id_token(&mut answer, now);
        Ok(Reply::ok(answer))
    }

    /// `token` with the password grant.
    pub(crate) fn password(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request)?;
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
        let scope = self.settings.scope_of_login(request.parameter("scope"))?;
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
        let client = self.authenticate(request)?;
        if client.authentication == Authentication::Public {
            let description = "Public client not allowed to retrieve service account";
            return Err(OauthError::unauthorized("unauthorized_client", description));
        }
        let scope = self.settings.scope_of_login(request.parameter("scope"))?;
        let audiences = self.settings.audiences(request, &scope)?;
        let realm = &request.incoming.realm;
        let claims = Claims {
            issuer: self.issuer(&request.incoming.base_url, realm),
            sub: format!("service-account-{}", client.client_id),
            email: None,
            username: format!("service-account-{}", client.client_id),
            client_id: client.client_id,
            session: None,
            scope,
            audiences,
        };
        let access_token = self.issue_access_token(None, realm, claims, request.now);
        Ok(Reply::ok(self.answer(&access_token, None)))
    }
}
