//! The repository that this tool belongs to: where it is, and which files are its own.

use crate::failure::{Failure, While};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The files that are tracked, or new and not ignored, by their paths from the root; those deleted are left out.
pub(crate) fn files() -> Result<Vec<PathBuf>, Failure> {
    let root = root();
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(&root)
        .output()
        .while_doing(|| "start `git`: `apt-get install -y git`".to_owned())?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("failed to list the repository's files: {words}")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let files = text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from);
    let mut files: Vec<PathBuf> = files.filter(|path| root.join(path).is_file()).collect();
    files.sort();
    Ok(files)
}
