//! How each auth type gets its first token: by a grant of its own, or out of a file.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

mod fetch_support;

use bearerd::fetch::{Fetchers, Timeouts};
use bearerd_proto::Secret;
use bearerd_session::{Given, Outcome, Request, SlotKey};
use bearerd_test_idp::{Client, Settings, TestIdp};
use fetch_support::{
    GOOD, HASTY, PATIENT, RawServer, answer, failed, fetcher_of, form_of, grant, grant_for,
    granted, hold, jwt, parts_of, refresh, secret_file, slot,
};
use serde_json::json;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const PASSWORD: &str = "jane-pw";

fn user(idp: &TestIdp, more: &str) -> String {
    format!("auth_type = \"user_password\"\nkeycloak_addr = \"{}\"\n{more}", idp.base_url())
}

fn given(username: Option<&str>, password: &str) -> Request {
    let username = username.map(str::to_owned);
    let given = Some(Given { username, password: Secret::new(password) });
    Request::Grant { slot: SlotKey::default(), given }
}

fn line(key: &str, path: &Path) -> String {
    format!("{key} = \"{}\"", path.display())
}

#[tokio::test]
async fn a_password_comes_from_the_sdks_file_from_a_file_of_its_own_or_from_a_person() {
    let folder = TempDir::new().unwrap();
    let json = json!({"username": "jane", "password": PASSWORD}).to_string();
    let credentials = secret_file(folder.path(), "credentials.json", &json);
    let password = secret_file(folder.path(), "password", &format!("{PASSWORD}\n"));
    let idp = TestIdp::start(Settings::default());
    let file = line("credentials_file", &credentials);
    let own = format!("username = \"jane\"\n{}", line("password_file", &password));
    for (lines, request) in [
        (&*file, grant()),
        (&*own, grant()),
        ("", given(Some("jane"), PASSWORD)),
        ("username = \"jane\"", given(None, PASSWORD)),
        // A person who was asked knows better than a file.
        (&*own, given(None, PASSWORD)),
        (&*file, given(Some("jane"), PASSWORD)),
    ] {
        let fetcher = fetcher_of(&user(&idp, lines));
        let login = granted(fetcher.fetch(request).await);
        assert_eq!(login.user_email.as_deref(), Some("jane@ex.co"), "{lines}");
        let refresh_token = login.refresh_token.unwrap();
        let refresh = Request::Refresh { refresh_token, slot: SlotKey::default() };
        granted(fetcher.fetch(refresh).await);
    }
}

#[tokio::test]
async fn a_wrong_password_is_the_idps_word_and_says_where_it_stands() {
    let folder = TempDir::new().unwrap();
    let path = secret_file(folder.path(), "password", "not-janes-password");
    let idp = TestIdp::start(Settings::default());
    let lines = format!("username = \"jane\"\n{}", line("password_file", &path));
    let fetcher = fetcher_of(&user(&idp, &lines));
    let (cause, message) = failed(fetcher.fetch(grant()).await);
    assert_eq!(cause, "InvalidGrant");
    let mend = format!("(check `username`, and the password in `{}`)", path.display());
    assert!(message.ends_with(&mend), "{message}");
    let (cause, message) = failed(fetcher.fetch(given(None, "neither-is-this")).await);
    assert_eq!(cause, "InvalidGrant");
    assert!(message.ends_with("(check name and password)"), "{message}");
}

