//! The connections that are open: how many, which of them is idle the longest, and when the last one is gone.

use super::seat::{Order, Phase, Seat};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// All connections of a server.
///
/// The lock is taken when a connection opens or closes, never by a request.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    seats: Mutex<HashMap<u64, Arc<Seat>>>,
    place: AtomicU64,
    open: AtomicUsize,
    closed: Notify,
    finishing: AtomicBool,
    cutting: AtomicBool,
    pub(crate) overloaded: AtomicU64,
    pub(crate) forbidden: AtomicU64,
    made_room: AtomicU64,
}

/// What a server has seen since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections open now.
    pub open: usize,
    /// Grows with each connection and with each answer; while it stands still nobody has asked for anything.
    pub activity: u64,
    /// Idle connections that were closed for new ones.
    pub made_room: u64,
    /// Connections turned away because no open one was idle.
    pub overloaded: u64,
    /// Connections of other users.
    pub forbidden: u64,
}

impl Connections {
    /// Takes a new connection in, closing the longest idle one if there are `limit` already; `None` if none is idle.
    pub(crate) fn admit(self: &Arc<Self>, limit: usize) -> Option<Admitted> {
        let mut seats = self.seats();
        if seats.len() >= limit && !self.close_longest_idle_of(&mut seats) {
            return None;
        }
        let key = self.next_place();
        let seat = Arc::new(Seat::new(Arc::clone(self)));
        seats.insert(key, Arc::clone(&seat));
        self.open.fetch_add(1, Ordering::Relaxed);
        Some(Admitted { connections: Arc::clone(self), key, seat })
    }

    /// Closes the longest idle connection; false if there is none.
    pub(crate) fn close_longest_idle(&self) -> bool {
        self.close_longest_idle_of(&mut self.seats())
    }

    /// Has every connection end after the request under way. Connections admitted from now on end at once.
    pub(crate) fn finish(&self) {
        self.finishing.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Has every connection end now.
    pub(crate) fn cut(&self) {
        self.cutting.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Waits until no connection is open. Cancel safe.
    pub(crate) async fn all_closed(&self) {
        loop {
            let closed = self.one_closed();
            let mut closed = std::pin::pin!(closed);
            closed.as_mut().enable();
            if self.open.load(Ordering::Acquire) == 0 {
                return;
            }
            closed.await;
        }
    }

    /// Resolves when a connection closes after this call.
    pub(crate) fn one_closed(&self) -> tokio::sync::futures::Notified<'_> {
        self.closed.notified()
    }

    pub(crate) fn order(&self) -> Order {
        if !self.finishing.load(Ordering::Acquire) {
            Order::Serve
        } else if self.cutting.load(Ordering::Acquire) {
            Order::Close
        } else {
            Order::Finish
        }
    }

    /// The next place in the order of all that happens to connections, from 1.
    pub(crate) fn next_place(&self) -> u64 {
        self.place.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn has_busy_one(&self) -> bool {
        self.seats().values().any(|seat| seat.phase() == Phase::Busy)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            open: self.open.load(Ordering::Relaxed),
            activity: self.place.load(Ordering::Relaxed),
            made_room: self.made_room.load(Ordering::Relaxed),
            overloaded: self.overloaded.load(Ordering::Relaxed),
            forbidden: self.forbidden.load(Ordering::Relaxed),
        }
    }

    /// Removes what it closes from `seats` at once: its descriptor goes when its task next runs, its place goes now.
    fn close_longest_idle_of(&self, seats: &mut HashMap<u64, Arc<Seat>>) -> bool {
        // A connection may leave the phase in which it was seen; then the next best is looked for.
        loop {
            let idle = seats
                .iter()
                .filter_map(|(key, seat)| {
                    let phase = seat.phase();
                    phase.rank().map(|rank| (rank, *key, phase))
                })
                .min_by_key(|(rank, ..)| *rank);
            let Some((_, key, phase)) = idle else { return false };
            if seats.get(&key).is_some_and(|seat| seat.close_if_still(phase)) {
                seats.remove(&key);
                self.made_room.fetch_add(1, Ordering::Relaxed);
                return true;
            }
        }
    }

    fn wake_all(&self) {
        for seat in self.seats().values() {
            seat.wake();
        }
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place among the open ones, given back when dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    connections: Arc<Connections>,
    key: u64,
    seat: Arc<Seat>,
}

impl Admitted {
    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.seats().remove(&self.key);
        self.connections.open.fetch_sub(1, Ordering::Release);
        self.connections.closed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_limit_the_longest_idle_one_makes_room() {
        let connections = Arc::new(Connections::default());
        let first = connections.admit(3).unwrap();
        let second = connections.admit(3).unwrap();
        let third = connections.admit(3).unwrap();
        // The first answers a request, so it has now been idle for the shortest time; the second is in a request.
        first.seat().request_begins().unwrap();
        first.seat().answered();
        first.seat().flushed();
        second.seat().request_begins().unwrap();

        let fourth = connections.admit(3).unwrap();
        assert_eq!(third.seat().phase(), Phase::Closing);
        drop(third);
        assert!(!matches!(first.seat().phase(), Phase::Closing));
        fourth.seat().request_begins().unwrap();
        let fifth = connections.admit(3).unwrap();
        assert_eq!(first.seat().phase(), Phase::Closing);
        fifth.seat().request_begins().unwrap();
        assert!(connections.admit(3).is_none(), "all are in a request");
        drop(fourth);
        assert!(connections.admit(3).is_some());
        assert_eq!(connections.counts().made_room, 2);
    }

    #[test]
    fn one_that_dawdles_over_its_headers_goes_before_a_new_one_is_turned_away() {
        let connections = Arc::new(Connections::default());
        let slow = connections.admit(1).unwrap();
        slow.seat().bytes_arrived().unwrap();
        let _new = connections.admit(1).unwrap();
        assert_eq!(slow.seat().phase(), Phase::Closing);
    }
}
