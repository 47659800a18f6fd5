//! Passwords that a person gives with the login: used, kept in memory alone, and shown nowhere.

use bearerd_client::{ErrorCode, ProfileState};
use bearerd_test_idp::{CallKind, TestIdp};
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Home, Rig};
use std::process::Output;
use std::sync::Arc;

/// A profile that takes a password with its login, and nobody logged in.
fn rig() -> Rig {
    let home = Arc::new(Home::new());
    let idp = Arc::new(TestIdp::start_blocking(Rig::settings()));
    home.configure(&home.sso(Rig::PROFILE, &idp).replace("\"sso\"", "\"user_password\""));
    let daemon = Daemon::start(&home);
    Rig { daemon, home, idp }
}

fn log_in(rig: &Rig, username: &str, password: &str) -> Output {
    let mut command = rig.home.command(&binaries::bearerctl());
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, format!("{password}\n").as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let arguments = ["login", "--username", username, "--password-stdin"];
    let output = command.args(arguments).stdin(file).output().unwrap();
    rig.home.check_output(&arguments, &output);
    output
}

#[test]
fn a_password_logs_in_and_again_when_the_session_ends() {
    let rig = rig();
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
    let output = log_in(&rig, "jane", "jane-pw");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), "Logged in as jane@ex.co.\n"));
    let token = rig.daemon.token_text(Rig::PROFILE);
    assert!(rig.idp.is_active(&token));
    rig.idp.log_out("jane");
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)), "it logs in by itself");
    assert_eq!((rig.idp.count(CallKind::Password), rig.idp.refreshes_sent()), (2, 1));
}

#[test]
fn a_session_outlives_a_restart_and_its_password_does_not() {
    let rig = rig();
    assert_eq!(log_in(&rig, "jane", "jane-pw").status.code(), Some(0));
    let rig = rig.restarted(Daemon::kill9);
    let token = rig.daemon.token_text(Rig::PROFILE);
    assert!(rig.idp.is_active(&token));
    rig.idp.log_out("jane");
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
    assert_eq!((rig.idp.count(CallKind::Password), rig.idp.refreshes_sent()), (1, 1));
}

#[test]
fn a_wrong_password_is_tried_once_and_the_live_session_stays() {
    let rig = rig();
    rig.home.secrets().add("a-wrong-password-of-jane");
    assert_eq!(log_in(&rig, "jane", "a-wrong-password-of-jane").status.code(), Some(3));
    for _ in 0..3 {
        assert!(rig.daemon.token(Rig::PROFILE).is_err());
    }
    assert_eq!(rig.idp.count(CallKind::Password), 1);
    assert_eq!(log_in(&rig, "jane", "jane-pw").status.code(), Some(0));
    let token = rig.daemon.token_text(Rig::PROFILE);
    assert_eq!(log_in(&rig, "jane", "a-wrong-password-of-jane").status.code(), Some(3));
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::Ready);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

#[test]
fn a_profile_that_takes_no_password_says_what_it_takes() {
    let rig = Rig::start();
    let output = log_in(&rig, "jane", "jane-pw");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("device code"), "{said}");
    assert_eq!(rig.idp.calls(), []);
}

#[test]
fn a_login_without_its_password_says_how_to_give_it() {
    let rig = rig();
    let output = rig.daemon.bearerctl(&["login"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--password-stdin"), "{said}");
    assert_eq!(rig.idp.calls(), []);
}
