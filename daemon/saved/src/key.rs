//! Where the sealing key comes from.
//!
//! One source exists: a key file beside the state. A systemd credential and the desktop's Secret Service are meant to
//! stand beside it as further cases of [`KeySource`]; which one seals is decided once, when a session is first
//! sealed, and from then on the sealed file's header says it.

use crate::replacing::publish_new;
use crate::{Folder, NotSavedReason, StoreError, UnreadableReason};
use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305, XNonce};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// A source of keys, as a sealed file's header names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// 32 random bytes in the file `key` of the state folder. It keeps a sealed file safe where that file travels
    /// alone (a backup, a copy, a shared disk's snapshot of it), not from who reads the folder.
    KeyFile,
}

impl KeySource {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::KeyFile].into_iter().find(|source| source.name() == name)
    }

    /// The key that opens `sealed`, which is there and names this source. It is read anew each time: it does not lie
    /// in memory between saves, and a key that was put back is found.
    pub(crate) fn key(self, folder: &impl Folder, sealed: &Path) -> Result<Key, StoreError> {
        match self {
            Self::KeyFile => read_key_file(folder)?.ok_or_else(|| {
                let path = folder.path_of(KEY_FILE);
                StoreError::unreadable(sealed, UnreadableReason::KeyMissing { path })
            }),
        }
    }

    /// The key to seal `target` with; a source that has none yet makes one, durably, before anything needs it.
    pub(crate) fn key_or_new(self, folder: &impl Folder, target: &Path) -> Result<Key, StoreError> {
        match self {
            Self::KeyFile => {
                let unsaved = |error: StoreError| error.against_saving(target);
                if let Some(key) = read_key_file(folder).map_err(unsaved)? {
                    return Ok(key);
                }
                let mut bytes = Zeroizing::new([0_u8; KEY_LEN]);
                folder.fill_random(&mut *bytes).map_err(|error| {
                    StoreError::not_saved(target, NotSavedReason::Random(error))
                })?;
                // Whether ours or another's became the key: the one that is there counts.
                publish_new(folder, KEY_FILE, &*bytes)
                    .map_err(|reason| StoreError::not_saved(target, reason))?;
                self.key(folder, target).map_err(unsaved)
            }
        }
    }
}

/// A sealing key: redacted in `Debug`, wiped on drop.
pub(crate) struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self(bytes)
    }

    /// The one exit, for the cipher alone.
    pub(crate) fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// The key's fingerprint: the authenticator of no data under a fixed label. It tells keys apart and nothing about
    /// them; its nonce is one that no seal draws.
    pub(crate) fn id(&self) -> KeyId {
        let cipher = XChaCha20Poly1305::new(self.expose().into());
        let tag = cipher.encrypt_in_place_detached(&XNonce::default(), b"bearerd key id", &mut []);
        let mut id = [0_u8; KEY_ID_LEN];
        // Encrypting nothing cannot fail: only more than 256 GB of data does.
        if let Ok(tag) = tag {
            id.copy_from_slice(&tag[..KEY_ID_LEN]);
        }
        KeyId(id)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(REDACTED, id {})", self.id())
    }
}

/// A key's short fingerprint, in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyId([u8; KEY_ID_LEN]);

impl KeyId {
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let parsed = u64::from_str_radix(text, 16).ok().map(|id| Self(id.to_be_bytes()));
        // Only the one spelling that we write.
        parsed.filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

fn read_key_file(folder: &impl Folder) -> Result<Option<Key>, StoreError> {
    let Some(found) = folder.read(KEY_FILE, KEY_LEN + 1)? else {
        return Ok(None);
    };
    let mut bytes = Zeroizing::new([0_u8; KEY_LEN]);
    if found.len() != KEY_LEN {
        let reason = UnreadableReason::NotAKey { expected: KEY_LEN, found: found.len() };
        return Err(StoreError::unreadable(folder.path_of(KEY_FILE), reason));
    }
    bytes.copy_from_slice(&found);
    Ok(Some(Key::from_bytes(bytes)))
}

/// The key's file name; no session's, which all end in `.session`.
pub(crate) const KEY_FILE: &str = "key";

/// Bytes of a key (XChaCha20-Poly1305).
pub(crate) const KEY_LEN: usize = 32;

/// Bytes of a fingerprint: enough to tell a user's keys apart.
const KEY_ID_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_keys_apart_and_survive_the_header() {
        let ids: Vec<_> = (0..=255_u8)
            .map(|fill| Key::from_bytes(Zeroizing::new([fill; KEY_LEN])).id())
            .collect();
        for (position, id) in ids.iter().enumerate() {
            assert!(!ids[..position].contains(id));
            assert_eq!(KeyId::from_text(&id.to_string()), Some(*id));
        }
        for bad in ["", "12", "+123456789abcdef", "0123456789ABCDEF", "0123456789abcdef0"] {
            assert_eq!(KeyId::from_text(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_is_redacted() {
        let key = Key::from_bytes(Zeroizing::new([0xab; KEY_LEN]));
        let shown = format!("{key:?}");
        assert!(shown.contains("REDACTED") && !shown.contains("abab") && !shown.contains("171"));
    }
}
