//! Device logins: shown, joined, decided, and put in force beside the live session.

use bearerd_client::{
    ClientError, ErrorCode, LoggedIn, LoginAnswer, LoginRequest, PendingLogin, ProfileState,
};
use bearerd_test_idp::{CallKind, Fault, Settings, Times, When};
use bearerd_tests::daemon::{Rig, eventually, name};
use std::time::Duration;

/// A rig whose logins wait for their person.
fn undecided() -> Rig {
    Rig::with(Settings { auto_approve: None, ..Rig::settings() }, "")
}

fn start(rig: &Rig, replace: bool) -> PendingLogin {
    let request =
        LoginRequest { profile: Some(name(Rig::PROFILE)), replace, ..LoginRequest::default() };
    match rig.daemon.client().login(&request).unwrap() {
        LoginAnswer::Pending(login) => login,
        LoginAnswer::Done(who) => panic!("{who:?} is logged in already"),
    }
}

fn code(login: &PendingLogin) -> &str {
    login.user_code.as_deref().unwrap()
}

/// The end of a login.
fn outcome(rig: &Rig, login: &PendingLogin) -> Result<LoggedIn, ClientError> {
    match rig.daemon.client().login_state(&login.login_id, Duration::from_secs(30))? {
        LoginAnswer::Done(who) => Ok(who),
        LoginAnswer::Pending(_) => panic!("the login has no end"),
    }
}

fn refused(rig: &Rig, login: &PendingLogin) -> Option<ErrorCode> {
    outcome(rig, login).unwrap_err().code()
}

fn log_in_as(rig: &Rig, user: &str) -> LoggedIn {
    let login = start(rig, false);
    rig.idp.approve(code(&login), user);
    outcome(rig, &login).unwrap()
}

#[test]
fn callers_share_one_login_and_hear_of_its_end_together() {
    let rig = undecided();
    let gate = rig.idp.hold(CallKind::DeviceStart);
    let (first, second) = std::thread::scope(|scope| {
        let callers = [(); 2].map(|()| scope.spawn(|| start(&rig, false)));
        rig.daemon.until_connections(2);
        rig.idp.block_on(gate.waiting(1));
        gate.release();
        let [first, second] = callers.map(|caller| caller.join().unwrap());
        (first, second)
    });
    assert_eq!(first.login_id, second.login_id);
    assert_eq!(first.verification_uri_complete, second.verification_uri_complete);
    let third = start(&rig, false);
    assert_eq!(third.login_id, first.login_id);
    assert_eq!(rig.idp.count(CallKind::DeviceStart), 1);

    let link = first.verification_uri_complete.as_deref().unwrap();
    assert!(link.contains(code(&first)), "{link}");
    assert!((500..=600).contains(&first.expires_in));
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginPending));
    assert_eq!(error.login_hint(), Some(link));
    let status = rig.daemon.status(Rig::PROFILE);
    assert_eq!(status.state, ProfileState::LoginPending);
    assert_eq!(status.login.unwrap().login_id, first.login_id);
    let at_once = rig.daemon.client().login_state(&first.login_id, Duration::ZERO).unwrap();
    assert!(matches!(at_once, LoginAnswer::Pending(_)));

    let ends: Vec<_> = std::thread::scope(|scope| {
        rig.daemon.until_connections(0);
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| outcome(&rig, &first))).collect();
        rig.daemon.until_connections(3);
        rig.idp.approve(code(&first), "jane");
        waiting.into_iter().map(|caller| caller.join().unwrap().unwrap()).collect()
    });
    for who in ends {
        assert_eq!(who.user_email.as_deref(), Some("jane@ex.co"));
    }
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
    assert_eq!(outcome(&rig, &first).unwrap().user_email.as_deref(), Some("jane@ex.co"), "late");
    let polls = rig.idp.calls_of(CallKind::DevicePoll);
    for pair in polls.windows(2) {
        let between = pair[1].arrived_at - pair[0].arrived_at;
        assert!(between >= Duration::from_millis(990), "the interval is kept: {between:?}");
    }
}

