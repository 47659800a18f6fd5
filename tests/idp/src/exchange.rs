//! The token endpoint's grant that makes a token for somewhere else out of one in hand (RFC 8693).

use serde_json::json;

use crate::answer::{Mark, OauthError, Reply};
use crate::provider::{Provider, Request};

/// The type of the subject token and of the one that is given (RFC 8693 §3).
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

impl Provider {
    /// `token` with the token exchange grant: no refresh token in the answer, and no id token.
    pub(crate) fn exchange(&mut self, request: &Request<'_>) -> Result<Reply, OauthError> {
        let client = self.authenticate(request)?;
        let subject = request
            .parameter("subject_token")
            .ok_or(OauthError::bad("invalid_request", "Parameter 'subject_token' required"))?;
        if request.parameter("subject_token_type") != Some(ACCESS_TOKEN_TYPE) {
            let description = "Parameter 'subject_token' supports access tokens only";
            return Err(OauthError::bad("invalid_request", description));
        }
        if request.parameter("requested_token_type").is_some_and(|it| it != ACCESS_TOKEN_TYPE) {
            let description = "requested_token_type unsupported";
            return Err(OauthError::bad("invalid_request", description));
        }
        let realm = &request.incoming.realm;
        let active = self.is_active(subject, request.now);
        let subject = self
            .access_tokens
            .get(subject)
            .filter(|token| active && &token.realm == realm)
            .ok_or(OauthError::bad("invalid_request", "Invalid token"))?;
        let scope =
            self.settings.narrowed_scope(&subject.claims.scope, request.parameter("scope"))?;
        let audiences = self.settings.audiences_of_exchange(request, &scope)?;
        let (session, mut claims) = (subject.session, subject.claims.clone());
        claims.client_id = client.client_id;
        (claims.scope, claims.audiences) = (scope, audiences);
        let mark = claims.session.clone().map(|session| Mark { session, refresh_index: None });
        // As the last one of its session counts what the login or a refresh gave.
        let last = session.map(|session| self.sessions[session].access_token.clone());
        let access_token = self.issue_access_token(session, realm, claims, request.now);
        if let (Some(session), Some(last)) = (session, last) {
            self.sessions[session].access_token = last;
        }
        let mut answer = self.answer(&access_token, None);
        answer["issued_token_type"] = json!(ACCESS_TOKEN_TYPE);
        answer["refresh_expires_in"] = json!(0);
        Ok(Reply::ok(answer).about(mark))
    }
}
