//! What a command can fail with, and the exit code that says so.

use bearerd_client::{ClientError, ErrorCode, InvalidProfileName, ProfileName};
use std::io;
use std::path::{Path, PathBuf};

/// The command line is wrong; also clap's own.
pub(crate) const USAGE: u8 = 2;
const INTERNAL: u8 = 1;
const LOGIN: u8 = 3;
const PROVIDER: u8 = 4;
const LOCKED: u8 = 5;
const DAEMON: u8 = 6;
const NOT_FOUND: u8 = 7;
const MISCONFIGURED: u8 = 8;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("BEARERD_PROFILE names no profile")]
    ProfileVariable(#[from] InvalidProfileName),
    #[error("there is no profile `{0}`: `bearerctl profile list` shows those there are")]
    UnknownProfile(ProfileName),
    #[error("there is no default profile: name one of {}, or set `default_profile`", listed(.0))]
    NoDefault(Vec<ProfileName>),
    #[error("no profile is configured: `bearerctl profile add NAME` makes one")]
    NoProfile,
    #[error("the configuration can't be used: {0}; mend it, then reload bearerd (SIGHUP)")]
    BadConfiguration(String),
    #[error(
        "tokens of `{0}` are sent in a way that this bearerctl does not know: use a newer bearerctl"
    )]
    UnknownTokenType(ProfileName),
    #[error("{0} is asked for at a terminal alone: {1}")]
    NoTerminal(&'static str, &'static str),
    #[error("no answer to a question was given: nothing is done")]
    Unanswered,
    #[error("the settings can't be used: {0}")]
    BadSettings(String),
    #[error("{0} is missing: nothing came; {1}")]
    Empty(&'static str, &'static str),
    #[error("{0} is no text of {MOST} bytes at most", MOST = crate::secret_input::LONGEST)]
    NoText(&'static str),
    #[error("failed to read {0}")]
    Input(&'static str, #[source] io::Error),
    #[error("failed to read `{}`: {mend}", path.display())]
    File { path: PathBuf, mend: &'static str, source: io::Error },
    #[error("`{}` can't be used: {reason}", path.display())]
    NotUsable { path: PathBuf, reason: String },
    #[error(
        "found no cache folder: set XDG_CACHE_HOME or HOME, or name the file with `--from-sdk-cache=FILE`"
    )]
    NoCacheFolder,
    #[error("no bearerd answers, and none can be started")]
    NoDaemonBeside(#[source] io::Error),
    #[error("no bearerd answers, and `{}` can't be started", program.display())]
    NotStarted { program: PathBuf, source: io::Error },
    #[error("`{}` was started and does not answer{}", program.display(), see(.log.as_deref(), .words.as_deref()))]
    NoAnswerFromStarted { program: PathBuf, log: Option<PathBuf>, words: Option<String> },
    #[error("failed to write to standard output")]
    Output(#[source] io::Error),
}

impl CommandError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) => of_client_error(error),
            Self::ProfileVariable(_)
            | Self::NoDefault(_)
            | Self::NoTerminal(..)
            | Self::Unanswered
            | Self::BadSettings(_)
            | Self::Empty(..)
            | Self::NoText(_)
            | Self::NotUsable { .. }
            | Self::NoCacheFolder => USAGE,
            Self::UnknownProfile(_) | Self::NoProfile | Self::File { .. } => NOT_FOUND,
            Self::BadConfiguration(_) => MISCONFIGURED,
            Self::NoDaemonBeside(_)
            | Self::NotStarted { .. }
            | Self::NoAnswerFromStarted { .. } => DAEMON,
            Self::UnknownTokenType(_) | Self::Input(..) | Self::Output(_) => INTERNAL,
        }
    }

    /// What a person does to get on, where a login mends it.
    pub(crate) fn login_hint(&self) -> Option<&str> {
        match self {
            Self::Client(error) => error.login_hint(),
            _ => None,
        }
    }
}

fn of_client_error(error: &ClientError) -> u8 {
    match error {
        ClientError::Refused(body) => of_code(body.code),
        ClientError::NoPlace
        | ClientError::Unreachable { .. }
        | ClientError::Unanswered { .. }
        | ClientError::TimedOut { .. }
        | ClientError::BrokeOff { .. } => DAEMON,
        ClientError::ForeignListener { .. } => NOT_FOUND,
        _ => INTERNAL,
    }
}

/// The table of the contract.
fn of_code(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::BadRequest => USAGE,
        ErrorCode::LoginRequired
        | ErrorCode::LoginPending
        | ErrorCode::LoginExpired
        | ErrorCode::LoginDenied => LOGIN,
        ErrorCode::IdpUnreachable | ErrorCode::IdpRejected | ErrorCode::MinTtlUnmet => PROVIDER,
        ErrorCode::Locked => LOCKED,
        ErrorCode::Overloaded | ErrorCode::ShuttingDown => DAEMON,
        ErrorCode::UnknownProfile | ErrorCode::NotFound | ErrorCode::Forbidden => NOT_FOUND,
        ErrorCode::Misconfigured | ErrorCode::StateUnreadable => MISCONFIGURED,
        // `internal`, and the codes of newer daemons.
        _ => INTERNAL,
    }
}

fn see(log: Option<&Path>, words: Option<&str>) -> String {
    let Some(log) = log.map(Path::display) else { return String::new() };
    words.map_or_else(
        || format!(": see `{log}`"),
        |words| format!(": its log, `{log}`, ends with: {words}"),
    )
}

fn listed(profiles: &[ProfileName]) -> String {
    profiles.iter().map(|profile| format!("`{profile}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearerd_client::ErrorBody;

    #[test]
    fn every_code_has_the_exit_code_of_the_contract() {
        let table = [
            ("bad-request", 2),
            ("not-found", 7),
            ("unknown-profile", 7),
            ("login-required", 3),
            ("login-pending", 3),
            ("login-expired", 3),
            ("login-denied", 3),
            ("locked", 5),
            ("forbidden", 7),
            ("idp-unreachable", 4),
            ("idp-rejected", 4),
            ("min-ttl-unmet", 4),
            ("misconfigured", 8),
            ("state-unreadable", 8),
            ("overloaded", 6),
            ("shutting-down", 6),
            ("internal", 1),
        ];
        let all: Vec<(&str, u8)> = ErrorCode::ALL
            .into_iter()
            .map(|code| {
                let error = CommandError::Client(ErrorBody::new(code, "x").into());
                (code.as_str(), error.exit_code())
            })
            .collect();
        assert_eq!(all, table);
        assert_eq!(of_code(ErrorCode::Unknown), 1);
    }

    #[test]
    fn a_daemon_that_gives_no_answer_has_one_exit_code() {
        let source = || io::ErrorKind::NotFound.into();
        let path = || "/s".into();
        let silent = [
            ClientError::NoPlace,
            ClientError::Unreachable { tried: vec![path()], source: source() },
            ClientError::Unanswered { path: path(), source: source() },
            ClientError::TimedOut { path: path() },
            ClientError::BrokeOff { path: path(), source: source() },
        ];
        for error in silent {
            assert_eq!(of_client_error(&error), 6, "{error:?}");
        }
        assert_eq!(of_client_error(&ClientError::ForeignListener { path: path(), uid: 7 }), 7);
        let protocol = ClientError::Protocol { path: path(), reason: String::new() };
        assert_eq!(of_client_error(&protocol), 1);
    }
}
