//! The list of survivors that are accepted: `docs/mutants.md`, each with the sentence that says why it changes nothing.
//!
//! ```text
//! ## `daemon/session/src/time.rs`
//!
//! - `replace > with >= in f`: a sentence, which may go on
//!   in the next line.
//! ```

use crate::failure::{Failure, While};
use crate::repository;
use std::fs;

/// Where the list stands, from the root.
pub(crate) const LIST: &str = "docs/mutants.md";

/// A survivor that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) file: String,
    /// As cargo-mutants calls it, without the file and the place in it.
    pub(crate) mutant: String,
    /// Why it changes nothing.
    pub(crate) why: String,
}

/// All of them. One line for each: two mutants of one name in one function take two.
pub(crate) fn all() -> Result<Vec<Accepted>, Failure> {
    let path = repository::root().join(LIST);
    let text = fs::read_to_string(&path).while_doing(|| format!("read `{LIST}`"))?;
    read(&text)
}

fn read(text: &str) -> Result<Vec<Accepted>, Failure> {
    let mut accepted: Vec<Accepted> = Vec::new();
    let mut file = None;
    let (mut open, mut fenced) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let bad = |what: &str| Failure::new(format!("`{LIST}` line {number}: {what}"));
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            // An example.
        } else if let Some(heading) = line.strip_prefix("## ") {
            file = quoted(heading).filter(|(_, rest)| rest.is_empty()).map(|(file, _)| file);
            open = false;
        } else if let (Some(item), Some(file)) = (line.strip_prefix("- "), file) {
            let (mutant, rest) =
                quoted(item).ok_or_else(|| bad("a mutant's name stands in backquotes"))?;
            let why = rest.strip_prefix(':').map(str::trim).filter(|why| !why.is_empty());
            let why = why.ok_or_else(|| bad("after the name come a colon and the reason"))?;
            let (mutant, why) = (mutant.to_owned(), why.to_owned());
            accepted.push(Accepted { file: file.to_owned(), mutant, why });
            open = true;
        } else if let (true, Some(more), Some(last)) =
            (open, line.strip_prefix("  "), accepted.last_mut())
        {
            last.why = format!("{} {}", last.why, more.trim());
        } else {
            open = false;
        }
    }
    match accepted.iter().find(|entry| !entry.why.ends_with('.')) {
        Some(entry) => Err(Failure::new(format!(
            "`{LIST}`: what is said of `{}` in `{}` is no sentence",
            entry.mutant, entry.file
        ))),
        None => Ok(accepted),
    }
}

/// What stands in backquotes at the start, and the rest.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('`')?.split_once('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_below_a_file_is_a_survivor_with_its_sentence() {
        let text = "# Mutants\n\n- not one\n\n## How\n\n- `nor` this\n\n```text\n## `c.rs`\n- `nor`: that.\n```\n\n## `a/b.rs`\n\nWords.\n\n\
                    - `replace > with >= in f`: it is\n  the same.\n- `replace g with ()`: so is it.\n";
        let entry = |mutant: &str, why: &str| Accepted {
            file: "a/b.rs".to_owned(),
            mutant: mutant.to_owned(),
            why: why.to_owned(),
        };
        let wanted = [
            entry("replace > with >= in f", "it is the same."),
            entry("replace g with ()", "so is it."),
        ];
        assert_eq!(read(text).unwrap(), wanted);
    }

    #[test]
    fn an_item_without_a_sentence_is_an_error() {
        for item in ["- `m`", "- `m`:", "- `m`: because", "- m: it is the same."] {
            assert!(read(&format!("## `a.rs`\n{item}\n")).is_err(), "{item}");
        }
    }

    #[test]
    fn the_list_can_be_read() {
        let root = repository::root();
        for entry in all().unwrap() {
            assert!(root.join(&entry.file).is_file(), "{entry:?}");
        }
    }
}
