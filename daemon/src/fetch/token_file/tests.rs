//! What of a file is a token, until when, whose, and what each refusal says.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const NOW: i64 = 1_700_000_000;

fn jwt(claims: &Value) -> String {
    format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn read(content: &str, slot: &SlotKey) -> Result<Granted, (String, String)> {
    granted(&Secret::new(content), slot, Wall::from_secs(NOW)).map_err(|(cause, reason)| {
        let cause = match cause {
            Cause::OAuth(error) => format!("{error:?}"),
            cause => format!("{cause:?}"),
        };
        (cause, reason)
    })
}

fn slot(scope: Option<&str>, audience: Option<&str>) -> SlotKey {
    SlotKey { scope: scope.map(str::to_owned), audience: audience.map(str::to_owned) }
}

#[test]
fn the_sdks_json_and_a_bare_token_are_both_taken() {
    let claims = json!({"sub": "u1", "email": "jane@ex.co", "exp": NOW + 300, "scope": "a b"});
    let jwt = jwt(&claims);
    let of = |token: &str| json!({"token": token, "user_email": "bob@ex.co", "user_id": "u2"});
    let five_minutes = Some(Duration::from_secs(300));
    for (content, token, lifetime, user, email) in [
        ("opaque-token".to_owned(), "opaque-token", None, None, None),
        ("  opaque-token \n\n".to_owned(), "opaque-token", None, None, None),
        (jwt.clone(), &*jwt, five_minutes, Some("u1"), Some("jane@ex.co")),
        (of("opaque").to_string(), "opaque", None, Some("u2"), Some("bob@ex.co")),
        (of(&jwt).to_string(), &*jwt, five_minutes, Some("u2"), Some("bob@ex.co")),
        (json!({"token": jwt}).to_string(), &*jwt, five_minutes, Some("u1"), Some("jane@ex.co")),
    ] {
        let granted = read(&content, &SlotKey::default()).unwrap();
        assert_eq!(granted.access_token.expose(), token);
        assert_eq!(granted.lifetime, lifetime, "{content}");
        assert_eq!(granted.user_id.as_deref(), user, "{content}");
        assert_eq!(granted.user_email.as_deref(), email, "{content}");
        assert!(granted.refresh_token.is_none() && granted.refresh_lifetime.is_none());
    }
    assert_eq!(read(&jwt, &SlotKey::default()).unwrap().scope.as_deref(), Some("a b"));
}

#[test]
fn a_token_is_not_served_for_the_rest_of_the_second_that_it_ends_in() {
    let content = Secret::new(jwt(&json!({"exp": NOW + 60})));
    for (millis, lifetime) in [(0, 60), (1, 59), (999, 59)] {
        let now = Wall::from_millis(NOW * 1000 + millis);
        let granted = granted(&content, &SlotKey::default(), now).unwrap();
        assert_eq!(granted.lifetime, Some(Duration::from_secs(lifetime)), "{millis}");
    }
}

#[test]
fn what_is_no_good_token_says_what_to_write() {
    let expired = "holds a token that has expired: write a new one there";
    for (content, reason) in [
        (jwt(&json!({"exp": NOW})), expired),
        (jwt(&json!({"exp": NOW - 1})), expired),
        (jwt(&json!({"exp": i64::MIN})), expired),
        (json!({"token": jwt(&json!({"exp": 1}))}).to_string(), expired),
        (String::new(), "is empty: write the token there"),
        (" \n\t".to_owned(), "is empty: write the token there"),
        ("{\"token\": \"abc".to_owned(), "holds torn JSON: is somebody writing it?"),
        ("{}{}".to_owned(), "holds torn JSON: is somebody writing it?"),
        (
            json!({"user_id": "u"}).to_string(),
            "holds JSON without a `token`: write `{\"token\": …}`, or the token alone",
        ),
        (
            json!({"token": 7}).to_string(),
            "holds JSON without a `token`: write `{\"token\": …}`, or the token alone",
        ),
        ("one two".to_owned(), "holds more than a token: write its JSON or the token alone"),
        ("tökn".to_owned(), "holds more than a token: write its JSON or the token alone"),
    ] {
        let refused = read(&content, &SlotKey::default()).unwrap_err();
        assert_eq!(refused, ("Source".to_owned(), reason.to_owned()), "{content}");
    }
}

#[test]
fn one_token_is_for_the_scopes_and_audiences_that_it_has() {
    let files = jwt(&json!({"aud": ["files", "mail"]}));
    assert!(read(&files, &slot(None, Some("files"))).is_ok());
    let other = "holds a token that is not for the audience that was asked for";
    for token in [files.as_str(), "opaque"] {
        let (cause, reason) = read(token, &slot(None, Some("calendar"))).unwrap_err();
        assert_eq!((&*cause, &*reason), ("WrongAudience { refresh_token: None }", other));
        let (cause, reason) = read(token, &slot(Some("a"), None)).unwrap_err();
        assert_eq!(cause, "InvalidScope");
        assert_eq!(reason, "holds one token, with the scopes that it has: ask for none");
    }
}
