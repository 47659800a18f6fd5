//! What the machine's signals ask of the daemon.

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fmt;
use std::io;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: answer what is under way, then end.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// The signals that have come in, one after the other.
///
/// From the moment it is made, these signals no longer end the process by themselves, nor after it is dropped.
pub struct Signals {
    stream: signal_hook_tokio::Signals,
}

impl Signals {
    /// Starts to listen.
    ///
    /// # Errors
    /// Where the handlers or the pipe behind them cannot be set up.
    ///
    /// # Panics
    /// Outside a Tokio runtime with I/O enabled.
    pub fn install() -> io::Result<Self> {
        Ok(Self { stream: signal_hook_tokio::Signals::new([SIGTERM, SIGINT, SIGHUP])? })
    }

    /// The next one. Several of a kind that come at once may be told as one. Cancel safe.
    pub async fn next(&mut self) -> Signal {
        match self.stream.next().await {
            Some(SIGHUP) => Signal::Reload,
            Some(_) => Signal::Stop,
            // Only closing its handle ends the stream, and that handle is never given out.
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signals").finish_non_exhaustive()
    }
}
