//! A copy of the repository's files, brought up to date in place so that cargo builds anew only what differs.

use crate::failure::{Failure, While};
use crate::repository;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes `copy` have the same files as the repository: what differs is written, what is too many is removed.
pub(crate) fn bring_up_to_date(copy: &Path) -> Result<(), Failure> {
    let root = repository::root();
    let files: HashSet<PathBuf> = repository::files()?.into_iter().collect();
    for old in files_below(copy)? {
        let name = old.strip_prefix(copy).unwrap_or(&old);
        if !files.contains(name) {
            fs::remove_file(&old).while_doing(|| format!("remove `{}`", old.display()))?;
        }
    }
    for name in &files {
        let (from, to) = (root.join(name), copy.join(name));
        let what = || format!("copy `{}`", from.display());
        let wanted = fs::read(&from).while_doing(what)?;
        if fs::read(&to).is_ok_and(|present| present == wanted) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).while_doing(what)?;
        }
        fs::copy(&from, &to).while_doing(what)?;
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.while_doing(|| format!("list `{}`", folder.display()))?,
        };
        for entry in entries {
            let path = entry.while_doing(|| format!("list `{}`", folder.display()))?.path();
            if path.is_dir() && !path.is_symlink() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}