#[tokio::test]
async fn credentials_of_no_use_send_nothing_and_name_their_file() {
    let folder = TempDir::new().unwrap();
    let idp = TestIdp::start(Settings::default());
    let written = |name: &str, content: &str| {
        line("credentials_file", &secret_file(folder.path(), name, content))
    };
    let open = secret_file(folder.path(), "open", "{}");
    std::fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    for (lines, name, words) in [
        (line("credentials_file", &folder.path().join("gone")), "gone", "failed to read"),
        (line("credentials_file", &open), "open", "chmod 600"),
        (written("torn", "{\"username\": \"jane\", \"pass"), "torn", "holds no whole JSON object"),
        (written("half", "{\"username\": \"jane\"}"), "half", "lacks a name or a password"),
        (written("list", "[\"jane\", \"jane-pw\"]"), "list", "holds no whole JSON object"),
    ] {
        let (cause, message) = failed(fetcher_of(&user(&idp, &lines)).fetch(grant()).await);
        assert_eq!(cause, "Source", "{message}");
        let path = format!("`{}`", folder.path().join(name).display());
        assert!(message.contains(&path) && message.contains(words), "{message}");
        assert!(!message.contains(PASSWORD), "{message}");
    }
    for (lines, request, words) in [
        ("", grant(), "no password is at hand: log in and give it"),
        ("", given(None, PASSWORD), "no user's name came with the password: give both"),
    ] {
        let (cause, message) = failed(fetcher_of(&user(&idp, lines)).fetch(request).await);
        assert_eq!((&*cause, &*message), ("Source", words));
    }
    assert!(idp.calls().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_service_gets_tokens_and_never_a_refresh_token() {
    let folder = TempDir::new().unwrap();
    let secret = secret_file(folder.path(), "secret", "service-secret");
    let service = |addr: &str, more: &str| {
        let secret = line("client_secret_file", &secret);
        format!(
            "auth_type = \"client_credentials\"\nkeycloak_addr = \"{addr}\"\nclient_id = \"service-client\"\n{secret}\n{more}"
        )
    };
    let idp = TestIdp::start(Settings::default());
    let fetcher = fetcher_of(&service(&idp.base_url(), ""));
    for _ in 0..2 {
        let token = granted(fetcher.fetch(grant()).await);
        assert!(idp.is_active(token.access_token.expose()));
        assert!(token.refresh_token.is_none() && token.refresh_lifetime.is_none());
    }

    let with_refresh = json!({
        "access_token": "a", "token_type": "Bearer", "expires_in": 60,
        "refresh_token": "not-wanted", "refresh_expires_in": 60,
    });
    let server = RawServer::serving(move |_, _| answer(200, "", &with_refresh.to_string()));
    let fetcher = fetcher_of(&service(&server.url(), "scopes = [\"openid\", \"files\"]"));
    for (request, scope, resource) in [
        (grant(), Some("openid files"), None),
        (grant_for(Some("mail"), None), Some("mail"), None),
        (
            grant_for(None, Some("https://files.example.com")),
            Some("openid files"),
            Some("https://files.example.com"),
        ),
    ] {
        let token = granted(fetcher.fetch(request).await);
        assert!(token.refresh_token.is_none() && token.refresh_lifetime.is_none());
        let form = form_of(&server.requests().pop().unwrap());
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form.get("scope").map(String::as_str), scope);
        assert_eq!(form.get("resource").map(String::as_str), resource);
    }
}

#[tokio::test]
async fn what_can_be_asked_again_is_not_waited_for_long() {
    let folder = TempDir::new().unwrap();
    let secret = secret_file(folder.path(), "secret", "service-secret");
    let server = RawServer::start(hold);
    let timeouts = Timeouts { spending: PATIENT.spending, ..HASTY };
    let addr = format!("keycloak_addr = \"{}\"", server.url());
    let secret_line = line("client_secret_file", &secret);
    let exchange =
        Request::Exchange { subject_token: Secret::new("s"), slot: slot(None, Some("a")) };
    for (lines, request) in [
        (
            format!("auth_type = \"client_credentials\"\n{addr}\nclient_id = \"s\"\n{secret_line}"),
            grant(),
        ),
        (format!("auth_type = \"user_password\"\n{addr}"), given(Some("jane"), PASSWORD)),
        (format!("auth_type = \"sso\"\n{addr}\naudience_parameter = \"exchange\""), exchange),
    ] {
        let (clients, profile) = parts_of(&lines, timeouts);
        let (_, message) = failed(clients.fetcher_for(&profile).unwrap().fetch(request).await);
        assert!(message.contains("none within 0.4 s"), "{message}");
    }
}

#[tokio::test]
async fn a_token_file_is_read_anew_each_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("token");
    let fetcher = fetcher_of(&format!("auth_type = \"token\"\n{}", line("token_file", &path)));
    let shown = format!("`{}`", path.display());
    let (cause, message) = failed(fetcher.fetch(grant()).await);
    assert!(cause == "Source" && message.contains(&shown), "{cause}: {message}");

    let content = json!({"token": "t1", "user_email": "jane@ex.co", "user_id": "u1"});
    secret_file(folder.path(), "token", &content.to_string());
    let first = granted(fetcher.fetch(grant()).await);
    assert_eq!((first.access_token.expose(), first.lifetime), ("t1", None));
    assert_eq!(first.user_id.as_deref(), Some("u1"));

    secret_file(folder.path(), "token", "{\"token\": \"t");
    let (cause, message) = failed(fetcher.fetch(grant()).await);
    assert_eq!(cause, "Source");
    assert_eq!(message, format!("{shown} holds torn JSON: is somebody writing it?"));

    secret_file(folder.path(), "token", &jwt(&json!({"exp": 1_700_000_000, "sub": "u2"})));
    let (cause, message) = failed(fetcher.fetch(grant()).await);
    assert_eq!(cause, "Source");
    assert_eq!(message, format!("{shown} holds a token that has expired: write a new one there"));

    let far = jwt(&json!({"exp": 4_000_000_000_i64, "sub": "u2"}));
    secret_file(folder.path(), "token", &far);
    let last = granted(fetcher.fetch(grant()).await);
    assert!(last.lifetime.is_some_and(|lifetime| lifetime.as_secs() > 86_400));
    assert_eq!(last.user_id.as_deref(), Some("u2"));
}

