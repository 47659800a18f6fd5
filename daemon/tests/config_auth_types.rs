//! What each auth type means once it is read: who proves what, where the secrets are, what a session is bound to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test crate: a configuration that can't be read is a failed test"
)]

use bearerd::config::{
    AudienceParameter, Auth, ClientAuthentication, Config, Credentials, OAuthClient, ParameterKind,
    Profile, Provider, SigningAlgorithm,
};
use bearerd::environment::Environment;
use bearerd_session::{Kind, Own};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_file_alone_says_how_a_client_proves_itself() {
    let secret = || PathBuf::from("/config/s");
    let by_key = |algorithm, key_id: Option<&str>| ClientAuthentication::PrivateKeyJwt {
        key_file: secret(),
        algorithm,
        key_id: key_id.map(str::to_owned),
    };
    let method = |word: &str| format!("token_endpoint_auth_method = '{word}'\n");
    let with_secret = |word: &str| method(word) + "client_secret_file = 's'";
    for (keys, expected) in [
        (String::new(), ClientAuthentication::None),
        (method("none"), ClientAuthentication::None),
        ("client_secret_file = 's'".to_owned(), ClientAuthentication::SecretBasic(secret())),
        (with_secret("client_secret_basic"), ClientAuthentication::SecretBasic(secret())),
        (with_secret("client_secret_post"), ClientAuthentication::SecretPost(secret())),
        (with_secret("client_secret_jwt"), ClientAuthentication::SecretJwt(secret())),
        ("private_key_file = 's'".to_owned(), by_key(None, None)),
        (method("private_key_jwt") + "private_key_file = 's'\nkid = 'k'", by_key(None, Some("k"))),
    ] {
        assert_eq!(*client(&sso(&keys)).authentication(), expected, "{keys}");
    }
    for (word, algorithm) in [
        ("RS256", SigningAlgorithm::RS256),
        ("PS256", SigningAlgorithm::PS256),
        ("ES256", SigningAlgorithm::ES256),
        ("EdDSA", SigningAlgorithm::EdDSA),
    ] {
        let keys = format!("private_key_file = 's'\ntoken_endpoint_auth_signing_alg = '{word}'");
        assert_eq!(*client(&sso(&keys)).authentication(), by_key(Some(algorithm), None), "{word}");
    }
}

#[test]
fn name_and_password_come_from_files_or_with_a_login() {
    for (keys, expected, kind) in [
        ("credentials_file = 'c'", Credentials::File("/config/c".into()), false),
        (
            "username = 'jane'\npassword_file = '/run/p'",
            Credentials::Password { username: "jane".to_owned(), file: "/run/p".into() },
            false,
        ),
        ("username = 'jane'", Credentials::Given { username: Some("jane".to_owned()) }, true),
        ("", Credentials::Given { username: None }, true),
    ] {
        let profile = keycloak("user_password", keys);
        let Auth::UserPassword(password) = profile.auth() else { panic!("{profile:?}") };
        assert_eq!(*password.credentials(), expected, "{keys}");
        let Kind::Own(own) = profile.session_kind() else { panic!("{keys}") };
        assert_eq!(own, Own::Sessions { needs_given: kind }, "{keys}");
    }
}

#[test]
fn every_secret_file_is_a_source_and_nothing_else_is() {
    let sources = |profile: &Profile| -> Vec<String> {
        profile.sources().iter().map(|path| path.to_string_lossy().into_owned()).collect()
    };
    for (profile, expected) in [
        (sso(""), &[][..]),
        (sso("client_secret_file = 's'"), &["/config/s"]),
        (keycloak("user_password", "credentials_file = 'c'"), &["/config/c"]),
        (
            keycloak(
                "user_password",
                "private_key_file = 'k'\nusername = 'j'\npassword_file = 'p'",
            ),
            &["/config/k", "/config/p"],
        ),
        (keycloak("user_password", "username = 'j'"), &[]),
        (keycloak("orch", "cache_file = '/cache/k.json'"), &["/cache/k.json"]),
        (profile("auth_type = 'token'\ntoken_file = 't'"), &["/config/t"]),
        (profile("auth_type = 'none'"), &[]),
    ] {
        assert_eq!(sources(&profile), expected, "{profile:?}");
    }
}

#[test]
fn left_out_the_cache_file_is_the_sdks_own() {
    let profile = keycloak("orch", "");
    let expected = Environment::read().sdk_cache_file().unwrap();
    assert!(expected.ends_with("wallaroo_sdk/auth/keycloak.json"));
    assert_eq!(profile.sources(), [expected]);
}

#[test]
fn an_issuer_is_kept_to_the_letter() {
    let issuer =
        |text: &str| profile(&format!("auth_type = 'sso'\nissuer = '{text}'\nclient_id = 'c'"));
    for text in [
        "https://idp.example.com",
        "https://idp.example.com/",
        "https://idp.example.com/tenant/",
        "https://IDP.example.com:443",
        "http://127.0.0.1:8080/auth",
    ] {
        let profile = issuer(text);
        assert_eq!(profile.issuer_text().as_deref(), Some(text));
        assert_eq!(profile.binding().endpoint, text);
        let Provider::Issuer(address) = client(&profile).provider() else { panic!("{profile:?}") };
        assert!(!address.join(&[".well-known"]).path().contains("//"), "{address}");
        assert_eq!(client(&profile).provider().realm_endpoints(), None);
    }
    let plain = issuer("https://idp.example.com");
    assert_ne!(plain.binding(), issuer("https://idp.example.com/").binding());
}

