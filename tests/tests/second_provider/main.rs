//! The real daemon against npm's oidc-provider: discovery, device logins, client credentials.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, and sign what holds now"
)]

mod harness;
