//! How a client proves who it is: each method against a provider that checks it, and secrets that are of no use.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bearerd::fetch::TokenFetcher;
use bearerd_test_idp::{Authentication, Client, KeyPair, Settings, SigningAlgorithm, TestIdp};
use fetch_support::{
    GOOD, RawServer, answer, failed, fetcher_of, form_of, grant, granted, header_of, refresh,
    secret_file,
};
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const CLIENT_SECRET: &str = "client secret: 100% / ümlaut+";

/// A service of `provider`, a line, with these further lines.
fn service(provider: &str, more: &str) -> String {
    format!("auth_type = \"client_credentials\"\n{provider}\nclient_id = \"a:b service\"\n{more}")
}

fn keycloak(idp: &TestIdp) -> String {
    format!("keycloak_addr = \"{}\"", idp.base_url())
}

fn by_secret(path: &Path, method: &str) -> String {
    format!(
        "client_secret_file = \"{}\"\ntoken_endpoint_auth_method = \"{method}\"",
        path.display()
    )
}

fn by_key(path: &Path) -> String {
    format!(
        "private_key_file = \"{}\"\ntoken_endpoint_auth_method = \"private_key_jwt\"",
        path.display()
    )
}

fn idp_with(authentication: Authentication) -> TestIdp {
    let idp = TestIdp::start(Settings::default());
    idp.register(Client::new("a:b service", authentication));
    idp
}

