//! The control API: what the library's methods do, over HTTP and JSON, for a provider that is a process of its own.

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, ORIGIN};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::admin;
use crate::calls::CallKind;
use crate::control_gates;
use crate::device::{Decision, DecisionError};
use crate::faults::{Fault, Times};
use crate::server::Connection;
use crate::shared::Shared;

/// The routes that the table in the crate's documentation lists.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/control", get(overview))
        .route("/control/devices", get(devices))
        .route("/control/approve", post(approve))
        .route("/control/deny", post(deny))
        .route("/control/expire", post(expire))
        .route("/control/faults", post(order_fault).delete(clear_faults))
        .route("/control/gates", post(control_gates::close))
        .route("/control/gates/{gate}", get(control_gates::waiting).delete(control_gates::release))
        .route("/control/calls", get(calls).delete(clear_calls))
        .route("/control/counts", get(counts))
        .route("/control/outage", post(outage))
        .route("/control/settings", get(settings).patch(change_settings))
        .route("/control/sessions", get(sessions))
        .route("/control/sessions/{session}", delete(end_session))
        .route("/control/users/{user}/{action}", post(change_user))
        .route("/control/clients/{client}/{action}", post(change_client))
        .layer(middleware::from_fn(refuse_browsers))
        .with_state(Arc::clone(shared))
}

/// Why a control request failed.
#[derive(Debug)]
pub(crate) struct ControlError(StatusCode, String);

impl ControlError {
    pub(crate) fn not_found(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }

    fn bad(reason: impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.to_string())
    }
}

