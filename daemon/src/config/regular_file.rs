//! Opens what people name as a file, if it is one: a pipe would hold its reader until somebody writes to it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Opens the regular file that `path` leads to, for reading.
///
/// # Errors
/// As [`File::open`], and where something else than a regular file stands there.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    match fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::Error::other("it is no regular file")),
    }
}
