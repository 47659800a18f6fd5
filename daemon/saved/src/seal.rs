//! The sealed file's format: a readable header line, then what only the named key opens.
//!
//! `{"bearerd":"sealed-session","version":1,…}` newline, 24 bytes of nonce, XChaCha20-Poly1305 ciphertext with its
//! tag. The whole header line and the profile's name are associated data: neither can be changed, and no file passes
//! for another profile's. Pure: bytes in, bytes out; randomness comes in as a value.

use crate::key::{Key, KeyId, KeySource};
use crate::{NotSavedReason, SavedSession, UnreadableReason};
use bearerd_proto::ProfileName;
use chacha20poly1305::{AeadInPlace, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes of a sealed file at most: a session with its slots has a few thousand.
pub(crate) const FILE_MAX: usize = 1024 * 1024;

/// Bytes of a nonce (XChaCha20): long enough to be drawn at random each time.
pub(crate) const NONCE_LEN: usize = 24;

/// Seals the session for this profile with this key. The nonce is fresh random bytes, never used before.
pub(crate) fn seal(
    profile: &ProfileName,
    source: KeySource,
    key: &Key,
    nonce: &[u8; NONCE_LEN],
    session: &[u8],
) -> Result<Vec<u8>, NotSavedReason> {
    if session.len() > SESSION_MAX {
        return Err(NotSavedReason::TooLarge { found: session.len(), limit: SESSION_MAX });
    }
    let header = Header {
        bearerd: MAGIC_WORD.to_owned(),
        version: VERSION,
        profile: profile.as_str().to_owned(),
        key_source: source.name().to_owned(),
        key_id: key.id().to_string(),
        sealed_bytes: NONCE_LEN + session.len() + TAG_LEN,
    };
    let mut line = serde_json::to_vec(&header).map_err(|_cannot_fail| NotSavedReason::Seal)?;
    line.push(b'\n');
    let associated = associated_data(&line, profile);
    // Room for all of it from the start: a vector that grows would leave plaintext behind.
    let mut file = Zeroizing::new(Vec::with_capacity(line.len() + header.sealed_bytes));
    file.extend_from_slice(&line);
    file.extend_from_slice(nonce);
    let start = file.len();
    file.extend_from_slice(session);
    let tag = cipher(key)
        .encrypt_in_place_detached(XNonce::from_slice(nonce), &associated, &mut file[start..])
        .map_err(|_opaque| NotSavedReason::Seal)?;
    file.extend_from_slice(&tag);
    Ok(std::mem::take(&mut *file))
}

/// A sealed file whose header was read: it names the key that it needs.
#[derive(Debug)]
pub(crate) struct Sealed<'file> {
    header_line: &'file [u8],
    nonce: &'file [u8],
    ciphertext: &'file [u8],
    tag: &'file [u8],
    source: KeySource,
    key_id: KeyId,
}

impl<'file> Sealed<'file> {
    /// Reads the header and checks all that can be checked without the key.
    pub(crate) fn parse(
        file: &'file [u8],
        profile: &ProfileName,
    ) -> Result<Self, UnreadableReason> {
        let torn = UnreadableReason::Torn { found: file.len() };
        let line_end = file.iter().take(HEADER_MAX).position(|&byte| byte == b'\n');
        let Some(line_end) = line_end else {
            // It begins as ours do, or is the zeros that a file system puts where data never arrived.
            let ours = MAGIC.starts_with(&file[..file.len().min(MAGIC.len())]);
            let blank = file.iter().all(|&byte| byte == 0);
            return Err(if ours || blank { torn } else { UnreadableReason::Foreign });
        };
        let (header_line, sealed) = file.split_at(line_end + 1);
        if !header_line.starts_with(MAGIC) {
            return Err(UnreadableReason::Foreign);
        }
        let Ok(Version { version }) = serde_json::from_slice(header_line) else {
            return Err(UnreadableReason::Tampered);
        };
        if version > VERSION {
            return Err(UnreadableReason::NewerVersion { found: version, known: VERSION });
        }
        let header = match serde_json::from_slice::<Header>(header_line) {
            Ok(header) if header.version == VERSION => header,
            _ => return Err(UnreadableReason::Tampered),
        };
        if header.profile != profile.as_str() {
            return Err(match header.profile.parse::<ProfileName>() {
                Ok(named) => UnreadableReason::OtherProfile { named: named.into() },
                Err(_) => UnreadableReason::Tampered,
            });
        }
        if sealed.len() < header.sealed_bytes {
            return Err(torn);
        }
        if sealed.len() > header.sealed_bytes || sealed.len() < NONCE_LEN + TAG_LEN {
            return Err(UnreadableReason::Tampered);
        }
        let source = KeySource::from_name(&header.key_source).ok_or_else(|| {
            // A stranger's text: no control characters, and not much of it.
            let named = header.key_source.escape_debug().take(SHOWN_MAX).collect();
            UnreadableReason::UnknownKeySource { named }
        })?;
        let key_id = KeyId::from_text(&header.key_id).ok_or(UnreadableReason::Tampered)?;
        let (nonce, rest) = sealed.split_at(NONCE_LEN);
        let (ciphertext, tag) = rest.split_at(rest.len() - TAG_LEN);
        Ok(Self { header_line, nonce, ciphertext, tag, source, key_id })
    }

    /// Where the key comes from.
    pub(crate) fn key_source(&self) -> KeySource {
        self.source
    }

    /// Opens it with the key that it names, alone.
    pub(crate) fn open(
        &self,
        profile: &ProfileName,
        key: &Key,
    ) -> Result<SavedSession, UnreadableReason> {
        let here = key.id();
        if here != self.key_id {
            return Err(UnreadableReason::OtherKey {
                sealed_with: self.key_id.to_string(),
                here: here.to_string(),
            });
        }
        let mut session = Zeroizing::new(self.ciphertext.to_vec());
        cipher(key)
            .decrypt_in_place_detached(
                XNonce::from_slice(self.nonce),
                &associated_data(self.header_line, profile),
                &mut session,
                Tag::from_slice(self.tag),
            )
            .map_err(|_opaque| UnreadableReason::Tampered)?;
        Ok(SavedSession(session))
    }
}

/// The first line of a sealed file. Its first two fields never change, so that every version knows every other.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    bearerd: String,
    version: u64,
    profile: String,
    key_source: String,
    key_id: String,
    /// Bytes that follow the header, so that a file cut short is known from one that was changed.
    sealed_bytes: usize,
}

/// What a header of any version holds.
#[derive(Debug, Deserialize)]
struct Version {
    version: u64,
}

fn associated_data(header_line: &[u8], profile: &ProfileName) -> Vec<u8> {
    // The line ends in the only newline of the two, so the pair can be split in one way alone.
    [header_line, profile.as_str().as_bytes()].concat()
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

/// The newest format that this code knows.
const VERSION: u64 = 1;

const MAGIC_WORD: &str = "sealed-session";
const MAGIC: &[u8] = br#"{"bearerd":"sealed-session","#;

/// Bytes of a header line at most; ours have under 250.
const HEADER_MAX: usize = 1024;

/// Characters of a strange header that an error shows.
const SHOWN_MAX: usize = 40;

/// Bytes of a Poly1305 tag.
const TAG_LEN: usize = 16;

/// Bytes of a session at most: what a file may hold besides the header, the nonce and the tag.
const SESSION_MAX: usize = FILE_MAX - HEADER_MAX - NONCE_LEN - TAG_LEN;

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
