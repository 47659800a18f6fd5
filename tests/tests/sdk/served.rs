//! Everything that the SDK does with a token, for a minute of tokens that live ten seconds.

use bearerd_tests::sdk::{PROFILE, Program, Stage, Told};

/// Seconds that the program runs.
const SECONDS: usize = 62;
/// Seconds that an access token lives.
const LIFESPAN: usize = 10;

#[test]
fn by_run_a_program_that_knows_nothing_of_us_always_has_an_active_token() {
    let stage = Stage::new(LIFESPAN.try_into().unwrap()).logged_in();
    let address = stage.platform.address();
    let seconds = SECONDS.to_string();
    let arguments = [address.as_str(), &seconds, "0.5"];

    let run = ["-m", "bearerd", "run"];
    let told = Program::start(stage.python(), &run, "program.py", &arguments).told();
    served(&stage, &told);

    // The contrast: the same program, the same platform, without us; the daemon has nothing to renew meanwhile.
    assert!(stage.home.bearerctl(&["logout", PROFILE]).status.success());
    stage.admin.clear_events().unwrap();
    let alone = Program::start(stage.python_alone(), &[], "program.py", &arguments);
    Stage::approve_alone(&alone);
    let told = alone.told();
    let calls = told.calls.values().sum::<u64>().try_into().unwrap();
    let refreshes = stage.events("REFRESH_TOKEN");
    println!("by itself: {calls} calls, {refreshes} refreshes, {told:?}");
    assert_eq!(told.auth, "_PlatformAuth");
    assert!(stage.cache_file_alone().exists(), "the SDK by itself keeps its tokens there");
    assert!(refreshes > calls, "{refreshes} refreshes in {calls} calls");
}

#[test]
fn by_enable_a_program_that_knows_nothing_of_us_always_has_an_active_token() {
    let stage = Stage::new(LIFESPAN.try_into().unwrap()).logged_in();
    let mut enable = stage.python();
    let enabled = enable.args(["-m", "bearerd", "enable", "wallaroo"]).output().unwrap();
    assert!(enabled.status.success(), "{enabled:?}");
    let (address, seconds) = (stage.platform.address(), SECONDS.to_string());
    let arguments = [address.as_str(), &seconds, "0.5"];
    served(&stage, &Program::start(stage.python(), &[], "program.py", &arguments).told());
}

/// What must hold of a program on the daemon.
fn served(stage: &Stage, told: &Told) {
    let calls = stage.platform.calls();
    println!(
        "on the daemon: {} calls, {} refreshes, {told:?}",
        calls.len(),
        stage.events("REFRESH_TOKEN")
    );
    assert_eq!(told.failed, Vec::<String>::new());
    assert_eq!(told.auth, "SdkAuth");
    assert_eq!(told.who.1.as_deref(), Some("jane@example.test"));
    for kind in ["graphql", "httpx_client", "mlops", "async_infer", "upload_model"] {
        assert!(told.calls[kind] > 2, "{kind}: {told:?}");
    }
    let bad: Vec<_> = calls.iter().filter(|call| call.state != "active").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let mut tokens: Vec<_> = calls.iter().filter_map(|call| call.token.clone()).collect();
    tokens.sort();
    tokens.dedup();
    assert!(tokens.len() > SECONDS / LIFESPAN, "{} tokens", tokens.len());
    let refreshes = stage.events("REFRESH_TOKEN");
    assert!(4 * refreshes < calls.len(), "{refreshes} refreshes in {} calls", calls.len());
    stage.assert_no_login();
    assert!(!stage.cache_file().exists(), "the SDK's own cache file was written");
}
