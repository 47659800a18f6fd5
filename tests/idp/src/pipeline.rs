//! The way of one request: noted, meets its fault, stands at gates, is carried out, is answered.

use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::answer::Reply;
use crate::calls::{CallKind, CallNumber, Outcome};
use crate::faults::Fault;
use crate::gate::When;
use crate::incoming::Incoming;
use crate::provider::{Provider, Request};
use crate::shared::Shared;
use crate::wire::{self, Ending};

/// What an endpoint does to the provider.
pub(crate) type CarryOut = fn(&mut Provider, &Request<'_>) -> Reply;

/// Takes one request from its arrival to its end.
///
/// It goes its way in a task of its own: a caller that hangs up stops nothing, as with a real provider.
pub(crate) async fn run(
    shared: Arc<Shared>,
    kind: CallKind,
    incoming: Incoming,
    carry_out: CarryOut,
) -> Response {
    let connection = Arc::clone(&incoming.connection);
    let refresh_token = incoming.parameter("refresh_token");
    let mark = refresh_token.and_then(|token| shared.provider().mark(token));
    let number = shared.calls.begin(kind, &incoming, mark);
    let way = tokio::spawn(way(shared, kind, incoming, number, carry_out));
    match way.await {
        Ok(Ending::Answer(response)) => response,
        Ok(Ending::Cut(how)) => {
            connection.cut(how);
            std::future::pending().await
        }
        Ok(Ending::Never) => std::future::pending().await,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

async fn way(
    shared: Arc<Shared>,
    kind: CallKind,
    incoming: Incoming,
    number: CallNumber,
    carry_out: CarryOut,
) -> Ending {
    if shared.silent.load(Ordering::SeqCst) {
        shared.calls.end(number, Outcome::NeverAnswered);
        return Ending::Never;
    }
    let (fault, carried_out) = match shared.faults.take(kind) {
        Fault::CarriedOut(fault) => (*fault, true),
        fault => {
            let lets_through = fault.lets_through();
            (fault, lets_through)
        }
    };
    if let Fault::Delay { before, .. } = &fault {
        tokio::time::sleep(*before).await;
    }
    shared.gates.pass(kind, When::Before).await;
    let reply = carried_out.then(|| carry(&shared, &incoming, number, &fault, carry_out));
    shared.gates.pass(kind, When::After).await;
    if let Fault::Delay { after, .. } = &fault {
        tokio::time::sleep(*after).await;
    }
    let (mut ending, outcome) = wire::ending(fault, reply, &incoming.connection);
    if let Ending::Answer(response) = &mut ending {
        let provider = shared.provider();
        if provider.settings.date_header {
            wire::set_date(response, provider.now().unix);
        }
    }
    shared.calls.end(number, outcome);
    ending
}

fn carry(
    shared: &Shared,
    incoming: &Incoming,
    number: CallNumber,
    fault: &Fault,
    carry_out: CarryOut,
) -> Reply {
    let mut provider = shared.provider();
    if provider.has_left(incoming) {
        return Reply::empty(StatusCode::NOT_FOUND);
    }
    let same_token_again = *fault == Fault::SameTokenAgain;
    let request = Request { incoming, now: provider.now(), same_token_again };
    let reply = carry_out(&mut provider, &request);
    shared.calls.update(number, |call| {
        call.carried_out = true;
        if reply.session.is_some() {
            call.session.clone_from(&reply.session);
            call.refresh_index = reply.refresh_index;
        }
    });
    reply
}
