//! The wire of bearerd: what clients and the daemon say to each other. No I/O.
//!
//! `PROTOCOL.md` beside this crate says it in words, `schema/` as JSON Schema made from these types, and `golden/` as
//! messages that every client's tests read. Unknown fields are ignored by both sides.

mod error;
mod login;
mod profile_name;
mod secret;
mod status;
mod token;

pub use error::{ErrorBody, ErrorCode};
pub use login::{
    ImportRequest, LoggedIn, LoggedOut, LoginAnswer, LoginCancelled, LoginRequest, LogoutAnswer,
    LogoutRequest, PendingLogin, Revocation,
};
pub use profile_name::{InvalidProfileName, PROFILE_NAME_MAX, ProfileName};
pub use secret::Secret;
pub use status::{
    Event, EventKind, Health, HealthStatus, LastError, ProfileInfo, ProfileSettings, ProfileState,
    ProfileStatus, Profiles, Status,
};
pub use token::{RejectRequest, TokenAnswer, TokenQuery, TokenType};

/// Seconds that a caller waits for an answer at most, and that a client tries again on a new connection.
pub const PATIENCE_SECONDS: u64 = 12;
