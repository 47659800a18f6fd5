//! One file of `tests/breaks`: which promise, which test, and the change that breaks the one for the other to notice.
//!
//! ```text
//! # promise: 9. Another user gets nothing.
//! # test: cargo test -p bearerd --test server_peer -- root_is_refused_by_the_daemon_of_a_user
//! --- a/daemon/src/server/peer.rs
//! +++ b/daemon/src/server/peer.rs
//! @@ …
//! ```
//!
//! A test in Python is named as `cargo xtask python tests/test_client.py::test_a_header_is_the_callers_own`.

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
pub(crate) enum NamedTest {
    /// `cargo test SELECTION -- NAME`: one of Rust's.
    Rust {
        /// What stands between `cargo test` and `--`.
        selection: Vec<String>,
        /// The test's full name.
        name: String,
    },
    /// `cargo xtask python FILE::NAME`: one of the Python package's, in all its cases.
    Python {
        /// Below `client/python`.
        file: String,
        /// The function.
        name: String,
    },
}

impl NamedTest {
    /// Its name, without the file of one in Python.
    #[cfg(test)]
    pub(crate) fn name(&self) -> &str {
        let (Self::Rust { name, .. } | Self::Python { name, .. }) = self;
        name
    }

    /// The package of Rust's that `-p` names.
    pub(crate) fn package(&self) -> Option<&str> {
        let Self::Rust { selection, .. } = self else { return None };
        let at = selection.iter().position(|word| word == "-p")?;
        selection.get(at + 1).map(String::as_str)
    }

    /// Reads such a command.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let is_word = |text: &str| !text.is_empty() && !text.contains(' ');
        if let Some(named) = line.strip_prefix("cargo xtask python ") {
            let (file, name) = named.split_once("::")?;
            let whole = is_word(file) && is_word(name);
            return whole.then(|| Self::Python { file: file.to_owned(), name: name.to_owned() });
        }
        let (selection, name) = line.strip_prefix("cargo test ")?.split_once(" -- ")?;
        let selection = selection.split_whitespace().map(str::to_owned).collect();
        let name = name.trim().to_owned();
        let is_one = is_word(&name);
        let test = Self::Rust { selection, name };
        (is_one && test.package().is_some()).then_some(test)
    }
}

impl fmt::Display for NamedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rust { selection, name } => {
                write!(f, "cargo test {} -- {name}", selection.join(" "))
            }
            Self::Python { file, name } => write!(f, "cargo xtask python {file}::{name}"),
        }
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
        let selection = ["-p", "bearerd", "--lib"].map(str::to_owned).to_vec();
        assert_eq!(test.package(), Some("bearerd"));
        assert_eq!(test.to_string(), line);
        assert_eq!(test, NamedTest::Rust { selection, name: "snapshot::tests::a".to_owned() });
        let line = "cargo xtask python tests/test_forks.py::test_a";
        let test = NamedTest::read(line).unwrap();
        assert_eq!((test.package(), test.to_string().as_str()), (None, line));
        let (file, name) = ("tests/test_forks.py".to_owned(), "test_a".to_owned());
        assert_eq!(test, NamedTest::Python { file, name });
        for bad in [
            "cargo test -p a",
            "cargo test --lib -- b",
            "cargo test -p a -- b c",
            "cargo xtask python",
            "cargo xtask python tests/test_a.py",
            "cargo xtask python a::b c",
            "make",
        ] {
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
