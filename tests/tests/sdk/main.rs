//! The real Wallaroo SDK on the daemon, against a real Keycloak behind a stand-in for its platform.
//!
//! The programs know nothing of us: they run by `python -m bearerd run`, in an environment where `enable` was said, and,
//! as the contrast in the same run, by themselves.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, measure time, and tell what they saw"
)]

mod crowd;
mod outage;
mod package;
mod served;
mod types;

/// Whether there is time for every contrast in full.
fn is_long() -> bool {
    std::env::var_os("BEARERD_SDK").is_some_and(|value| value == "long")
}
