//! A notebook in a real JupyterLab in a real browser logs in by device code, and calls the platform.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, and tell what they saw"
)]

use bearerd_tests::daemon::Home;
use bearerd_tests::gate_proxy::Kind;
use bearerd_tests::keycloak::JANE;
use bearerd_tests::sdk::{PROFILE, Program, Stage};
use std::path::PathBuf;

/// Seconds; longer than everything that is done in the browser.
const LIFESPAN: u64 = 300;

#[test]
fn a_notebook_logs_in_and_its_output_turns_to_logged_in() {
    let stage = Stage::new(LIFESPAN);
    let pictures = pictures();
    // A browser keeps what is typed into it: nothing of that lies in the home whose files are looked through.
    let elsewhere = tempfile::tempdir().unwrap();
    let address = stage.platform.address();
    let mut python = stage.python();
    python.env("BROWSER_HOME", elsewhere.path());
    let who = [JANE.username, JANE.password, JANE.email];
    let mut arguments = vec![address.as_str(), pictures.to_str().unwrap()];
    arguments.extend(who);
    let (ended_well, lines) = Program::start(python, &[], "notebook.py", &arguments).ended();
    assert!(ended_well, "{lines:#?}");
    println!("{lines:#?}");

    assert_eq!(stage.daemon.status(PROFILE).user_email.as_deref(), Some(JANE.email));
    let calls = stage.platform.calls();
    assert!(calls.iter().any(|call| call.path == "/v1/api/workspaces/list"), "{calls:#?}");
    assert!(calls.iter().all(|call| call.state == "active"), "{calls:#?}");
    assert_eq!(stage.proxy.count(Kind::DeviceStart), 1);
    assert_no_cache_file(&stage.home);
}

fn assert_no_cache_file(home: &Home) {
    let cache = home.path().join(".cache/wallaroo_sdk");
    assert!(!cache.exists(), "the SDK's own cache file was written");
}

/// Where the pictures go: `$BEARERD_PICTURES`, else a folder that is not kept in the checkout.
fn pictures() -> PathBuf {
    let folder = std::env::var_os("BEARERD_PICTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("notebook"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
