//! Sockets: doors that can close and open again on the same port, connections that can be cut.

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How many connections the kernel keeps for us to accept.
const BACKLOG: u32 = 1024;

/// After a failed accept (no file descriptors left), so as not to spin.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(20);

/// One address that is listened on, or not.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    /// Bound but never listening: it keeps the port ours while the door is closed.
    _reservation: TcpSocket,
    state: Mutex<DoorState>,
}

#[derive(Debug, Default)]
struct DoorState {
    listener: Option<Arc<TcpListener>>,
    connections: Vec<Weak<Connection>>,
}

/// One connection, seen from the requests on it.
#[derive(Debug)]
pub(crate) struct Connection {
    cut: watch::Sender<Option<Cut>>,
}

/// How a connection is ended from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// FIN.
    Close,
    /// RST.
    Reset,
}

impl Connection {
    pub(crate) fn cut(&self, how: Cut) {
        self.cut.send_replace(Some(how));
    }
}

impl Door {
    /// Takes the address without listening yet.
    pub(crate) fn reserve(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let reason = format!("{address} is no loopback address: this provider is for tests");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let reservation = bound_socket(address)?;
        let address = reservation.local_addr()?;
        Ok(Self { address, _reservation: reservation, state: Mutex::default() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens; nothing happens if it does already.
    pub(crate) fn open(self: &Arc<Self>, runtime: &Handle, router: Router) -> io::Result<()> {
        let _context = runtime.enter();
        let mut state = self.lock();
        if state.listener.is_some() {
            return Ok(());
        }
        let listener = Arc::new(bound_socket(self.address)?.listen(BACKLOG)?);
        state.listener = Some(Arc::clone(&listener));
        drop(state);
        runtime.spawn(accept(Arc::clone(self), listener, router));
        Ok(())
    }

    /// From now on the port refuses connections; those that exist are closed, but for one.
    pub(crate) fn close(&self, spared: Option<&Arc<Connection>>) {
        let mut state = self.lock();
        if let Some(listener) = state.listener.take() {
            // Ends the listening at once, whatever the accepting task is doing; it fails on a listener that is gone.
            let _ = rustix::net::shutdown(&listener, rustix::net::Shutdown::Read);
        }
        drop(state);
        self.cut_all(spared);
    }

    /// Closes all connections; the port stays as it is.
    pub(crate) fn cut_all(&self, spared: Option<&Arc<Connection>>) {
        let connections = std::mem::take(&mut self.lock().connections);
        for connection in connections.iter().filter_map(Weak::upgrade) {
            if !spared.is_some_and(|spared| Arc::ptr_eq(spared, &connection)) {
                connection.cut(Cut::Close);
            }
        }
    }

    /// Takes a new connection in, unless this listener was closed meanwhile.
    fn admit(&self, listener: &Arc<TcpListener>) -> Option<Arc<Connection>> {
        let mut state = self.lock();
        state.listener.as_ref().filter(|current| Arc::ptr_eq(current, listener))?;
        let connection = Arc::new(Connection { cut: watch::Sender::new(None) });
        state.connections.retain(|connection| connection.strong_count() > 0);
        state.connections.push(Arc::downgrade(&connection));
        Some(connection)
    }

    fn is_current(&self, listener: &Arc<TcpListener>) -> bool {
        self.lock().listener.as_ref().is_some_and(|current| Arc::ptr_eq(current, listener))
    }

    fn lock(&self) -> MutexGuard<'_, DoorState> {
        self.state.lock().expect("no one panics while holding a door")
    }
}

async fn accept(door: Arc<Door>, listener: Arc<TcpListener>, router: Router) {
    while door.is_current(&listener) {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Some(connection) = door.admit(&listener) else { return };
                tokio::spawn(serve(stream, connection, router.clone()));
            }
            Err(_) if !door.is_current(&listener) => return,
            Err(_) => tokio::time::sleep(ACCEPT_BACKOFF).await,
        }
    }
}

async fn serve(stream: TcpStream, connection: Arc<Connection>, router: Router) {
    // Answers are small and one write each; without this they could wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut cut = connection.cut.subscribe();
    let service = TowerToHyperService::new(router.layer(Extension(connection)));
    let mut http = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let how = tokio::select! {
        biased;
        _ = &mut http => return,
        how = async { cut.wait_for(Option::is_some).await.map(|how| *how) } => how,
    };
    let stream = http.into_parts().io.into_inner();
    if matches!(how, Ok(Some(Cut::Reset))) {
        // With a linger time of zero, closing sends RST.
        let _ = stream.set_zero_linger();
    }
}

fn bound_socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
