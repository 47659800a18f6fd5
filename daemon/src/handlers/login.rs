//! `POST /v1/login`, `GET`/`DELETE /v1/login/{id}`, `POST /v1/import`, `POST /v1/logout`.

use super::respond::{Answered, Form, Params, Refused, json};
use super::{Shared, means, qr};
use crate::registry::Entry;
use crate::task::{Ask, profile_of_login};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use bearerd_proto::{
    ErrorBody, ErrorCode, ImportRequest, LoggedOut, LoginCancelled, LoginRequest, LogoutAnswer,
    LogoutRequest,
};
use bearerd_session::{Answer, Means};
use futures_util::future::join_all;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn start(
    State(shared): State<Arc<Shared>>,
    Form(request): Form<LoginRequest>,
) -> Answered {
    let entry = shared.registry.entry(request.profile.as_ref())?;
    let profile = entry.profile.load_full();
    let means = means::of_login(&request, &profile)?;
    let lifetime = means::lifetime(&request, &profile)?;
    begin(&entry, request.replace, means, lifetime).await
}

pub(super) async fn import(
    State(shared): State<Arc<Shared>>,
    Form(request): Form<ImportRequest>,
) -> Answered {
    let entry = shared.registry.entry(request.profile.as_ref())?;
    let replace = request.replace;
    let means = means::of_import(request, &entry.profile.load_full())?;
    begin(&entry, replace, means, None).await
}

async fn begin(entry: &Entry, replace: bool, means: Means, lifetime: Option<Duration>) -> Answered {
    let answer = entry.ask(Ask::Login { replace, means, lifetime }).await?.answer;
    if let Answer::Refused(refusal) = &answer {
        let (profile, code) = (entry.name(), refusal.code.as_str());
        tracing::warn!(%profile, code, "a login did not start: {}", refusal.message);
    }
    answered(answer)
}

/// The query of `GET /v1/login/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct Wait {
    /// Seconds.
    #[serde(default)]
    wait: u64,
}

pub(super) async fn follow(
    State(shared): State<Arc<Shared>>,
    LoginId(login_id): LoginId,
    Params(query): Params<Wait>,
) -> Answered {
    let entry = entry_of(&shared, &login_id)?;
    let wait = Duration::from_secs(query.wait);
    answered(entry.ask(Ask::FollowLogin { login_id, wait }).await?.answer)
}

pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    LoginId(login_id): LoginId,
) -> Answered {
    let entry = entry_of(&shared, &login_id)?;
    answered(entry.ask(Ask::CancelLogin { login_id }).await?.answer)
}

pub(super) async fn logout(
    State(shared): State<Arc<Shared>>,
    Form(request): Form<LogoutRequest>,
) -> Answered {
    let revoke = request.revoke.unwrap_or(true);
    let entries = match &request.profile {
        Some(name) => vec![shared.registry.entry(Some(name))?],
        None => shared.registry.everyone()?,
    };
    let all = join_all(entries.iter().map(|entry| log_out(entry, revoke))).await;
    let profiles = all.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(json(&LogoutAnswer { profiles }))
}

async fn log_out(entry: &Entry, revoke: bool) -> Result<LoggedOut, Refused> {
    match entry.ask(Ask::Logout { revoke }).await?.answer {
        Answer::LoggedOut { revocation, message } => {
            Ok(LoggedOut { profile: entry.name().clone(), revocation, message })
        }
        Answer::Refused(body) => Err(Refused(body)),
        _ => Err(other_kind()),
    }
}

fn answered(answer: Answer) -> Answered {
    match answer {
        Answer::Login(login) => Ok(json(&qr::with_code(login))),
        Answer::Cancelled => Ok(json(&LoginCancelled {})),
        Answer::Refused(body) => Err(Refused(body)),
        _ => Err(other_kind()),
    }
}

fn other_kind() -> Refused {
    Refused(ErrorBody::new(
        ErrorCode::Internal,
        "the session gave an answer of another kind: report this",
    ))
}

fn entry_of(shared: &Shared, login_id: &str) -> Result<Arc<Entry>, Refused> {
    profile_of_login(login_id)
        .and_then(|name| shared.registry.entry(Some(&name)).ok())
        .ok_or_else(no_such_login)
}

/// The id in the path. One that is no text is no login's.
#[derive(Debug)]
pub(super) struct LoginId(String);

impl<S: Send + Sync> FromRequestParts<S> for LoginId {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(login_id)) => Ok(Self(login_id)),
            Err(_not_text) => Err(no_such_login()),
        }
    }
}

fn no_such_login() -> Refused {
    let message = "there is no login of that id; start one with `POST /v1/login`";
    Refused(ErrorBody::new(ErrorCode::NotFound, message))
}
