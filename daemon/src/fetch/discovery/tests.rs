//! What a document says, and what each one of no use is told to be.

use super::*;
use crate::wiped::Wiped;
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example.com/a";

fn read(issuer: &str, allow_http: bool, document: &Value) -> Result<Endpoints, Failure> {
    let mut body = Wiped::default();
    body.push(document.to_string().as_bytes());
    let answer =
        HttpAnswer { status: 200, date: None, retry_after: None, location: None, body: Ok(body) };
    Discovery::new(issuer, allow_http).read(&answer, "idp.example.com")
}

#[test]
fn endpoints_are_taken_where_they_are_safe() {
    let (missing, plain, none) = (Absence::Missing, Absence::PlainHttp, Absence::NoAddress);
    let not_theirs = Absence::NotTheirs;
    for (value, allow_http, address) in [
        (
            json!("https://other.example.com/token?a=b"),
            false,
            Ok("https://other.example.com/token?a=b"),
        ),
        (json!("http://127.0.0.1:8080/token"), false, Err(not_theirs)),
        (json!("http://localhost/token"), false, Err(not_theirs)),
        (json!("http://localhost/token"), true, Ok("http://localhost/token")),
        (json!("http://idp.example.com/token"), true, Ok("http://idp.example.com/token")),
        (json!("http://idp.example.com/token"), false, Err(plain)),
        (json!("http://127.0.0.1.example.com/token"), false, Err(plain)),
        (json!("/token"), false, Err(none)),
        (json!("ftp://idp.example.com/token"), true, Err(none)),
        (json!("file:///etc/passwd"), true, Err(none)),
        (json!(""), false, Err(missing)),
        (json!(null), false, Err(missing)),
        (json!(["https://idp.example.com/token"]), false, Err(missing)),
    ] {
        for service in Service::ALL {
            let mut document = json!({"issuer": ISSUER});
            document[service.member()] = value.clone();
            let endpoints = read(ISSUER, allow_http, &document).unwrap();
            assert_eq!(endpoints.address(service).map(Url::as_str), address, "{value}");
            assert_eq!(endpoints.audience(), ISSUER);
        }
    }
}

#[test]
fn an_issuer_on_this_machine_may_have_its_endpoints_there() {
    for (issuer, address) in [
        ("http://127.0.0.1:8080/a", Ok("http://localhost/token")),
        ("https://localhost/a", Ok("http://localhost/token")),
        ("https://localhost.example.com/a", Err(Absence::NotTheirs)),
    ] {
        let document = json!({"issuer": issuer, "token_endpoint": "http://localhost/token"});
        let endpoints = read(issuer, false, &document).unwrap();
        assert_eq!(endpoints.address(Service::Token).map(Url::as_str), address, "{issuer}");
    }
}

#[test]
fn another_issuer_is_the_wrong_place_and_is_named_where_it_is_plain() {
    let of = |shown: &str| format!("of another issuer, `{shown}`: write that one as `issuer`");
    let unshown = "of no issuer that can be shown: check `issuer`".to_owned();
    let long = format!("https://idp.example.com/{}", "a".repeat(200));
    for (configured, says, told) in [
        (ISSUER, "https://idp.example.com/b", of("https://idp.example.com/b")),
        (ISSUER, "https://idp.example.com/a/", of("https://idp.example.com/a/")),
        ("https://idp.example.com/a/", ISSUER, of(ISSUER)),
        (ISSUER, "https://IDP.example.com/a", of("https://IDP.example.com/a")),
        (ISSUER, "https://user:password@idp.example.com/a", unshown.clone()),
        (ISSUER, "https://idp.example.com/a?token=x", unshown.clone()),
        (ISSUER, "https://idp.example.com/\u{1b}[2J", unshown.clone()),
        (ISSUER, "https://idp.example.com/`", unshown.clone()),
        (ISSUER, "nonsense", unshown.clone()),
        (ISSUER, &long, unshown.clone()),
        (ISSUER, "", unshown),
    ] {
        let failure = read(configured, false, &json!({"issuer": says})).unwrap_err();
        assert!(matches!(failure.cause, Cause::WrongPlace), "{failure:?}");
        let expected = format!(
            "`idp.example.com` answered HTTP 200 with the discovery document {told}, if you trust it"
        );
        assert_eq!(failure.message, expected, "{says}");
    }
}

#[test]
fn the_document_is_looked_for_at_both_places() {
    for (issuer, places) in [
        (
            "https://idp.example.com",
            [
                "https://idp.example.com/.well-known/openid-configuration",
                "https://idp.example.com/.well-known/oauth-authorization-server",
            ],
        ),
        (
            "https://idp.example.com:8443/a/b/",
            [
                "https://idp.example.com:8443/a/b/.well-known/openid-configuration",
                "https://idp.example.com:8443/.well-known/oauth-authorization-server/a/b",
            ],
        ),
    ] {
        let found = Discovery::new(issuer, false).places().unwrap();
        assert_eq!(found.each_ref().map(Url::as_str), places, "{issuer}");
    }
}
