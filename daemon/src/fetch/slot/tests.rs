//! What is sent for a slot, and which tokens are for it.

use super::*;
use crate::config::{Auth, Config};
use crate::fetch::members::Members;
use crate::wiped::Wiped;
use bearerd_session::Failure;
use serde_json::json;
use std::path::Path;

fn client(line: &str) -> OAuthClient {
    let text = format!(
        "[profile.p]\nauth_type = \"sso\"\nkeycloak_addr = \"https://keycloak.example.com\"\n{line}"
    );
    let config = Config::parse(&text, Path::new("/nowhere/config.toml")).unwrap();
    match config.default_profile().unwrap().auth() {
        Auth::Sso(sso) => sso.client().clone(),
        other => panic!("{other:?}"),
    }
}

fn slot(scope: Option<&str>, audience: Option<&str>) -> SlotKey {
    SlotKey { scope: scope.map(str::to_owned), audience: audience.map(str::to_owned) }
}

const TABLE: &str = "audience_parameter = { files = \"files:read openid\" }";

#[test]
fn a_slot_is_asked_for_as_the_profile_says() {
    let default = Some("openid email");
    for (line, scope, audience, default, sent) in [
        ("", None, None, None, vec![]),
        ("", None, None, default, vec![("scope", "openid email")]),
        ("", Some("a b"), None, default, vec![("scope", "a b")]),
        ("", None, Some("files"), None, vec![("resource", "files")]),
        ("", None, Some("files"), default, vec![("scope", "openid email"), ("resource", "files")]),
        (
            "audience_parameter = \"audience\"",
            Some("a"),
            Some("files"),
            default,
            vec![("scope", "a"), ("audience", "files")],
        ),
        (TABLE, None, Some("files"), None, vec![("scope", "files:read openid")]),
        (TABLE, None, Some("files"), default, vec![("scope", "files:read openid")]),
        (TABLE, Some("a openid"), Some("files"), default, vec![("scope", "a openid files:read")]),
        (TABLE, Some("a"), None, default, vec![("scope", "a")]),
    ] {
        let default = default.map(str::to_owned);
        let parameters = SlotParameters::of(&client(line), &slot(scope, audience), default);
        let parameters = parameters.unwrap();
        assert_eq!(parameters.iter().collect::<Vec<_>>(), sent, "{line} {scope:?} {audience:?}");
    }
}

#[test]
fn an_audience_that_nothing_asks_for_is_an_invalid_target() {
    for (line, reason) in [
        (TABLE, "nothing was sent: the audience is not in the table `audience_parameter`"),
        (
            "audience_parameter = \"exchange\"",
            "nothing was sent: the audience is to be had by exchange alone",
        ),
    ] {
        let failure: Failure =
            SlotParameters::of(&client(line), &slot(None, Some("mail")), None).unwrap_err();
        assert!(matches!(failure.cause, Cause::OAuth(OAuthError::InvalidTarget)), "{failure:?}");
        assert_eq!(failure.message, reason);
    }
}

#[test]
fn a_jwt_for_others_is_no_token_for_an_audience_and_an_opaque_one_may_be() {
    let checked = |aud: Option<serde_json::Value>, audience: Option<&str>, line: &str| {
        let claims = aud.map(|aud| {
            let mut bytes = Wiped::default();
            bytes.push(json!({"aud": aud}).to_string().as_bytes());
            Members::read(bytes.as_ref()).unwrap()
        });
        let granted = bearerd_session::Granted {
            access_token: bearerd_proto::Secret::new("token"),
            refresh_token: Some(bearerd_proto::Secret::new("rotated")),
            lifetime: None,
            refresh_lifetime: None,
            refresh_in: None,
            scope: None,
            user_id: None,
            user_email: None,
            idp_session: None,
            idp_time: None,
        };
        let answer = TokenAnswer { granted, claims, id_token: None };
        check_audience(&answer, &slot(None, audience), &client(line))
    };
    for (aud, audience) in [
        (Some(json!("files")), Some("files")),
        (Some(json!(["mail", "files"])), Some("files")),
        (Some(json!("mail")), None),
        (Some(json!(null)), None),
        (None, Some("files")),
    ] {
        assert!(checked(aud.clone(), audience, "").is_ok(), "{aud:?} {audience:?}");
    }
    for aud in [json!("mail"), json!(["mail", 7]), json!([]), json!(null), json!({"files": 1})] {
        let (cause, reason) = checked(Some(aud.clone()), Some("files"), TABLE).unwrap_err();
        let rotated = cause.refresh_token().map(bearerd_proto::Secret::expose);
        assert!(matches!(cause, Cause::WrongAudience { .. }), "{aud} {cause:?}");
        assert_eq!(rotated, Some("rotated"), "{aud}");
        assert_eq!(
            reason,
            "with a token that is not for the audience that was asked for (check its scope in \
             `audience_parameter`, and that the login asked for that scope)"
        );
    }
}
