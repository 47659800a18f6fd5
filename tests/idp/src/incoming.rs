//! One request as the endpoints see it: read whole, its form taken apart.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use url::form_urlencoded;

use crate::server::Connection;

/// The largest form that is read; tokens are a few kilobytes.
const MAX_FORM_BYTES: usize = 256 * 1024;

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
    pub(crate) fn parameters(&self, name: &str) -> &[String] {
        self.parameters.get(name).map_or(&[], Vec::as_slice)
    }

    /// Client id and secret, from `Authorization: Basic` or the form (RFC 6749 §2.3.1).
    pub(crate) fn client_credentials(&self) -> (Option<String>, Option<String>) {
        self.basic_credentials().unwrap_or_else(|| {
            let owned = |name| self.parameter(name).map(String::from);
            (owned("client_id"), owned("client_secret"))
        })
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        self.authorization.as_deref()?.strip_prefix("Bearer ")
    }

    fn basic_credentials(&self) -> Option<(Option<String>, Option<String>)> {
        let encoded = self.authorization.as_deref()?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some((Some(form_decoded(id)), Some(form_decoded(secret))))
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
