//! The real daemon on clocks that are set, that sleep, that begin anew. Needs root and a C compiler.
//!
//! The daemon runs behind a shim that moves its wall clock and its boot-time clock (`bearerd_tests::clocks`); after a
//! restart, in time namespaces. The identity provider stays on the machine's clocks, and its own record says when each
//! token ends. Every token that a reader gets is held against that. Each test is one row of `docs/clocks.md`, which
//! `BEARERD_BLESS=1` writes.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, and tell what they saw"
)]

mod reboot;
mod stopped;
mod suspend;
mod wall;

mod page;
mod readers;
mod stage;
