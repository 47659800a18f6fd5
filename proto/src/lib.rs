//! The wire of bearerd: what clients and the daemon say to each other. No I/O.

mod secret;

pub use secret::Secret;
