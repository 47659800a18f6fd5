//! What Python's own tests show in an environment with the real SDK: its surface, the ways to be served, the `.pth` file.

use bearerd_tests::daemon::Home;
use bearerd_tests::sdk::{Environment, tests_of_the_package};

#[test]
fn the_surface_is_the_sdks_and_every_way_to_be_served_holds() {
    let home = Home::new();
    let environment = Environment::new(home.path().join("python"));
    let mut pytest = home.command(&environment.python());
    pytest.args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "-v"]).arg(tests_of_the_package());
    let output = pytest.output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{complained}");
    // None skipped: everything that they need is there.
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(" passed") && !last.contains("skipped"), "{last}");
}
