//! Histories that once broke an invariant, kept as data: each is played again and again.

use crate::history::Script;
use std::io;
use std::path::Path;

/// The histories in a folder, by the names of their files.
///
/// # Errors
/// What stood against reading one, with its name.
pub fn all(folder: &Path) -> io::Result<Vec<(String, Script)>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let script = serde_json::from_slice(&std::fs::read(&path)?)
                .map_err(|error| io::Error::other(format!("`{name}`: {error}")))?;
            cases.push((name, script));
        }
    }
    cases.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(cases)
}
