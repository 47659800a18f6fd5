//! One file of `tests/breaks`: which promise, which test, and the change that breaks the one for the other to notice.
//!
//! ```text
//! # promise: 9. Another user gets nothing.
//! # test: cargo test -p bearerd --test server_peer -- root_is_refused_by_the_daemon_of_a_user
//! --- a/daemon/src/server/peer.rs
//! +++ b/daemon/src/server/peer.rs
//! @@ …
//! ```

use crate::failure::{Failure, While};
use crate::repository;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A break.
#[derive(Debug)]
pub(crate) struct Patch {
    /// The file's name without its end.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The promise that it breaks.
    pub(crate) promise: String,
    /// The test that must notice.
    pub(crate) test: NamedTest,
}

/// One test, by the command that runs it alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedTest {
    /// What stands between `cargo test` and `--`.
    pub(crate) selection: Vec<String>,
    /// The test's full name.
    pub(crate) name: String,
}

impl NamedTest {
    /// The package that `-p` names.
    pub(crate) fn package(&self) -> Option<&str> {
        let at = self.selection.iter().position(|word| word == "-p")?;
        self.selection.get(at + 1).map(String::as_str)
    }

    /// Reads `cargo test SELECTION -- NAME`.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.strip_prefix("cargo test ")?;
        let (selection, name) = line.split_once(" -- ")?;
        let selection: Vec<String> = selection.split_whitespace().map(str::to_owned).collect();
        let name = name.trim();
        let test = Self { selection, name: name.to_owned() };
        (!name.is_empty() && !name.contains(' ') && test.package().is_some()).then_some(test)
    }
}

impl fmt::Display for NamedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cargo test {} -- {}", self.selection.join(" "), self.name)
    }
}

/// All of them, by name.
pub(crate) fn all() -> Result<Vec<Patch>, Failure> {
    let folder = repository::root().join("tests/breaks");
    let entries = fs::read_dir(&folder).while_doing(|| format!("list `{}`", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "patch"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Patch, Failure> {
    let text = fs::read_to_string(path).while_doing(|| format!("read `{}`", path.display()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let lacks = |what| Failure::new(format!("`{}` lacks its line `{what}`", path.display()));
    let promise = header(&text, "promise").ok_or_else(|| lacks("# promise: …"))?;
    let test = header(&text, "test").and_then(|line| NamedTest::read(&line));
    let test = test.ok_or_else(|| lacks("# test: cargo test -p PACKAGE … -- NAME"))?;
    Ok(Patch { name, path: path.to_owned(), promise, test })
}

/// The value of a line `# NAME: VALUE` before the change.
fn header(text: &str, name: &str) -> Option<String> {
    headers(text, name).into_iter().next()
}

/// The values of all lines `# NAME: VALUE` before the change.
pub(crate) fn headers(text: &str, name: &str) -> Vec<String> {
    let start = format!("# {name}: ");
    let lines = text.lines().take_while(|line| !line.starts_with("--- "));
    let values = lines.filter_map(|line| line.strip_prefix(&start));
    values.map(|value| value.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_by_the_command_that_runs_it() {
        let line = "cargo test -p bearerd --lib -- snapshot::tests::a";
        let test = NamedTest::read(line).unwrap();
        assert_eq!((test.package(), test.name.as_str()), (Some("bearerd"), "snapshot::tests::a"));
        assert_eq!(test.to_string(), line);
        for bad in ["cargo test -p a", "cargo test --lib -- b", "cargo test -p a -- b c", "make"] {
            assert_eq!(NamedTest::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn headers_stand_before_the_change() {
        let text = "# promise: 1. One.\n--- a/x\n+++ b/x\n# test: no header\n";
        assert_eq!(header(text, "promise").as_deref(), Some("1. One."));
        assert_eq!(header(text, "test"), None);
    }
}