#[test]
fn a_realm_is_an_issuer_too() {
    let issuer = "https://keycloak.example.com/auth/realms/data%20science";
    assert_eq!(sso("realm = 'data science'").issuer_text().as_deref(), Some(issuer));
    assert_eq!(profile("auth_type = 'test_auth'").issuer_text(), None);
}

#[test]
fn at_an_issuer_the_link_for_a_person_keeps_its_path() {
    let profile = profile(
        "auth_type = 'sso'\nissuer = 'https://idp.internal/realms/a'\nclient_id = 'c'\n\
         public_addr = 'https://login.example.com'",
    );
    for (link, for_person) in [
        (
            "https://idp.internal/realms/a/device?code=X",
            "https://login.example.com/realms/a/device?code=X",
        ),
        ("https://idp.internal/device", "https://login.example.com/device"),
        ("https://idp.internal:8443/device", "https://idp.internal:8443/device"),
        ("https://other.example.com/device", "https://other.example.com/device"),
    ] {
        assert_eq!(client(&profile).link_for_person(link), for_person);
    }
}

#[test]
fn a_session_is_bound_to_who_where_and_how() {
    let base = keycloak("user_password", "username = 'jane'").binding();
    assert_eq!((base.auth_type.as_str(), base.user.as_deref()), ("user_password", Some("jane")));
    for elsewhere in [
        keycloak("user_password", "username = 'joe'"),
        keycloak("user_password", ""),
        keycloak("user_password", "username = 'jane'\nrealm = 'other'"),
        keycloak("user_password", "username = 'jane'\nclient_id = 'other'"),
        keycloak("orch", "cache_file = 'c'"),
    ] {
        assert_ne!(elsewhere.binding(), base, "{elsewhere:?}");
    }
    // The password's file may move, and the secret may change: it is still the same session.
    for same in ["password_file = 'p'", "client_secret_file = 's'", "lifetime = '8h'"] {
        let same = keycloak("user_password", &format!("username = 'jane'\n{same}"));
        assert_eq!(same.binding(), base, "{same:?}");
    }
    let token =
        |file: &str| profile(&format!("auth_type = 'token'\ntoken_file = '{file}'")).binding();
    assert_eq!(token("a").endpoint, "/config/a");
    assert_ne!(token("a"), token("b"));
}

#[test]
fn a_lifetime_has_its_unit_or_is_seconds() {
    for (written, seconds) in
        [("'8h'", 28_800), ("'30m'", 1_800), ("'7d'", 604_800), ("'90s'", 90), ("3600", 3_600)]
    {
        let profile = sso(&format!("lifetime = {written}"));
        assert_eq!(profile.lifetime(), Some(Duration::from_secs(seconds)), "{written}");
    }
    assert_eq!(sso("").lifetime(), None);
}

#[test]
fn an_audience_is_asked_for_by_the_profiles_own_parameter() {
    for (keys, expected) in [
        ("", AudienceParameter::Resource),
        ("audience_parameter = 'resource'", AudienceParameter::Resource),
        ("audience_parameter = 'audience'", AudienceParameter::Audience),
        ("audience_parameter = 'exchange'", AudienceParameter::Exchange),
        (
            "audience_parameter = { 'https://api' = 'api read' }",
            AudienceParameter::Scopes([("https://api".to_owned(), "api read".to_owned())].into()),
        ),
    ] {
        let profile = sso(keys);
        assert_eq!(*client(&profile).audience_parameter(), expected, "{keys}");
        assert_eq!(profile.audience_exchanges(), expected == AudienceParameter::Exchange);
    }
}

#[test]
fn parameters_of_a_kind_go_with_it_alone_and_win_over_those_for_all() {
    let profile = sso(
        "extra_parameters = { a = '1', b = '2', token = { b = '3', c = '4' }, refresh = { d = '5' } }",
    );
    let for_request = |kind| -> Vec<(String, String)> {
        let parameters = client(&profile).extra_parameters().for_request(kind);
        parameters.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let pairs = |text: &str| -> Vec<(String, String)> {
        let pair = |pair: &str| (pair[..1].to_owned(), pair[1..].to_owned());
        text.split(' ').map(pair).collect()
    };
    assert_eq!(for_request(ParameterKind::Token), pairs("a1 b3 c4"));
    assert_eq!(for_request(ParameterKind::Refresh), pairs("a1 b2 d5"));
    for kind in
        [ParameterKind::DeviceAuthorization, ParameterKind::Exchange, ParameterKind::Revocation]
    {
        assert_eq!(for_request(kind), pairs("a1 b2"), "{kind:?}");
    }
}

#[test]
fn a_secret_file_that_is_not_there_takes_nobody_down() {
    let config = parse(
        "[profile.a]\nauth_type = 'none'\n[profile.b]\nauth_type = 'token'\ntoken_file = '/nowhere/t'",
    );
    assert_eq!(
        config.unusable_files(),
        [
            "profile `b`, `token_file`: failed to read `/nowhere/t`; name a file that this user may read: No such file or \
          directory (os error 2)"
        ]
    );
}

fn sso(keys: &str) -> Arc<Profile> {
    keycloak("sso", keys)
}

fn keycloak(auth_type: &str, keys: &str) -> Arc<Profile> {
    profile(&format!(
        "auth_type = '{auth_type}'\nkeycloak_addr = 'https://keycloak.example.com'\n{keys}"
    ))
}

fn profile(keys: &str) -> Arc<Profile> {
    Arc::clone(parse(&format!("[profile.a]\n{keys}\n")).profile_for(None).unwrap())
}

fn client(profile: &Profile) -> &OAuthClient {
    profile.client().unwrap()
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/config/config.toml"))
        .unwrap_or_else(|error| panic!("{}", error.sentence()))
}
