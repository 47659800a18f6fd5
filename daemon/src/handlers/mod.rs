//! The routes of the protocol: one file per family. They read snapshots, ask a profile's task, and name no fetcher.

mod events;
mod login;
mod means;
mod profiles;
mod qr;
mod respond;
mod slots;
mod status;
mod token;

use crate::changes::Changes;
use crate::clock::Clock;
use crate::registry::Registry;
use axum::Router;
use axum::routing::{get, post, put};
use bearerd_proto::Event;
use bearerd_session::time::Boot;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The profiles.
    pub registry: Arc<Registry>,
    /// Who changes them at run time.
    pub changes: Changes,
    /// The time.
    pub clock: Clock,
    /// What happens, for those who watch.
    pub events: broadcast::Sender<Event>,
    /// When the daemon started.
    pub started: Boot,
    /// Turns true when the daemon stops: long answers end then.
    pub stop: watch::Receiver<bool>,
}

/// All routes of this version.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/token", get(token::read))
        .route("/v1/token/reject", post(token::reject))
        .route("/v1/login", post(login::start))
        .route("/v1/login/{id}", get(login::follow).delete(login::cancel))
        .route("/v1/import", post(login::import))
        .route("/v1/logout", post(login::logout))
        .route("/v1/profiles", get(profiles::list))
        .route("/v1/profiles/{name}", put(profiles::put).delete(profiles::remove))
        .route("/v1/status", get(status::status))
        .route("/v1/health", get(status::health))
        .route("/v1/events", get(events::watch))
        .fallback(respond::no_such_route)
        .method_not_allowed_fallback(respond::no_such_route)
        .with_state(Arc::new(shared))
}
