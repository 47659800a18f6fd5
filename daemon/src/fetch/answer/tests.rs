//! What the readers make of answers: tables, and properties of any bytes.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

mod device;
mod failures;
mod granted;
mod secrets;

const SENT: &str = "sent-refresh-token-0123456789";

fn answer(status: u16, body: impl AsRef<[u8]>) -> HttpAnswer {
    let mut bytes = Wiped::default();
    bytes.push(body.as_ref());
    HttpAnswer { status, date: None, retry_after: None, location: None, body: Ok(bytes) }
}

fn json_answer(status: u16, body: &Value) -> HttpAnswer {
    answer(status, body.to_string())
}

fn token(answer: &HttpAnswer) -> Outcome {
    answer.token(Asked { host: "idp.example.com", secret: Some(&Secret::new(SENT)) })
}

fn granted(body: &Value) -> Granted {
    match token(&json_answer(200, body)) {
        Outcome::Granted(granted) => *granted,
        other => panic!("{body}: {other:?}"),
    }
}

fn failure(answer: &HttpAnswer) -> Failure {
    match token(answer) {
        Outcome::Failed(failure) => failure,
        other => panic!("{answer:?}: {other:?}"),
    }
}

/// A good answer with some members changed; null takes one away.
fn good_with(changes: Value) -> Value {
    let mut body =
        json!({"access_token": "access-token-1", "token_type": "Bearer", "expires_in": 60});
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn jwt(claims: &Value) -> String {
    format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn cause(failure: &Failure) -> String {
    match &failure.cause {
        Cause::OAuth(error) => format!("{error:?}"),
        Cause::Unusable { refresh_token } => match refresh_token {
            Some(_) => "Unusable with a refresh token".into(),
            None => "Unusable".into(),
        },
        other => format!("{other:?}"),
    }
}
