//! `min_ttl`, as a wish and as a condition.

use bearerd_client::{ClientError, ErrorCode, TokenAnswer, TokenQuery};
use bearerd_test_idp::{CallKind, Fault, Times};
use bearerd_tests::daemon::{Daemon, Rig, query, text_of};

fn ask(rig: &Rig, min_ttl: u64, strict: bool) -> Result<TokenAnswer, ClientError> {
    let query = TokenQuery { min_ttl: Some(min_ttl), strict, ..query(Rig::PROFILE) };
    rig.daemon.client().token(&query)
}

#[test]
fn a_wish_that_the_token_in_hand_meets_costs_nothing() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    for (min_ttl, strict) in [(0, false), (60, false), (60, true), (0, true)] {
        let answer = ask(&rig, min_ttl, strict).unwrap();
        assert_eq!((text_of(&answer), answer.degraded), (token.clone(), false));
    }
    assert_eq!(rig.idp.refreshes_sent(), 0);
}

#[test]
fn a_wish_beyond_every_lifetime_is_answered_at_once_without_a_call() {
    let rig = Rig::start().logged_in();
    let answer = ask(&rig, 3600, false).unwrap();
    assert!(answer.degraded);
    let error = ask(&rig, 3600, true).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MinTtlUnmet), "{error}");
    assert_eq!(rig.idp.refreshes_sent(), 0);
}

/// The token in hand has a moment less than the wish left, and nothing keeps a fetch back: a fresh start has no last
/// one to keep a distance from.
const ALMOST_WHOLE: u64 = 299;

fn a_moment_later() -> Rig {
    let rig = Rig::start().logged_in();
    let rig = rig.restarted(Daemon::terminate);
    rig.daemon.until(Rig::PROFILE, "a moment has passed", |status| {
        status.expires_in.is_some_and(|left| left + 1 < ALMOST_WHOLE)
    });
    // So that a token which is held up for a second still meets the wish.
    rig.idp.configure(|settings| settings.access_token_seconds = 600);
    rig
}

#[test]
fn a_wish_that_a_fresh_token_meets_gets_one_from_one_refresh() {
    let rig = a_moment_later();
    let old = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.hold(CallKind::Refresh);
    std::thread::scope(|scope| {
        // As a condition it waits as long as need be.
        let strict: Vec<_> =
            (0..8).map(|_| scope.spawn(|| ask(&rig, ALMOST_WHOLE, true))).collect();
        rig.idp.block_on(gate.waiting(1));
        // As a wish it waits a second, and then gets what there is.
        let answer = ask(&rig, ALMOST_WHOLE, false).unwrap();
        assert_eq!((text_of(&answer), answer.degraded), (old.clone(), true));
        assert_eq!(gate.standing(), 1);
        gate.release();
        for caller in strict {
            let answer = caller.join().unwrap().unwrap();
            assert!(!answer.degraded);
            assert_ne!(text_of(&answer), old);
        }
    });
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn a_plain_wish_gets_the_fresh_token_where_it_comes_in_time() {
    let rig = a_moment_later();
    let old = rig.daemon.token_text(Rig::PROFILE);
    let answer = ask(&rig, ALMOST_WHOLE, false).unwrap();
    assert!(!answer.degraded);
    assert_ne!(text_of(&answer), old);
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn after_a_failure_a_wish_is_answered_at_once() {
    let rig = a_moment_later();
    rig.idp.fault(
        CallKind::Refresh,
        Fault::TooManyRequests { retry_after: 300 },
        Times::UntilCleared,
    );
    assert!(ask(&rig, ALMOST_WHOLE, false).unwrap().degraded, "the failure");
    for _ in 0..20 {
        assert!(ask(&rig, ALMOST_WHOLE, false).unwrap().degraded);
    }
    assert_eq!(rig.idp.refreshes_sent(), 1);
}
