//! `docs/auth-types.md` names a test for each auth type and each thing that can happen to it.

use super::{demand_none, texts};
use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = "docs/auth-types.md";
/// Where the files of a target's modules are.
const TARGETS: [(&str, &str); 4] = [
    ("keycloak", "tests/tests/keycloak"),
    ("second_provider", "tests/tests/second_provider"),
    ("e2e", "tests/tests/e2e"),
    ("rules", "daemon/session/tests/rules"),
];

#[test]
fn each_test_that_the_page_of_auth_types_names_is_there() {
    let page = texts(|path| path == Path::new(PAGE)).remove(0);
    let quoted = page.content.split('`').skip(1).step_by(2);
    let named: BTreeSet<_> = quoted
        .filter_map(|text| {
            let (target, test) = text.split_once(' ')?;
            let (module, test) = test.split_once("::")?;
            Some((target, module, test))
        })
        .collect();
    assert!(named.len() > 30, "{} tests are named: where are the others?", named.len());
    let offences = named.into_iter().filter_map(|(target, module, test)| {
        let folder = TARGETS.iter().find(|(name, _)| *name == target).map(|(_, folder)| *folder)?;
        let file = Path::new(folder).join(module).with_extension("rs");
        let source = texts(|path| path == file);
        let wanted = format!("fn {test}(");
        let there = source.iter().any(|source| source.content.contains(&wanted));
        (!there).then(|| format!("{PAGE} names `{target} {module}::{test}`, which is not there"))
    });
    demand_none("Each test that the page of auth types names is there:", offences.collect());
}
