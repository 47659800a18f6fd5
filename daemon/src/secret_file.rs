//! Reads a file that holds a secret, where nobody else can: each refusal says what mends it.

use bearerd_proto::Secret;
use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags};
use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a secret file is not taken. No text of it has anything of the file's content.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// It is not there, or this user may not read it.
    #[error("failed to read `{}`; name a file that this user may read", shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A folder, a pipe, a device.
    #[error("`{}` is no regular file; name one", shown(path))]
    NotRegular {
        /// What is no file.
        path: PathBuf,
    },
    /// It is this user's, and others have a way to it.
    #[error(
        "`{}` is open to other users (its mode is {mode:03o}); close it: chmod 600 {}",
        shown(path),
        in_a_shell(path)
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Larger than any secret.
    #[error("`{}` is larger than 64 KiB; name a file with the secret alone", shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it, or a line's end alone.
    #[error("`{}` is empty; write the secret into it", shown(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Not UTF-8.
    #[error("`{}` is not UTF-8 text; write the secret as text, a key as PEM", shown(path))]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

impl SecretFileError {
    /// The error and its cause in one line.
    pub fn sentence(&self) -> String {
        match self {
            SecretFileError::Unreadable { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }
}

/// Reads the secret in the regular file at `path`, without the line's end behind it.
///
/// Blocks, on a network disk for as long as that likes. A file of this user that others have a way to is refused; one
/// that another owner or a read-only mount provides is taken: those who provide it choose who sees it.
///
/// # Errors
/// It can't be read, is open to others, or holds no secret.
pub fn read(path: &Path) -> Result<Secret, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable { path: path.to_owned(), source };
    // Without NONBLOCK, a pipe in the file's place would hang the open.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(CWD, path, flags, Mode::empty())
        .map(File::from)
        .map_err(|error| unreadable(error.into()))?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SecretFileError::NotRegular { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o777;
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if is_exposed(is_ours, mode, || is_on_a_read_only_mount(&file)) {
        return Err(SecretFileError::Exposed { path: path.to_owned(), mode });
    }
    // Room for all that is taken from the start: a vector that grows would leave a copy behind.
    let mut content = Zeroizing::new(Vec::with_capacity(ROOM));
    file.take(SECRET_MAX + 1).read_to_end(&mut content).map_err(unreadable)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > SECRET_MAX) {
        return Err(SecretFileError::TooLarge { path: path.to_owned() });
    }
    if content.last() == Some(&b'\n') {
        content.pop();
        if content.last() == Some(&b'\r') {
            content.pop();
        }
    }
    if content.is_empty() {
        return Err(SecretFileError::Empty { path: path.to_owned() });
    }
    String::from_utf8(mem::take(&mut content)).map(Secret::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        SecretFileError::NotText { path: path.to_owned() }
    })
}

/// Whether others have a way to it that its owner, this user, can close.
fn is_exposed(is_ours: bool, mode: u32, is_on_a_read_only_mount: impl FnOnce() -> bool) -> bool {
    is_ours && mode & 0o077 != 0 && !is_on_a_read_only_mount()
}

/// As a container has its secrets: their modes can't be changed, and are no slip of this user.
fn is_on_a_read_only_mount(file: &File) -> bool {
    rustix::fs::fstatvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Escaped, so that the message stays one line.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

/// The path as a shell takes it.
fn in_a_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    match text.chars().all(plain) {
        true => text.into_owned(),
        false => {
            let quoted = text.replace('\'', r"'\''");
            // No shell reads a control character that is escaped, and no message gets one that is not.
            format!("'{}'", quoted.replace(char::is_control, "?"))
        }
    }
}

/// Bytes; a PEM file with an RSA key of 16,384 bits has 13 KB, the SDK's cache file with two large tokens 60.
const SECRET_MAX: u64 = 64 * 1024;
/// Bytes; what is read without the vector's growing, the end of the file included.
const ROOM: usize = 2 * 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_user_can_close_is_exposed() {
        for (is_ours, mode, on_a_read_only_mount, exposed) in [
            (true, 0o644, false, true),
            (true, 0o644, true, false),
            (true, 0o600, false, false),
            (false, 0o644, false, false),
            (false, 0o644, true, false),
        ] {
            assert_eq!(is_exposed(is_ours, mode, || on_a_read_only_mount), exposed, "{mode:o}");
        }
    }

    #[test]
    fn a_folder_that_was_just_written_to_is_on_no_read_only_mount() {
        assert!(!is_on_a_read_only_mount(&tempfile::tempfile().unwrap()));
    }
}
