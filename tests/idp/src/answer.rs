//! What the provider answers, before any fault touches it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

/// An answer on its merits, with what the call log wants to know about it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Body,
    /// The OAuth `error`.
    pub(crate) error: Option<String>,
    /// The session that it concerned.
    pub(crate) session: Option<String>,
    /// Which refresh token of that session was presented.
    pub(crate) refresh_index: Option<usize>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Json(Map<String, Value>),
    Html(String),
    Empty,
}

impl Reply {
    /// 200 with this object.
    pub(crate) fn ok(object: Value) -> Self {
        let Value::Object(object) = object else { unreachable!("answers are objects") };
        Self::new(StatusCode::OK, Body::Json(object))
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::new(status, Body::Html(page))
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::new(status, Body::Empty)
    }

    /// The same answer, about this session and the refresh token that was presented.
    pub(crate) fn about(mut self, mark: Option<Mark>) -> Self {
        if let Some(mark) = mark {
            self.session = Some(mark.session);
            self.refresh_index = mark.refresh_index;
        }
        self
    }

    fn new(status: StatusCode, body: Body) -> Self {
        Self { status, body, error: None, session: None, refresh_index: None }
    }
}

/// Which session a request concerned, for the call log.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) session: String,
    pub(crate) refresh_index: Option<usize>,
}

/// A refusal as RFC 6749 §5.2 has it, in Keycloak's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OauthError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
}

impl OauthError {
    /// 400, the status of nearly all refusals.
    pub(crate) const fn bad(error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description }
    }

    /// 401, where Keycloak says so.
    pub(crate) const fn unauthorized(error: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, error, description }
    }

    pub(crate) const fn invalid_grant(description: &'static str) -> Self {
        Self::bad("invalid_grant", description)
    }
}

impl From<OauthError> for Reply {
    fn from(refusal: OauthError) -> Self {
        let body = json!({"error": refusal.error, "error_description": refusal.description});
        Self { status: refusal.status, error: Some(refusal.error.into()), ..Self::ok(body) }
    }
}

impl From<Result<Reply, OauthError>> for Reply {
    fn from(result: Result<Reply, OauthError>) -> Self {
        result.unwrap_or_else(Reply::from)
    }
}
