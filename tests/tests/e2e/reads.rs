//! Reads: what a token answer holds, whom it is for, and what there is instead.

use bearerd_client::{ErrorCode, ProfileState, TokenAnswer, TokenQuery, TokenType};
use bearerd_tests::daemon::{Daemon, Home, Rig, query, text_of};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// A home whose profiles are given, and its daemon.
fn configured(text: &str) -> Daemon {
    let home = Arc::new(Home::new());
    home.configure(text);
    Daemon::start(&home)
}

#[test]
fn the_curl_line_of_the_protocol_gives_the_current_token() {
    let rig = Rig::start().logged_in();
    let mut curl = rig.home.command(Path::new("curl"));
    let curl = curl.args(["--silent", "--show-error", "--fail", "--unix-socket"]);
    let output = curl.arg(rig.home.socket()).arg("http://bearerd/v1/token").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: TokenAnswer = serde_json::from_slice(&output.stdout).unwrap();
    let token = text_of(&answer);
    assert!(rig.idp.is_active(&token));
    assert_eq!(token, rig.daemon.token_text(Rig::PROFILE), "one token for all");
    assert_eq!(rig.idp.refreshes_sent(), 0);
}

#[test]
fn an_answer_has_the_fields_of_the_protocol_and_no_others() {
    let rig = Rig::start().logged_in();
    let reply = rig.daemon.request("GET", "/v1/token", &[], "");
    assert_eq!(reply.status, 200);
    assert!(reply.head.contains("cache-control: no-store"), "{}", reply.head);
    let json: Value = serde_json::from_str(&reply.body).unwrap();
    let mut fields: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = [
        "degraded",
        "expires_at",
        "expires_in",
        "profile",
        "refresh_at",
        "refresh_in",
        "scope",
        "token",
        "token_type",
        "user_email",
        "user_id",
    ];
    assert_eq!(fields, expected);

    let answer: TokenAnswer = serde_json::from_str(&reply.body).unwrap();
    let (expires_in, refresh_in) = (answer.expires_in.unwrap(), answer.refresh_in.unwrap());
    assert!((280..=300).contains(&expires_in), "{expires_in}");
    // Half the lifetime, a tenth of it either way.
    assert!((115..=165).contains(&refresh_in), "{refresh_in}");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let from_now = |at: Option<i64>| u64::try_from(at.unwrap()).unwrap() - now;
    assert!(from_now(answer.expires_at).abs_diff(expires_in) <= 2);
    assert!(from_now(answer.refresh_at).abs_diff(refresh_in) <= 2);
    assert_eq!(answer.token_type, TokenType::Bearer);
    assert_eq!(answer.profile.as_str(), Rig::PROFILE);
    assert_eq!(answer.scope.as_deref(), Some("email profile"));
    assert_eq!(answer.user_email.as_deref(), Some("jane@ex.co"));
    assert_eq!(answer.user_id.as_deref(), Some("99cace15-e0d4-4bb6-bf14-35efee181b90"));
    assert!(!answer.degraded);
}

#[test]
fn the_constants_answer_as_the_reference_does() {
    let daemon = configured(
        "[profile.open]\nauth_type = \"none\"\n[profile.fixed]\nauth_type = \"test_auth\"\n",
    );
    let answer = |profile| {
        let reply = daemon.request("GET", &format!("/v1/token?profile={profile}"), &[], "");
        assert_eq!(reply.status, 200);
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let open = json!({
        "token_type": "none", "profile": "open", "user_email": "default@ex.co", "degraded": false
    });
    assert_eq!(answer("open"), open);
    let fixed = json!({
        "token": "definitely_a_bearer_token_str", "token_type": "Bearer", "profile": "fixed",
        "user_id": "99cace15-e0d4-4bb6-bf14-35efee181b90", "user_email": "jane@ex.co",
        "degraded": false
    });
    assert_eq!(answer("fixed"), fixed);
    assert_eq!(daemon.log_in("fixed").user_email.as_deref(), Some("jane@ex.co"));
    let error = daemon.reject("fixed", "definitely_a_bearer_token_str").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpRejected), "it can't be fetched anew");
    let log = daemon.log();
    assert!(log.contains("serving") && !log.contains("can't be opened"), "{log}");
}

#[test]
fn a_profile_left_out_is_the_default_or_the_only_one() {
    let two = "[profile.a]\nauth_type = \"none\"\n[profile.b]\nauth_type = \"none\"\n";
    let daemon = configured(two);
    let error = daemon.client().token(&TokenQuery::default()).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BadRequest));
    let message = error.to_string();
    assert!(message.contains("`a`") && message.contains("`b`"), "{message}");

    daemon.home().configure(&format!("default_profile = \"b\"\n{two}"));
    daemon.reload();
    let answer = daemon.client().token(&TokenQuery::default()).unwrap();
    assert_eq!(answer.profile.as_str(), "b");

    let error = daemon.token("c").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownProfile));
}

#[test]
fn without_a_session_a_read_says_so_at_once_and_starts_no_login() {
    let rig = Rig::start();
    let wish = TokenQuery { min_ttl: Some(60), strict: true, ..query(Rig::PROFILE) };
    for query in [query(Rig::PROFILE), wish] {
        let error = rig.daemon.client().token(&query).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
        assert_eq!(error.login_hint(), Some("bearerctl login wallaroo"));
    }
    let error = rig.daemon.reject(Rig::PROFILE, "whatever").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::LoginRequired);
    assert_eq!(rig.idp.calls(), [], "nothing reached the identity provider");
}

