//! What is mutated, in areas: the files of one package, and the tests that have to notice.

use crate::failure::Failure;
use std::path::Path;

/// Files that the same tests watch over.
#[derive(Debug)]
pub(crate) struct Area {
    /// Its name, for the table and for the folder of its results.
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    /// Files by their paths from the root; one that ends in `/` is a folder with all that is below.
    files: &'static [&'static str],
    /// Which targets cargo builds and tests for each mutant: all that know these files, and no more.
    pub(crate) targets: &'static [&'static str],
}

/// Where a wrong line costs a login: what is decided, what is read of an answer, what is written to disk.
pub(crate) const AREAS: [Area; 3] = [
    Area {
        name: "session",
        package: "bearerd-session",
        files: &["daemon/session/src/"],
        targets: &["--tests"],
    },
    Area {
        name: "answers",
        package: "bearerd",
        files: &[
            "daemon/src/fetch/answer.rs",
            "daemon/src/fetch/id_token.rs",
            "daemon/src/fetch/members.rs",
            "daemon/src/fetch/members/",
            "daemon/src/fetch/shown.rs",
        ],
        targets: &["--lib"],
    },
    Area {
        name: "saved",
        package: "bearerd-saved",
        files: &[
            "daemon/saved/src/key.rs",
            "daemon/saved/src/replacing.rs",
            "daemon/saved/src/saver.rs",
            "daemon/saved/src/seal.rs",
            "daemon/saved/src/session_file.rs",
        ],
        targets: &["--lib"],
    },
];

impl Area {
    /// Whether this file is one of its own.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.files.iter().any(|own| match own.strip_suffix('/') {
            Some(_) => path.starts_with(own),
            None => path == *own,
        })
    }

    /// What cargo-mutants is told to look at: these files alone, or all.
    pub(crate) fn patterns(&self, chosen: &[String]) -> Vec<String> {
        if chosen.is_empty() {
            let all = self.files.iter().map(|own| match own.strip_suffix('/') {
                Some(folder) => format!("{folder}/**/*.rs"),
                None => (*own).to_owned(),
            });
            return all.collect();
        }
        chosen.iter().filter(|path| self.covers(path)).cloned().collect()
    }
}

/// The files that a person named, as this tool calls them; one that is not mutated is an error.
pub(crate) fn chosen(files: &[String], root: &Path) -> Result<Vec<String>, Failure> {
    let mut chosen = Vec::new();
    for file in files {
        let path = file.strip_prefix("./").unwrap_or(file);
        if !root.join(path).is_file() || !AREAS.iter().any(|area| area.covers(path)) {
            let known: Vec<&str> =
                AREAS.iter().flat_map(|area| area.files.iter().copied()).collect();
            return Err(Failure::new(format!(
                "`{path}` is no file that is mutated; by their paths from the root these are: {}",
                known.join(", ")
            )));
        }
        chosen.push(path.to_owned());
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository;

    #[test]
    fn each_area_has_files_and_each_file_stands() {
        for own in AREAS.iter().flat_map(|area| area.files) {
            let path = repository::root().join(own);
            assert!(if own.ends_with('/') { path.is_dir() } else { path.is_file() }, "{own}");
        }
    }

    #[test]
    fn a_file_is_chosen_by_its_path_and_another_is_none() {
        let outcome = "daemon/session/src/outcome.rs".to_owned();
        let found = chosen(&[format!("./{outcome}")], &repository::root()).unwrap();
        assert_eq!(found.join(" "), outcome);
        let patterns: Vec<Vec<String>> = AREAS.iter().map(|area| area.patterns(&found)).collect();
        assert_eq!(patterns, [vec![outcome], vec![], vec![]]);
        for other in ["daemon/src/main.rs", "daemon/session/src/no-such.rs", "daemon/session/src"] {
            assert!(chosen(&[other.to_owned()], &repository::root()).is_err(), "{other}");
        }
    }
}
