//! What the call log says of a request, and the uses of a refresh token that overlap.

use bearerd_test_idp::{CallKind, Fault, Rotation, Settings, TestIdp, Times};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::client::{post, refresh, refresh_form, refreshed};

#[tokio::test]
async fn a_call_tells_what_was_asked_for_and_no_secret() {
    let idp = TestIdp::start(Settings::default());
    let issued = idp.issue("jane");
    let mut form = refresh_form(&issued.refresh_token).to_vec();
    form.extend([("scope", "email"), ("resource", "https://a.example"), ("tenant", "blue")]);
    post(&idp.token_endpoint(), &form).await;
    let call = idp.calls().pop().unwrap();
    assert_eq!((call.kind, call.client_id.as_deref()), (CallKind::Refresh, Some("sdk-client")));
    assert_eq!((call.scope.as_deref(), call.authentication), (Some("email"), "none"));
    assert_eq!(call.audiences, ["https://a.example"]);
    let extra = BTreeMap::from([("tenant".to_owned(), "blue".to_owned())]);
    assert_eq!(call.extra_parameters, extra);
    assert!(!format!("{call:?}").contains(&issued.refresh_token));
}

#[tokio::test]
async fn uses_of_one_refresh_token_that_overlap_are_told() {
    let idp =
        Arc::new(TestIdp::start(Settings { rotation: Rotation::Same, ..Settings::default() }));
    let (one, other) = (idp.issue("jane").refresh_token, idp.issue("bob").refresh_token);
    refreshed(&idp, &one).await;
    refreshed(&idp, &one).await;
    let gate = idp.hold(CallKind::Refresh);
    let send = |token: &str| {
        let (idp, token) = (Arc::clone(&idp), token.to_owned());
        tokio::spawn(async move { refresh(&idp, &token).await.0 })
    };
    let both = [send(&one), send(&other)];
    gate.waiting(2).await;
    assert_eq!(idp.overlapping_refreshes(), [], "one after the other, or of two sessions");
    // One that a fault stands in the way of counts as well.
    idp.fault(CallKind::Refresh, Fault::Status(503), Times::Next(1));
    let third = send(&one);
    gate.waiting(3).await;
    gate.release();
    for request in both.into_iter().chain([third]) {
        assert!([200, 503].contains(&request.await.unwrap()));
    }
    let pairs = idp.overlapping_refreshes();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert_eq!(pairs[0].1.number, 4);
}