#[test]
fn a_login_that_is_denied_or_out_of_time_ends_so() {
    let rig = undecided();
    let login = start(&rig, false);
    rig.idp.deny(code(&login));
    assert_eq!(refused(&rig, &login), Some(ErrorCode::LoginDenied));
    assert_eq!(refused(&rig, &login), Some(ErrorCode::LoginDenied), "for who asks late, too");
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::LoginRequired);

    let login = start(&rig, false);
    rig.idp.expire(code(&login));
    assert_eq!(refused(&rig, &login), Some(ErrorCode::LoginExpired));

    rig.idp.configure(|settings| settings.device_code_seconds = 1);
    let login = start(&rig, false);
    let error = outcome(&rig, &login).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginExpired));
    assert_eq!(error.login_hint(), Some("bearerctl login wallaroo"));
    assert_eq!(rig.daemon.token(Rig::PROFILE).unwrap_err().code(), Some(ErrorCode::LoginRequired));
}

#[test]
fn slow_down_makes_the_polls_five_seconds_slower_for_good() {
    let rig = undecided();
    rig.idp.slow_down_next(1);
    let login = start(&rig, false);
    rig.idp.block_on(rig.idp.ended(CallKind::DevicePoll, 1));
    rig.idp.approve(code(&login), "jane");
    outcome(&rig, &login).unwrap();
    let polls = rig.idp.calls_of(CallKind::DevicePoll);
    assert_eq!(polls.len(), 2);
    let between = polls[1].arrived_at - polls[0].arrived_at;
    assert!(between >= Duration::from_millis(5990), "{between:?}");
}

#[test]
fn a_poll_that_fails_for_a_moment_does_not_end_the_login() {
    let rig = undecided();
    rig.idp.fault(CallKind::DevicePoll, Fault::Status(503), Times::Next(1));
    rig.idp.fault(CallKind::DevicePoll, Fault::ResetBefore, Times::Next(1));
    assert_eq!(log_in_as(&rig, "jane").user_email.as_deref(), Some("jane@ex.co"));
    assert!(rig.idp.count(CallKind::DevicePoll) >= 3);
}

#[test]
fn a_login_that_cannot_start_says_why() {
    let rig = undecided();
    rig.idp.stop_listening();
    let request = LoginRequest::default();
    let error = rig.daemon.client().login(&request).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpUnreachable), "{error}");
    rig.idp.start_listening();
    rig.idp.disable_client("sdk-client");
    // Within 2 s of the failed start everybody gets that one's answer, and no call is made.
    let error = rig.daemon.client().login(&request).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpUnreachable), "{error}");
    assert!(error.retry_after().is_some_and(|wait| wait <= 2), "{error:?}");
    assert_eq!(rig.idp.count(CallKind::DeviceStart), 0);
    eventually("a login says that the client is disabled", || {
        let error = rig.daemon.client().login(&request).unwrap_err();
        (error.code() == Some(ErrorCode::Misconfigured)).then_some(())
    });
    rig.idp.enable_client("sdk-client");
    let plain = rig.home.sso(Rig::PROFILE, &rig.idp);
    rig.home.configure(&plain.replace("http://", "https://"));
    rig.daemon.reload();
    let error = rig.daemon.client().login(&request).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpUnreachable), "no TLS is spoken there: {error}");
    rig.home.configure(&plain);
    rig.daemon.reload();
    assert_eq!(log_in_as(&rig, "jane").user_email.as_deref(), Some("jane@ex.co"));
}

#[test]
fn a_cancelled_login_ends_for_all_and_leaves_the_live_session_alone() {
    let rig = undecided();
    log_in_as(&rig, "jane");
    let token = rig.daemon.token_text(Rig::PROFILE);
    let login = start(&rig, false);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token, "served while a login is pending");
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| refused(&rig, &login));
        rig.daemon.client().cancel_login(&login.login_id).unwrap();
        assert_eq!(follower.join().unwrap(), Some(ErrorCode::LoginDenied));
    });
    let error = rig.daemon.client().cancel_login(&login.login_id).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert_ne!(start(&rig, false).login_id, login.login_id, "another one can start");
}

