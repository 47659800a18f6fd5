//! A deterministic simulation of bearerd: the heart and the saving code, through months of faults.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness for tests: it fails loudly"
)]

pub mod draw;
pub mod history;
pub mod mix;

pub mod disk;
mod provider;

pub mod engine;
pub mod invariants;

pub mod cases;
pub mod run;
pub mod shrink;
