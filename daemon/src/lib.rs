//! bearerd, the daemon: a library that the thin binary and the tests drive.
//!
//! The way of a request reads downwards: `server` takes the connection, `handlers` answer it from a `snapshot`, and
//! only what a snapshot cannot answer goes to the profile's `task`, which runs the decisions of `bearerd_session`.

pub mod app;
pub mod changes;
pub mod clock;
pub mod config;
pub mod environment;
pub mod fetch;
pub mod handlers;
pub mod registry;
pub mod secret_file;
pub mod server;
pub mod signals;
pub mod snapshot;
pub mod steering;
pub mod store;
pub mod systemd;
pub mod task;
pub mod tasks;
pub mod unused;
pub mod watch;
mod wiped;
