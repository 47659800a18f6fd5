//! `GET /v1/profiles`, `PUT` and `DELETE /v1/profiles/{name}`.

use super::Shared;
use super::respond::{Answered, Form, Refused, json};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use bearerd_proto::{ErrorBody, ErrorCode, ProfileName, ProfileSettings};
use std::sync::Arc;

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Answered {
    Ok(json(&shared.registry.served().config.infos()))
}

pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    Named(name): Named,
    Form(settings): Form<ProfileSettings>,
) -> Answered {
    Ok(json(&shared.changes.put(name, settings).await?))
}

pub(super) async fn remove(State(shared): State<Arc<Shared>>, Named(name): Named) -> Answered {
    Ok(json(&shared.changes.remove(name).await?))
}

/// The profile's name in the path. What is none is not quoted: it may be a token by mistake.
#[derive(Debug)]
pub(super) struct Named(ProfileName);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let name = text.ok().and_then(|Path(text)| text.parse().ok());
        name.map(Self).ok_or_else(|| {
            let message = "what the path names is no profile's name: use a letter or digit, then up to 63 letters, \
                           digits, `.`, `_` or `-`";
            Refused(ErrorBody::new(ErrorCode::BadRequest, message))
        })
    }
}
