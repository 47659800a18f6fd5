//! Answers and errors as HTTP, and requests out of it: JSON both ways.

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bearerd_proto::{ErrorBody, ErrorCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;

/// An error on its way out.
#[derive(Debug)]
pub(super) struct Refused(pub(super) ErrorBody);

/// What a handler gives.
pub(super) type Answered = Result<Response, Refused>;

impl From<ErrorBody> for Refused {
    fn from(body: ErrorBody) -> Self {
        Self(body)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = json(&self.0);
        *response.status_mut() =
            StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// 200 with `body` as JSON.
pub(super) fn json(body: &impl Serialize) -> Response {
    // The wire types hold strings, numbers and maps with string keys: writing them cannot fail.
    bytes(serde_json::to_vec(body).unwrap_or_default())
}

/// 200 with a body that is JSON already. It may hold a token: nobody between us and the caller stores it.
pub(super) fn bytes(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) async fn no_such_route(method: Method, uri: Uri) -> Refused {
    let (method, path) = (shown(method.as_str()), shown_path(uri.path()));
    let message = format!("there is no `{method} {path}`; PROTOCOL.md has the routes");
    Refused(ErrorBody::new(ErrorCode::NotFound, message))
}

/// A path as a message may show it.
fn shown_path(path: &str) -> String {
    let mut text = String::new();
    for (place, segment) in path.split('/').skip(1).enumerate() {
        text.push('/');
        if place == SEGMENTS_SHOWN {
            text.push('…');
            break;
        }
        text.push_str(shown(segment));
    }
    text
}

/// What the caller has put where a word of the protocol belongs may be a token by mistake, and messages are logged: a
/// short word is shown, and nothing else.
fn shown(word: &str) -> &str {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && word.len() <= WORD_SHOWN { word } else { "…" }
}

/// The longest word of a route has eight characters; no token is as short as this.
const WORD_SHOWN: usize = 12;
/// No route has more than three.
const SEGMENTS_SHOWN: usize = 4;

/// A request's query, or `bad-request`.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(bad_query(&rejection)),
        }
    }
}

/// Says which parameter is at fault and what it takes; never what stands there, which may be a token.
fn bad_query(rejection: &QueryRejection) -> Refused {
    let mut cause: &dyn Error = rejection;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    // The innermost sentence begins with the parameter, unless the fault is that one is missing or there twice.
    let sentence = cause.to_string();
    let fault = match sentence.split_once(": ").map(|(parameter, _)| parameter) {
        Some("profile") => {
            "`profile` is no profile's name: use a letter or digit, then up to 63 letters, digits, `.`, `_` or `-`"
        }
        Some("min_ttl") => "`min_ttl` is no whole number of seconds",
        Some("wait") => "`wait` is no whole number of seconds",
        Some("strict") => "`strict` is neither `true` nor `false`",
        _ => "a parameter is there twice, or is not what PROTOCOL.md says",
    };
    let message = format!("the query can't be read: {fault}");
    Refused(ErrorBody::new(ErrorCode::BadRequest, message))
}

/// A request's JSON body, or `bad-request`. No body at all is `{}`.
#[derive(Debug)]
pub(super) struct Form<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let refused = |reason: String| Refused(ErrorBody::new(ErrorCode::BadRequest, reason));
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            refused(format!("the body can't be read: {}", rejection.body_text()))
        })?;
        let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
        // Serde takes a list of a struct's fields as well; in this protocol `[]` is nobody's logout of everything.
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(refused("the body can't be read: it is not a JSON object".to_owned()));
        }
        serde_json::from_slice(text).map(Self).map_err(|error| refused(bad_json(&error)))
    }
}

/// Says where and of what kind the fault is; never what stands there, which may be a password.
fn bad_json(error: &serde_json::Error) -> String {
    let fault = match error.classify() {
        serde_json::error::Category::Data => {
            "a field is missing or of another type than PROTOCOL.md says"
        }
        serde_json::error::Category::Eof => "the JSON ends too early",
        _ => "it is not JSON",
    };
    format!("the body can't be read: {fault} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearerd_proto::TokenQuery;

    fn fault_of(query: &str) -> String {
        let uri: Uri = format!("/v1/token?{query}").parse().unwrap();
        bad_query(&Query::<TokenQuery>::try_from_uri(&uri).unwrap_err()).0.message
    }

    #[test]
    fn a_query_s_fault_is_one_sentence_that_names_the_parameter_and_not_its_value() {
        let cases = [
            (
                "profile=eyJhbGciOi.x_y*z",
                "`profile` is no profile's name: use a letter or digit, then up to 63 letters, digits, `.`, `_` or `-`",
            ),
            ("min_ttl=eyJhbGciOi", "`min_ttl` is no whole number of seconds"),
            ("strict=eyJhbGciOi", "`strict` is neither `true` nor `false`"),
            (
                "strict=true&strict=true",
                "a parameter is there twice, or is not what PROTOCOL.md says",
            ),
        ];
        for (query, fault) in cases {
            assert_eq!(fault_of(query), format!("the query can't be read: {fault}"), "{query}");
        }
    }

    #[test]
    fn of_a_path_only_short_words_are_shown() {
        let cases = [
            ("/", "/"),
            ("/v1/elsewhere", "/v1/elsewhere"),
            ("/v1/eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "/v1/…"),
            ("/v1/c2lnbmF0dXJlc2ln", "/v1/…"),
            ("/v1/%65yJ/token", "/v1/…/token"),
            ("/a/b/c/d/e/f", "/a/b/c/d/…"),
        ];
        for (path, expected) in cases {
            assert_eq!(shown_path(path), expected);
        }
    }
}
