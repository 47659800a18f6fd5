//! Turns an answer into what goes over the wire, with its fault in it.

use axum::body::{Body as HttpBody, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::answer::{Body, Reply};
use crate::calls::Outcome;
use crate::faults::Fault;
use crate::server::{Connection, Cut};
use crate::token;

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Ending {
    Answer(Response),
    Cut(Cut),
    Never,
}

/// The end of a request with this fault; `reply` is there if it was carried out.
pub(crate) fn ending(
    fault: Fault,
    reply: Option<Reply>,
    connection: &Arc<Connection>,
) -> (Ending, Outcome) {
    let ending = match fault {
        Fault::Hang => return (Ending::Never, Outcome::NeverAnswered),
        Fault::ResetBefore | Fault::ResetAfter => return (Ending::Cut(Cut::Reset), Outcome::Reset),
        Fault::CloseAfter => return (Ending::Cut(Cut::Close), Outcome::Closed),
        Fault::HalfAnswer => {
            let response = half(body_bytes(reply), Arc::clone(connection));
            return (Ending::Answer(response), Outcome::Closed);
        }
        Fault::Status(code) => plain(status(code), "this fault was ordered\n"),
        Fault::TooManyRequests { retry_after } => {
            let response = plain(StatusCode::TOO_MANY_REQUESTS, "slower, please\n");
            with(response, RETRY_AFTER, &retry_after.to_string())
        }
        Fault::RetryAfter { status: code, value } => {
            with(plain(status(code), "later, please\n"), RETRY_AFTER, &value)
        }
        Fault::Body { status: code, body } => typed(status(code), JSON, body.into()),
        Fault::Garbage => typed(StatusCode::OK, JSON, junk().into()),
        Fault::Html => typed(StatusCode::OK, HTML, LOGIN_PAGE.into()),
        Fault::Huge => typed(StatusCode::OK, JSON, huge()),
        Fault::Trickle => typed(StatusCode::OK, JSON, trickle(body_bytes(reply))),
        Fault::Redirect(to) => with(plain(StatusCode::FOUND, "elsewhere\n"), LOCATION, &to),
        Fault::OauthError { status: code, error } => {
            let body = json!({"error": error, "error_description": "this fault was ordered"});
            let response = typed(status(code), JSON, body.to_string().into());
            let answered = Outcome::Answered { status: code, error: Some(error) };
            return (Ending::Answer(response), answered);
        }
        changing => {
            let mut reply = reply.unwrap_or_else(|| Reply::empty(StatusCode::OK));
            if let (StatusCode::OK, Body::Json(object)) = (reply.status, &mut reply.body) {
                change(object, changing);
            }
            let error = match &reply.body {
                Body::Json(object) => object.get("error").and_then(Value::as_str).map(Into::into),
                _ => reply.error.clone(),
            };
            let answered = Outcome::Answered { status: reply.status.as_u16(), error };
            return (Ending::Answer(response(reply)), answered);
        }
    };
    let answered = Outcome::Answered { status: ending.status().as_u16(), error: None };
    (Ending::Answer(ending), answered)
}

/// Gives the answer this `Date`, in Unix seconds.
pub(crate) fn set_date(response: &mut Response, unix: i64) {
    let date = UNIX_EPOCH + Duration::from_secs(u64::try_from(unix).unwrap_or(0));
    if let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(date)) {
        response.headers_mut().insert(DATE, value);
    }
}

