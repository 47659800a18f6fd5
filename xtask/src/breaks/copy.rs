//! Copies of the repository's files, brought up to date in place so that cargo builds anew only what differs.

use crate::failure::{Failure, While};
use crate::repository;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Makes `copy` have the files of the repository as they are now.
pub(crate) fn of_repository(copy: &Path) -> Result<(), Failure> {
    let files = repository::files()?.into_iter().collect();
    bring_up_to_date(copy, &repository::root(), &files)
}

/// Makes `copy` have the same files as another copy.
pub(crate) fn of_folder(copy: &Path, folder: &Path) -> Result<(), Failure> {
    let name = |path: PathBuf| path.strip_prefix(folder).map(Path::to_owned).ok();
    let files = files_below(folder)?.into_iter().filter_map(name).collect();
    bring_up_to_date(copy, folder, &files)
}

/// Writes what differs, and removes what is too many.
fn bring_up_to_date(copy: &Path, root: &Path, files: &HashSet<PathBuf>) -> Result<(), Failure> {
    for old in files_below(copy)? {
        if old.strip_prefix(copy).is_ok_and(|name| !files.contains(name)) {
            fs::remove_file(&old).while_doing(|| format!("remove `{}`", old.display()))?;
        }
    }
    for name in files {
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
