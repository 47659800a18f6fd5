//! Profiles made at run time, by the commands of a person and through the ends of a daemon.

use bearerd_client::{ErrorCode, ProfileSettings, ProfileState};
use bearerd_test_idp::{CallKind, TestIdp, When};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually, name};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// A home without any profile, its daemon, and a provider that nobody has configured yet.
fn bare() -> Rig {
    let home = Arc::new(Home::new());
    let idp = Arc::new(TestIdp::start_blocking(Rig::settings()));
    home.secrets().watch(&idp);
    let daemon = Daemon::start(&home);
    Rig { daemon, home, idp }
}

fn settings(value: Value) -> ProfileSettings {
    serde_json::from_value(value).unwrap()
}

/// `bearerctl` with these arguments ends well.
#[track_caller]
fn done(rig: &Rig, arguments: &[&str]) -> String {
    let output = rig.daemon.bearerctl(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn add(rig: &Rig, profile: &str) -> String {
    let address = format!("keycloak_addr={}", rig.idp.base_url());
    done(rig, &["profile", "add", profile, "--auth-type", "sso", "--set", &address])
}

fn profiles_file(rig: &Rig) -> PathBuf {
    rig.home.state().join("profiles.toml")
}

#[test]
fn a_profile_added_at_run_time_is_as_good_as_one_of_the_file_until_it_is_removed() {
    let rig = bare();
    let shown = add(&rig, Rig::PROFILE);
    assert!(shown.starts_with("[profile.wallaroo]\nauth_type = \"sso\"\n"), "{shown}");
    assert!(shown.contains("client_id = \"sdk-client\""), "{shown}");
    let list = done(&rig, &["profile", "list"]);
    assert_eq!(list, "wallaroo  sso  (default, added at run time)\n");
    done(&rig, &["login", "--no-qr"]);
    let token = rig.daemon.token_text(Rig::PROFILE);
    assert!(rig.idp.is_active(&token));
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));

    let rig = rig.restarted(Daemon::kill9);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)), "profile and session are back");
    let session = rig.home.session_file(Rig::PROFILE);
    assert!(session.exists());

    let output = rig.daemon.bearerctl(&["profile", "remove", Rig::PROFILE]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "Removed `wallaroo`; its refresh token is revoked.\n");
    assert!(rig.idp.sessions().iter().all(|session| !session.active));
    assert!(!session.exists());
    for rig in [rig].map(|rig| rig.restarted(Daemon::terminate)) {
        let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::UnknownProfile), "{error}");
        assert_eq!(rig.idp.count(CallKind::Revoke), 1);
    }
}

#[test]
fn what_was_added_is_there_after_a_kill_at_once() {
    let rig = bare();
    add(&rig, "one");
    let rig = rig.restarted(Daemon::kill9);
    add(&rig, "two");
    done(&rig, &["profile", "remove", "one"]);
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(done(&rig, &["profile", "list"]), "two  sso  (default, added at run time)\n");
}

#[test]
fn commands_at_once_add_one_after_the_other() {
    let rig = bare();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let rig = &rig;
            scope.spawn(move || add(rig, &format!("p{number}")));
        }
    });
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(done(&rig, &["profile", "list"]).lines().count(), 8);
}

#[test]
fn an_answer_that_comes_after_the_removal_is_revoked() {
    let rig = bare();
    add(&rig, Rig::PROFILE);
    let rig = rig.logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.gate(CallKind::Refresh, When::After);
    std::thread::scope(|scope| {
        let rejecting = scope.spawn(|| rig.daemon.reject(Rig::PROFILE, &token));
        eventually("the refresh is under way", || (gate.standing() == 1).then_some(()));
        rig.daemon.client().remove_profile(&name(Rig::PROFILE)).unwrap();
        assert!(rejecting.join().unwrap().is_err());
    });
    gate.release();
    eventually("what the answer brought is revoked", || {
        (rig.idp.count(CallKind::Revoke) == 2).then_some(())
    });
    assert!(!rig.home.session_file(Rig::PROFILE).exists());
}

