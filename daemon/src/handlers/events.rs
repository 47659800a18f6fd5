//! `GET /v1/events`: what happens to the profiles, as server-sent events, until the caller or the daemon goes.

use super::Shared;
use axum::extract::State;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

pub(super) async fn watch(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let receiver = shared.events.subscribe();
    let stop = shared.stop.clone();
    let messages = stream::unfold((receiver, stop), |(mut receiver, mut stop)| async move {
        loop {
            let event = tokio::select! {
                event = receiver.recv() => event,
                _ = stop.wait_for(|stop| *stop) => return None,
            };
            match event {
                Ok(event) => {
                    // The event holds strings and numbers: writing it cannot fail.
                    let data = serde_json::to_string(&event).unwrap_or_default();
                    let message = Message::default().event(event.kind.as_str()).data(data);
                    return Some((Ok(message), (receiver, stop)));
                }
                // A reader that is too slow loses the oldest ones.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(messages).keep_alive(KeepAlive::default())
}
