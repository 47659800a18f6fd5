//! How much a client may ask of the server.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::time::Duration;

/// The server's limits; the defaults are the ones that PROTOCOL.md names.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections held at once. At this number the longest idle one makes room for a new one.
    pub connections: usize,
    /// Connections beyond those that are being told why they are turned away.
    pub refusals: usize,
    /// Bytes of a request line with its headers.
    pub head_bytes: usize,
    /// From a request's first byte to the end of its headers. Waiting for that first byte has no limit.
    pub head_time: Duration,
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// From the first wait for a request's body to its end.
    pub body_time: Duration,
    /// How long a client may leave an answer lying so that nothing more of it can be sent.
    pub write_stall: Duration,
    /// How long requests may go on after the stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            refusals: 64,
            head_bytes: 16 * 1024,
            head_time: Duration::from_secs(5),
            body_bytes: 64 * 1024,
            body_time: Duration::from_secs(5),
            write_stall: Duration::from_secs(30),
            // Above 12 s, the longest that a token request waits. The daemon gives less: it answers whoever waits first.
            drain: Duration::from_secs(13),
        }
    }
}

/// Raises the soft limit on open files to the hard one, and gives the new limit (`None`: without end).
///
/// Soft limits of 1,024 are common, and each connection takes a descriptor. To be called once, at the start; programs
/// that the daemon starts inherit it.
///
/// # Errors
/// When the system refuses; the old limit is then still in force.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}