#[tokio::test]
async fn the_sdks_cache_gives_its_refresh_token_and_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let idp = TestIdp::start(Settings::default());
    let offline = idp.issue("jane").refresh_token;
    let content = json!({
        "access_token": "stale", "expiry": 1.5, "refresh_token": offline,
        "refresh_token_expiry": 2e9, "user_id": "u", "user_email": "jane@ex.co",
    })
    .to_string();
    let path = secret_file(folder.path(), "keycloak.json", &content);
    let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
    let lines = format!(
        "auth_type = \"orch\"\nkeycloak_addr = \"{}\"\n{}",
        idp.base_url(),
        line("cache_file", &path)
    );
    let fetcher = fetcher_of(&lines);
    let found = match fetcher.fetch(grant()).await {
        Outcome::Found(found) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(found.expose(), offline);
    assert!(idp.calls().is_empty(), "finding it sends nothing");
    let refresh = Request::Refresh { refresh_token: found, slot: SlotKey::default() };
    granted(fetcher.fetch(refresh).await);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), changed);

    let shown = format!("`{}`", path.display());
    for (content, ends) in [
        ("{\"refresh_token\": \"abc", "holds no whole JSON object: is the SDK writing it?"),
        ("{\"access_token\": \"a\"}", "holds no `refresh_token`: log in with the SDK once more"),
        ("{\"refresh_token\": \"\"}", "holds no `refresh_token`: log in with the SDK once more"),
    ] {
        secret_file(folder.path(), "keycloak.json", content);
        let (cause, message) = failed(fetcher.fetch(grant()).await);
        assert_eq!((cause, message), ("Source".to_owned(), format!("{shown} {ends}")));
    }
}

#[tokio::test]
async fn a_client_that_demands_pkce_of_a_device_login_gets_it() {
    let settings = Settings { auto_approve: Some("jane".into()), ..Settings::default() };
    let idp = TestIdp::start(settings);
    idp.register(Client::public("sdk-client").demanding_challenge());
    let fetcher =
        fetcher_of(&format!("auth_type = \"sso\"\nkeycloak_addr = \"{}\"", idp.base_url()));
    let device = match fetcher.fetch(Request::DeviceStart).await {
        Outcome::Device(device) => device,
        other => panic!("{other:?}"),
    };
    let poll = |code_verifier| Request::DevicePoll {
        device_code: device.device_code.clone(),
        code_verifier,
    };
    let (cause, _) = failed(fetcher.fetch(poll(Some(Secret::new("x".repeat(43))))).await);
    assert_eq!(cause, "InvalidGrant", "another's verifier");
    granted(fetcher.fetch(poll(device.code_verifier.clone())).await);
}

#[tokio::test]
async fn each_kind_of_request_has_its_own_extra_parameters() {
    let server = RawServer::serving(|_, _| answer(200, "", GOOD));
    let lines = format!(
        "auth_type = \"sso\"\nkeycloak_addr = \"{}\"\naudience_parameter = \"exchange\"\n\
         [profile.p.extra_parameters]\nhint = \"every\"\nkind = \"every\"\n\
         device_authorization = {{ kind = \"device\" }}\ntoken = {{ kind = \"token\" }}\n\
         refresh = {{ kind = \"refresh\" }}\nexchange = {{ kind = \"exchange\" }}\n\
         revocation = {{ kind = \"revocation\" }}",
        server.url()
    );
    let fetcher = fetcher_of(&lines);
    let secret = || Secret::new("s");
    for (request, kind) in [
        (Request::DeviceStart, "device"),
        (Request::DevicePoll { device_code: secret(), code_verifier: None }, "token"),
        (refresh(), "refresh"),
        (Request::Exchange { subject_token: secret(), slot: slot(None, Some("a")) }, "exchange"),
        (Request::Revoke { refresh_token: secret() }, "revocation"),
    ] {
        let _whatever = fetcher.fetch(request).await;
        let form = form_of(&server.requests().pop().unwrap());
        assert_eq!((&*form["hint"], &*form["kind"]), ("every", kind));
    }
}

#[tokio::test]
async fn a_request_that_an_auth_type_does_not_have_sends_nothing() {
    let folder = TempDir::new().unwrap();
    let path = secret_file(folder.path(), "token", "t");
    let server = RawServer::serving(|_, _| answer(200, "", GOOD));
    let sso = format!("auth_type = \"sso\"\nkeycloak_addr = \"{}\"", server.url());
    let user = format!("auth_type = \"user_password\"\nkeycloak_addr = \"{}\"", server.url());
    let token = format!("auth_type = \"token\"\n{}", line("token_file", &path));
    for (lines, request) in [(sso, grant()), (user, Request::DeviceStart), (token, refresh())] {
        let (cause, message) = failed(fetcher_of(&lines).fetch(request).await);
        assert_eq!(cause, "UnsupportedGrantType", "{lines}");
        assert_eq!(message, "nothing was sent: this `auth_type` has no such request");
    }
    assert_eq!(server.connections(), 0);
}
