//! The files that a profile's secrets and tokens come from, each with the key that names it.

use std::path::Path;

/// A file that is read when it is needed, never when the configuration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'p> {
    /// The key that names it.
    pub key: &'static str,
    /// Where it is, absolute.
    pub path: &'p Path,
}