impl From<DecisionError> for ControlError {
    fn from(error: DecisionError) -> Self {
        Self(StatusCode::NOT_FOUND, error.to_string())
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

pub(crate) type Answer = Result<Json<Value>, ControlError>;
pub(crate) type App = State<Arc<Shared>>;

pub(crate) fn done() -> Answer {
    Ok(Json(json!({})))
}

/// A page of some website must not steer this provider through the browser of whoever runs it.
async fn refuse_browsers(request: Request, next: Next) -> Response {
    if request.headers().contains_key(ORIGIN) {
        return ControlError(StatusCode::FORBIDDEN, "not for browsers".into()).into_response();
    }
    next.run(request).await
}

async fn overview(State(shared): App) -> Answer {
    Ok(Json(json!({"base_url": shared.base_url(), "control_url": shared.control_url()})))
}

async fn devices(State(shared): App) -> Answer {
    let provider = shared.provider();
    let devices = provider.devices.iter();
    let devices: Vec<_> =
        devices.map(|login| json!({"user_code": login.user_code, "state": login.state})).collect();
    Ok(Json(json!(devices)))
}

#[derive(Deserialize)]
struct DecisionBody {
    user_code: Option<String>,
    #[serde(default = "jane")]
    user: String,
}

fn jane() -> String {
    "jane".into()
}

async fn approve(State(shared): App, Json(body): Json<DecisionBody>) -> Answer {
    decide(&shared, body.user_code.as_deref(), Decision::Approve(body.user))
}

async fn deny(State(shared): App, Json(body): Json<DecisionBody>) -> Answer {
    decide(&shared, body.user_code.as_deref(), Decision::Deny)
}

fn decide(shared: &Shared, user_code: Option<&str>, decision: Decision) -> Answer {
    let mut provider = shared.provider();
    let now = provider.now();
    match user_code {
        Some(_) => provider.decide(user_code, decision, now)?,
        None => provider.decide_next(decision, now)?,
    }
    done()
}

#[derive(Deserialize)]
struct UserCode {
    user_code: String,
}

async fn expire(State(shared): App, Json(body): Json<UserCode>) -> Answer {
    let mut provider = shared.provider();
    let now = provider.now();
    provider.expire(&body.user_code, now)?;
    done()
}

#[derive(Deserialize)]
struct FaultOrder {
    kind: CallKind,
    fault: Fault,
    #[serde(default = "until_cleared")]
    times: Times,
}

fn until_cleared() -> Times {
    Times::UntilCleared
}

async fn order_fault(State(shared): App, Json(order): Json<FaultOrder>) -> Answer {
    shared.faults.order(order.kind, order.fault, order.times);
    done()
}

#[derive(Deserialize)]
struct OfKind {
    kind: Option<CallKind>,
}

async fn clear_faults(State(shared): App, Query(of): Query<OfKind>) -> Answer {
    match of.kind {
        Some(kind) => shared.faults.clear(kind),
        None => shared.faults.clear_all(),
    }
    done()
}

async fn calls(State(shared): App, Query(of): Query<OfKind>) -> Answer {
    let mut calls = shared.calls.all();
    calls.retain(|call| of.kind.is_none_or(|kind| call.kind == kind));
    Ok(Json(json!(calls)))
}

async fn clear_calls(State(shared): App) -> Answer {
    shared.calls.clear();
    done()
}

async fn counts(State(shared): App) -> Answer {
    Ok(Json(json!(shared.calls.counts())))
}

#[derive(Deserialize)]
struct Outage {
    mode: OutageMode,
    seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutageMode {
    Off,
    Refuse,
    Silent,
}

async fn outage(
    State(shared): App,
    Extension(connection): Extension<Arc<Connection>>,
    Json(outage): Json<Outage>,
) -> Result<Response, ControlError> {
    let number = shared.outages.fetch_add(1, Ordering::SeqCst) + 1;
    match outage.mode {
        OutageMode::Off => end_outage(&shared, Some(&connection))?,
        OutageMode::Refuse => shared.stop_listening(Some(&connection)),
        OutageMode::Silent => shared.silent.store(true, Ordering::SeqCst),
    }
    if let Some(seconds) = outage.seconds {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            if shared.outages.load(Ordering::SeqCst) == number {
                end_outage(&shared, None)?;
            }
            Ok::<_, ControlError>(())
        });
    }
    // The one connection that was spared ends with this answer.
    Ok(([(CONNECTION, "close")], Json(json!({}))).into_response())
}

fn end_outage(shared: &Arc<Shared>, spared: Option<&Arc<Connection>>) -> Result<(), ControlError> {
    if shared.silent.swap(false, Ordering::SeqCst) {
        shared.cut_connections(spared);
    }
    shared.start_listening().map_err(ControlError::bad)
}

async fn settings(State(shared): App) -> Answer {
    Ok(Json(json!(shared.provider().settings)))
}

async fn change_settings(State(shared): App, Json(changes): Json<Map<String, Value>>) -> Answer {
    let settings = &mut shared.provider().settings;
    *settings = admin::changed(settings, changes).map_err(ControlError::bad)?;
    Ok(Json(json!(settings)))
}

async fn sessions(State(shared): App) -> Answer {
    Ok(Json(json!(admin::sessions(&shared.provider()))))
}

async fn end_session(State(shared): App, Path(session): Path<String>) -> Answer {
    match shared.provider().end_sessions(|it| it.id == session) {
        0 => Err(ControlError::not_found("live session of this id")),
        _ => done(),
    }
}

async fn change_user(
    State(shared): App,
    Path((username, action)): Path<(String, String)>,
) -> Answer {
    let mut provider = shared.provider();
    if provider.user(&username).is_none() {
        return Err(ControlError::not_found("user of this name"));
    }
    match action.as_str() {
        "log-out" => drop(provider.end_sessions(|session| session.username == username)),
        "disable" => drop(provider.disabled_users.insert(username)),
        "enable" => drop(provider.disabled_users.remove(&username)),
        _ => return Err(ControlError::not_found("such action: log-out, disable, enable")),
    }
    done()
}

async fn change_client(
    State(shared): App,
    Path((client_id, action)): Path<(String, String)>,
) -> Answer {
    let mut provider = shared.provider();
    if !provider.settings.clients.iter().any(|client| client.client_id == client_id) {
        return Err(ControlError::not_found("client of this id"));
    }
    match action.as_str() {
        "disable" => drop(provider.disabled_clients.insert(client_id)),
        "enable" => drop(provider.disabled_clients.remove(&client_id)),
        _ => return Err(ControlError::not_found("such action: disable, enable")),
    }
    done()
}
