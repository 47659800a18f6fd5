//! `GET /v1/profiles`.

use super::Shared;
use super::respond::{Answered, json};
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Answered {
    Ok(json(&shared.registry.served().config.infos()))
}
