//! The toy of the recipe for an auth type applies, and stays within the files that the recipe names.

use super::{demand_none, texts};
use crate::recipe::Recipe;
use crate::repository;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the toy is called where the recipe says `WORD`.
const WORD: &str = "toy";
/// Where the recipe's files are.
const BELOW: &str = "daemon/";

#[test]
fn the_toy_of_the_recipe_applies() {
    let recipe = Recipe::read().unwrap();
    let git = Command::new("git")
        .args(["apply", "--check"])
        .arg(&recipe.path)
        .current_dir(repository::root())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&git.stderr);
    assert!(git.status.success(), "the toy applies to the code as it is: {words}");
}

#[test]
fn the_toy_touches_the_files_alone_that_the_recipe_names() {
    let named = files_of(&recipe_in_the_architecture());
    assert!(named.len() > 5, "the recipe names its files as `src/…` and `tests/…`: {named:?}");
    let text = text_of(&Recipe::read().unwrap());
    let touched: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect();
    let unnamed = touched.iter().filter(|path| !named.iter().any(|name| stands_for(name, path)));
    demand_none(
        "The toy touches the files alone that the recipe names:",
        unnamed.map(|path| (*path).to_owned()).collect(),
    );
    let untouched = named.iter().filter(|name| !touched.iter().any(|path| stands_for(name, path)));
    demand_none("The toy follows the recipe whole:", untouched.cloned().collect());
}

/// What is there already is none of its business, but for the names that a file imports.
#[test]
fn the_toy_adds_lines_and_takes_none_away() {
    let text = text_of(&Recipe::read().unwrap());
    let taken = text.lines().filter(|line| line.starts_with('-') && !line.starts_with("--- "));
    let taken = taken.filter(|line| !line.starts_with("-use "));
    demand_none("The toy takes no line away:", taken.map(str::to_owned).collect());
}

#[test]
fn the_toy_names_tests_that_are_there() {
    let recipe = Recipe::read().unwrap();
    let text = text_of(&recipe);
    let there = texts(|path| path.starts_with("daemon/tests"));
    let missing = recipe.tests.iter().filter(|test| {
        let head = format!("fn {}(", test.name());
        let in_toy = text.lines().any(|line| line.starts_with('+') && line.contains(&head));
        !in_toy && !there.iter().any(|text| text.content.contains(&head))
    });
    demand_none("The toy names tests that are there:", missing.map(ToString::to_string).collect());
}

fn text_of(recipe: &Recipe) -> String {
    fs::read_to_string(&recipe.path).unwrap()
}

/// The part of the recipe that says which code to write: its numbered steps down to the word about the toy.
fn recipe_in_the_architecture() -> String {
    let page = texts(|path| path == Path::new("docs/ARCHITECTURE.md")).remove(0).content;
    let (_, from) = page.split_once("\n## Adding an auth type\n").unwrap();
    let (recipe, _) = from.split_once("toy-grant.patch").unwrap();
    recipe.to_owned()
}

/// The files in backticks: `src/…` and `tests/…`.
fn files_of(recipe: &str) -> Vec<String> {
    let quoted = recipe.split('`').skip(1).step_by(2);
    let files = quoted.filter(|text| {
        ["src/", "tests/config/", "tests/fetch_"].iter().any(|it| text.starts_with(it))
    });
    files.map(str::to_owned).collect()
}

/// Whether a file of the recipe stands for this path; `*` at its end for whatever follows.
fn stands_for(named: &str, path: &str) -> bool {
    let named = format!("{BELOW}{}", named.replace("WORD", WORD));
    match named.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == named,
    }
}

#[test]
fn a_file_of_the_recipe_stands_for_the_toys() {
    assert!(stands_for("src/fetch/WORD.rs", "daemon/src/fetch/toy.rs"));
    assert!(stands_for("tests/config/bad/WORD*", "daemon/tests/config/bad/toy_without_file.toml"));
    assert!(!stands_for("src/fetch/WORD.rs", "daemon/src/fetch/toy/mod.rs"));
    assert!(!stands_for("src/fetch/mod.rs", "daemon/src/fetch/oauth.rs"));
    assert_eq!(files_of("In `src/a.rs`, and `tests/idp`, a `Row`"), ["src/a.rs"]);
}
