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
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let output = git(&list, "list the repository's files")?;
    let text = String::from_utf8_lossy(&output);
    let files = text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from);
    let mut files: Vec<PathBuf> = files.filter(|path| root.join(path).is_file()).collect();
    files.sort();
    Ok(files)
}

/// What has changed in the files that `patterns` select since a commit, as a patch.
pub(crate) fn changes(since: &str, patterns: &[String]) -> Result<Vec<u8>, Failure> {
    let globs: Vec<String> = patterns.iter().map(|pattern| format!(":(glob){pattern}")).collect();
    let mut words = vec!["diff", "--no-color", "--no-ext-diff", since, "--"];
    words.extend(globs.iter().map(String::as_str));
    git(&words, &format!("see what has changed since `{since}`"))
}

fn git(words: &[&str], what: &str) -> Result<Vec<u8>, Failure> {
    let output = Command::new("git")
        .args(words)
        .current_dir(root())
        .output()
        .while_doing(|| "start `git`: `apt-get install -y git`".to_owned())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("failed to {what}: {}", words.trim_end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_changed_since_now_in_a_file_that_is_not_there() {
        assert_eq!(changes("HEAD", &["no/such/**/*.rs".to_owned()]).unwrap(), b"");
    }

    #[test]
    fn an_unknown_commit_is_named() {
        let failure = changes("no-such-commit", &["xtask/**/*.rs".to_owned()]).unwrap_err();
        let words = failure.to_string();
        assert!(words.contains("see what has changed since `no-such-commit`"), "{words}");
        assert!(words.contains("bad revision"), "{words}");
    }
}
