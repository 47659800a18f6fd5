//! The units in a real user manager of systemd, with the real daemon. Needs root and systemd.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails where it unwraps, waits by the clock, and prints its figures"
)]

mod activation;
mod configuration;
mod crashes;
mod harness;
mod restarts;
mod units;

mod installed;
mod reader;
mod role;
