//! The documents that tell a client where everything is.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Reply;
use crate::keys::SigningAlgorithm;
use crate::provider::{Provider, Request};
use crate::settings::Documents;

impl Provider {
    /// `ISSUER/.well-known/openid-configuration` (OpenID Connect Discovery §4).
    pub(crate) fn openid_configuration(&mut self, request: &Request<'_>) -> Reply {
        self.document_if(&[Documents::Both, Documents::OpenidConfiguration], request)
    }

    /// `/.well-known/oauth-authorization-server`, then the issuer's path (RFC 8414 §3.1).
    pub(crate) fn authorization_server(&mut self, request: &Request<'_>) -> Reply {
        self.document_if(&[Documents::Both, Documents::OauthAuthorizationServer], request)
    }

    fn document_if(&self, there: &[Documents], request: &Request<'_>) -> Reply {
        if there.contains(&self.settings.documents) {
            Reply::ok(self.document(request))
        } else {
            Reply::empty(StatusCode::NOT_FOUND)
        }
    }

    fn document(&self, request: &Request<'_>) -> Value {
        let (base_url, realm) = (&request.incoming.base_url, &request.incoming.realm);
        let endpoints = self.endpoints(base_url, realm);
        let private_key = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
        let algorithms: Vec<_> = private_key.into_iter().chain(["HS256"]).collect();
        json!({
            "issuer": self.issuer(base_url, realm),
            "token_endpoint": format!("{endpoints}/token"),
            "device_authorization_endpoint": format!("{endpoints}/auth/device"),
            "revocation_endpoint": format!("{endpoints}/revoke"),
            "introspection_endpoint": format!("{endpoints}/token/introspect"),
            "userinfo_endpoint": format!("{endpoints}/userinfo"),
            "jwks_uri": format!("{endpoints}/certs"),
            "grant_types_supported": [
                "urn:ietf:params:oauth:grant-type:device_code",
                "refresh_token",
                "password",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ],
            "response_types_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": [
                "none",
                "client_secret_basic",
                "client_secret_post",
                "client_secret_jwt",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": algorithms,
        })
    }
}