#[test]
fn tokens_that_come_after_a_cancel_are_revoked_and_dropped() {
    let rig = undecided();
    let gate = rig.idp.gate(CallKind::DevicePoll, When::After);
    let login = start(&rig, false);
    rig.idp.approve(code(&login), "jane");
    rig.idp.block_on(gate.waiting(1));
    rig.daemon.client().cancel_login(&login.login_id).unwrap();
    gate.release();
    rig.idp.block_on(rig.idp.ended(CallKind::Revoke, 1));
    assert!(!rig.idp.sessions()[0].active);
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::LoginRequired);
}

#[test]
fn another_person_is_denied_unless_the_login_says_replace() {
    let rig = undecided();
    log_in_as(&rig, "jane");
    let token = rig.daemon.token_text(Rig::PROFILE);
    let login = start(&rig, false);
    rig.idp.approve(code(&login), "bob");
    let error = outcome(&rig, &login).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginDenied));
    assert!(error.to_string().contains("--replace"), "{error}");
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token, "jane's session goes on");
    rig.idp.block_on(rig.idp.ended(CallKind::Revoke, 1));
    assert_eq!(alive(&rig), ["jane"], "bob's tokens are not kept");

    let login = start(&rig, true);
    rig.idp.approve(code(&login), "bob");
    assert_eq!(outcome(&rig, &login).unwrap().user_email.as_deref(), Some("bob@ex.co"));
    rig.idp.block_on(rig.idp.ended(CallKind::Revoke, 2));
    assert_eq!(alive(&rig), ["bob"]);
    let answer = rig.daemon.token(Rig::PROFILE).unwrap();
    assert_eq!(answer.user_email.as_deref(), Some("bob@ex.co"));
    assert!(rig.idp.is_active(answer.token.unwrap().expose()));
}

#[test]
fn a_new_login_of_the_same_person_replaces_and_revokes_the_old_session() {
    let rig = undecided();
    log_in_as(&rig, "jane");
    let old = rig.daemon.token_text(Rig::PROFILE);
    log_in_as(&rig, "jane");
    let new = rig.daemon.token_text(Rig::PROFILE);
    assert_ne!(new, old);
    rig.idp.block_on(rig.idp.ended(CallKind::Revoke, 1));
    let sessions: Vec<_> = rig.idp.sessions().iter().map(|session| session.active).collect();
    assert_eq!(sessions, [false, true]);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

/// Whose sessions are alive at the provider.
fn alive(rig: &Rig) -> Vec<String> {
    let sessions = rig.idp.sessions().into_iter().filter(|session| session.active);
    sessions.map(|session| session.username).collect()
}

#[test]
fn a_session_that_ended_by_mistake_is_revived_without_a_person() {
    let rig = undecided();
    log_in_as(&rig, "jane");
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.idp.disable_user("jane");
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired), "{error}");
    rig.idp.enable_user("jane");
    // The refresh token is kept, and tried once where a login is asked for.
    let answer = rig.daemon.client().login(&LoginRequest::default()).unwrap();
    let LoginAnswer::Done(who) = answer else { panic!("{answer:?}") };
    assert_eq!(who.user_email.as_deref(), Some("jane@ex.co"));
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
    assert_eq!((rig.idp.refreshes_sent(), rig.idp.count(CallKind::DeviceStart)), (2, 1));
}

#[test]
fn a_session_that_is_truly_over_gets_a_device_login_after_one_try() {
    let rig = undecided();
    log_in_as(&rig, "jane");
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.idp.log_out("jane");
    rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(log_in_as(&rig, "jane").user_email.as_deref(), Some("jane@ex.co"));
    assert_eq!((rig.idp.refreshes_sent(), rig.idp.count(CallKind::DeviceStart)), (2, 2));
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
}
