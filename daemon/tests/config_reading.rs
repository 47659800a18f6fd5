//! What comes out of a configuration: which profile a request means, where it goes, what a reload compares.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test crate: a configuration that can't be read is a failed test"
)]

use bearerd::config::{Config, ConfigError, OAuthClient, Provider, RealmEndpoints};
use bearerd_proto::{ErrorBody, ErrorCode, ProfileName};
use std::fs;
use std::path::Path;
use std::time::Duration;

#[test]
fn a_request_without_a_name_means_the_default_profile_or_the_only_one() {
    let one = parse("[profile.a]\nauth_type = 'none'");
    assert_eq!(one.profile_for(None).unwrap().name(), &name("a"));

    let two = "[profile.a]\nauth_type = 'none'\n[profile.b]\nauth_type = 'none'";
    let chosen = parse(&format!("default_profile = 'b'\n{two}"));
    assert_eq!(chosen.profile_for(None).unwrap().name(), &name("b"));
    assert_eq!(chosen.profile_for(Some(&name("a"))).unwrap().name(), &name("a"));

    let ambiguous = error_of(&parse(two), None);
    assert_eq!(ambiguous.code, ErrorCode::BadRequest);
    assert!(ambiguous.message.contains("`a`, `b`"), "{}", ambiguous.message);

    let unknown = error_of(&parse(two), Some("c"));
    assert_eq!((unknown.code, unknown.profile), (ErrorCode::UnknownProfile, Some(name("c"))));
    assert!(unknown.message.contains("`a`, `b`"), "{}", unknown.message);
}

#[test]
fn without_a_file_every_request_is_told_how_to_write_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bearerd/config.toml");
    let config = Config::load(&path).unwrap();
    assert_eq!(config, Config::empty(&path));

    for (asked, code) in [(None, ErrorCode::BadRequest), (Some("a"), ErrorCode::UnknownProfile)] {
        let error = error_of(&config, asked);
        assert_eq!(error.code, code);
        assert!(error.message.contains(path.to_str().unwrap()), "{}", error.message);
    }
}

#[test]
fn a_file_that_is_there_and_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let dangling = folder.path().join("dangling.toml");
    std::os::unix::fs::symlink(folder.path().join("nowhere.toml"), &dangling).unwrap();
    let large = folder.path().join("large.toml");
    fs::write(&large, "#".repeat(1024 * 1024 + 1)).unwrap();

    let pipe = folder.path().join("pipe.toml");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();

    for path in [folder.path(), &dangling, &large, &pipe] {
        match Config::load(path) {
            Err(ConfigError::Unreadable { path: named, .. }) => assert_eq!(named, path),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
}

#[test]
fn a_relative_ca_file_starts_at_the_folder_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::create_dir(folder.path().join("certs")).unwrap();
    let ca_file = folder.path().join("certs/corp.pem");
    fs::write(&ca_file, "# corp\n-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n")
        .unwrap();
    for written in ["certs/corp.pem", ca_file.to_str().unwrap()] {
        fs::write(&path, sso_text(&format!("ca_file = '{written}'"))).unwrap();
        assert_eq!(sso_of(&Config::load(&path).unwrap()).ca_file(), Some(ca_file.as_path()));
    }
}

#[test]
fn the_defaults_are_those_of_the_sdk() {
    let config = parse(&sso_text(""));
    let sso = sso_of(&config);
    assert!(matches!(sso.provider(), Provider::Keycloak { realm, .. } if realm == "master"));
    assert_eq!(sso.client_id(), "sdk-client");
    assert!(sso.scopes().is_none(), "without scopes, none is sent");
    assert_eq!(sso.reuse_window(), None);
}

#[test]
fn endpoints_are_those_of_the_realm() {
    let base = "https://keycloak.example.com/auth/realms/master/protocol/openid-connect";
    let config = parse(&sso_text(""));
    let endpoints = endpoints_of(&config);
    assert_eq!(endpoints.device_authorization.as_str(), format!("{base}/auth/device"));
    assert_eq!(endpoints.token.as_str(), format!("{base}/token"));
    assert_eq!(endpoints.revocation.as_str(), format!("{base}/revoke"));
    assert_eq!(endpoints.userinfo.as_str(), format!("{base}/userinfo"));

    for (realm, encoded) in
        [("data science", "data%20science"), ("a/b", "a%2Fb"), ("50%", "50%25"), ("?x#", "%3Fx%23")]
    {
        let config = parse(&sso_text(&format!("realm = '{realm}'")));
        let endpoint = endpoints_of(&config).token;
        assert!(
            endpoint.path().starts_with(&format!("/auth/realms/{encoded}/protocol/")),
            "{endpoint}"
        );
    }
}

