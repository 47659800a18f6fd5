//! The blocking client of bearerd: tokens from the daemon of this user, over its Unix socket.
//!
//! No TLS and no async runtime: one request and one answer on a socket, with a bound on every wait and every size.
//!
//! ```no_run
//! use bearerd_client::{Client, TokenQuery};
//!
//! # fn main() -> Result<(), bearerd_client::ClientError> {
//! let client = Client::from_environment()?;
//! let answer = client.token(&TokenQuery::default())?;
//! if let Some(token) = &answer.token {
//!     let header = format!("Authorization: Bearer {}", token.expose());
//!     # drop(header);
//! }
//! # Ok(())
//! # }
//! ```

mod call;
mod client;
mod clock;
mod connection;
mod environment;
mod error;
mod events;
mod exchange;
mod request;
mod response;

pub use bearerd_proto::*;
pub use client::{Client, LONG_POLL_MAX};
pub use environment::state_folder;
pub use error::ClientError;
pub use events::Events;
