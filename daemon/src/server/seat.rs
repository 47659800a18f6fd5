//! What one connection is doing, in a few atomics that its task, its bodies and the accept loop share.
//!
//! A request costs four relaxed stores and one exchange here; nothing on its way takes a lock or the clock.

use super::connections::Connections;
use super::refusal::Refusal;
use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Waker;

/// The server's view of one connection.
#[derive(Debug)]
pub(crate) struct Seat {
    phase: AtomicU64,
    answered: AtomicBool,
    bodied: AtomicBool,
    unread: AtomicBool,
    broken_body: AtomicU8,
    waker: AtomicWaker,
    connections: Arc<Connections>,
}

/// Where a connection is between two requests. The number tells since when it has been idle: not a time, but a place in
/// the order in which connections became idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing of a request has come yet.
    Idle(u64),
    /// A request's first byte has come, its last header has not.
    Head(u64),
    /// From the end of the headers until the answer has left.
    Busy,
    /// The server closes it; no request starts on it any more.
    Closing,
}

/// The connection was closed to make room before its request could start, so the client hears nothing and tries again.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed to make room")]
pub(crate) struct Closed;

/// What the server wants of a connection's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Serve,
    /// End after the request under way, or at once without one.
    Finish,
    /// End now.
    Close,
}

impl Seat {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        let phase = AtomicU64::new(Phase::Idle(connections.next_place()).encode());
        Self {
            phase,
            answered: AtomicBool::new(false),
            bodied: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            broken_body: AtomicU8::new(WHOLE),
            waker: AtomicWaker::new(),
            connections,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::decode(self.phase.load(Ordering::Relaxed))
    }

    /// Takes the connection's order, and has its task woken when there may be a new one.
    pub(crate) fn watch(&self, waker: &Waker) -> Order {
        self.waker.register(waker);
        if self.phase() == Phase::Closing { Order::Close } else { self.connections.order() }
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Bytes came from the client; true when they begin a request.
    pub(crate) fn bytes_arrived(&self) -> Result<bool, Closed> {
        match self.phase() {
            Phase::Idle(place) => {
                self.bodied.store(false, Ordering::Relaxed);
                self.change(Phase::Idle(place), Phase::Head(place)).map(|()| true)
            }
            Phase::Head(_) | Phase::Busy => Ok(false),
            Phase::Closing => Err(Closed),
        }
    }

    /// A whole head has come. One that was sent along with the request before it comes without a phase of its own.
    pub(crate) fn request_begins(&self) -> Result<(), Closed> {
        match self.phase() {
            Phase::Busy => Ok(()),
            Phase::Closing => Err(Closed),
            before => self.change(before, Phase::Busy),
        }
    }

    /// The request under way has a body.
    pub(crate) fn body_follows(&self) {
        self.bodied.store(true, Ordering::Relaxed);
    }

    /// Whether all bytes since the connection was last idle are those of heads.
    pub(crate) fn has_seen_heads_alone(&self) -> bool {
        !self.bodied.load(Ordering::Relaxed)
    }

    /// The answer has been handed over whole; it may still wait to be sent.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// All that was handed over has been sent.
    pub(crate) fn flushed(&self) {
        if self.answered.load(Ordering::Relaxed) && self.phase() == Phase::Busy {
            self.answered.store(false, Ordering::Relaxed);
            self.rest();
        }
    }

    /// Nothing is under way: the connection may be closed for a better use.
    pub(crate) fn rest(&self) {
        let idle = Phase::Idle(self.connections.next_place());
        self.phase.store(idle.encode(), Ordering::Relaxed);
    }

    /// Closes the connection unless it has left the phase that was seen.
    pub(crate) fn close_if_still(&self, seen: Phase) -> bool {
        let closed = self.change(seen, Phase::Closing).is_ok();
        if closed {
            self.wake();
        }
        closed
    }

    /// The client may still be sending what nobody will read.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// The request's body was cut off, so that its handler's answer is to be replaced by this one.
    pub(crate) fn break_body(&self, refusal: Refusal) {
        let mark = if refusal == Refusal::BodyTooLarge { TOO_LARGE } else { TOO_SLOW };
        self.broken_body.store(mark, Ordering::Relaxed);
    }

    pub(crate) fn take_broken_body(&self) -> Option<Refusal> {
        match self.broken_body.load(Ordering::Relaxed) {
            WHOLE => None,
            mark => {
                self.broken_body.store(WHOLE, Ordering::Relaxed);
                Some(if mark == TOO_LARGE { Refusal::BodyTooLarge } else { Refusal::BodyTooSlow })
            }
        }
    }

    /// Only the accept loop moves a phase from outside, and only to [`Phase::Closing`].
    fn change(&self, from: Phase, to: Phase) -> Result<(), Closed> {
        let (from, to) = (from.encode(), to.encode());
        match self.phase.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(_) => Err(Closed),
        }
    }
}

