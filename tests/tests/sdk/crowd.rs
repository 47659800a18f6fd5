//! Sixty-four processes at once, and the access token has expired.

use bearerd_tests::gate_proxy::Kind;
use bearerd_tests::sdk::{PROFILE, Program, Stage};
use std::time::Duration;

/// Processes at once.
const PROCESSES: usize = 64;
/// Seconds; half of it is longer than a busy machine takes for all the processes, so that none sees the next refresh.
const LIFESPAN: u64 = 60;
/// Seconds. The SDK by itself takes a token with less than 10 s for one that has expired.
const LIFESPAN_ALONE: u64 = 12;

#[test]
fn sixty_four_processes_on_an_expired_token_share_one_refresh_and_no_login() {
    let stage = Stage::new(LIFESPAN).logged_in();
    let address = stage.platform.address();
    let processes = PROCESSES.to_string();
    let arguments = [address.as_str(), &processes];

    let run = ["-m", "bearerd", "run"];
    let mut crowd = Program::start(stage.python(), &run, "crowd.py", &arguments);
    crowd.line_with("READY");
    stage.proxy.hold(Kind::Refresh);
    stage.proxy.waiting(Kind::Refresh, 1);
    stage.daemon.until(PROFILE, "half a minute has gone", |status| {
        status.expires_in.is_none_or(|left| left < 20)
    });
    stage.daemon.until_expired(PROFILE);
    stage.admin.clear_events().unwrap();
    crowd.say("go");
    stage.daemon.until_connections(PROCESSES);
    assert_eq!(stage.events("REFRESH_TOKEN"), 0);
    stage.proxy.open(Kind::Refresh);
    crowd.line_with("ENDED");
    let refreshes = stage.events("REFRESH_TOKEN");
    println!(
        "on the daemon: {} of {PROCESSES} succeeded, {refreshes} refreshes",
        crowd.count("OK")
    );
    assert_eq!(crowd.count("OK"), PROCESSES, "{:#?}", crowd.lines());
    stage.assert_no_login();
    assert_eq!(refreshes, 1);
    assert!(!stage.cache_file().exists(), "the SDK's own cache file was written");
    drop(crowd);

    // The contrast: the SDK by itself, logged in, and its token has expired.
    stage.admin.set_access_token_lifespan(Duration::from_secs(LIFESPAN_ALONE)).unwrap();
    let first = Program::start(stage.python_alone(), &[], "program.py", &[&address, "0", "0"]);
    Stage::approve_alone(&first);
    assert_eq!(first.told().failed, Vec::<String>::new());
    let mut crowd = Program::start(stage.python_alone(), &[], "crowd.py", &arguments);
    crowd.line_with("READY");
    std::thread::sleep(Duration::from_secs(LIFESPAN_ALONE));
    stage.admin.clear_events().unwrap();
    let before = stage.proxy.count(Kind::DeviceStart);
    let logins = |stage: &Stage| stage.proxy.count(Kind::DeviceStart) - before;
    crowd.say("go");
    // Until each has been refused and has begun a login that nobody approves, or was served.
    let settled =
        |stage: &Stage| logins(stage) + crowd.count("OK") + crowd.count("FAILED") >= PROCESSES;
    let looks = (0..120).find(|_| {
        std::thread::sleep(Duration::from_secs(1));
        settled(&stage)
    });
    let refused = stage.events("REFRESH_TOKEN_ERROR");
    let logins = logins(&stage);
    println!(
        "by itself: {} of {PROCESSES} succeeded, {refused} refreshes were refused, {logins} logins began, after {looks:?} s",
        crowd.count("OK")
    );
    assert!(refused > 0 && logins > PROCESSES / 2, "{refused} refused, {logins} logins");
    assert!(crowd.count("OK") < PROCESSES / 2, "{}", crowd.count("OK"));
}
