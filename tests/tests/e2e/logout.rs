//! Logout: forgotten here, revoked there, and what comes too late is dropped.

use bearerd_client::{ErrorCode, LoggedOut, LoginRequest, LogoutRequest, ProfileState, Revocation};
use bearerd_test_idp::{CallKind, Settings, When};
use bearerd_tests::daemon::{Daemon, Rig, name};

fn log_out(rig: &Rig, request: &LogoutRequest) -> Vec<LoggedOut> {
    rig.daemon.client().logout(request).unwrap().profiles
}

fn one(revoke: Option<bool>) -> LogoutRequest {
    LogoutRequest { profile: Some(name(Rig::PROFILE)), revoke }
}

fn is_out(daemon: &Daemon) {
    let error = daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
    assert_eq!(daemon.status(Rig::PROFILE).state, ProfileState::LoginRequired);
    assert!(!daemon.home().session_file(Rig::PROFILE).exists());
}

#[test]
fn a_logout_forgets_here_and_revokes_there() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    assert!(rig.home.session_file(Rig::PROFILE).exists());
    let out = log_out(&rig, &one(None));
    assert_eq!((out.len(), out[0].revocation), (1, Revocation::Revoked));
    assert!(!rig.idp.sessions()[0].active);
    assert!(!rig.idp.is_active(&token));
    is_out(&rig.daemon);
    let rig = rig.restarted(Daemon::terminate);
    is_out(&rig.daemon);
    let out = log_out(&rig, &one(None));
    assert_eq!(out[0].revocation, Revocation::Skipped, "there is nothing to revoke");
    assert_eq!(rig.idp.count(CallKind::Revoke), 1);
}

#[test]
fn a_logout_without_revocation_tells_the_provider_nothing() {
    let rig = Rig::start().logged_in();
    let out = log_out(&rig, &one(Some(false)));
    assert_eq!(out[0].revocation, Revocation::Skipped);
    is_out(&rig.daemon);
    assert!(rig.idp.sessions()[0].active);
    assert_eq!(rig.idp.count(CallKind::Revoke), 0);
}

#[test]
fn a_logout_of_all_covers_every_profile() {
    let rig = Rig::start();
    let names = ["a", "b"];
    let mut profiles: String = names.iter().map(|name| rig.home.sso(name, &rig.idp)).collect();
    profiles.push_str("[profile.open]\nauth_type = \"none\"\n");
    rig.home.configure(&profiles);
    rig.daemon.reload();
    for name in names {
        rig.daemon.log_in(name);
    }
    let out: Vec<_> = log_out(&rig, &LogoutRequest::default())
        .into_iter()
        .map(|out| (out.profile.to_string(), out.revocation))
        // A profile that has left the configuration is logged out with the others.
        .filter(|(name, _)| name != Rig::PROFILE)
        .collect();
    let expected =
        [("a", Revocation::Revoked), ("b", Revocation::Revoked), ("open", Revocation::Skipped)];
    assert_eq!(out, expected.map(|(name, revocation)| (name.to_owned(), revocation)));
    for name in names {
        let error = rig.daemon.token(name).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
    }
    assert!(rig.idp.sessions().iter().all(|session| !session.active));
    assert!(rig.daemon.token("open").is_ok());
}

#[test]
fn an_answer_that_comes_after_the_logout_is_revoked_and_dropped() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.gate(CallKind::Refresh, When::After);
    std::thread::scope(|scope| {
        let rejecter = scope.spawn(|| rig.daemon.reject(Rig::PROFILE, &token));
        rig.idp.block_on(gate.waiting(1));
        log_out(&rig, &one(None));
        let error = rejecter.join().unwrap().unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
        is_out(&rig.daemon);
        gate.release();
        rig.idp.block_on(rig.idp.ended(CallKind::Revoke, 2));
    });
    is_out(&rig.daemon);
    let rig = rig.restarted(Daemon::terminate);
    is_out(&rig.daemon);
    assert!(!rig.idp.sessions()[0].active);
}

#[test]
fn a_logout_while_the_provider_is_away_forgets_and_says_that_it_could_not_revoke() {
    let rig = Rig::start().logged_in();
    rig.idp.stop_listening();
    let out = log_out(&rig, &one(None));
    assert_eq!(out[0].revocation, Revocation::Failed);
    assert!(out[0].message.as_ref().is_some_and(|message| message.contains("127.0.0.1")));
    is_out(&rig.daemon);
    let output = rig.daemon.bearerctl(&["logout"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_logout_ends_the_login_under_way() {
    let rig = Rig::with(Settings { auto_approve: None, ..Rig::settings() }, "");
    rig.daemon.client().login(&LoginRequest::default()).unwrap();
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::LoginPending);
    log_out(&rig, &one(None));
    is_out(&rig.daemon);
}
