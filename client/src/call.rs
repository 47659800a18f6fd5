//! A call: one request, tried on new connections until an answer begins or patience ends.

use crate::clock::Deadline;
use crate::connection::Connection;
use crate::error::ClientError;
use crate::exchange::{Failure, ask, exchange};
use crate::request::Request;
use crate::response::{Answer, Head};
use bearerd_proto::{ErrorBody, ErrorCode, PATIENCE_SECONDS};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the daemon is reached. Shared by threads: each call has a connection of its own while it lasts.
#[derive(Debug)]
pub(crate) struct Caller {
    places: Vec<Arc<Path>>,
    patience: Duration,
    /// Connections that wait for their next request.
    idle: Mutex<Vec<Connection>>,
    /// A connection existed, and the daemon has not been given up since: then its socket is missed for the moment of a
    /// restart alone.
    in_touch: AtomicBool,
}

impl Caller {
    pub(crate) fn new(places: Vec<PathBuf>) -> Self {
        Self {
            places: places.into_iter().map(Arc::from).collect(),
            patience: Duration::from_secs(PATIENCE_SECONDS),
            idle: Mutex::new(Vec::new()),
            in_touch: AtomicBool::new(false),
        }
    }

    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The answer to `request`, which the daemon may hold back for `wait`; and the socket that it came from.
    pub(crate) fn call(
        &self,
        request: &Request,
        wait: Duration,
    ) -> Result<(Answer, Arc<Path>), ClientError> {
        self.patiently(|patience| {
            let (mut connection, kept) = self.connection(request, patience)?;
            let path = Arc::clone(connection.path());
            let deadline = Deadline::after(self.answer_time() + wait);
            let (answer, keep_alive) = exchange(&mut connection, request, deadline)
                .map_err(|failure| self.trouble(failure, &path, kept).of(request))?;
            if let Some(body) = turned_away(&answer) {
                self.idle().clear();
                let pause = Duration::from_secs(body.retry_after.unwrap_or(0));
                let trouble = Trouble { error: body.into(), again: Again::After(pause) };
                return Err(trouble.of(request));
            }
            if keep_alive {
                self.keep(connection);
            }
            Ok((answer, path))
        })
    }

    /// The head of the answer to `request`, and the connection that its endless body comes over.
    pub(crate) fn open_stream(&self, request: &Request) -> Result<(Head, Connection), ClientError> {
        self.patiently(|patience| {
            let (mut connection, kept) = self.connection(request, patience)?;
            let path = Arc::clone(connection.path());
            let head = ask(&mut connection, request, Deadline::after(self.answer_time()))
                .map_err(|failure| self.trouble(failure, &path, kept).of(request))?;
            Ok((head, connection))
        })
    }

