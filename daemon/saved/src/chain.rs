//! An error in one line, for a person.

use std::error::Error;
use std::fmt::Write as _;

/// An error and all its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _never_fails = write!(line, ": {error}");
        cause = error.source();
    }
    line
}
