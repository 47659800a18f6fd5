//! Refresh tokens that somebody has already, taken over from the SDK's cache file and from stdin; and sessions for a time.

use bearerd_client::{ErrorCode, EventKind, ImportRequest, ProfileState, Secret};
use bearerd_test_idp::{CallKind, Fault, IssuedTokens, Times};
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Rig, eventually, name};
use std::process::Output;

/// `bearerctl import` with this on stdin.
fn import(rig: &Rig, stdin: &str, arguments: &[&str]) -> Output {
    let mut command = rig.home.command(&binaries::bearerctl());
    // Where the search for secrets doesn't come by.
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, stdin.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let output = command.arg("import").args(arguments).stdin(file).output().unwrap();
    rig.home.check_output(&["import"], &output);
    output
}

fn is_active(rig: &Rig, session: &str) -> bool {
    rig.idp.sessions().iter().any(|one| one.id == session && one.active)
}

#[test]
fn the_sdk_s_cache_file_is_read_and_left_as_it_is() {
    let rig = Rig::start();
    let IssuedTokens { session, access_token, refresh_token } = rig.idp.issue("jane");
    let folder = rig.home.path().join(".cache/wallaroo_sdk/auth");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("keycloak.json");
    let text = format!(
        r#"{{"access_token": "{access_token}", "expiry": 1.5, "refresh_token": "{refresh_token}",
            "refresh_token_expiry": 2.5, "user_id": "u", "user_email": "jane@ex.co"}}"#
    );
    std::fs::write(&file, &text).unwrap();
    let output = rig.daemon.bearerctl(&["import", "--from-sdk-cache"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.starts_with("Imported: logged in as jane@ex.co.\n"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    // The search for secrets would find it.
    std::fs::remove_file(&file).unwrap();

    let token = rig.daemon.token_text(Rig::PROFILE);
    assert!(rig.idp.is_active(&token));
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
    let rig = rig.restarted(Daemon::kill9);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
    assert!(is_active(&rig, &session), "it goes on in the same session");
    assert_eq!(rig.idp.count(CallKind::DeviceStart), 0);
}

#[test]
fn a_live_session_is_overwritten_when_it_is_said_and_not_before() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let live = rig.idp.sessions()[0].id.clone();
    let bob = rig.idp.issue("bob");
    let output = import(&rig, &bob.refresh_token, &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("--replace"), "{said}");
    assert_eq!(rig.idp.refreshes_sent(), 0, "it was not used");
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);

    let output = import(&rig, &bob.refresh_token, &["--replace", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"done\""));
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
    assert_eq!(rig.daemon.status(Rig::PROFILE).user_email.as_deref(), Some("bob@ex.co"));
    eventually("the old session is revoked", || (!is_active(&rig, &live)).then_some(()));
    assert!(is_active(&rig, &bob.session));
}

#[test]
fn a_token_that_the_provider_refuses_changes_nothing() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.home.secrets().add("not-a-refresh-token-of-anybody");
    let output = import(&rig, "not-a-refresh-token-of-anybody\n", &["--replace"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::Ready);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

#[test]
fn a_provider_that_is_away_is_told_and_the_import_can_be_made_again() {
    let rig = Rig::start();
    let jane = rig.idp.issue("jane");
    rig.idp.stop_listening();
    let output = import(&rig, &jane.refresh_token, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    rig.idp.start_listening();
    rig.idp.fault(CallKind::Refresh, Fault::Status(503), Times::Next(1));
    assert_eq!(import(&rig, &jane.refresh_token, &[]).status.code(), Some(4));
    let output = import(&rig, &jane.refresh_token, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
}

#[test]
fn a_profile_without_refresh_tokens_takes_none() {
    let rig = Rig::start();
    rig.home.configure("[profile.a]\nauth_type = \"none\"\n");
    rig.daemon.reload();
    let request = ImportRequest {
        profile: Some(name("a")),
        refresh_token: Secret::new(rig.idp.issue("jane").refresh_token),
        replace: true,
    };
    let error = rig.daemon.client().import(&request).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{error}");
}

#[test]
fn a_session_for_a_time_is_forgotten_and_revoked_after_it() {
    let rig = Rig::start();
    let mut watch = rig.daemon.watch();
    let output = rig.daemon.bearerctl(&["login", "--no-qr", "--for", "3s"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
    watch.next(EventKind::LoggedOut);
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
    eventually("its refresh token is revoked", || {
        rig.idp.sessions().iter().all(|session| !session.active).then_some(())
    });
    eventually("nothing of it is kept", || {
        (!rig.home.session_file(Rig::PROFILE).exists()).then_some(())
    });
}

#[test]
fn the_time_of_a_session_goes_on_through_a_restart() {
    let rig = Rig::start();
    let output = rig.daemon.bearerctl(&["login", "--no-qr", "--for", "4s"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let rig = rig.restarted(Daemon::kill9);
    rig.daemon.until(Rig::PROFILE, "over", |it| it.state == ProfileState::LoginRequired);
}
