//! The breaks keep up with the code: each applies, and names a test that is there.

use super::{demand_none, has_end, texts};
use crate::breaks::{self, NamedTest, Patch};
use crate::cargo;
use crate::repository;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_break_applies() {
    let stale = breaks::all().unwrap().into_iter().filter_map(|patch| {
        let git = Command::new("git")
            .args(["apply", "--check"])
            .arg(&patch.path)
            .current_dir(repository::root())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&git.stderr).replace('\n', " ");
        (!git.status.success()).then(|| format!("{}: {words}", patch.name))
    });
    demand_none("A break applies to the code as it is:", stale.collect());
}

#[test]
fn every_break_names_a_test() {
    let packages = cargo::metadata().unwrap().packages;
    let names_none = |patch: &Patch| {
        let name = patch.test.name();
        if let NamedTest::Python { file, .. } = &patch.test {
            let path = Path::new("client/python").join(file);
            let text = fs::read_to_string(repository::root().join(&path)).unwrap_or_default();
            let found = text.contains(&format!("\ndef {name}("));
            return (!found)
                .then(|| format!("{}: there is no `{name}` in `{}`", patch.name, path.display()));
        }
        let package = patch.test.package().unwrap_or_default();
        let Some(package) = packages.iter().find(|it| it.name == package) else {
            return Some(format!("{}: there is no package `{package}`", patch.name));
        };
        let folder = package.manifest_path.parent().unwrap();
        let folder = folder.strip_prefix(repository::root()).unwrap_or(folder);
        let function = name.rsplit("::").next().unwrap_or_default();
        let head = format!("fn {function}(");
        let sources = texts(|path: &Path| path.starts_with(folder) && has_end(path, &["rs"]));
        let found = sources.iter().any(|text| text.content.contains(&head));
        (!found).then(|| format!("{}: there is no `{head}` in `{}`", patch.name, folder.display()))
    };
    let nameless = breaks::all().unwrap().iter().filter_map(names_none).collect();
    demand_none("A break names a test that is there:", nameless);
}
