//! The routes of the provider, under the paths that Keycloak has.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::json;
use std::sync::Arc;

use crate::answer::{OauthError, Reply};
use crate::calls::CallKind;
use crate::incoming::Incoming;
use crate::pages;
use crate::pipeline::{self, CarryOut};
use crate::shared::Shared;

const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE_GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// All routes; any realm is known.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let realm = |rest: &str| format!("/auth/realms/{{realm}}/{rest}");
    // Wherever they are: the provider says which place is the right one.
    let protocol = |rest: &str| realm(&format!("{{some}}/{{where}}/{rest}"));
    Router::new()
        .route(&protocol("auth/device"), post(device_start))
        .route(&protocol("token"), post(token))
        .route(&protocol("revoke"), post(revoke))
        .route(&protocol("token/introspect"), post(introspect))
        .route(&protocol("userinfo"), get(userinfo).post(userinfo))
        .route(&protocol("certs"), get(certs))
        .route(&realm(".well-known/openid-configuration"), get(openid_configuration))
        .route(
            "/.well-known/oauth-authorization-server/auth/realms/{realm}",
            get(authorization_server),
        )
        .route(&realm("device"), get(device_page).post(device_decision))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::clone(shared))
}

async fn device_start(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::DeviceStart, incoming, |provider, request| {
        provider.start_device(request).into()
    })
    .await
}

async fn token(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    let (kind, carry_out): (CallKind, CarryOut) = match incoming.parameter("grant_type") {
        Some(DEVICE_CODE_GRANT) => {
            (CallKind::DevicePoll, |provider, request| provider.poll_device(request).into())
        }
        Some("refresh_token") => {
            (CallKind::Refresh, |provider, request| provider.refresh(request).into())
        }
        Some("password") => {
            (CallKind::Password, |provider, request| provider.password(request).into())
        }
        Some("client_credentials") => (CallKind::ClientCredentials, |provider, request| {
            provider.client_credentials(request).into()
        }),
        Some(EXCHANGE_GRANT) => {
            (CallKind::Exchange, |provider, request| provider.exchange(request).into())
        }
        Some(_) => (CallKind::Other, |_, _| {
            OauthError::bad("unsupported_grant_type", "Unsupported grant_type").into()
        }),
        None => (CallKind::Other, |_, _| {
            OauthError::bad("invalid_request", "Missing form parameter: grant_type").into()
        }),
    };
    pipeline::run(shared, kind, incoming, carry_out).await
}

async fn revoke(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Revoke, incoming, |provider, request| {
        let mark = request.parameter("token").and_then(|token| provider.mark(token));
        Reply::from(provider.revoke(request)).about(mark)
    })
    .await
}

async fn introspect(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Introspect, incoming, |provider, request| {
        provider.introspect(request).into()
    })
    .await
}

async fn userinfo(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Userinfo, incoming, |provider, request| {
        provider.userinfo(request).into()
    })
    .await
}

async fn openid_configuration(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Discovery, incoming, |provider, request| {
        provider.openid_configuration(request)
    })
    .await
}

async fn authorization_server(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Discovery, incoming, |provider, request| {
        provider.authorization_server(request)
    })
    .await
}

/// No keys: the signatures here are random bytes, which nobody can check.
async fn certs(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Other, incoming, |_, _| Reply::ok(json!({"keys": []}))).await
}

async fn device_page(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Other, incoming, pages::device).await
}

async fn device_decision(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Other, incoming, pages::decide).await
}

async fn unknown(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Other, incoming, |_, _| Reply::empty(StatusCode::NOT_FOUND))
        .await
}

async fn wrong_method(State(shared): State<Arc<Shared>>, incoming: Incoming) -> Response {
    pipeline::run(shared, CallKind::Other, incoming, |_, _| {
        Reply::empty(StatusCode::METHOD_NOT_ALLOWED)
    })
    .await
}
