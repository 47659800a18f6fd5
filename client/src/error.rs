//! What a call can fail with.

use bearerd_proto::{ErrorBody, ErrorCode};
use std::io;
use std::path::PathBuf;

/// A call that gave no answer, or an answer that says no.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Neither the environment nor the system names a folder in which the socket could be.
    #[error("found no place for bearerd's socket: set BEARERD_SOCKET, XDG_RUNTIME_DIR or HOME")]
    NoPlace,
    /// Nobody listens: the daemon does not run, or runs with another socket.
    #[error(
        "no bearerd answers at {}: start it with `systemctl --user start bearerd.socket`, or with \
         `bearerctl --autostart status` where no systemd manages this user's services",
        listed(.tried)
    )]
    Unreachable {
        /// The sockets that were tried, in order.
        tried: Vec<PathBuf>,
        /// Why the first of them that is there could not be used.
        source: io::Error,
    },
    /// Each connection was closed before an answer began, until patience ended: the daemon is going down, or keeps
    /// failing. Its log says why.
    #[error("bearerd at `{path}` closed every connection before it answered: {SEE_ITS_LOG}", path = path.display())]
    Unanswered {
        /// The socket.
        path: PathBuf,
        /// What the last connection ended with.
        source: io::Error,
    },
    /// No answer came in time: the daemon hangs or is stopped, or too many callers wait for it.
    #[error("bearerd at `{path}` gave no answer in time: {SEE_ITS_LOG}", path = path.display())]
    TimedOut {
        /// The socket.
        path: PathBuf,
    },
    /// An answer began and broke off, so that the request was not repeated: the daemon ended in the middle.
    #[error("the answer of bearerd at `{path}` broke off: ask again", path = path.display())]
    BrokeOff {
        /// The socket.
        path: PathBuf,
        /// What the connection ended with.
        source: io::Error,
    },
    /// What listens there is not bearerd, or of a version that this library can't understand.
    #[error("the answer at `{path}` is not bearerd's: {reason}", path = path.display())]
    Protocol {
        /// The socket.
        path: PathBuf,
        /// What is wrong with the answer; never a part of it, which could be a token.
        reason: String,
    },
    /// Another user listens at the socket, so that no password and no refresh token was sent there.
    #[error("`{path}` belongs to a process of user {uid}, not to your own bearerd: nothing was sent", path = path.display())]
    ForeignListener {
        /// The socket.
        path: PathBuf,
        /// The user id of the listener.
        uid: u32,
    },
    /// The daemon answered with an error of the protocol.
    #[error(transparent)]
    Refused(#[from] ErrorBody),
}

impl ClientError {
    /// The code of the daemon's answer; `None` where it gave none.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(body) => Some(body.code),
            _ => None,
        }
    }

    /// Seconds after which asking again makes sense, where the daemon said so.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(body) => body.retry_after,
            _ => None,
        }
    }

    /// The command that starts a login, or the link of the one under way, where a person has to log in.
    pub fn login_hint(&self) -> Option<&str> {
        match self {
            Self::Refused(body) => body.login_hint.as_deref(),
            _ => None,
        }
    }
}

/// Where the log is, by how the daemon was started.
const SEE_ITS_LOG: &str = "see its log (`journalctl --user -u bearerd`; of one by --autostart, `bearerd.log` in the state folder)";

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_daemon_says_where_it_was_sought_and_how_to_start_it() {
        let error = ClientError::Unreachable {
            tried: vec!["/run/a".into(), "/b".into()],
            source: io::ErrorKind::NotFound.into(),
        };
        assert_eq!(
            error.to_string(),
            "no bearerd answers at `/run/a`, `/b`: start it with `systemctl --user start bearerd.socket`, or with \
             `bearerctl --autostart status` where no systemd manages this user's services"
        );
        assert_eq!(error.code(), None);
    }

    #[test]
    fn a_refusal_is_the_daemon_s_own_sentence() {
        let body = ErrorBody {
            retry_after: Some(3),
            login_hint: Some("bearerctl login a".to_owned()),
            ..ErrorBody::new(ErrorCode::LoginRequired, "log in first")
        };
        let error = ClientError::from(body);
        assert_eq!(error.to_string(), "log in first");
        assert_eq!(error.code(), Some(ErrorCode::LoginRequired));
        assert_eq!(error.retry_after(), Some(3));
        assert_eq!(error.login_hint(), Some("bearerctl login a"));
    }
}
