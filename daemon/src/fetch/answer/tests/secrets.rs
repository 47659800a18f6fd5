//! No bytes make a reader panic, and no secret shows in what it says.

use super::*;
use proptest::prelude::*;

#[test]
fn secrets_that_the_idp_repeats_show_nowhere() {
    let access_token = "short-access-token";
    for body in [
        json!({"error": "invalid_grant", "error_description": format!("unknown {SENT}")}),
        json!({"error": SENT, "error_description": "x"}),
        json!({"error": "x", "error_description": format!("for {access_token}"), "access_token": access_token}),
        json!({"error": "x", "error_description": format!("see {}", jwt(&json!({"sub": "a-foreign-user"})))}),
    ] {
        for status in [200, 400, 503] {
            let text = format!("{:?}", token(&json_answer(status, &body)));
            for secret in [SENT, access_token, "e30."] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
}

/// Whatever the readers make of an answer, as far as anybody could print it.
fn printed(answer: &HttpAnswer, secret: &Secret) -> String {
    let asked = Asked { host: "idp", secrets: std::slice::from_ref(secret), mends: MENDS };
    format!(
        "{answer:?} {:?} {:?} {:?} {:?}",
        answer.token(asked),
        answer.device(asked),
        answer.object(asked),
        answer.revocation(asked)
    )
}

fn member() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!([1, {"a": 2}])),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(
        status in 100_u16..600, body in prop::collection::vec(any::<u8>(), 0..300),
        header in prop::option::of(".{0,40}"),
    ) {
        let answer = HttpAnswer {
            date: header.clone(),
            retry_after: header.clone(),
            location: header,
            ..answer(status, body)
        };
        printed(&answer, &Secret::new(SENT));
    }

    #[test]
    fn no_secret_shows_in_any_message_or_debug(
        status in prop::sample::select(vec![200_u16, 201, 302, 400, 401, 404, 500, 502, 503]),
        secret in "[A-Za-z0-9_.-]{20,90}",
        token_type in prop::sample::select(vec!["Bearer", "DPoP", "MAC"]),
        members in prop::collection::btree_map(
            prop::sample::select(vec![
                "error", "error_description", "expires_in", "refresh_expires_in", "interval",
                "verification_uri", "user_code", "scope", "session_state",
            ]),
            member(), 0..6),
        repeats in prop::sample::subsequence(vec!["error", "error_description"], 0..=2),
        (before, after) in (".{0,30}", ".{0,30}"),
    ) {
        let mut body = json!(members);
        body["token_type"] = json!(token_type);
        for name in ["access_token", "refresh_token", "id_token", "device_code"] {
            body[name] = json!(secret);
        }
        for name in repeats {
            body[name] = json!(format!("{before}{secret}{after}"));
        }
        let mut answer = json_answer(status, &body);
        answer.location = Some(format!("https://{secret}.example.com/{secret}"));
        let printed_parts = {
            // The answer's own `Location` is the reader's input; its `Debug` is looked at without.
            let text = printed(&HttpAnswer { location: None, ..json_answer(status, &body) }, &Secret::new(&secret));
            let asked_secrets = [Secret::new(&secret)];
            let asked = Asked { host: "idp", secrets: &asked_secrets, mends: MENDS };
            format!("{text} {:?}", answer.token(asked))
        };
        prop_assert!(!printed_parts.contains(&secret), "{printed_parts}");
    }
}
