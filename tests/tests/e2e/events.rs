//! What `GET /v1/events` tells, and how often.

use bearerd_client::{ErrorCode, EventKind, LogoutRequest};
use bearerd_test_idp::{CallKind, Fault, Times};
use bearerd_tests::daemon::{Daemon, Rig};
use std::time::{Duration, Instant};

#[test]
fn a_watcher_sees_a_session_come_live_and_go() {
    let rig = Rig::start();
    let mut watch = rig.daemon.watch();
    let rig = rig.logged_in();
    let event = watch.next(EventKind::LoggedIn);
    assert_eq!(event.profile.as_str(), Rig::PROFILE);
    assert!(event.at > 1_700_000_000);
    rig.daemon.renew(Rig::PROFILE);
    watch.next(EventKind::Refreshed);
    rig.daemon.client().logout(&LogoutRequest::default()).unwrap();
    watch.next(EventKind::LoggedOut);
    for kind in [EventKind::Degraded, EventKind::LoginRequired, EventKind::NotSaved] {
        assert_eq!(watch.seen(kind), 0, "{kind:?}");
    }
    assert_eq!(watch.seen(EventKind::LoggedIn), 1);
}

#[test]
fn an_outage_is_told_once_and_its_end() {
    let rig = Rig::start().logged_in();
    let mut watch = rig.daemon.watch();
    rig.idp.fault(CallKind::Refresh, Fault::Status(503), Times::Next(2));
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    watch.next(EventKind::Refreshed);
    assert_eq!(rig.idp.refreshes_sent(), 3);
    assert_eq!(watch.seen(EventKind::Degraded), 1, "two failures of one kind");
}

#[test]
fn the_end_of_a_session_is_said_once_and_the_provider_is_left_alone() {
    let rig = Rig::start().logged_in();
    let mut watch = rig.daemon.watch();
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.idp.log_out("jane");
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
    let event = watch.next(EventKind::LoginRequired);
    assert!(event.message.unwrap().contains("invalid_grant"));
    for _ in 0..20 {
        let answer = rig.daemon.token(Rig::PROFILE).unwrap();
        assert!(answer.degraded, "the token in hand is served while it is valid");
        rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    }
    rig.daemon.client().logout(&LogoutRequest::default()).unwrap();
    watch.next(EventKind::LoggedOut);
    assert_eq!(watch.seen(EventKind::LoginRequired), 1);
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn a_watcher_does_not_hold_up_the_end() {
    let rig = Rig::start();
    let _watch = rig.daemon.watch();
    let told = Instant::now();
    let rig = rig.restarted(Daemon::terminate);
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    assert!(rig.daemon.client().health().is_ok());
}
