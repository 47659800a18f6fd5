//! `reject`: the resource server refused a token that is still good by the clock.

use bearerd_client::{ErrorCode, EventKind};
use bearerd_test_idp::{CallKind, Fault, Times};
use bearerd_tests::daemon::{Rig, text_of};
use std::collections::BTreeSet;

#[test]
fn many_who_reject_the_same_token_share_one_fetch_and_never_get_it_again() {
    const REJECTERS: usize = 32;
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.hold(CallKind::Refresh);
    let newer: BTreeSet<_> = std::thread::scope(|scope| {
        let rejecters: Vec<_> = (0..REJECTERS)
            .map(|_| scope.spawn(|| text_of(&rig.daemon.reject(Rig::PROFILE, &token).unwrap())))
            .collect();
        rig.idp.block_on(gate.waiting(1));
        rig.daemon.until_connections(REJECTERS);
        let answer = rig.daemon.token(Rig::PROFILE).unwrap();
        assert!(answer.degraded, "plain reads get the old one meanwhile");
        assert_eq!(text_of(&answer), token);
        gate.release();
        rejecters.into_iter().map(|rejecter| rejecter.join().unwrap()).collect()
    });
    assert_eq!(newer.len(), 1);
    assert!(!newer.contains(&token));
    assert_eq!(rig.idp.refreshes_sent(), 1);
    let answer = rig.daemon.token(Rig::PROFILE).unwrap();
    assert!(!answer.degraded);
}

#[test]
fn a_token_fetched_because_of_a_reject_is_not_fetched_again_at_once() {
    let rig = Rig::start().logged_in();
    let newer = rig.daemon.renew(Rig::PROFILE);
    for _ in 0..10 {
        let error = rig.daemon.reject(Rig::PROFILE, &newer).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::IdpRejected));
        assert!(error.retry_after().is_some_and(|seconds| (1..=10).contains(&seconds)));
    }
    assert_eq!(rig.idp.refreshes_sent(), 1);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), newer);
}

#[test]
fn an_old_or_unknown_token_is_answered_with_the_current_one() {
    let rig = Rig::start().logged_in();
    let old = rig.daemon.token_text(Rig::PROFILE);
    let current = rig.daemon.renew(Rig::PROFILE);
    for token in [&*old, "never seen", ""] {
        let answer = rig.daemon.reject(Rig::PROFILE, token).unwrap();
        assert_eq!((text_of(&answer), answer.degraded), (current.clone(), false));
    }
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn the_same_token_handed_out_again_is_no_newer_one() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    rig.idp.fault(CallKind::Refresh, Fault::SameTokenAgain, Times::Next(1));
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpRejected), "{error}");
    assert_eq!(rig.idp.refreshes_sent(), 1);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
}

#[test]
fn a_reject_while_the_provider_is_away_gets_the_error_and_reads_go_on() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let mut watch = rig.daemon.watch();
    rig.idp.stop_listening();
    let error = rig.daemon.reject(Rig::PROFILE, &token).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::IdpUnreachable), "{error}");
    let answer = rig.daemon.token(Rig::PROFILE).unwrap();
    assert_eq!((text_of(&answer), answer.degraded), (token.clone(), true));
    watch.next(EventKind::Degraded);
    rig.idp.start_listening();
    watch.next(EventKind::Refreshed);
    let answer = rig.daemon.token(Rig::PROFILE).unwrap();
    assert!(!answer.degraded);
    assert_ne!(text_of(&answer), token);
}
