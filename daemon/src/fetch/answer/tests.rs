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

const MENDS: Mends<'static> = Mends {
    place: "`keycloak_addr` and `realm`",
    client: "`client_id`",
    scope: "`scopes`",
    grant: "",
};

fn token(answer: &HttpAnswer) -> Result<Granted, Failure> {
    let secrets = [Secret::new("other-secret"), Secret::new(SENT)];
    let asked = Asked { host: "idp.example.com", secrets: &secrets, mends: MENDS };
    answer.token(asked).map(|answer| answer.granted)
}

fn granted(body: &Value) -> Granted {
    token(&json_answer(200, body)).unwrap_or_else(|failure| panic!("{body}: {failure:?}"))
}

fn failure(answer: &HttpAnswer) -> Failure {
    token(answer).map_or_else(|failure| failure, |granted| panic!("{answer:?}: {granted:?}"))
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
