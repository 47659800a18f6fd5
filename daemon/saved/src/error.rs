//! What can go wrong between a session and its disk, sorted by what the caller does next.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A call of the store that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What is saved can't be opened now. It is left as it is, and no login starts because of it.
    #[error("cannot use `{}`", path.display())]
    Unreadable {
        /// The file or folder in question.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        reason: UnreadableReason,
    },
    /// The session is in memory alone; what was saved before is still there.
    #[error("failed to save the session to `{}`", path.display())]
    NotSaved {
        /// The file that was to be written.
        path: PathBuf,
        /// What stood against it.
        #[source]
        reason: NotSavedReason,
    },
    /// A file or folder of the state is open to other users: refused, for loads and saves alike, until mended.
    #[error("`{}` is open to other users (mode {mode:04o}): run `{}`", path.display(), mend(path))]
    Exposed {
        /// The file or folder in question.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file could not be deleted or moved aside.
    #[error("failed to {doing} `{}`", path.display())]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Whether a save failed because what it would replace can't be opened, though the disk gave it.
    pub fn is_unopenable(&self) -> bool {
        match self {
            Self::NotSaved { reason: NotSavedReason::State(state), .. } => state.is_unopenable(),
            Self::Unreadable { reason, .. } => !matches!(reason, UnreadableReason::Io(_)),
            _ => false,
        }
    }

    /// Whether a save failed after the new file was put in place.
    pub fn is_in_place(&self) -> bool {
        matches!(self, Self::NotSaved { reason: NotSavedReason::Unconfirmed(_), .. })
    }

    /// What is at `path` can't be opened, for this reason.
    pub fn unreadable(path: impl Into<PathBuf>, reason: UnreadableReason) -> Self {
        Self::Unreadable { path: path.into(), reason }
    }

    /// What was to be at `path` is not saved, for this reason.
    pub fn not_saved(path: impl Into<PathBuf>, reason: NotSavedReason) -> Self {
        Self::NotSaved { path: path.into(), reason }
    }

    /// This error of a load, said of a save: an exposed path stays what it is, the rest becomes the save's reason.
    #[must_use]
    pub fn against_saving(self, path: impl Into<PathBuf>) -> Self {
        match self {
            Self::Exposed { .. } | Self::NotSaved { .. } => self,
            other => Self::not_saved(path, NotSavedReason::State(Box::new(other))),
        }
    }
}

/// Why something that is saved can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnreadableReason {
    /// The disk did not give it.
    #[error("the system did not give access to it")]
    Io(#[source] io::Error),
    /// A symbolic link, folder, pipe or device stands where a file should.
    #[error("it is not a regular file, and links are not followed here; move it away")]
    NotRegular,
    /// The folder's path leads to something else.
    #[error("it is not a folder; move it away, or set `BEARERD_STATE` to another one")]
    NotAFolder,
    /// Another user owns it.
    #[error("it belongs to user {owner}, not to user {us} who runs bearerd")]
    NotOurs {
        /// The owner's uid.
        owner: u32,
        /// The daemon's uid.
        us: u32,
    },
    /// More than a session can hold.
    #[error(
        "it is larger than a saved session may be ({limit} bytes); it was not written by bearerd"
    )]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
    /// Cut short or blank, as a crash of the machine can leave it.
    #[error(
        "it is cut short ({found} bytes), as a full disk or a power loss can leave it; log in again"
    )]
    Torn {
        /// Bytes that are there.
        found: usize,
    },
    /// No sealed session at all.
    #[error("it is not a sealed session of bearerd; move it away, or log in again")]
    Foreign,
    /// The seal does not fit.
    #[error("it was damaged or tampered with after it was sealed; log in again")]
    Tampered,
    /// Copied or renamed from another profile.
    #[error("it is the sealed session of profile `{named}`; rename it back, or log in again")]
    OtherProfile {
        /// The profile that the header names.
        named: String,
    },
    /// Written by a later bearerd.
    #[error(
        "its format is version {found}, newer than this bearerd knows ({known}); install the newer one"
    )]
    NewerVersion {
        /// The version that the header names.
        found: u64,
        /// The newest one that can be opened.
        known: u64,
    },
    /// The header names a source of keys that this bearerd does not have.
    #[error(
        "its key comes from `{named}`, which this bearerd cannot use; install the one that sealed it"
    )]
    UnknownKeySource {
        /// The source that the header names.
        named: String,
    },
    /// The key file is gone, the sealed file is not.
    #[error(
        "its key file `{}` is missing, and nothing else opens it: put the key back from a backup, or log in again, which moves the sealed file aside",
        path.display()
    )]
    KeyMissing {
        /// Where the key should be.
        path: PathBuf,
    },
    /// The key file is no key.
    #[error(
        "it should hold a key of {expected} bytes, but holds {found}: put it back from a backup, or move it away and log in again"
    )]
    NotAKey {
        /// Bytes of a key.
        expected: usize,
        /// Bytes that are there, at most one more than a key's.
        found: usize,
    },
    /// The key was replaced after this was sealed.
    #[error(
        "it is sealed with key {sealed_with}, but the key here is {here}: put that key back, or log in again"
    )]
    OtherKey {
        /// Fingerprint that the header names.
        sealed_with: String,
        /// Fingerprint of the key that is there.
        here: String,
    },
}

