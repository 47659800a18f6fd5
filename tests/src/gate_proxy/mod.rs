//! A proxy of our own before Keycloak: it counts what comes through, and holds, cuts or loses it on demand.
//!
//! A profile names the proxy's address as `keycloak_addr`; the `Host` header is passed on, so that
//! Keycloak gives the proxy's address as issuer and in its links. While the server behind is down,
//! the proxy's port refuses connections as the server's own would.
//!
//! What is set for a [`Kind`] holds for requests of that kind that arrive or stand there from then on.

mod carry;
mod kind;
mod listener;
mod state;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

pub use kind::Kind;
pub use state::{Exchange, Fate};

use carry::Shared;
use state::Gate;

/// How long a test waits at most for what it expects of the proxy.
const PATIENCE: Duration = Duration::from_secs(90);

/// The proxy; dropped, it resets what still stands at its gates.
#[derive(Debug)]
pub struct GateProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl GateProxy {
    /// Listens on a free port of 127.0.0.1, with all gates open.
    ///
    /// # Errors
    /// Where there is no port to listen on.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = listener::on_a_port_that_stays()?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(upstream, listener)?);
        let (accepting, watching) = (Arc::clone(&shared), Arc::clone(&shared));
        thread::spawn(move || carry::accept(&accepting));
        thread::spawn(move || listener::watch_upstream(&watching));
        let proxy = Self { shared, address };
        Ok(proxy)
    }

    /// What a profile has as `keycloak_addr`.
    #[must_use]
    pub fn keycloak_addr(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the gate: requests of this kind stand before it, not yet passed on. One whose client
    /// goes away meanwhile stands on, as a request does that is on its way already.
    pub fn hold(&self, kind: Kind) {
        self.shared.change(|state| state.gate(kind).before.close());
    }

    /// Opens the gate for all who stand there and all who come.
    pub fn open(&self, kind: Kind) {
        self.shared.change(|state| state.gate(kind).before.open());
    }

    /// Lets `n` of those through who stand there or come; the gate stays closed.
    pub fn pass(&self, kind: Kind, n: usize) {
        self.shared.change(|state| state.gate(kind).before.pass(n));
    }

    /// Resets the connections of all who stand at the gate; Keycloak never sees them.
    pub fn cut_standing(&self, kind: Kind) {
        self.shared.change(|state| state.gate(kind).before.turn_away());
    }

    /// Blocks until at least `n` requests stand at the gate.
    ///
    /// # Panics
    /// Where they don't come within a minute and a half.
    #[track_caller]
    pub fn waiting(&self, kind: Kind, n: usize) {
        let what = format!("{n} {kind:?} to stand at the gate");
        self.shared.wait(&what, PATIENCE, |state| state.gate(kind).before.standing >= n);
    }

    /// Closes the second gate: Keycloak carries requests of this kind out, the answers stand.
    pub fn hold_answers(&self, kind: Kind) {
        self.shared.change(|state| state.gate(kind).after.close());
    }

    /// Opens the second gate for all answers that stand there and all that come.
    pub fn open_answers(&self, kind: Kind) {
        self.shared.change(|state| state.gate(kind).after.open());
    }

    /// Resets the connections of all whose answers stand at the second gate.
    pub fn lose_standing(&self, kind: Kind) {
        self.shared.change(|state| state.gate(kind).after.turn_away());
    }

    /// Blocks until at least `n` answers stand at the second gate.
    ///
    /// # Panics
    /// As [`GateProxy::waiting`].
    #[track_caller]
    pub fn answers_waiting(&self, kind: Kind, n: usize) {
        let what = format!("{n} answers to {kind:?} to stand at the gate");
        self.shared.wait(&what, PATIENCE, |state| state.gate(kind).after.standing >= n);
    }

    /// The next `n` answers are lost: Keycloak carries the request out, the client's connection is reset.
    pub fn lose_answers(&self, kind: Kind, n: usize) {
        self.shared.change(|state| state.gate(kind).lose = n);
    }

    /// The next `n` requests are cut: the client's connection is reset before anything was passed on.
    pub fn cut(&self, kind: Kind, n: usize) {
        self.shared.change(|state| state.gate(kind).cut = n);
    }

    /// The next `n` requests are passed on twice and the second answer is the client's, as behind a proxy that repeats.
    pub fn repeat(&self, kind: Kind, n: usize) {
        self.shared.change(|state| state.gate(kind).repeat = n);
    }

    /// Refuses new connections, as a server does that is not there; what is under way goes on.
    pub fn refuse(&self) {
        self.shared.change(|state| state.refusing = true);
    }

    /// Ends [`GateProxy::refuse`], on the same port.
    pub fn accept(&self) {
        self.shared.change(|state| state.refusing = false);
    }

    /// Blocks until the proxy takes connections: after the server behind came back, a moment.
    ///
    /// # Panics
    /// As [`GateProxy::waiting`].
    #[track_caller]
    pub fn wait_open(&self) {
        self.shared.wait("the server behind to be there", PATIENCE, |state| state.is_open());
    }

    /// Blocks until the proxy refuses connections: after the server behind went away, a moment.
    ///
    /// # Panics
    /// As [`GateProxy::waiting`].
    #[track_caller]
    pub fn wait_refusing(&self) {
        self.shared.wait("the server behind to be gone", PATIENCE, |state| !state.is_open());
    }

    /// How many requests of this kind have arrived, whatever became of them.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.shared.look(|state| state.log.iter().filter(|e| e.kind == kind).count())
    }

    /// How many requests of this kind Keycloak has answered, delivered or not.
    #[must_use]
    pub fn carried_out(&self, kind: Kind) -> usize {
        self.shared.look(|state| state.carried_out(kind))
    }

    /// Blocks until at least `n` requests of this kind have come to their end, whichever it was.
    ///
    /// # Panics
    /// As [`GateProxy::waiting`].
    #[track_caller]
    pub fn finished(&self, kind: Kind, n: usize) {
        let what = format!("{n} {kind:?} to come to their end");
        self.shared.wait(&what, PATIENCE, |state| state.finished(kind) >= n);
    }

    /// Every token and device code in the answers of Keycloak: what no log of a client may show.
    #[must_use]
    pub fn secrets_given(&self) -> Vec<String> {
        self.shared.look(|state| state.secrets.clone())
    }

    /// All requests in the order of their arrival.
    #[must_use]
    pub fn log(&self) -> Vec<Exchange> {
        self.shared.look(|state| state.log.clone())
    }

    /// [`GateProxy::log`] of one kind.
    #[must_use]
    pub fn log_of(&self, kind: Kind) -> Vec<Exchange> {
        self.log().into_iter().filter(|exchange| exchange.kind == kind).collect()
    }
}

impl Drop for GateProxy {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.closing = true;
            state.gates.values_mut().for_each(Gate::turn_away_all);
            if let Some(tripwire) = &state.tripwire {
                // It fails only where the server behind closed it already.
                let _ = tripwire.shutdown(std::net::Shutdown::Both);
            }
        });
    }
}

/// Closes a connection so that its peer sees a reset, not an end.
fn reset(stream: TcpStream) {
    // Where it fails the peer has gone, and sees nothing at all.
    let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
}

/// What a listener needs to begin again after it was shut: the socket keeps its port meanwhile.
fn listen(listener: &TcpListener) -> io::Result<()> {
    Ok(rustix::net::listen(listener, listener::BACKLOG)?)
}
