//! What the proxy knows: its gates, its log, and whether it takes connections.

use std::collections::HashMap;
use std::net::TcpStream;
use std::time::Instant;

use super::Kind;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The test wants connections refused.
    pub(super) refusing: bool,
    /// The server behind takes connections.
    pub(super) upstream_is_there: bool,
    pub(super) closing: bool,
    /// What the listening socket is at this moment.
    pub(super) listening: bool,
    /// The idle connection whose end tells that the server behind went away.
    pub(super) tripwire: Option<TcpStream>,
    pub(super) gates: HashMap<Kind, Gate>,
    pub(super) log: Vec<Exchange>,
    pub(super) secrets: Vec<String>,
}

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// By path and grant.
    pub kind: Kind,
    /// When all of it had arrived at the proxy.
    pub arrived_at: Instant,
    /// When it was passed on to Keycloak.
    pub passed_on_at: Option<Instant>,
    /// When Keycloak's answer had arrived at the proxy.
    pub carried_out_at: Option<Instant>,
    /// When it came to its end at the client: the answer was written, or the connection reset.
    pub ended_at: Option<Instant>,
    /// Status of Keycloak's answer.
    pub status: Option<u16>,
    /// OAuth's `error` in Keycloak's answer.
    pub error: Option<String>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands at a gate, or Keycloak is at it.
    UnderWay,
    /// The client was sent Keycloak's answer.
    Delivered,
    /// Keycloak answered, the client's connection was reset.
    Lost,
    /// The client's connection was reset before anything was passed on.
    Cut,
    /// It was passed on, and Keycloak went away without an answer.
    Unanswered,
}

/// The two gates of a kind, and what is to happen to the next ones.
#[derive(Debug, Default)]
pub(super) struct Gate {
    pub(super) before: Barrier,
    pub(super) after: Barrier,
    pub(super) cut: usize,
    pub(super) lose: usize,
    pub(super) repeat: usize,
}

#[derive(Debug, Default)]
pub(super) struct Barrier {
    closed: bool,
    pub(super) standing: usize,
    passes: usize,
    turned_away: usize,
}

/// How a request leaves a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Through,
    Away,
}

impl State {
    pub(super) fn gate(&mut self, kind: Kind) -> &mut Gate {
        self.gates.entry(kind).or_default()
    }

    /// Whether connections are taken, as far as the test and the server behind are concerned.
    pub(super) fn should_listen(&self) -> bool {
        self.upstream_is_there && !self.refusing && !self.closing
    }

    pub(super) fn is_open(&self) -> bool {
        self.listening
    }

    pub(super) fn carried_out(&self, kind: Kind) -> usize {
        self.log.iter().filter(|e| e.kind == kind && e.carried_out_at.is_some()).count()
    }

    pub(super) fn finished(&self, kind: Kind) -> usize {
        self.log.iter().filter(|e| e.kind == kind && e.fate != Fate::UnderWay).count()
    }
}

impl Gate {
    pub(super) fn turn_away_all(&mut self) {
        self.before.turn_away();
        self.after.turn_away();
    }
}

impl Barrier {
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.passes = 0;
    }

    pub(super) fn open(&mut self) {
        self.closed = false;
    }

    pub(super) fn pass(&mut self, n: usize) {
        self.passes += n;
    }

    pub(super) fn turn_away(&mut self) {
        self.turned_away = self.standing;
    }

    /// The way out for one of those who stand here, if there is one now.
    pub(super) fn way_out(&mut self) -> Option<Way> {
        let way = if self.turned_away > 0 {
            self.turned_away -= 1;
            Way::Away
        } else if !self.closed {
            Way::Through
        } else if self.passes > 0 {
            self.passes -= 1;
            Way::Through
        } else {
            return None;
        };
        self.standing -= 1;
        Some(way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_standing(n: usize) -> Barrier {
        Barrier { standing: n, ..Barrier::default() }
    }

    #[test]
    fn an_open_barrier_lets_everyone_through() {
        assert_eq!(with_standing(1).way_out(), Some(Way::Through));
    }

    #[test]
    fn a_closed_barrier_lets_as_many_through_as_told() {
        let mut barrier = with_standing(3);
        barrier.close();
        assert_eq!(barrier.way_out(), None);
        barrier.pass(1);
        assert_eq!((barrier.way_out(), barrier.way_out()), (Some(Way::Through), None));
        assert_eq!(barrier.standing, 2);
    }

    #[test]
    fn who_stands_is_turned_away_and_who_comes_later_is_not() {
        let mut barrier = with_standing(1);
        barrier.close();
        barrier.turn_away();
        barrier.standing += 1;
        assert_eq!((barrier.way_out(), barrier.way_out()), (Some(Way::Away), None));
    }
}
