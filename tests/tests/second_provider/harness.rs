//! The harness itself: what the tests of the daemon rely on is so.

use std::time::{SystemTime, UNIX_EPOCH};

use bearerd_test_idp::sign_with_secret;
use bearerd_tests::second_provider::{
    BASIC, DEVICE, POST, SIGNING, SecondProvider, WITH_KEYS, approve,
};
use serde_json::{Value, json};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const FILES: &str = "https://files.example.test";

fn claims(provider: &SecondProvider, id: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    json!({
        "iss": id, "sub": id, "aud": provider.issuer(), "jti": now.as_nanos().to_string(),
        "iat": now.as_secs(), "exp": now.as_secs() + 60,
    })
}

#[test]
fn each_client_gets_a_token_in_its_own_way() {
    let provider = SecondProvider::start(60);
    let active = |(status, answer): (u16, Value), id: &str| {
        assert_eq!(status, 200, "{id}: {answer}");
        let seen = provider.introspect(answer["access_token"].as_str().unwrap());
        assert_eq!((&seen["active"], &seen["client_id"]), (&json!(true), &json!(id)));
    };
    active(provider.post("token", Some(BASIC), &[GRANT]), BASIC.0);
    let form = [GRANT, ("client_id", POST.0), ("client_secret", POST.1)];
    active(provider.post("token", None, &form), POST.0);
    let wrong = provider.post("token", Some((BASIC.0, "wrong")), &[GRANT]);
    assert_eq!((wrong.0, &wrong.1["error"]), (401, &json!("invalid_client")));

    let by_assertion = |id: &str, assertion: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [
            GRANT,
            ("client_id", id),
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ];
        provider.post("token", None, &fields)
    };
    let assertion = sign_with_secret(SIGNING.1, &claims(&provider, SIGNING.0));
    active(by_assertion(SIGNING.0, &assertion), SIGNING.0);
    for ((_, id), keys) in WITH_KEYS.iter().zip(provider.keys()) {
        let assertion = keys.sign(&claims(&provider, id));
        active(by_assertion(id, &assertion), id);
        assert_eq!(by_assertion(id, &assertion).0, 401, "{id}: a second time");
    }
}

#[test]
fn a_resource_gives_a_token_for_it_and_another_is_refused() {
    let provider = SecondProvider::start(60);
    let ask = |resource| {
        let fields = [GRANT, ("resource", resource), ("scope", "files:read")];
        provider.post("token", Some(BASIC), &fields)
    };
    let (status, answer) = ask(FILES);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(provider.introspect(answer["access_token"].as_str().unwrap())["aud"], FILES);
    let (status, answer) = ask("https://mail.example.test");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["access_token"].as_str().unwrap().split('.').count(), 3, "a JWT");
    let (status, answer) = ask("https://elsewhere.example.test");
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_target")));
}

#[test]
fn a_device_login_is_approved_on_its_pages_and_its_refresh_tokens_rotate() {
    let provider = SecondProvider::start(60);
    let start = [("client_id", DEVICE), ("scope", "openid email offline_access")];
    let (status, started) = provider.post("device/auth", None, &start);
    assert_eq!((status, started.get("interval")), (200, None), "{started}");
    approve(started["verification_uri_complete"].as_str().unwrap(), "jane");
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", DEVICE),
        ("device_code", started["device_code"].as_str().unwrap()),
    ];
    let (status, first) = provider.post("token", None, &poll);
    assert_eq!(status, 200, "{first}");
    let (status, who) = provider.userinfo(first["access_token"].as_str().unwrap());
    assert_eq!((status, &who["email"]), (200, &json!("jane@example.test")));
    assert_eq!(provider.userinfo("never-issued").0, 401);

    let refresh = |token: &Value| {
        let token = token.as_str().unwrap().to_owned();
        let fields =
            [("grant_type", "refresh_token"), ("client_id", DEVICE), ("refresh_token", &token)];
        provider.post("token", None, &fields)
    };
    let (status, second) = refresh(&first["refresh_token"]);
    assert_eq!(status, 200, "{second}");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (status, reused) = refresh(&first["refresh_token"]);
    assert_eq!((status, &reused["error"]), (400, &json!("invalid_grant")));
    assert_eq!(refresh(&second["refresh_token"]).0, 400, "the reuse has ended the session");
}
