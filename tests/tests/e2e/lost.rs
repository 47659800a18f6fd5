//! Lost answers: the provider has rotated the refresh token, and the daemon does not know.

use bearerd_client::{ErrorCode, EventKind, ProfileState};
use bearerd_test_idp::{CallKind, Fault, Rotation, Settings, TestIdp, Times};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually};
use std::sync::Arc;
use std::time::Duration;

fn lose(idp: &TestIdp, fault: Fault, times: Times) {
    idp.fault(CallKind::Refresh, fault, times);
}

/// The ways in which an answer gets lost on its way.
fn losses() -> [(&'static str, Fault); 5] {
    [
        ("reset", Fault::ResetAfter),
        ("closed", Fault::CloseAfter),
        ("half", Fault::HalfAnswer),
        ("bad-gateway", Fault::Status(502).carried_out()),
        ("gateway-timeout", Fault::Status(504).carried_out()),
    ]
}

#[test]
fn within_the_reuse_window_it_is_sent_once_more_at_once() {
    let home = Arc::new(Home::new());
    let settings =
        || Settings { reuse_window_seconds: 20, access_token_seconds: 8, ..Rig::settings() };
    let cases =
        losses().map(|(name, fault)| (name, fault, Arc::new(TestIdp::start_blocking(settings()))));
    let profiles: String = cases
        .iter()
        .map(|(name, _, idp)| format!("{}reuse_window = \"20s\"\n", home.sso(name, idp)))
        .collect();
    home.configure(&profiles);
    let daemon = Daemon::start(&home);
    std::thread::scope(|scope| {
        for (name, fault, idp) in &cases {
            let daemon = &daemon;
            scope.spawn(move || {
                daemon.log_in(name);
                let token = daemon.token_text(name);
                lose(idp, fault.clone(), Times::Next(1));
                idp.configure(|settings| settings.access_token_seconds = 300);
                idp.block_on(idp.ended(CallKind::Refresh, 2));
                let newer = eventually("the new token", || {
                    Some(daemon.token_text(name)).filter(|newer| *newer != token)
                });
                assert!(idp.is_active(&newer), "{name}: the session lives");
                let calls = idp.calls_of(CallKind::Refresh);
                let between = calls[1].arrived_at - calls[0].arrived_at;
                assert!(between < Duration::from_secs(2), "{name}, at once: {between:?}");
                assert_eq!(calls.len(), 2, "{name}");
                assert_eq!(daemon.status(name).state, ProfileState::Ready, "{name}");
            });
        }
    });
}

#[test]
fn without_a_window_the_token_in_hand_is_lived_out_first_and_the_end_is_told_honestly() {
    let rig = Rig::short_lived(6).logged_in();
    let mut watch = rig.daemon.watch();
    let token = rig.daemon.token_text(Rig::PROFILE);
    lose(&rig.idp, Fault::ResetAfter, Times::Next(1));
    watch.next(EventKind::Degraded);
    let answer = rig.daemon.token(Rig::PROFILE).unwrap();
    assert_eq!((answer.token.unwrap().expose(), answer.degraded), (&*token, true));
    rig.idp.block_on(rig.idp.ended(CallKind::Refresh, 2));
    let calls = rig.idp.calls();
    let at = |kind, index: usize| {
        calls.iter().filter(|call| call.kind == kind).nth(index).unwrap().arrived_at
    };
    let last_poll = calls.iter().filter(|call| call.kind == CallKind::DevicePoll).count() - 1;
    let lived = at(CallKind::Refresh, 1) - at(CallKind::DevicePoll, last_poll);
    assert!(lived >= Duration::from_millis(4900), "not before it is nearly used up: {lived:?}");

    let event = watch.next(EventKind::LoginRequired);
    assert!(event.message.unwrap().contains("was lost on its way"));
    rig.daemon.until_expired(Rig::PROFILE);
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
    assert!(error.to_string().contains("was lost on its way"), "{error}");
    assert_eq!(rig.idp.refreshes_sent(), 2, "and never again");
}

#[test]
fn where_the_provider_is_known_not_to_rotate_nothing_is_held_back() {
    let settings = Settings { rotation: Rotation::Same, ..Rig::settings() };
    let rig = Rig::with(settings, "").logged_in();
    rig.daemon.renew(Rig::PROFILE);
    let rig = rig.restarted(Daemon::terminate);
    let mut watch = rig.daemon.watch();
    lose(&rig.idp, Fault::ResetAfter, Times::Next(2));
    let token = rig.daemon.token_text(Rig::PROFILE);
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpUnreachable), "{error}");
    // The token in hand lives five minutes, and still the backoff is all that it waits for.
    watch.next(EventKind::Refreshed);
    assert_eq!(rig.idp.refreshes_sent(), 4);
    assert!(!rig.daemon.token(Rig::PROFILE).unwrap().degraded);
}

#[test]
fn a_lost_answer_is_remembered_across_a_restart() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    lose(&rig.idp, Fault::ResetAfter, Times::Next(1));
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpUnreachable), "{error}");
    rig.daemon.until(Rig::PROFILE, "saved", |status| status.saved);
    let rig = rig.restarted(Daemon::terminate);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    let status = rig.daemon.status(Rig::PROFILE);
    let next = status.refresh_in.unwrap();
    assert!(next > 240, "only when the token in hand is nearly used up: {next}");
    assert_eq!(rig.idp.refreshes_sent(), 1);
}
