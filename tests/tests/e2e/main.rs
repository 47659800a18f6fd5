//! The real daemon on a real socket, against an identity provider with faults on demand.
//!
//! Each test is named by what it promises; the modules are the topics. What a test holds up, it holds at a gate of the
//! provider; only lifetimes that have to run out take time.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, and tell what they saw"
)]

mod reads;
mod sharing;
