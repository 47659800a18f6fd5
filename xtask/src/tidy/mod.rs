//! The rules of the house that a test can keep.

mod auth_types;
mod breaks;
mod files;
mod readme;
mod recipe;
mod rooms;

use crate::repository;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
#[derive(Debug)]
struct Text {
    path: PathBuf,
    content: String,
}

impl Text {
    /// Its lines, each with its place.
    fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        let path = self.path.display();
        self.content.lines().enumerate().map(move |(at, line)| (format!("{path}:{}", at + 1), line))
    }

    /// Its lines of code: without comments, and without the tests at the end.
    fn code(&self) -> impl Iterator<Item = (String, &str)> {
        let lines = self.lines().take_while(|(_, line)| *line != "#[cfg(test)]");
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// The repository's text files that `wanted` picks by their paths.
fn texts(wanted: impl Fn(&Path) -> bool) -> Vec<Text> {
    let root = repository::root();
    let files = repository::files().unwrap();
    let texts = files.into_iter().filter(|path| wanted(path)).filter_map(|path| {
        // What is no text has no lines to look at.
        let content = fs::read_to_string(root.join(&path)).ok()?;
        Some(Text { path, content })
    });
    texts.collect()
}

fn has_end(path: &Path, ends: &[&str]) -> bool {
    path.extension().is_some_and(|end| ends.iter().any(|wanted| end == *wanted))
}

/// Whether `word` stands in `line`, not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let of_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(of_word);
        let after = line[at + word.len()..].chars().next().is_some_and(of_word);
        !before && !after
    })
}

/// Fails with every offence, a line each.
#[track_caller]
fn demand_none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}\n  {}", offences.join("\n  "));
}

#[test]
fn words_are_whole() {
    assert!(has_word("use crate::fetch;", "fetch") && has_word("fetch", "fetch"));
    assert!(!has_word("report.fetches", "fetch") && !has_word("prefetch", "fetch"));
    assert!(has_word("fetches; fetch()", "fetch"));
}
