//! One request as the endpoints see it: read whole, its form taken apart.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use url::form_urlencoded;

use crate::authentication::claims;
use crate::server::Connection;

/// The largest form that is read; tokens are a few kilobytes.
const MAX_FORM_BYTES: usize = 256 * 1024;

/// Every parameter that a request of a grant, a revocation or an introspection has by its specification.
const KNOWN: [&str; 24] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
    "audience",
    "refresh_token",
    "device_code",
    "user_code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "username",
    "password",
    "token",
    "token_type_hint",
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "actor_token",
    "actor_token_type",
    "assertion",
];

/// A request, read whole.
pub(crate) struct Incoming {
    pub(crate) realm: String,
    pub(crate) path: String,
    /// Scheme, host and port as the client wrote them; issuer and links follow it, as at Keycloak.
    pub(crate) base_url: String,
    pub(crate) authorization: Option<String>,
    pub(crate) connection: Arc<Connection>,
    parameters: HashMap<String, Vec<String>>,
}

impl Incoming {
    /// A parameter of form or query, if it is there and not empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)?.first().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may be repeated.
    fn parameters(&self, name: &str) -> &[String] {
        self.parameters.get(name).map_or(&[], Vec::as_slice)
    }

    /// What `resource` and `audience` name (RFC 8707 §2, RFC 8693 §2.1).
    pub(crate) fn audiences(&self) -> Vec<String> {
        [self.parameters("resource"), self.parameters("audience")].concat()
    }

    /// Who asks, and how it proves that (RFC 6749 §2.3.1, RFC 7523 §2.2).
    pub(crate) fn presented(&self) -> Presented {
        let form_id = self.parameter("client_id").map(String::from);
        let post = self.parameter("client_secret").map(String::from);
        let assertion = self.parameter("client_assertion").map(String::from);
        match (self.basic_credentials(), post, assertion) {
            (None, None, None) => Presented { client_id: form_id, proof: Proof::None },
            (Some((id, secret)), None, None) => {
                Presented { client_id: Some(id), proof: Proof::Basic(secret) }
            }
            (None, Some(secret), None) => {
                Presented { client_id: form_id, proof: Proof::Post(secret) }
            }
            (None, None, Some(assertion)) => {
                let subject =
                    claims(&assertion).and_then(|claims| claims["sub"].as_str().map(String::from));
                Presented { client_id: form_id.or(subject), proof: Proof::Assertion(assertion) }
            }
            (basic, ..) => {
                Presented { client_id: basic.map(|(id, _)| id).or(form_id), proof: Proof::Several }
            }
        }
    }

    /// The parameters that no specification of OAuth knows.
    pub(crate) fn extra_parameters(&self) -> BTreeMap<String, String> {
        let extra = self.parameters.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
        extra.map(|(name, values)| (name.clone(), values.join(" "))).collect()
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        self.authorization.as_deref()?.strip_prefix("Bearer ")
    }

    fn basic_credentials(&self) -> Option<(String, String)> {
        let encoded = self.authorization.as_deref()?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some((form_decoded(id), form_decoded(secret)))
    }
}

/// Who asks.
pub(crate) struct Presented {
    pub(crate) client_id: Option<String>,
    pub(crate) proof: Proof,
}

/// How a client proves that it is itself.
pub(crate) enum Proof {
    None,
    Basic(String),
    Post(String),
    Assertion(String),
    /// More than one, which RFC 6749 §2.3 forbids.
    Several,
}

impl Proof {
    /// As the registry of OAuth calls it; an assertion does not say which of the two it is.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic(_) => "client_secret_basic",
            Self::Post(_) => "client_secret_post",
            Self::Assertion(_) => "assertion",
            Self::Several => "several",
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Incoming {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let form = match to_bytes(body, MAX_FORM_BYTES).await {
            Ok(form) => form,
            Err(_) => return Err(StatusCode::PAYLOAD_TOO_LARGE),
        };
        let connection = match parts.extensions.get::<Arc<Connection>>() {
            Some(connection) => Arc::clone(connection),
            None => return Err(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let mut parameters: HashMap<String, Vec<String>> = HashMap::new();
        let query = parts.uri.query().unwrap_or_default();
        for bytes in [form.as_ref(), query.as_bytes()] {
            for (name, value) in form_urlencoded::parse(bytes) {
                parameters.entry(name.into_owned()).or_default().push(value.into_owned());
            }
        }
        let path = parts.uri.path();
        Ok(Self {
            realm: realm(path).into(),
            path: path.into(),
            base_url: format!("http://{}", text(&parts.headers, HOST).unwrap_or("localhost")),
            authorization: text(&parts.headers, AUTHORIZATION).map(String::from),
            connection,
            parameters,
        })
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("path", &self.path).finish_non_exhaustive()
    }
}

fn realm(path: &str) -> &str {
    let path = path.strip_prefix("/.well-known/oauth-authorization-server").unwrap_or(path);
    path.strip_prefix("/auth/realms/").and_then(|rest| rest.split('/').next()).unwrap_or("master")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The two halves of Basic are form-encoded (RFC 6749 §2.3.1).
fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(format!("text={text}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}
