//! What the end-to-end tests of bearerd stand on.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness for tests: it fails loudly, measures time, and reads its environment"
)]

pub mod binaries;
pub mod clocks;
pub mod daemon;
pub mod gate_proxy;
pub mod ground;
pub mod keycloak;
pub mod sdk;
pub mod second_provider;
pub mod secrets;
pub mod user_manager;

mod cache;
mod keeper;
mod plain_http;
mod web;
