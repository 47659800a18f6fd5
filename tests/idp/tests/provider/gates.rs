//! Gates before and after, with a runtime and without; delays; waiting for calls.

use bearerd_test_idp::{CallKind, Fault, Outcome, Settings, TestIdp, Times, When};
use std::sync::Arc;
use std::time::Duration;

use crate::client::{refresh, refreshed};

#[tokio::test]
async fn before_nothing_has_happened_and_after_the_token_is_spent() {
    for (when, carried_out) in [(When::Before, false), (When::After, true)] {
        let idp = Arc::new(TestIdp::start(Settings::default()));
        let refresh_token = idp.issue("jane").refresh_token;
        let gate = idp.gate(CallKind::Refresh, when);
        let request = tokio::spawn({
            let (idp, refresh_token) = (Arc::clone(&idp), refresh_token.clone());
            async move { refresh(&idp, &refresh_token).await.0 }
        });
        gate.waiting(1).await;
        assert_eq!(idp.is_active(&refresh_token), !carried_out, "{when:?}");
        let call = idp.calls().pop().unwrap();
        assert_eq!((call.carried_out, call.outcome), (carried_out, Outcome::Pending), "{when:?}");
        // Another kind is not held.
        let other = reqwest::Method::GET;
        let userinfo = crate::client::http().request(other, idp.endpoint("userinfo")).send();
        assert_eq!(userinfo.await.unwrap().status(), 401);
        drop(gate);
        assert_eq!(request.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn one_at_a_time() {
    let idp = Arc::new(TestIdp::start(Settings::default()));
    let gate = idp.hold(CallKind::Refresh);
    let requests: Vec<_> = (0..3)
        .map(|_| {
            let idp = Arc::clone(&idp);
            tokio::spawn(async move { refreshed(&idp, &idp.issue("jane").refresh_token).await })
        })
        .collect();
    gate.waiting(3).await;
    gate.release_one();
    idp.ended(CallKind::Refresh, 1).await;
    assert_eq!(gate.standing(), 2);
    gate.release();
    for request in requests {
        request.await.unwrap();
    }
    assert_eq!((idp.refreshes_sent(), idp.counts()[&CallKind::Refresh]), (3, 3));
}

#[test]
fn a_test_without_a_runtime_can_wait_too() {
    let idp = TestIdp::start_blocking(Settings::default());
    let refresh_token = idp.issue("jane").refresh_token;
    let gate = idp.hold(CallKind::Refresh);
    std::thread::scope(|threads| {
        let request = threads.spawn(|| idp.block_on(refresh(&idp, &refresh_token)).0);
        idp.block_on(gate.waiting(1));
        assert!(idp.is_active(&refresh_token));
        gate.release();
        assert_eq!(request.join().unwrap(), 200);
    });
}

#[tokio::test]
async fn a_delay_holds_the_answer_up() {
    let idp = TestIdp::start(Settings::default());
    let delay = Duration::from_millis(30);
    idp.fault(CallKind::Refresh, Fault::Delay { before: delay, after: delay }, Times::Next(1));
    refreshed(&idp, &idp.issue("jane").refresh_token).await;
    let call = idp.calls().pop().unwrap();
    assert!(call.ended_at.unwrap() - call.arrived_at >= 2 * delay, "{call:?}");
}