impl Phase {
    /// The order in which connections are closed for new ones, lowest first: idle ones, then those that dawdle over
    /// their headers (honest clients pass through there in microseconds); `None` where a request is under way.
    pub(crate) fn rank(self) -> Option<(bool, u64)> {
        match self {
            Phase::Idle(place) => Some((false, place)),
            Phase::Head(place) => Some((true, place)),
            Phase::Busy | Phase::Closing => None,
        }
    }

    fn encode(self) -> u64 {
        match self {
            Phase::Idle(place) => place,
            Phase::Head(place) => place | HEAD_BIT,
            Phase::Busy => BUSY,
            Phase::Closing => CLOSING,
        }
    }

    fn decode(word: u64) -> Self {
        match word {
            BUSY => Phase::Busy,
            CLOSING => Phase::Closing,
            word if word & HEAD_BIT != 0 => Phase::Head(word & !HEAD_BIT),
            word => Phase::Idle(word),
        }
    }
}

/// Places start at 1 and never come near the top bit.
const BUSY: u64 = 0;
const CLOSING: u64 = u64::MAX;
const HEAD_BIT: u64 = 1 << 63;

const WHOLE: u8 = 0;
const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_survives_its_encoding() {
        for phase in [Phase::Idle(1), Phase::Idle(77), Phase::Head(1), Phase::Busy, Phase::Closing]
        {
            assert_eq!(Phase::decode(phase.encode()), phase);
        }
    }

    #[test]
    fn idle_goes_before_head_and_the_longest_before_the_shorter() {
        let mut phases =
            [Phase::Head(1), Phase::Idle(9), Phase::Busy, Phase::Idle(3), Phase::Closing];
        phases.sort_by_key(|phase| phase.rank().unwrap_or((true, u64::MAX)));
        assert_eq!(phases[..3], [Phase::Idle(3), Phase::Idle(9), Phase::Head(1)]);
    }

    #[test]
    fn a_request_walks_through_the_phases() {
        let seat = Seat::new(Arc::default());
        let first = seat.phase();
        assert!(seat.bytes_arrived().unwrap());
        assert!(!seat.bytes_arrived().unwrap(), "the same head goes on");
        seat.request_begins().unwrap();
        seat.flushed();
        assert_eq!(seat.phase(), Phase::Busy, "an interim answer does not end the request");
        seat.answered();
        assert_eq!(seat.phase(), Phase::Busy, "the answer has not left yet");
        seat.flushed();
        assert!(seat.phase().rank() > first.rank());
    }

    #[test]
    fn nothing_starts_on_a_connection_that_is_being_closed() {
        let seat = Seat::new(Arc::default());
        let seen = seat.phase();
        assert!(seat.bytes_arrived().unwrap());
        assert!(!seat.close_if_still(seen), "its head came first");
        assert!(seat.close_if_still(seat.phase()));
        assert!(seat.bytes_arrived().is_err());
        assert!(seat.request_begins().is_err());
        assert_eq!(seat.watch(Waker::noop()), Order::Close);
    }
}
