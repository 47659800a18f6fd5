//! The provider, asked over HTTP as the daemon will ask it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "test code fails loudly"
)]

mod answers;
mod assertions;
mod cli;
mod client;
mod connections;
mod control;
mod device;
mod discovery;
mod exchange;
mod gates;
mod id_tokens;
mod log;
mod outage;
mod refresh;
mod scopes;
mod secrets;
mod tokens;
