//! `GET /v1/token` and `POST /v1/token/reject`. A valid token in the snapshot is the whole way of a read.

use super::Shared;
use super::respond::{Answered, Form, Params, Refused, bytes};
use super::slots::slot_of;
use crate::registry::Entry;
use crate::task::{Ask, Reply};
use axum::extract::State;
use bearerd_proto::{ErrorBody, ErrorCode, PATIENCE_SECONDS, RejectRequest, TokenQuery};
use bearerd_session::time::Boot;
use bearerd_session::{Answer, SlotKey};
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn read(
    State(shared): State<Arc<Shared>>,
    Params(query): Params<TokenQuery>,
) -> Answered {
    let entry = match &query.issuer {
        Some(issuer) => shared.registry.entry_of_issuer(issuer, query.profile.as_ref())?,
        None => shared.registry.entry(query.profile.as_ref())?,
    };
    let slot = slot_of(&query, &entry)?;
    let min_ttl = query.min_ttl.map(Duration::from_secs);
    let now = shared.clock.boot();
    entry.note_read(now);
    if let Some(snapshot) = &*entry.snapshot.load()
        && let Some(body) = snapshot.answer(&slot, now, min_ttl, false)
    {
        snapshot.note_read(&slot, now);
        if snapshot.is_asleep(&slot) {
            entry.wake();
        }
        return Ok(bytes(body));
    }
    let ask = || Ask::Read { slot: slot.clone(), min_ttl, strict: query.strict };
    let reply = entry.ask(ask()).await?;
    token(&shared, &entry, now, reply, ask()).await
}

pub(super) async fn reject(
    State(shared): State<Arc<Shared>>,
    Form(request): Form<RejectRequest>,
) -> Answered {
    let entry = shared.registry.entry(request.profile.as_ref())?;
    let asked = shared.clock.boot();
    let reply = entry.ask(Ask::Reject { token: request.token }).await?;
    let slot = match &reply.answer {
        Answer::Token { slot, .. } => slot.clone(),
        _ => SlotKey::default(),
    };
    let again = Ask::Read { slot, min_ttl: None, strict: false };
    token(&shared, &entry, asked, reply, again).await
}

/// The token that the task's answer speaks of. If it expired on the way here, the task is asked once more, for `again`,
/// within the patience of a caller who came at `asked`.
async fn token(shared: &Shared, entry: &Entry, asked: Boot, reply: Reply, again: Ask) -> Answered {
    if let Some(body) = rendered(shared, reply)? {
        return Ok(bytes(body));
    }
    let patience_ends = asked + Duration::from_secs(PATIENCE_SECONDS);
    tokio::select! {
        biased;
        newer = entry.ask(again) => {
            rendered(shared, newer?)?.map(bytes).ok_or_else(|| expired_on_the_way(entry))
        }
        () = shared.clock.sleep_until(patience_ends) => Err(too_late(entry)),
    }
}

fn rendered(shared: &Shared, reply: Reply) -> Result<Option<Vec<u8>>, Refused> {
    match reply.answer {
        Answer::Token { slot, degraded } => {
            let now = shared.clock.boot();
            Ok(reply.snapshot.and_then(|snapshot| snapshot.answer(&slot, now, None, degraded)))
        }
        Answer::Refused(body) => Err(Refused(body)),
        _ => Err(Refused(ErrorBody::new(
            ErrorCode::Internal,
            "the session gave an answer of another kind: report this",
        ))),
    }
}

fn expired_on_the_way(entry: &Entry) -> Refused {
    let message = format!(
        "the tokens of profile `{}` expire before they can be handed out: lengthen their lifetime at the identity \
         provider",
        entry.name()
    );
    let body = ErrorBody::new(ErrorCode::IdpRejected, message).of(entry.name());
    Refused(ErrorBody { retry_after: Some(1), ..body })
}

fn too_late(entry: &Entry) -> Refused {
    let message = format!(
        "the token of profile `{}` expired before it could be handed out, and no newer one came in time: ask again",
        entry.name()
    );
    let body = ErrorBody::new(ErrorCode::IdpUnreachable, message).of(entry.name());
    Refused(ErrorBody { retry_after: Some(1), ..body })
}
