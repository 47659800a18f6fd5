//! The real daemon against a real Keycloak: rotation on, no reuse, device logins approved over HTTP.
//!
//! Between the two stands a gate proxy, so that a test can hold, cut or lose one answer and count what came through;
//! what Keycloak did is read from its own event log. The later modules go through the auth types, each from its
//! configuration to tokens that Keycloak takes, in realm `test`. Tests whose time is the lifetime of a token have a
//! server of their own and run beside the others, which take turns at a shared one.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, measure time, and tell what they saw"
)]

mod reader;
mod stage;
mod told;

mod crowd;
mod load;

mod outage;
mod restart;
mod slow_answers;

mod logging_in;
mod logging_out;
mod refused;

mod realm;

mod files;
mod https;
mod importing;
mod passwords;
mod persons;
mod services;
mod slots;
