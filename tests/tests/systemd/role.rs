//! A part of a test that has to be a process of its own: the test's program, started again.

use std::path::Path;

/// Whether this process plays that part.
pub(crate) fn is_played() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The words that start `program`, which is this test's, as that part of the test of this name.
pub(crate) fn words(program: &Path, test: &str) -> Vec<String> {
    let program = program.to_str().unwrap();
    [&format!("{VARIABLE}=1"), program, "--exact", test, "--nocapture"].map(str::to_owned).to_vec()
}

const VARIABLE: &str = "BEARERD_TEST_PLAYS_A_PART";
