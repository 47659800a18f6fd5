//! One connection, from its first byte to its last: each request is screened, given to the router and answered.

use super::body::{AnswerBody, RequestBody};
use super::browser::sent_by_browser;
use super::connections::Admitted;
use super::limits::Limits;
use super::refusal::Refusal;
use super::seat::{Closed, Order, Seat};
use super::stream::ClientStream;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::net::UnixStream;
use tower_service::Service;

/// Serves a connection until the client or the server ends it.
pub(crate) async fn drive(
    stream: UnixStream,
    admitted: Admitted,
    router: Router,
    limits: Arc<Limits>,
) {
    let seat = Arc::clone(admitted.seat());
    let io = TokioIo::new(ClientStream::new(stream, Arc::clone(&seat), Arc::clone(&limits)));
    let service = service_fn(|request| {
        answer(request, router.clone(), Arc::clone(&seat), Arc::clone(&limits))
    });
    let mut connection = pin!(http_layer(&limits).serve_connection(io, service));
    let mut finishing = false;
    let outcome = poll_fn(|context| {
        match seat.watch(context.waker()) {
            Order::Close => return Poll::Ready(Ok(())),
            Order::Finish if !finishing => {
                finishing = true;
                connection.as_mut().graceful_shutdown();
            }
            Order::Finish | Order::Serve => {}
        }
        connection.as_mut().poll(context)
    })
    .await;
    if let Err(error) = &outcome {
        let error: &dyn std::error::Error = error;
        tracing::debug!(error, "a connection ended early");
    }
}

/// Answers one request; an error closes the connection without a byte.
async fn answer(
    request: Request<Incoming>,
    router: Router,
    seat: Arc<Seat>,
    limits: Arc<Limits>,
) -> Result<Response<AnswerBody>, Closed> {
    seat.request_begins()?;
    if !request.body().is_end_stream() {
        seat.body_follows();
    }
    let response = match screen(&request, &limits) {
        Some(refusal) => {
            if !request.body().is_end_stream() {
                seat.leave_unread();
            }
            refusal.response()
        }
        None => route(request, router, &seat, &limits).await,
    };
    Ok(response.map(|body| AnswerBody::new(body, seat)))
}

/// What can be refused by the head alone, before any route is looked for.
fn screen(request: &Request<Incoming>, limits: &Limits) -> Option<Refusal> {
    if sent_by_browser(request.headers()) {
        Some(Refusal::Browser)
    } else if request.body().size_hint().lower() > limits.body_bytes {
        Some(Refusal::BodyTooLarge)
    } else {
        None
    }
}

async fn route(
    request: Request<Incoming>,
    mut router: Router,
    seat: &Arc<Seat>,
    limits: &Arc<Limits>,
) -> Response<Body> {
    let request = request.map(|incoming| {
        if incoming.is_end_stream() {
            Body::empty()
        } else {
            Body::new(RequestBody::new(incoming, limits, seat))
        }
    });
    let Ok(response) = router.call(request).await;
    match seat.take_broken_body() {
        Some(refusal) => refusal.response(),
        None => response,
    }
}

fn http_layer(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // The stream keeps that deadline, from the first byte on.
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(LEAST_BUFFER));
    builder
}

/// Bytes; the HTTP layer takes no smaller buffer.
const LEAST_BUFFER: usize = 8192;
