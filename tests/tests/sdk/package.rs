//! What Python's own tests show in an environment with the real SDK: its surface, the ways to be served, the `.pth` file.

use bearerd_tests::daemon::Home;
use bearerd_tests::sdk::{Environment, matplotlib_folder, tests_of_the_package};

#[test]
fn the_surface_is_the_sdks() {
    pytest("test_surface.py");
}

#[test]
fn every_way_to_be_served_holds() {
    pytest("test_ways.py");
}

#[test]
fn what_enable_writes_is_in_the_way_of_no_start() {
    pytest("test_enable.py");
}

#[test]
fn an_sdk_with_another_surface_is_refused() {
    pytest("test_versions.py");
}

#[test]
fn the_sdks_cache_file_is_not_written() {
    pytest("test_cache_file.py");
}

/// Runs one file of tests, in an environment of its own.
fn pytest(file: &str) {
    let home = Home::new();
    let environment = Environment::new(home.path().join("python"));
    let mut pytest = home.command(&environment.python());
    let options = ["-B", "-m", "pytest", "-p", "no:cacheprovider", "-v"];
    pytest.env("MPLCONFIGDIR", matplotlib_folder());
    pytest.args(options).arg(tests_of_the_package().join(file));
    let output = pytest.output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{complained}");
    // None skipped: everything that they need is there.
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(" passed") && !last.contains("skipped"), "{last}");
}