    /// The rule of the protocol: again on a new connection, after a short pause that grows, until patience ends.
    fn patiently<T>(
        &self,
        mut attempt: impl FnMut(Deadline) -> Result<T, Trouble>,
    ) -> Result<T, ClientError> {
        let patience = Deadline::after(self.patience);
        let mut pause = FIRST_PAUSE;
        loop {
            let Trouble { error, again } = match attempt(patience) {
                Ok(value) => return Ok(value),
                Err(trouble) => trouble,
            };
            let at_least = match again {
                Again::Never => return Err(error),
                Again::AtOnce => continue,
                Again::After(at_least) => at_least,
            };
            let this_pause = pause.max(at_least);
            if patience.remaining().is_none_or(|left| left <= this_pause) {
                self.in_touch.store(false, Ordering::Relaxed);
                return Err(error);
            }
            std::thread::sleep(this_pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A connection that waits, else a new one; and whether it has waited.
    fn connection(
        &self,
        request: &Request,
        patience: Deadline,
    ) -> Result<(Connection, bool), Trouble> {
        // One that has waited may be closed at any moment, with the request on its way or not.
        let waiting = if request.is_spent_when_sent() { None } else { self.idle().pop() };
        let kept = waiting.is_some();
        let connection = match waiting {
            Some(connection) => connection,
            None => self.open(patience)?,
        };
        if request.has_secret() {
            check_listener(&connection, rustix::process::geteuid().as_raw())?;
        }
        Ok((connection, kept))
    }

    /// Connects to the first place that answers.
    fn open(&self, patience: Deadline) -> Result<Connection, Trouble> {
        let mut reason: Option<io::Error> = None;
        for path in &self.places {
            let error = match Connection::open(path, patience) {
                Ok(connection) => {
                    self.in_touch.store(true, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => error,
            };
            if error.kind() == io::ErrorKind::WouldBlock {
                // Its backlog is full up to the end of patience: a daemon is there, and another place has none.
                return Err(ClientError::TimedOut { path: path.to_path_buf() }.into());
            }
            if reason.as_ref().is_none_or(|reason| reason.kind() == io::ErrorKind::NotFound) {
                reason = Some(error);
            }
        }
        let Some(source) = reason else { return Err(ClientError::NoPlace.into()) };
        let restarting = self.in_touch.load(Ordering::Relaxed)
            && matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
        let tried = self.places.iter().map(|path| path.to_path_buf()).collect();
        let again = if restarting { Again::After(Duration::ZERO) } else { Again::Never };
        Err(Trouble { error: ClientError::Unreachable { tried, source }, again })
    }

    fn trouble(&self, failure: Failure, path: &Path, kept: bool) -> Trouble {
        let path = path.to_owned();
        match failure {
            Failure::Unanswered(source) => {
                // The daemon closes the connections that idle longest, or it has ended: the others are no better.
                self.idle().clear();
                let again = if kept { Again::AtOnce } else { Again::After(Duration::ZERO) };
                Trouble { error: ClientError::Unanswered { path, source }, again }
            }
            Failure::Late => ClientError::TimedOut { path }.into(),
            Failure::BrokeOff(source) => ClientError::BrokeOff { path, source }.into(),
            Failure::Malformed(reason) => {
                ClientError::Protocol { path, reason: reason.to_string() }.into()
            }
        }
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole at every moment, also where a thread has panicked.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The daemon answers within patience; a quarter more for the way.
    fn answer_time(&self) -> Duration {
        self.patience.saturating_add(self.patience / 4)
    }
}

/// Why an attempt gave no answer, and what follows from it.
#[derive(Debug)]
struct Trouble {
    error: ClientError,
    again: Again,
}

impl Trouble {
    /// What was sent already may have been carried out.
    fn of(self, request: &Request) -> Self {
        if request.is_spent_when_sent() { self.error.into() } else { self }
    }
}

#[derive(Debug)]
enum Again {
    Never,
    /// Nothing is wrong but that a waiting connection has ended.
    AtOnce,
    /// After the usual pause, and this at least.
    After(Duration),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        Self { error, again: Again::Never }
    }
}

/// The daemon's error, where it asks to come again on a new connection.
fn turned_away(answer: &Answer) -> Option<ErrorBody> {
    (answer.status == ErrorCode::ShuttingDown.status())
        .then(|| serde_json::from_str::<ErrorBody>(answer.body.expose()).ok())
        .flatten()
        .filter(|body| matches!(body.code, ErrorCode::Overloaded | ErrorCode::ShuttingDown))
}

/// A password or a refresh token goes to a process of our own user alone.
fn check_listener(connection: &Connection, own_uid: u32) -> Result<(), ClientError> {
    let path = connection.path().to_path_buf();
    let uid = match connection.listener_uid() {
        Ok(uid) => uid,
        Err(source) => return Err(ClientError::Unreachable { tried: vec![path], source }),
    };
    if uid == own_uid { Ok(()) } else { Err(ClientError::ForeignListener { path, uid }) }
}

/// Long enough for a daemon that restarts to get on, short enough not to be felt.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Between the attempts of a longer outage.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// As many threads as ask at once without opening new connections.
const IDLE_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn the_first_place_that_answers_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        drop(UnixListener::bind(place("stale")).unwrap());
        let live = UnixListener::bind(place("live")).unwrap();
        let other = UnixListener::bind(place("other")).unwrap();
        let caller = Caller::new(["missing", "stale", "live", "other"].map(place).to_vec());
        let open = || caller.open(Deadline::after(Duration::from_secs(60)));

        assert_eq!(open().unwrap().path().as_ref(), place("live"));
        drop(live);
        assert_eq!(open().unwrap().path().as_ref(), place("other"));
        drop(other);
        let trouble = open().unwrap_err();
        let ClientError::Unreachable { tried, source } = trouble.error else { panic!() };
        // A socket that is there says more than one that is not.
        assert_eq!((tried.len(), source.kind()), (4, io::ErrorKind::ConnectionRefused));
    }

    #[test]
    fn a_secret_goes_to_a_listener_of_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let connection =
            Connection::open(&path.into(), Deadline::after(Duration::from_secs(60))).unwrap();
        check_listener(&connection, rustix::process::geteuid().as_raw()).unwrap();
        let stranger = rustix::process::geteuid().as_raw() + 1;
        let error = check_listener(&connection, stranger).unwrap_err();
        assert!(matches!(error, ClientError::ForeignListener { .. }), "{error:?}");
    }
}