#[test]
fn a_profile_of_the_file_is_changed_in_the_file_alone() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let client = rig.daemon.client();
    let put = client.put_profile(&name(Rig::PROFILE), &settings(json!({ "auth_type": "none" })));
    for error in [put.unwrap_err(), client.remove_profile(&name(Rig::PROFILE)).unwrap_err()] {
        assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{error}");
        let file = rig.home.config_file().display().to_string();
        assert!(error.to_string().contains(&file), "{error}");
    }
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert!(!profiles_file(&rig).exists());

    // Added beside it, it stays beside it when the file is read again.
    add(&rig, "beside");
    rig.daemon.reload();
    let profiles = client.profiles().unwrap().profiles;
    let run_time: Vec<_> =
        profiles.iter().map(|one| (one.profile.as_str(), one.run_time)).collect();
    assert_eq!(run_time, [("beside", true), (Rig::PROFILE, false)]);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
}

#[test]
fn a_session_is_parked_when_its_profile_points_elsewhere_and_comes_back_with_it() {
    let rig = bare();
    add(&rig, Rig::PROFILE);
    let rig = rig.logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let elsewhere = Arc::new(TestIdp::start_blocking(Rig::settings()));
    let moved = json!({ "auth_type": "sso", "keycloak_addr": elsewhere.base_url() });
    rig.daemon.client().put_profile(&name(Rig::PROFILE), &settings(moved)).unwrap();
    rig.daemon.until(Rig::PROFILE, "parked", |it| it.state == ProfileState::LoginRequired);
    let rig = rig.restarted(Daemon::terminate);
    assert_eq!(rig.daemon.token(Rig::PROFILE).unwrap_err().code(), Some(ErrorCode::LoginRequired));
    add(&rig, Rig::PROFILE);
    rig.daemon.until(Rig::PROFILE, "back", |it| it.state == ProfileState::Ready);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert_eq!(elsewhere.calls(), []);
}

#[test]
fn what_only_the_file_may_say_and_secrets_are_refused_and_shown_nowhere() {
    let rig = bare();
    rig.home.secrets().add("hunter2-hunter2-hunter2");
    let refused = [
        json!({ "auth_type": "none", "client_secret": "hunter2-hunter2-hunter2" }),
        json!({ "auth_type": "hunter2-hunter2-hunter2" }),
        json!({ "auth_type": "token", "token_file": "/etc/hostname" }),
        json!({ "auth_type": "sso", "keycloak_addr": "http://idp.example.com", "allow_http": true }),
    ];
    for value in refused {
        let error =
            rig.daemon.client().put_profile(&name("x"), &settings(value.clone())).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{value}");
        rig.home.secrets().must_not_be_in("the answer", error.to_string().as_bytes());
    }
    assert!(!profiles_file(&rig).exists());
    assert_eq!(done(&rig, &["profile", "list"]), "");
}

#[test]
fn a_file_that_somebody_spoilt_is_told_and_harms_no_other_profile() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    add(&rig, "beside");
    let good = std::fs::read(profiles_file(&rig)).unwrap();
    std::fs::write(profiles_file(&rig), "[profile.beside]\nauth_type = \"nune\"\n").unwrap();
    let rig = rig.restarted(Daemon::terminate);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    let reason = format!("{}:2", profiles_file(&rig).display());
    let config_error = rig.daemon.client().status().unwrap().config_error.unwrap();
    assert!(config_error.contains(&reason), "{config_error}");
    let error = rig.daemon.token("beside").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Misconfigured), "{error}");
    assert!(error.to_string().contains(&reason), "{error}");
    let none = settings(json!({ "auth_type": "none" }));
    let error = rig.daemon.client().put_profile(&name("x"), &none).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Misconfigured), "it is not written over: {error}");

    std::fs::write(profiles_file(&rig), good).unwrap();
    rig.daemon.reload();
    assert_eq!(rig.daemon.client().status().unwrap().config_error, None);
    let error = rig.daemon.token("beside").unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
}

#[test]
fn a_state_folder_that_takes_nothing_leaves_no_half_profile() {
    let rig = bare();
    add(&rig, "one");
    let moved = rig.home.path().join("moved");
    std::fs::rename(rig.home.state(), &moved).unwrap();
    std::fs::write(rig.home.state(), "in the way").unwrap();
    let none = settings(json!({ "auth_type": "none" }));
    let error = rig.daemon.client().put_profile(&name("two"), &none).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Misconfigured), "{error}");
    assert!(error.to_string().contains("profiles.toml"), "{error}");
    assert_eq!(done(&rig, &["profile", "list"]).lines().count(), 1);
    std::fs::remove_file(rig.home.state()).unwrap();
    std::fs::rename(&moved, rig.home.state()).unwrap();
    rig.daemon.client().put_profile(&name("two"), &none).unwrap();
    assert_eq!(done(&rig, &["profile", "list"]).lines().count(), 2);
}