#[test]
fn trailing_slashes_of_an_address_make_no_difference() {
    for written in [
        "https://k.example.com/base",
        "https://k.example.com/base/",
        "https://k.example.com/base//",
    ] {
        let config = parse(&format!("[profile.a]\nauth_type = 'sso'\nkeycloak_addr = '{written}'"));
        assert_eq!(sso_of(&config).provider().address().as_str(), "https://k.example.com/base");
        let token = endpoints_of(&config).token;
        assert!(token.as_str().starts_with("https://k.example.com/base/auth/realms/"));
    }
}

#[test]
fn a_person_gets_the_link_that_their_browser_reaches() {
    let config = parse(&sso_text("public_addr = 'https://login.example.com/sso/'"));
    let sso = sso_of(&config);
    for (link, for_person) in [
        (
            "https://keycloak.example.com/auth/realms/master/device?user_code=ABCD-EFGH",
            "https://login.example.com/sso/auth/realms/master/device?user_code=ABCD-EFGH",
        ),
        ("https://KEYCLOAK.example.com:443/auth", "https://login.example.com/sso/auth"),
        // Keycloak's own idea of its public name stays.
        ("https://other.example.com/auth/device", "https://other.example.com/auth/device"),
        (
            "https://keycloak.example.com.evil.example/auth",
            "https://keycloak.example.com.evil.example/auth",
        ),
        ("not a link", "not a link"),
    ] {
        assert_eq!(sso.link_for_person(link), for_person);
    }

    let config = parse(&sso_text(""));
    assert_eq!(
        sso_of(&config).link_for_person("https://keycloak.example.com/a"),
        "https://keycloak.example.com/a"
    );
}

#[test]
fn a_session_is_bound_to_endpoint_client_and_auth_type() {
    let binding = |keys: &str| parse(&sso_text(keys)).profile_for(None).unwrap().binding();
    let bound = binding("");
    assert_eq!(bound.auth_type, "sso");
    assert_eq!(bound.client_id, "sdk-client");
    assert!(bound.endpoint.ends_with("/realms/master/protocol/openid-connect/token"));
    for elsewhere in ["realm = 'other'", "client_id = 'other'"] {
        assert_ne!(binding(elsewhere), bound, "{elsewhere}");
    }
    for same in ["scopes = ['openid']", "reuse_window = 5", "realm = 'master'"] {
        assert_eq!(binding(same), bound, "{same}");
    }
}

#[test]
fn a_reload_sees_which_profiles_changed() {
    let profile = |keys: &str| parse(&sso_text(keys)).profile_for(None).unwrap().clone();
    assert_eq!(profile(""), profile("realm = 'master'\nflow = 'device'"));
    for changed in ["scopes = ['openid']", "reuse_window = 5", "extra_parameters = { a = 'b' }"] {
        assert_ne!(profile(""), profile(changed), "{changed}");
    }
}

#[test]
fn a_reuse_window_is_seconds_or_has_its_unit() {
    for (written, seconds) in
        [("30", 30), ("'30s'", 30), ("'5m'", 300), ("0x10", 16), ("1_000", 1000)]
    {
        let config = parse(&sso_text(&format!("reuse_window = {written}")));
        assert_eq!(sso_of(&config).reuse_window(), Some(Duration::from_secs(seconds)), "{written}");
    }
}

fn sso_text(keys: &str) -> String {
    format!(
        "[profile.a]\nauth_type = 'sso'\nkeycloak_addr = 'https://keycloak.example.com'\n{keys}\n"
    )
}

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("config.toml"))
        .unwrap_or_else(|error| panic!("{}", error.sentence()))
}

fn sso_of(config: &Config) -> &OAuthClient {
    config.profile_for(None).unwrap().client().unwrap()
}

fn endpoints_of(config: &Config) -> RealmEndpoints {
    sso_of(config).provider().realm_endpoints().unwrap()
}

fn error_of(config: &Config, asked: Option<&str>) -> ErrorBody {
    config.profile_for(asked.map(name).as_ref()).unwrap_err().into()
}

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}