#[test]
fn a_request_that_is_wrong_gets_a_typed_error() {
    let rig = Rig::start();
    let long_body = format!("{{\"profile\":\"{}\"}}", "a".repeat(70_000));
    let cases = [
        ("GET", "/v1/token?min_ttl=soon", "", 400, "bad-request"),
        ("GET", "/v1/token?min_ttl=-1", "", 400, "bad-request"),
        ("GET", "/v1/token?profile=../a", "", 400, "bad-request"),
        ("GET", "/v1/token?scope=", "", 400, "bad-request"),
        ("GET", "/v1/token?scope=a%22b", "", 400, "bad-request"),
        ("GET", "/v1/token?audience=a%20b", "", 400, "bad-request"),
        ("GET", "/v1/token?scope=admin", "", 401, "login-required"),
        ("GET", "/v1/token?issuer=https://elsewhere", "", 404, "unknown-profile"),
        ("GET", "/v1/token?profile=nobody", "", 404, "unknown-profile"),
        ("POST", "/v1/token/reject", "{\"token\":", 400, "bad-request"),
        ("POST", "/v1/token/reject", "{\"token\":7}", 400, "bad-request"),
        ("POST", "/v1/token/reject", "", 400, "bad-request"),
        ("POST", "/v1/login", "[]", 400, "bad-request"),
        ("POST", "/v1/login", "{\"flow\":\"code\"}", 400, "bad-request"),
        ("POST", "/v1/login", "{\"username\":\"a\",\"password\":\"b\"}", 400, "bad-request"),
        ("POST", "/v1/login", "{\"lifetime\":0}", 400, "bad-request"),
        ("POST", "/v1/login", "{\"lifetime\":-1}", 400, "bad-request"),
        ("POST", "/v1/login", &long_body, 400, "bad-request"),
        ("POST", "/v1/import", "", 400, "bad-request"),
        ("POST", "/v1/import", "{\"refresh_token\":\"\"}", 400, "bad-request"),
        ("PUT", "/v1/profiles/x", "", 400, "bad-request"),
        ("PUT", "/v1/profiles/x", "[]", 400, "bad-request"),
        ("PUT", "/v1/profiles/wallaroo", "{\"auth_type\":\"none\"}", 400, "bad-request"),
        ("PUT", "/v1/profiles/%ff", "{\"auth_type\":\"none\"}", 400, "bad-request"),
        ("DELETE", "/v1/profiles/wallaroo", "", 400, "bad-request"),
        ("DELETE", "/v1/profiles/nobody", "", 404, "unknown-profile"),
        ("GET", "/v1/profiles/wallaroo", "", 404, "not-found"),
        ("POST", "/v1/logout", "[]", 400, "bad-request"),
        ("POST", "/v1/logout", "{\"profile\":\"nobody\"}", 404, "unknown-profile"),
        ("GET", "/v1/login/nothing", "", 404, "not-found"),
        ("DELETE", "/v1/login/00-wallaroo", "", 404, "not-found"),
        ("GET", "/v1/login/%ff", "", 404, "not-found"),
        ("DELETE", "/v1/login/%ff", "", 404, "not-found"),
        ("GET", "/v1/login/00-wallaroo?wait=long", "", 400, "bad-request"),
        ("GET", "/v1/elsewhere", "", 404, "not-found"),
        ("POST", "/v1/token", "", 404, "not-found"),
        ("POST", "/v1/lock", "", 404, "not-found"),
        ("GET", "/", "", 404, "not-found"),
    ];
    for (method, target, body, status, code) in cases {
        let reply = rig.daemon.request(method, target, &[], body);
        let got = (reply.status, reply.code());
        let shown: String = body.chars().take(60).collect();
        assert_eq!(got, (status, code.to_owned()), "{method} {target} {shown}: {}", reply.body);
    }
    assert_eq!(rig.idp.calls(), []);
}

#[test]
fn what_is_configured_and_how_it_is_can_be_asked_for() {
    let rig = Rig::start();
    let profiles = rig.daemon.client().profiles().unwrap();
    assert_eq!(profiles.profiles.len(), 1);
    let profile = &profiles.profiles[0];
    assert_eq!((profile.profile.as_str(), profile.auth_type.as_str()), (Rig::PROFILE, "sso"));
    assert_eq!(profile.settings["client_id"], "sdk-client");

    let health = |rig: &Rig| rig.daemon.request("GET", "/v1/health", &[], "").body;
    assert_eq!(health(&rig), "{\"status\":\"degraded\"}", "a profile is not ready");
    let rig = rig.logged_in();
    assert_eq!(health(&rig), "{\"status\":\"ok\"}");
    let status = rig.daemon.client().status().unwrap();
    assert_eq!(status.pid, rig.daemon.pid());
    let status = rig.daemon.status(Rig::PROFILE);
    assert_eq!((status.state, status.saved, status.fetches), (ProfileState::Ready, true, 1));
    assert_eq!(status.last_error, None);
    assert_eq!(status.user_email.as_deref(), Some("jane@ex.co"));
}
