//! Why a configuration is not taken: file, line, reason, and what to write instead.

use std::io;
use std::path::{Path, PathBuf};

/// A configuration that is rejected whole.
///
/// No text of it quotes a value or a line of the file, since either could hold a secret; the exception is the path of
/// a file that can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is there and can't be read: its permissions, or it is no regular file.
    #[error("failed to read `{}`; make it a regular file that this user may read, or remove it", path.display())]
    Unreadable {
        /// The configuration file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something in the file is not as it has to be: the first such place.
    #[error("{}:{line}:{column}: {reason}; {mend}", path.display())]
    Refused {
        /// The configuration file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
        /// What to write instead.
        mend: String,
    },
}

impl ConfigError {
    /// The error and its cause in one line, for `status` and for the answer of every token request.
    pub fn sentence(&self) -> String {
        match self {
            ConfigError::Unreadable { source, .. } => format!("{self}: {source}"),
            ConfigError::Refused { .. } => self.to_string(),
        }
    }
}

/// What is wrong at a byte offset of the text; it becomes a [`ConfigError`] once file and line are known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: String,
    pub(super) mend: String,
}

impl Fault {
    pub(super) fn new(at: usize, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { at, reason: reason.into(), mend: mend.into() }
    }

    /// The same fault, in the file at `path` with this `text`.
    pub(super) fn within(self, text: &[u8], path: &Path) -> ConfigError {
        let (line, column) = position(text, self.at);
        let Self { reason, mend, .. } = self;
        ConfigError::Refused { path: path.to_owned(), line, column, reason, mend }
    }
}

fn position(text: &[u8], at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start =
        before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_becomes_line_and_column() {
        let text = "a = 1\nö = 2\n";
        for (at, expected) in [(0, (1, 1)), (4, (1, 5)), (6, (2, 1)), (9, (2, 3)), (99, (3, 1))] {
            assert_eq!(position(text.as_bytes(), at), expected, "{at}");
        }
        assert_eq!(position(b"", 0), (1, 1));
    }
}
