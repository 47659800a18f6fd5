//! The bodies of requests, held to their limits, and of answers, whose end is noted.

use super::deadline::Deadline;
use super::limits::Limits;
use super::refusal::Refusal;
use super::seat::Seat;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use thiserror::Error;

/// A request's body, as its handler gets it: an error instead of a byte too many, or one too late.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Incoming,
    remaining: u64,
    deadline: Deadline,
    limits: Arc<Limits>,
    seat: Arc<Seat>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, limits: &Arc<Limits>, seat: &Arc<Seat>) -> Self {
        Self {
            incoming,
            remaining: limits.body_bytes,
            deadline: Deadline::default(),
            limits: Arc::clone(limits),
            seat: Arc::clone(seat),
        }
    }

    fn cut(&self, refusal: Refusal) -> BodyError {
        self.seat.break_body(refusal);
        BodyError::Cut
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                match this.remaining.checked_sub(u64::try_from(length).unwrap_or(u64::MAX)) {
                    Some(remaining) => {
                        this.remaining = remaining;
                        Poll::Ready(Some(Ok(frame)))
                    }
                    None => Poll::Ready(Some(Err(this.cut(Refusal::BodyTooLarge)))),
                }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if this.deadline.passed(this.limits.body_time, context) => {
                Poll::Ready(Some(Err(this.cut(Refusal::BodyTooSlow))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.seat.leave_unread();
        }
    }
}

/// Why a handler could not read a request's body to its end.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// The server answers in the handler's place.
    #[error("the request's body was cut off at a limit of the server")]
    Cut,
    /// The client went away, or broke HTTP's framing.
    #[error("the request's body ended early")]
    Broken(#[source] hyper::Error),
}

/// An answer's body that tells its connection when it has been handed over whole.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Body,
    seat: Arc<Seat>,
}

impl AnswerBody {
    pub(crate) fn new(body: Body, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.seat.answered();
    }
}
