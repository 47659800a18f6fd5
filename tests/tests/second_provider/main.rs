//! The real daemon against npm's oidc-provider: discovery, device logins, client credentials.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, sign what holds now, and tell what they saw"
)]

mod harness;
mod person;
mod services;