/// What stood against a save.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotSavedReason {
    /// ENOSPC, EDQUOT.
    #[error("the disk is full, or a quota is used up: make room there")]
    Full(#[source] io::Error),
    /// EROFS.
    #[error("the disk is mounted read-only")]
    ReadOnly(#[source] io::Error),
    /// EACCES, EPERM.
    #[error("this user may not write there: look at the owner and the mode of the folder")]
    Denied(#[source] io::Error),
    /// Any other answer of the system.
    #[error("failed to {doing}")]
    Failed {
        /// The step.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The new file is in place, but its folder was not synced.
    #[error("the new file is in place, but the disk did not confirm it: a power loss may undo it")]
    Unconfirmed(#[source] io::Error),
    /// The session outgrew its file.
    #[error("the session has {found} bytes, more than {limit}")]
    TooLarge {
        /// Bytes to be saved.
        found: usize,
        /// Bytes that may be saved.
        limit: usize,
    },
    /// The kernel gave no random bytes.
    #[error("the kernel gave no random bytes")]
    Random(#[source] io::Error),
    /// Sealing failed inside the cipher.
    #[error("the cipher refused to seal it")]
    Seal,
    /// The folder, the key or the file to be replaced can't be opened, so nothing is written over it.
    #[error("what is saved there cannot be opened, so it is not replaced")]
    State(#[source] Box<StoreError>),
}

impl NotSavedReason {
    /// Sorts what the system said at this step of a save.
    pub fn sort(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(source),
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(source),
            ErrorKind::PermissionDenied => Self::Denied(source),
            _ => Self::Failed { doing, source },
        }
    }
}

/// The command that closes the path to others, ready to paste into a shell.
fn mend(path: &Path) -> impl fmt::Display + use<> {
    let text = path.display().to_string();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte));
    if plain {
        format!("chmod go-rwx {text}")
    } else {
        format!("chmod go-rwx '{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mending_command_can_be_pasted() {
        let cases = [
            ("/home/jane/.local/state/bearerd", "chmod go-rwx /home/jane/.local/state/bearerd"),
            ("/home/j d/$x", "chmod go-rwx '/home/j d/$x'"),
            ("/home/o'neil", r"chmod go-rwx '/home/o'\''neil'"),
        ];
        for (path, command) in cases {
            assert_eq!(mend(Path::new(path)).to_string(), command);
            let error = StoreError::Exposed { path: path.into(), mode: 0o644 };
            assert!(error.to_string().contains(command), "{error}");
            assert!(error.to_string().contains("0644"), "{error}");
        }
    }

    #[test]
    fn what_the_system_says_is_sorted() {
        let sorted = |errno| NotSavedReason::sort("write it", io::Error::from_raw_os_error(errno));
        let (eperm, eio, eacces, enospc, erofs, edquot) = (1, 5, 13, 28, 30, 122);
        assert!(matches!(sorted(enospc), NotSavedReason::Full(_)));
        assert!(matches!(sorted(edquot), NotSavedReason::Full(_)));
        assert!(matches!(sorted(erofs), NotSavedReason::ReadOnly(_)));
        assert!(matches!(sorted(eacces), NotSavedReason::Denied(_)));
        assert!(matches!(sorted(eperm), NotSavedReason::Denied(_)));
        assert!(matches!(sorted(eio), NotSavedReason::Failed { doing: "write it", .. }));
    }
}
