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
mod reject;
mod sharing;
mod slots;
mod wishes;

mod events;
mod import;
mod login;
mod logout;
mod passwords;

mod autostart;
mod crash;
mod disk;
mod lost;
mod outage;
mod restart;

mod config;
mod exit_codes;
mod profiles;
mod strangers;

/// Says in one line what this machine lacks and what mends it. With `CI` set nothing may be lacking.
fn needs(what: &str, mend: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test needs {what}: {mend}");
    println!("skipped: this test needs {what}: {mend}");
}
