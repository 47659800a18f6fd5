//! Holds `PROTOCOL.md`, `golden/` and `schema/` to the types of this crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a failure is the answer"
)]

mod golden;
mod messages;
mod protocol;
mod schema;
