//! `GET /v1/status` and `GET /v1/health`: how the daemon and its profiles are, never a token.

use super::Shared;
use super::respond::{Answered, json};
use crate::registry::Entry;
use axum::extract::State;
use bearerd_proto::{Health, HealthStatus, ProfileState, ProfileStatus, Status};
use bearerd_session::time::{Boot, Now};
use std::sync::Arc;

pub(super) async fn status(State(shared): State<Arc<Shared>>) -> Answered {
    let now = shared.clock.now();
    let served = shared.registry.served();
    Ok(json(&Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime: now.boot.since(shared.started).as_secs(),
        config_error: served.error.clone(),
        profiles: served.entries.values().map(|entry| of(entry, now)).collect(),
    }))
}

pub(super) async fn health(State(shared): State<Arc<Shared>>) -> Answered {
    let served = shared.registry.served();
    let all_ready = served.entries.values().all(|entry| {
        let snapshot = entry.snapshot.load();
        snapshot.as_ref().is_some_and(|snapshot| snapshot.report.state == ProfileState::Ready)
    });
    let ok = all_ready && served.error.is_none();
    Ok(json(&Health { status: if ok { HealthStatus::Ok } else { HealthStatus::Degraded } }))
}

fn of(entry: &Entry, now: Now) -> ProfileStatus {
    let profile = entry.profile.load();
    let mut status = ProfileStatus {
        profile: entry.name().clone(),
        auth_type: profile.auth_type().as_str().to_owned(),
        state: ProfileState::Degraded,
        user_id: None,
        user_email: None,
        expires_at: None,
        expires_in: None,
        refresh_at: None,
        refresh_in: None,
        saved: true,
        last_error: None,
        login: None,
        fetches: 0,
        clock_skew: None,
        allow_http: profile.allow_http(),
    };
    // Without a snapshot the saved session is still being read.
    let Some(snapshot) = entry.snapshot.load_full() else { return status };
    let report = &snapshot.report;
    let expires = report.expires.filter(|expires| now.boot < *expires);
    let wall = |at: Boot| now.wall_at(at).as_secs();
    status.state = report.state;
    status.user_id.clone_from(&report.user_id);
    status.user_email.clone_from(&report.user_email);
    status.expires_at = expires.map(wall);
    status.expires_in = expires.map(|expires| expires.since(now.boot).as_secs());
    status.refresh_at = report.refresh.map(wall);
    status.refresh_in = report.refresh.map(|refresh| refresh.since(now.boot).as_secs());
    status.saved = report.saved;
    status.last_error.clone_from(&report.last_error);
    status.login.clone_from(&report.login);
    status.fetches = report.fetches;
    status.clock_skew = report.clock_skew;
    status
}
