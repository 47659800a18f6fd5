//! The part of the control API that closes gates, waits at them and opens them.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use crate::calls::CallKind;
use crate::control::{Answer, App, ControlError, done};
use crate::gate::{Gate, When};
use crate::shared::Shared;

/// How long a request for `waiting` stays open before it says how many stand there so far.
const LONG_POLL: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
pub(crate) struct Order {
    kind: CallKind,
    #[serde(default = "before")]
    when: When,
}

fn before() -> When {
    When::Before
}

#[derive(Deserialize)]
pub(crate) struct Wait {
    #[serde(default)]
    waiting: usize,
}

/// Closes a gate and gives its number.
pub(crate) async fn close(State(shared): App, Json(order): Json<Order>) -> Answer {
    let gate = Arc::new(shared.gates.close(order.kind, order.when));
    let mut gates = shared.controlled_gates.lock().expect("no one panics while holding the gates");
    let number = gates.last_key_value().map_or(1, |(number, _)| number + 1);
    gates.insert(number, gate);
    Ok(Json(json!({"gate": number})))
}

/// Waits until so many stand at the gate, or a while; says how many do.
pub(crate) async fn waiting(
    State(shared): App,
    Path(number): Path<u64>,
    Query(wait): Query<Wait>,
) -> Answer {
    let gate = gate(&shared, number).ok_or(ControlError::not_found("gate of this number"))?;
    // Running out of time is an answer too: the number says it.
    let _ = tokio::time::timeout(LONG_POLL, gate.reached(wait.waiting)).await;
    Ok(Json(json!({"standing": gate.standing()})))
}

/// Opens a gate for good.
pub(crate) async fn release(State(shared): App, Path(number): Path<u64>) -> Answer {
    let gate = gate(&shared, number).ok_or(ControlError::not_found("gate of this number"))?;
    gate.release();
    shared.controlled_gates.lock().expect("no one panics while holding the gates").remove(&number);
    done()
}

fn gate(shared: &Shared, number: u64) -> Option<Arc<Gate>> {
    let gates = shared.controlled_gates.lock().expect("no one panics while holding the gates");
    gates.get(&number).cloned()
}
