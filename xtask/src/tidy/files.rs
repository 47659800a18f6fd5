//! What holds for every file: its size, its opening sentence, and what must not stand in it.

use super::{demand_none, has_end, has_word, texts};
use std::path::Path;

/// With its inline tests; larger ones want splitting, or their tests in `tests/`.
const LINES_MAX: usize = 400;

#[test]
fn files_can_be_read_at_one_sitting() {
    let long = texts(|path| has_end(path, &["rs", "py"])).into_iter().filter_map(|text| {
        let lines = text.content.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", text.path.display()))
    });
    demand_none("A file has at most 400 lines:", long.collect());
}

#[test]
fn every_rust_file_begins_with_its_purpose() {
    let mute = texts(|path| has_end(path, &["rs"])).into_iter().filter_map(|text| {
        let opening = text.content.lines().next().unwrap_or_default();
        let said =
            opening.strip_prefix("//! ").is_some_and(|words| words.len() > "Placeholder.".len());
        (!said).then(|| text.path.display().to_string())
    });
    demand_none("A Rust file begins with `//!` and its one purpose:", mute.collect());
}

#[test]
fn nothing_is_left_open() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let macros = [
        concat!("#[ign", "ore"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("pytest.mark.", "skip"),
    ];
    let code = |path: &Path| has_end(path, &["rs", "py", "sh", "toml", "yml"]);
    let open = texts(code).into_iter().flat_map(|text| {
        let found = text.lines().filter(|(_, line)| {
            marks.iter().any(|mark| has_word(line, mark))
                || macros.iter().any(|mark| line.contains(mark))
        });
        found.map(|(place, line)| format!("{place}: {}", line.trim())).collect::<Vec<_>>()
    });
    demand_none("What is left open belongs on the list of issues:", open.collect());
}

/// Whoever builds this may have other registries and other folders.
#[test]
fn no_machine_and_no_registry_is_named() {
    let hosts = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("repo1.mav", "en.org"),
        concat!("repo.mav", "en.apache.org"),
        concat!("registry.npm", "js.org"),
        concat!("proxy.gol", "ang.org"),
        concat!("deb.deb", "ian.org"),
    ];
    // At the start of a word: `/proc/PID/root` is another thing.
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let is_lock = |path: &Path| path.ends_with("Cargo.lock") || path.ends_with("uv.lock");
    let named = texts(|path| !is_lock(path)).into_iter().flat_map(|text| {
        let found = text.lines().filter(|(_, line)| {
            let starts = |folder: &&str| {
                line.match_indices(*folder).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|before| {
                        !before.is_alphanumeric() && !"}$./_-*".contains(before)
                    })
                })
            };
            hosts.iter().any(|host| line.contains(host)) || folders.iter().any(starts)
        });
        found.map(|(place, line)| format!("{place}: {}", line.trim())).collect::<Vec<_>>()
    });
    demand_none("Neither a registry's host nor a folder of one machine is named:", named.collect());
}
