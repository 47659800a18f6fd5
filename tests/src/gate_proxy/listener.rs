//! When the proxy's port takes connections: as long as the server behind does.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use std::{io, mem};

use super::carry::Shared;

/// Connections that wait to be accepted; more than a test opens at once.
pub(super) const BACKLOG: i32 = 1024;
/// Between two tries to reach a server that is down.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// A port keeps its number through times of refusing only if it was asked for by number.
pub(super) fn on_a_port_that_stays() -> io::Result<TcpListener> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    TcpListener::bind(free)
}

/// Keeps one idle connection to the server behind and notices its end at once.
pub(super) fn watch_upstream(shared: &Shared) {
    while !shared.look(|state| state.closing) {
        match TcpStream::connect(shared.upstream) {
            Ok(tripwire) => {
                let kept = tripwire.try_clone().ok();
                shared.change(|state| {
                    state.upstream_is_there = true;
                    state.tripwire = kept;
                });
                // A server that only closes what is idle is there again at the next connect.
                let _ = (&tripwire).read(&mut [0]);
            }
            Err(_) => {
                shared.change(|state| {
                    state.upstream_is_there = false;
                    drop(mem::take(&mut state.tripwire));
                });
                thread::sleep(TRY_EVERY);
            }
        }
    }
}
