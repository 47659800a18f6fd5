//! The invariants of the architecture: who knows whom.

use super::{demand_none, has_end, has_word, texts};
use crate::repository;
use std::fs;
use std::path::Path;

/// Lines of code below `folder` that `offends` picks, but for the files named in `but`.
fn offences(folder: &str, but: &[&str], offends: impl Fn(&str) -> bool) -> Vec<String> {
    let below = |path: &Path| path.starts_with(folder) && has_end(path, &["rs"]);
    let allowed = |path: &Path| but.iter().any(|allowed| path == Path::new(allowed));
    let texts = texts(|path| below(path) && !allowed(path));
    assert!(!texts.is_empty(), "there is nothing in `{folder}`: the rule looks in the wrong place");
    let found = texts.iter().flat_map(|text| {
        text.code()
            .filter(|(_, line)| offends(line))
            .map(|(place, line)| format!("{place}: {}", line.trim()))
    });
    found.collect()
}

#[test]
fn handlers_know_no_fetcher() {
    let offences = offences("daemon/src/handlers", &[], |line| {
        has_word(line, "fetch") || has_word(line, "TokenFetcher")
    });
    demand_none("A handler asks the session's task, never a fetcher:", offences);
}

#[test]
fn fetchers_know_neither_session_nor_server() {
    let offences = offences("daemon/src/fetch", &[], |line| {
        ["Session", "axum", "handlers", "registry", "snapshot"]
            .iter()
            .any(|word| has_word(line, word))
    });
    demand_none("A fetcher makes one request and reads one answer:", offences);
}

#[test]
fn one_module_spawns() {
    let spawns =
        ["tokio::spawn", "tokio::task::spawn", "spawn_local", "thread::spawn", "thread::Builder"];
    let offences = offences("daemon/src", &["daemon/src/tasks.rs"], |line| {
        spawns.iter().any(|spawn| line.contains(spawn)) || has_word(line, "JoinSet")
    });
    demand_none("daemon/src/tasks.rs owns every task, so that a stop can wait for them:", offences);
}

#[test]
fn the_heart_and_what_saves_it_are_pure() {
    for crate_folder in ["daemon/session", "daemon/saved"] {
        demand_none(
            &format!("{crate_folder} depends on no runtime, no system, no network:"),
            impure_dependencies(crate_folder),
        );
        let offences = offences(&format!("{crate_folder}/src"), &[], |line| {
            IMPURE_MODULES.iter().any(|word| has_word(line, word))
        });
        demand_none(
            &format!(
                "{crate_folder} takes time, chance and folder as values and does nothing itself:"
            ),
            offences,
        );
    }
}

const IMPURE_MODULES: [&str; 7] =
    ["std::fs", "std::net", "std::process", "std::env", "std::thread", "Instant", "SystemTime"];

fn impure_dependencies(crate_folder: &str) -> Vec<String> {
    let impure = ["tokio", "reqwest", "rustix", "axum", "hyper", "getrandom", "futures-util"];
    let path = repository::root().join(crate_folder).join("Cargo.toml");
    let manifest = fs::read_to_string(path).unwrap();
    let named = manifest.lines().filter(|line| {
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        impure.contains(&name)
    });
    named.map(str::to_owned).collect()
}
