//! The secrets that a test has brought into the world, and the search for them where none belongs.

use bearerd_test_idp::TestIdp;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every secret of a test: what its identity providers know and gave out, and what it added itself.
#[derive(Default)]
pub struct Secrets {
    providers: Mutex<Vec<Arc<TestIdp>>>,
    others: Mutex<Vec<String>>,
}

impl Secrets {
    /// Watches whatever this provider gives out, from its start to the last look.
    pub fn watch(&self, idp: &Arc<TestIdp>) {
        let mut providers = lock(&self.providers);
        if !providers.iter().any(|known| Arc::ptr_eq(known, idp)) {
            providers.push(Arc::clone(idp));
        }
    }

    /// Watches this text too.
    pub fn add(&self, secret: &str) {
        lock(&self.others).push(secret.to_owned());
    }

    /// Fails the test where `bytes` hold a secret; `place` says what they are. While the test fails already it only
    /// tells, so as to leave the first reason alone.
    ///
    /// # Panics
    /// Where there is a secret.
    pub fn must_not_be_in(&self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for secret in self.all() {
            // A token cut off at the front, or its signature alone, is a leak as well.
            let leak = text.contains(&secret) || text.contains(tail(&secret));
            assert!(!leak || std::thread::panicking(), "{place} holds a secret ({secret})");
        }
    }

    /// The same for each file below `folder`.
    ///
    /// # Panics
    /// As there.
    pub fn must_not_be_below(&self, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                self.must_not_be_below(&path);
            } else if kind.is_file()
                && let Ok(bytes) = std::fs::read(&path)
            {
                self.must_not_be_in(&path.display().to_string(), &bytes);
            }
        }
    }

    fn all(&self) -> Vec<String> {
        let providers = lock(&self.providers);
        let mut all = lock(&self.others).clone();
        for idp in providers.iter() {
            all.extend(idp.issued_secrets());
        }
        all
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(REDACTED)")
    }
}

fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of a long secret: of a token that is random to the last character, enough to be unmistakable.
fn tail(secret: &str) -> &str {
    let from = secret.len().saturating_sub(TAIL);
    secret.get(from..).unwrap_or(secret)
}

/// Characters.
const TAIL: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use bearerd_test_idp::Settings;

    #[test]
    fn a_token_is_found_whole_and_cut_off() {
        let idp = Arc::new(TestIdp::start_blocking(Settings::default()));
        let secrets = Secrets::default();
        secrets.watch(&idp);
        let token = idp.issue("jane").access_token;
        secrets.must_not_be_in("a harmless line", b"nothing here");
        for leak in [&token[..], &token[token.len() - 30..], "jane-pw"] {
            let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                secrets.must_not_be_in("a line", format!("x{leak}y").as_bytes());
            }));
            assert!(found.is_err(), "{leak}");
        }
    }
}