/// A part of a JWT, decoded.
fn part(jwt: &str, at: usize) -> Value {
    let part = jwt.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn each_way_of_a_secret_is_taken_by_a_provider_that_takes_no_other() {
    let folder = TempDir::new().unwrap();
    let path = secret_file(folder.path(), "secret", &format!("{CLIENT_SECRET}\n"));
    let secret = || CLIENT_SECRET.to_owned();
    for (method, authentication) in [
        ("client_secret_basic", Authentication::SecretBasic(secret())),
        ("client_secret_post", Authentication::SecretPost(secret())),
        ("client_secret_jwt", Authentication::SecretJwt(secret())),
    ] {
        let idp = idp_with(authentication);
        let fetcher = fetcher_of(&service(&keycloak(&idp), &by_secret(&path, method)));
        let token = granted(fetcher.fetch(grant()).await);
        assert!(idp.is_active(token.access_token.expose()), "{method}");
        granted(fetcher.fetch(grant()).await);
    }
}

#[tokio::test]
async fn each_kind_of_key_is_taken_by_a_provider_that_verifies_it() {
    let folder = TempDir::new().unwrap();
    for algorithm in SigningAlgorithm::ALL {
        let keys = KeyPair::generate(algorithm).named("key-7");
        let idp = idp_with(Authentication::PrivateKeyJwt(keys.public_key().clone()));
        let mut pems = vec![keys.private_key_pem().to_owned()];
        if algorithm != SigningAlgorithm::EdDsa {
            pems.push(keys.traditional_pem());
        }
        for pem in pems {
            let path = secret_file(folder.path(), "key.pem", &pem);
            let name = algorithm.name();
            let lines = format!(
                "{}\ntoken_endpoint_auth_signing_alg = \"{name}\"\nkid = \"key-7\"",
                by_key(&path)
            );
            let issuer = format!("issuer = \"{}/auth/realms/master\"", idp.base_url());
            for provider in [keycloak(&idp), issuer] {
                let fetcher = fetcher_of(&service(&provider, &lines));
                let token = granted(fetcher.fetch(grant()).await);
                assert!(idp.is_active(token.access_token.expose()), "{name} {provider}");
                granted(fetcher.fetch(grant()).await);
            }
        }
    }
}

#[tokio::test]
async fn the_requests_are_those_of_the_rfcs() {
    let folder = TempDir::new().unwrap();
    let secret = secret_file(folder.path(), "secret", CLIENT_SECRET);
    let server = RawServer::serving(|_, _| answer(200, "", GOOD));
    let sent = async |lines: &str| {
        let line = format!("keycloak_addr = \"{}\"", server.url());
        granted(fetcher_of(&service(&line, lines)).fetch(grant()).await);
        server.requests().pop().unwrap()
    };

    let basic = sent(&by_secret(&secret, "client_secret_basic")).await;
    let pair = "a%3Ab+service:client+secret%3A+100%25+%2F+%C3%BCmlaut%2B";
    let expected = format!("Basic {}", STANDARD.encode(pair));
    assert_eq!(header_of(&basic, "authorization"), Some(&*expected));
    assert_eq!(form_of(&basic).keys().collect::<Vec<_>>(), ["grant_type"], "one method alone");

    let post = sent(&by_secret(&secret, "client_secret_post")).await;
    assert_eq!(header_of(&post, "authorization"), None);
    let form = form_of(&post);
    assert_eq!((&*form["client_id"], &*form["client_secret"]), ("a:b service", CLIENT_SECRET));

    let (first, second) = (
        sent(&by_secret(&secret, "client_secret_jwt")).await,
        sent(&by_secret(&secret, "client_secret_jwt")).await,
    );
    assert_eq!(header_of(&first, "authorization"), None);
    let form = form_of(&first);
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert!(!first.contains("client+secret"), "the secret signs and stays");
    let (header, claims) = (part(&form["client_assertion"], 0), part(&form["client_assertion"], 1));
    assert_eq!((&header["alg"], &header["kid"]), (&"HS256".into(), &Value::Null));
    assert_eq!((&claims["iss"], &claims["sub"]), (&"a:b service".into(), &"a:b service".into()));
    let endpoint = format!("{}/auth/realms/master/protocol/openid-connect/token", server.url());
    assert_eq!(claims["aud"], Value::from(endpoint));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    let again = part(&form_of(&second)["client_assertion"], 1);
    assert_ne!(claims["jti"], again["jti"], "each is used once");
}

#[tokio::test]
async fn a_provider_that_is_discovered_is_addressed_as_its_issuer() {
    let folder = TempDir::new().unwrap();
    let secret = secret_file(folder.path(), "secret", CLIENT_SECRET);
    let server = RawServer::serving(|path, request| {
        let base = format!("http://{}", header_of(request, "host").unwrap());
        match path.contains("/.well-known/") {
            true => answer(
                200,
                "",
                &serde_json::json!({"issuer": base, "token_endpoint": format!("{base}/t")})
                    .to_string(),
            ),
            false => answer(200, "", GOOD),
        }
    });
    let lines = by_secret(&secret, "client_secret_jwt");
    let issuer = format!("issuer = \"{}\"", server.url());
    granted(fetcher_of(&service(&issuer, &lines)).fetch(grant()).await);
    let form = form_of(&server.requests().pop().unwrap());
    assert_eq!(part(&form["client_assertion"], 1)["aud"], Value::from(server.url()));
}

/// Where the keys of `make.sh` are.
fn key(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fetch_support/keys");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test]
async fn a_key_or_secret_of_no_use_sends_nothing_and_names_its_file() {
    let folder = TempDir::new().unwrap();
    let server = RawServer::serving(|_, _| answer(200, "", GOOD));
    let provider = format!("keycloak_addr = \"{}\"", server.url());
    let missing = folder.path().join("missing");
    let open = secret_file(folder.path(), "open", CLIENT_SECRET);
    std::fs::set_permissions(&open, Permissions::from_mode(0o640)).unwrap();
    let written = |name: &str, content: &str| secret_file(folder.path(), name, content);
    let rsa = written("rsa", &key("rsa.pem"));
    let es256 = "\ntoken_endpoint_auth_signing_alg = \"ES256\"";
    let cases: [(String, PathBuf, &str); 7] = [
        (by_secret(&missing, "client_secret_post"), missing.clone(), "failed to read"),
        (by_secret(&open, "client_secret_basic"), open.clone(), "chmod 600"),
        (by_key(&missing), missing, "failed to read"),
        (
            by_key(&written("public", &key("rsa.pub.pem"))),
            folder.path().join("public"),
            "holds a public key or a certificate: name the private key's file",
        ),
        (
            by_key(&written("encrypted", &key("rsa-encrypted.pem"))),
            folder.path().join("encrypted"),
            "holds a private key behind a passphrase",
        ),
        (
            format!("{}{es256}", by_key(&rsa)),
            rsa,
            "holds an RSA key, and `ES256` needs an elliptic curve's key",
        ),
        (
            by_key(&written("not-pem", CLIENT_SECRET)),
            folder.path().join("not-pem"),
            "holds no private key",
        ),
    ];
    for (lines, path, words) in cases {
        let (cause, message) = failed(fetcher_of(&service(&provider, &lines)).fetch(grant()).await);
        assert_eq!(cause, "Source", "{message}");
        assert!(message.contains(&format!("`{}`", path.display())), "{message}");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains(CLIENT_SECRET), "{message}");
    }
    assert_eq!(server.connections(), 0, "nothing was sent");
}

#[tokio::test]
async fn a_mended_secret_heals_without_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = secret_file(folder.path(), "secret", "an old one");
    let idp = idp_with(Authentication::Secret(CLIENT_SECRET.into()));
    let fetcher: Arc<dyn TokenFetcher> =
        fetcher_of(&service(&keycloak(&idp), &by_secret(&path, "client_secret_basic")));
    let (cause, message) = failed(fetcher.fetch(grant()).await);
    assert!(["InvalidClient", "UnauthorizedClient"].contains(&&*cause), "{cause}");
    let mend = "(check `client_id`, `client_secret_file` and `token_endpoint_auth_method`";
    assert!(message.contains(mend), "{message}");
    secret_file(folder.path(), "secret", CLIENT_SECRET);
    granted(fetcher.fetch(grant()).await);
}

#[tokio::test]
async fn what_the_provider_repeats_of_a_secret_shows_nowhere() {
    let folder = TempDir::new().unwrap();
    let path = secret_file(folder.path(), "secret", "short-secret-0123");
    // Whatever came is said back.
    let server = RawServer::serving(|_, request| {
        let form = form_of(request);
        let secret = form.get("client_secret").or(form.get("client_assertion"));
        let secret = secret.map_or("short-secret-0123", String::as_str);
        let token = form.get("refresh_token").map_or("", String::as_str);
        let said = serde_json::json!({
            "error": "invalid_client", "error_description": format!("no {secret} {token}"),
        });
        answer(400, "", &said.to_string())
    });
    for method in ["client_secret_basic", "client_secret_post", "client_secret_jwt"] {
        let provider = format!("keycloak_addr = \"{}\"", server.url());
        let fetcher = fetcher_of(&service(&provider, &by_secret(&path, method)));
        for request in [grant(), refresh()] {
            let (cause, message) = failed(fetcher.fetch(request).await);
            assert_eq!(cause, "InvalidClient", "{method}");
            assert!(!message.contains("short-secret"), "{message}");
            let expected = "answered HTTP 400, `invalid_client` (check `client_id`";
            assert!(message.contains(expected), "{message}");
        }
    }
}
