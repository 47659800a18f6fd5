//! A buffer for what holds secrets: it is wiped in the end, and leaves no copy behind as it grows.

use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped.
#[derive(Default)]
pub struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    /// `value` as JSON.
    ///
    /// # Errors
    /// It has something in it that JSON has no word for.
    pub fn json(value: &impl Serialize) -> serde_json::Result<Self> {
        let mut wiped = Self::default();
        serde_json::to_writer(&mut wiped, value)?;
        Ok(wiped)
    }

    /// Appends `bytes`.
    pub fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            // A vector that grows by itself frees its old place with the secret in it.
            let mut larger = Vec::with_capacity(needed.next_power_of_two().max(SMALLEST));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
    }

    /// Takes the last byte away.
    pub fn pop(&mut self) -> Option<u8> {
        self.0.pop()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, REDACTED", self.len())
    }
}

/// Bytes; most forms, answers and sessions fit, so that nothing is copied.
const SMALLEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_its_content_and_never_shows_it() {
        let mut wiped = Wiped::default();
        let mut expected = Vec::new();
        for piece in [&b"token"[..], &[b'x'; 5000], b"", &[b'y'; 9000]] {
            wiped.push(piece);
            expected.extend_from_slice(piece);
            assert_eq!(wiped.as_ref(), expected);
        }
        assert_eq!(format!("{wiped:?}"), "14005 bytes, REDACTED");
    }
}
