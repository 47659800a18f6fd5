//! Properties of reading a configuration: no text makes it panic, and no error repeats a value of the file.

#![allow(clippy::unwrap_used, reason = "a test crate: an error that is not there is a failed test")]

use bearerd::config::Config;
use proptest::prelude::*;
use std::path::Path;

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn no_text_shaped_like_a_configuration_makes_it_panic(lines in prop::collection::vec(line(), 0..12)) {
        read(&lines.join("\n"));
    }

    #[test]
    fn no_error_repeats_a_value(
        before in prop::collection::vec(line(), 0..4),
        key in key(),
        form in prop::sample::select(FORMS),
        after in prop::collection::vec(line(), 0..4),
    ) {
        let planted = format!("{key} = {}", form.replace('@', PLANTED));
        let text = [before, vec![planted], after].concat().join("\n");
        read(&text);
    }
}

#[test]
fn a_value_of_any_form_under_any_key_stays_out_of_the_error() {
    for key in KEYS {
        for form in FORMS {
            for head in HEADS {
                read(&format!("{head}{key} = {}", form.replace('@', PLANTED)));
            }
        }
    }
}

#[test]
fn depth_is_bounded() {
    let deep = 100_000;
    for text in [
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}", "{a=".repeat(deep)),
        format!("{}b = 1", "a.".repeat(deep)),
        format!("[{}b]", "a.".repeat(deep)),
        format!("[[{}b]]", "profile.".repeat(deep)),
    ] {
        assert!(Config::parse(&text, Path::new("config.toml")).is_err());
    }
}

/// Reads `text`; where it is refused, the error is one line and has no planted value in it.
fn read(text: &str) {
    if let Err(error) = Config::parse(text, Path::new("config.toml")) {
        let sentence = error.sentence();
        assert!(sentence.starts_with("config.toml:"), "{sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
        assert!(!sentence.contains(PLANTED), "{sentence}");
        assert!(!format!("{error:?}").contains(PLANTED), "{error:?}");
    }
}

/// A value that no message may hold. `ca_file` is not among the keys: its message names the file.
const PLANTED: &str = "pl4nted";

const FORMS: &[&str] = &[
    "'@'",
    "\"@\"",
    "@",
    "\"@",
    "'''\n@'''",
    "['@', '@']",
    "{ x = '@' }",
    "{ x = '@'",
    "'https://@@k.example.com'",
    "'https://k.example.com/?@'",
    "'http://@.example.com'",
    "1@",
];

/// The profile that a planted value may stand in, one of each auth type.
const HEADS: &[&str] = &[
    "",
    "[profile.a]\nauth_type = 'sso'\nkeycloak_addr = 'https://k.example.com'\n",
    "[profile.a]\nauth_type = 'sso'\nissuer = 'https://k.example.com'\nclient_id = 'b'\n",
    "[profile.a]\nauth_type = 'user_password'\nkeycloak_addr = 'https://k.example.com'\n",
    "[profile.a]\nauth_type = 'user_password'\nclient_id = 'b'\nusername = 'jane'\n",
    "[profile.a]\nauth_type = 'token'\n",
    "[profile.a]\nauth_type = 'orch'\nkeycloak_addr = 'https://k.example.com'\n",
    "[profile.a]\nauth_type = 'client_credentials'\nissuer = 'https://k.example.com'\nclient_id = 'b'\n",
    "[profile.a]\nauth_type = 'client_credentials'\nissuer = 'https://k.example.com'\nclient_id = 'b'\n\
     client_secret_file = 's'\n",
    "[profile.a]\nauth_type = 'client_credentials'\nissuer = 'https://k.example.com'\nclient_id = 'b'\n\
     private_key_file = 's'\n",
    "[profile.a]\nauth_type = 'none'\n",
];

const KEYS: &[&str] = &[
    "default_profile",
    "profile",
    "profile.a",
    "auth_type",
    "keycloak_addr",
    "realm",
    "client_id",
    "client_secret",
    "password",
    "token",
    "flow",
    "scopes",
    "public_addr",
    "proxy",
    "extra_parameters",
    "reuse_window",
    "allow_http",
    "sink",
    "issuer",
    "token_endpoint_auth_method",
    "client_secret_file",
    "private_key_file",
    "token_endpoint_auth_signing_alg",
    "kid",
    "client_cert_file",
    "credentials_file",
    "username",
    "password_file",
    "token_file",
    "cache_file",
    "audience_parameter",
    "audience_parameter.b",
    "audience_parameter.'https://api.example.com'",
    "extra_parameters.b",
    "extra_parameters.token",
    "extra_parameters.token.b",
    "extra_parameters.refresh",
    "extra_parameters.device_authorization.client_secret",
    "lifetime",
    "subject_token",
    "assertion",
    "colour",
    "\"odd key\"",
];

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(KEYS)
}

fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("'sso'".to_owned()),
        Just("'none'".to_owned()),
        Just("'user_password'".to_owned()),
        Just("'token'".to_owned()),
        Just("'orch'".to_owned()),
        Just("'client_credentials'".to_owned()),
        Just("'private_key_jwt'".to_owned()),
        Just("'exchange'".to_owned()),
        Just("'8h'".to_owned()),
        Just("{ token = { a = 'b' } }".to_owned()),
        Just("'https://k.example.com'".to_owned()),
        Just("true".to_owned()),
        Just("-1".to_owned()),
        Just("['openid']".to_owned()),
        Just("{ a = 'b' }".to_owned()),
        Just("1979-05-27".to_owned()),
        any::<String>().prop_map(|text| format!("{text:?}")),
    ];
    prop_oneof![
        3 => (key(), value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => prop::sample::select(&["[profile.a]", "[profile.b]", "[[profile.a.sink]]", "[profile"][..])
            .prop_map(str::to_owned),
    ]
}
