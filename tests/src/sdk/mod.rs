//! The real Wallaroo SDK in Python environments of its own, and a stand-in for the platform that it calls.

mod environment;
mod platform;
mod program;
mod stage;

pub use environment::{Environment, matplotlib_folder};
pub use platform::{Call, Platform};
pub use program::{Program, Told};
pub use stage::{PROFILE, Stage};

use std::path::PathBuf;

/// The tests in Python that need the SDK.
#[must_use]
pub fn tests_of_the_package() -> PathBuf {
    script("test_package")
}

/// What the tests of the SDK are written in, besides Rust.
fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sdk").join(name)
}