fn response(reply: Reply) -> Response {
    let invalid_token =
        reply.status == StatusCode::UNAUTHORIZED && reply.error.as_deref() == Some("invalid_token");
    let response = match reply.body {
        Body::Json(object) => {
            let text = Value::Object(object).to_string();
            with(typed(reply.status, JSON, text.into()), CACHE_CONTROL, "no-store")
        }
        Body::Html(page) => typed(reply.status, HTML, page.into()),
        Body::Empty => {
            let mut response = Response::new(HttpBody::empty());
            *response.status_mut() = reply.status;
            response
        }
    };
    if invalid_token {
        return with(response, WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#);
    }
    response
}

fn change(object: &mut Map<String, Value>, fault: Fault) {
    match fault {
        Fault::ExpiresIn(value) => object.insert("expires_in".into(), value),
        Fault::OkWithError(error) => object.insert("error".into(), json!(error)),
        Fault::TokenType(name) => object.insert("token_type".into(), json!(name)),
        Fault::Set { field, value } => object.insert(field, value),
        Fault::IdTokenClaim { claim, value } => {
            let id_token = object.get("id_token").and_then(Value::as_str);
            let changed = id_token.map(|id_token| token::with_claim(id_token, &claim, value));
            changed.and_then(|changed| object.insert("id_token".into(), json!(changed)))
        }
        Fault::NoExpiresIn => object.remove("expires_in"),
        Fault::NoAccessToken => object.remove("access_token"),
        Fault::DropRefreshToken => object.remove("refresh_token"),
        _ => None,
    };
}

/// The bytes of the answer, or of one that looks right but was made up.
fn body_bytes(reply: Option<Reply>) -> Bytes {
    match reply.map(|reply| reply.body) {
        Some(Body::Json(object)) => Value::Object(object).to_string().into(),
        Some(Body::Html(page)) => page.into(),
        Some(Body::Empty) => Bytes::new(),
        None => {
            let token = "x".repeat(MADE_UP_TOKEN_BYTES);
            let made_up = json!({"access_token": token, "token_type": "Bearer", "expires_in": 300});
            made_up.to_string().into()
        }
    }
}

/// The first half of a body whose whole length is announced; then the connection closes.
fn half(body: Bytes, connection: Arc<Connection>) -> Response {
    let whole = body.len().to_string();
    let first = body.slice(..body.len() / 2);
    let body = stream::unfold(Some(first), move |rest| {
        let connection = Arc::clone(&connection);
        async move {
            match rest {
                Some(first) => Some((Ok::<_, Infallible>(first), None)),
                None => {
                    connection.cut(Cut::Close);
                    std::future::pending().await
                }
            }
        }
    });
    with(typed(StatusCode::OK, JSON, HttpBody::from_stream(body)), CONTENT_LENGTH, &whole)
}

fn trickle(body: Bytes) -> HttpBody {
    HttpBody::from_stream(stream::unfold(body, async |mut rest| {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(TRICKLE_PACE).await;
        let byte = rest.split_to(1);
        Some((Ok::<_, Infallible>(byte), rest))
    }))
}

fn huge() -> HttpBody {
    let chunk = Bytes::from(vec![b'a'; HUGE_CHUNK_BYTES]);
    let start = Bytes::from_static(br#"{"token_type":"Bearer","expires_in":300,"access_token":""#);
    let middle = std::iter::repeat_n(chunk, HUGE_BYTES / HUGE_CHUNK_BYTES);
    let end = Bytes::from_static(br#""}"#);
    let whole = std::iter::once(start).chain(middle).chain(std::iter::once(end));
    HttpBody::from_stream(stream::iter(whole.map(Ok::<_, Infallible>)))
}

/// Bytes that are neither JSON nor UTF-8.
fn junk() -> Vec<u8> {
    (0..=255_u8).rev().cycle().take(4096).collect()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    typed(status, "text/plain", text.into())
}

fn typed(status: StatusCode, content_type: &'static str, body: HttpBody) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    with(response, CONTENT_TYPE, content_type)
}

fn with(mut response: Response, name: HeaderName, value: &str) -> Response {
    let value = HeaderValue::from_str(value).expect("the header's value is visible ASCII");
    response.headers_mut().insert(name, value);
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a fault's status is between 100 and 999")
}

const JSON: &str = "application/json";
const HTML: &str = "text/html;charset=utf-8";
const HUGE_BYTES: usize = 100 * 1024 * 1024;
const HUGE_CHUNK_BYTES: usize = 64 * 1024;
const TRICKLE_PACE: Duration = Duration::from_secs(1);
const MADE_UP_TOKEN_BYTES: usize = 1000;
const LOGIN_PAGE: &str = "<!doctype html><title>Welcome to our network</title>\
    <form method=post action=/login><input name=username><input name=password type=password></form>";
