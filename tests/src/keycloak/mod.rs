//! A real Keycloak for tests: brought to the machine, started, administered, and used as a person would.
//!
//! [`Server::shared`] is where a test begins. Its realm `master` has the public client
//! [`CLIENT`] with the device grant, two people ([`JANE`], [`BOB`]), rotation with no reuse, and events;
//! the realm `test` has the same, a client for each way of authentication, and optional scopes with audiences of their
//! own ([`SCOPES`]; `tests/keycloak/realm-test.json`). It speaks http, and https with a private authority.

mod admin;
mod browser;
mod certificate;
mod install;
mod oauth;
mod port;
mod process;
mod seed;
mod server;

use std::io;
use std::path::PathBuf;

pub use admin::{Admin, Event, Session};
pub use browser::{Browser, approve, deny};
pub use install::{Installation, install};
pub use oauth::{Answer, OAuth, Tokens};
pub use seed::{
    BOB, CLIENT, CLIENT_OF_OLD, EXCHANGER, JANE, Person, REALM, ROBOT, ROBOT_ODD, ROBOT_SIGNING,
    ROBOTS_WITH_KEYS, SCOPES, TARGET, TEST_REALM,
};
pub use server::{Server, Turn};

/// Id and secret of the client that may introspect tokens.
pub(crate) fn introspector() -> (&'static str, &'static str) {
    seed::INTROSPECTOR
}

/// Why the harness could not do what a test asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks a program.
    #[error("`{tool}` is not installed: run `apt-get install -y {package}`")]
    MissingTool {
        /// The program's name.
        tool: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// Neither variable that says where the cache folder is.
    #[error("no folder to keep Keycloak in: set BEARERD_TEST_CACHE or HOME")]
    NoCacheFolder,
    /// A file or folder of the cache or of a run.
    #[error("failed to {doing} `{}`", path.display())]
    File {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A program that the installation uses did not succeed.
    #[error("{command} failed ({status}); its words are in `{}`", log.display())]
    Tool {
        /// What ran, in a few words.
        command: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Where its output is.
        log: PathBuf,
    },
    /// What was fetched is not what was pinned; it was deleted.
    #[error("the fetched Keycloak archive has SHA-256 {found}, not the pinned one")]
    Checksum {
        /// The digest of what came.
        found: String,
    },
    /// The server ended, or was not ready in time.
    #[error("Keycloak did not start: {how}; its log is in `{}`", log.display())]
    Start {
        /// Ended with a status, or not ready within a time.
        how: String,
        /// A copy of its log.
        log: PathBuf,
    },
    /// All ports that the harness may use are taken.
    #[error("no free port for Keycloak between {} and {}", port::FIRST, port::LAST)]
    NoPort,
    /// A request that got no answer that can be read.
    #[error("failed to {doing}")]
    Exchange {
        /// What was being done, as a verb.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A request that Keycloak answered with another status than the one expected.
    #[error("failed to {doing}: Keycloak answered {status} {code}")]
    Refused {
        /// What was being done, as a verb.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// The `error` field, where there was one.
        code: String,
    },
    /// A page of the login that is not as a person would see it.
    #[error("the login stopped at a page without {missing} (HTTP {status})")]
    Page {
        /// What was looked for.
        missing: &'static str,
        /// The page's status.
        status: u16,
    },
}
