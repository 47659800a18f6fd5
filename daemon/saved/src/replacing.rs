//! A file is put in place whole: written aside, synced, renamed, and its folder synced.

use crate::{Folder, NotSavedReason};
use std::io;

/// Puts `content` in the file's place, durably; on an error the old content is still there, whole,
/// but for [`NotSavedReason::Unconfirmed`].
///
/// # Errors
/// What stood against it.
pub fn replace(folder: &impl Folder, name: &str, content: &[u8]) -> Result<(), NotSavedReason> {
    let temporary = write_temporary(folder, name, content)?;
    if let Err(error) = folder.rename(&temporary, name) {
        drop_temporary(folder, &temporary);
        return Err(NotSavedReason::sort("rename the new file into place", error));
    }
    folder.sync().map_err(NotSavedReason::Unconfirmed)
}

/// Makes the file with `content`, whole and durable from the moment it is seen; one that is there stays.
pub(crate) fn publish_new(
    folder: &impl Folder,
    name: &str,
    content: &[u8],
) -> Result<(), NotSavedReason> {
    let temporary = write_temporary(folder, name, content)?;
    let linked = folder.link_new(&temporary, name);
    drop_temporary(folder, &temporary);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(NotSavedReason::sort("link the new file into place", error))
        }
        _ => folder.sync().map_err(|error| NotSavedReason::sort("sync the folder", error)),
    }
}

/// Deletes what an interrupted save left behind: files of our own naming alone.
///
/// # Errors
/// What the system says.
pub fn drop_old_temporaries(folder: &impl Folder) -> io::Result<()> {
    for name in folder.names()?.iter().filter(|name| is_temporary(name)) {
        folder.remove(name)?;
    }
    Ok(())
}

fn write_temporary(
    folder: &impl Folder,
    name: &str,
    content: &[u8],
) -> Result<String, NotSavedReason> {
    let mut random = [0_u8; 8];
    folder.fill_random(&mut random).map_err(NotSavedReason::Random)?;
    let temporary = format!("{TEMPORARY}{:016x}-{name}", u64::from_ne_bytes(random));
    let mut file = folder
        .create(&temporary)
        .map_err(|error| NotSavedReason::sort("create a new file", error))?;
    let written = folder
        .write(&mut file, content)
        .map_err(|error| NotSavedReason::sort("write the new file", error))
        .and_then(|()| {
            folder
                .sync_file(&file)
                .map_err(|error| NotSavedReason::sort("sync the new file", error))
        });
    match written {
        Ok(()) => Ok(temporary),
        Err(reason) => {
            drop_temporary(folder, &temporary);
            Err(reason)
        }
    }
}

/// What can't be deleted now is deleted at the next start.
fn drop_temporary(folder: &impl Folder, temporary: &str) {
    let _left_for_the_next_start = folder.remove(temporary);
}

fn is_temporary(name: &str) -> bool {
    let Some((random, rest)) = name.strip_prefix(TEMPORARY).and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()) && !rest.is_empty()
}

/// How the name of a file begins that is being written. No profile's name begins with a dot.
const TEMPORARY: &str = ".tmp-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_naming_is_a_temporary() {
        assert!(is_temporary(".tmp-0123456789abcdef-wallaroo.session"));
        assert!(is_temporary(".tmp-0123456789abcdef-key"));
        let ours_but_for_a_letter = ".tmp-0123456789abcdeg-key";
        let others = ["wallaroo.session", "key", ".tmp-", ".tmp-x-y", ".tmp-0123456789abcdef"];
        let others = others.into_iter().chain([".tmp-notes", ours_but_for_a_letter]);
        let others = others.chain([".tmp-0123456789abcdef-"]);
        for other in others {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
