//! The library and the commands against a daemon made of canned bytes: one binary, so that it links once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so by a panic")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test says why it cannot run, and reads CI from the environment"
)]

mod answers;
mod commands;
mod fake_daemon;
mod inputs;
mod retry;
