//! The way of one request: in, past the first gate, to Keycloak, past the second gate, out.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use serde_json::Value;

use super::state::{Exchange, Fate, State, Way};
use super::{Kind, listen, reset};
use crate::plain_http::{Reply, Request};

/// A client that sends nothing for so long has gone.
const CLIENT_PATIENCE: Duration = Duration::from_secs(60);
/// Keycloak answers in milliseconds; a test that waits longer has found a fault.
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(120);
/// The members of an answer that are secrets (RFC 6749 §5.1, RFC 8628 §3.2).
const SECRETS: [&str; 4] = ["access_token", "refresh_token", "id_token", "device_code"];

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) upstream: SocketAddr,
    listener: TcpListener,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// `listener` listens already; the first look at the server behind decides whether it goes on.
    pub(super) fn new(upstream: SocketAddr, listener: TcpListener) -> io::Result<Self> {
        let upstream_is_there = TcpStream::connect(upstream).is_ok();
        let state = State { upstream_is_there, listening: true, ..State::default() };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let shared = Self { upstream, listener, state, changed };
        shared.change(|_| ());
        Ok(shared)
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state, makes the socket follow, and wakes all who wait for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        if state.should_listen() != state.listening {
            let done = if state.should_listen() {
                listen(&self.listener)
            } else {
                // A socket that is shut keeps its port and refuses connections.
                rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Read)
                    .map_err(io::Error::from)
            };
            if done.is_ok() {
                state.listening = !state.listening;
            }
        }
        self.changed.notify_all();
        result
    }

    #[track_caller]
    pub(super) fn wait(
        &self,
        what: &str,
        patience: Duration,
        mut is_so: impl FnMut(&mut State) -> bool,
    ) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while !is_so(&mut state) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {patience:?} for {what}; log: {:#?}", state.log);
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks while the socket is shut; false where the proxy closes.
    fn wait_listening(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.closing || state.listening {
                return !state.closing;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes the arrival down, and says whether this one is to be cut.
    fn arrive(&self, kind: Kind) -> (usize, bool) {
        self.change(|state| {
            state.log.push(Exchange {
                kind,
                arrived_at: Instant::now(),
                passed_on_at: None,
                carried_out_at: None,
                ended_at: None,
                status: None,
                error: None,
                fate: Fate::UnderWay,
            });
            let gate = state.gate(kind);
            let cut = gate.cut > 0;
            gate.cut -= usize::from(cut);
            (state.log.len() - 1, cut)
        })
    }

    fn stand(&self, kind: Kind, side: Side) -> Way {
        let mut state = self.lock();
        side.of(&mut state, kind).standing += 1;
        self.changed.notify_all();
        loop {
            if state.closing {
                return Way::Away;
            }
            if let Some(way) = side.of(&mut state, kind).way_out() {
                self.changed.notify_all();
                return way;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn note(&self, id: usize, note: impl FnOnce(&mut Exchange)) {
        self.change(|state| state.log.get_mut(id).map(note));
    }

    fn repeats(&self, kind: Kind) -> bool {
        self.change(|state| {
            let gate = state.gate(kind);
            let repeat = gate.repeat > 0;
            gate.repeat -= usize::from(repeat);
            repeat
        })
    }

    fn loses(&self, kind: Kind) -> bool {
        self.change(|state| {
            let gate = state.gate(kind);
            let lose = gate.lose > 0;
            gate.lose -= usize::from(lose);
            lose
        })
    }
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

impl Side {
    fn of(self, state: &mut State, kind: Kind) -> &mut super::state::Barrier {
        match self {
            Self::Before => &mut state.gate(kind).before,
            Self::After => &mut state.gate(kind).after,
        }
    }
}

/// Takes connections until the proxy closes, each on a thread of its own.
pub(super) fn accept(shared: &Arc<Shared>) {
    while shared.wait_listening() {
        // It fails when the socket is shut, and then the next round waits.
        if let Ok((client, _)) = shared.listener.accept() {
            let shared = Arc::clone(shared);
            thread::spawn(move || serve(&shared, client));
        }
    }
}

fn serve(shared: &Shared, mut client: TcpStream) {
    let prepared = client
        .set_nodelay(true)
        .and_then(|()| client.set_read_timeout(Some(CLIENT_PATIENCE)))
        .and_then(|()| Request::read(&mut client));
    let Ok(Some(request)) = prepared else { return };
    let kind = Kind::of(&request);
    let (id, cut) = shared.arrive(kind);
    let fate = if cut { Fate::Cut } else { carry(shared, id, kind, &request, &mut client) };
    if fate == Fate::Delivered {
        // The client reads to the end before the connection goes.
        let _ = client.shutdown(Shutdown::Write);
    } else {
        reset(client);
    }
    shared.note(id, |exchange| {
        exchange.fate = fate;
        exchange.ended_at = Some(Instant::now());
    });
}

fn carry(
    shared: &Shared,
    id: usize,
    kind: Kind,
    request: &Request,
    client: &mut TcpStream,
) -> Fate {
    if shared.stand(kind, Side::Before) == Way::Away {
        return Fate::Cut;
    }
    let Ok(mut upstream) = TcpStream::connect(shared.upstream) else { return Fate::Cut };
    shared.note(id, |exchange| exchange.passed_on_at = Some(Instant::now()));
    let Ok(mut reply) = ask(&mut upstream, request) else { return Fate::Unanswered };
    if shared.repeats(kind) {
        let again = TcpStream::connect(shared.upstream);
        let Ok(second) = again.and_then(|mut upstream| ask(&mut upstream, request)) else {
            return Fate::Unanswered;
        };
        reply = second;
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let member = |name: &str| body[name].as_str().map(str::to_owned);
    shared.change(|state| state.secrets.extend(SECRETS.into_iter().filter_map(member)));
    shared.note(id, |exchange| {
        exchange.carried_out_at = Some(Instant::now());
        exchange.status = Some(reply.status);
        exchange.error = member("error");
    });
    if shared.stand(kind, Side::After) == Way::Away || shared.loses(kind) {
        return Fate::Lost;
    }
    match reply.write(client) {
        Ok(()) => Fate::Delivered,
        // The client has gone.
        Err(_) => Fate::Lost,
    }
}

fn ask(upstream: &mut TcpStream, request: &Request) -> io::Result<Reply> {
    upstream.set_nodelay(true)?;
    upstream.set_read_timeout(Some(UPSTREAM_PATIENCE))?;
    request.exchange(upstream)
}
