//! Keycloak is away for fifteen seconds while the access token is valid.

use bearerd_tests::sdk::{PROFILE, Program, Stage};
use std::time::{Duration, Instant};

/// Seconds that an access token lives: as long as a busy machine takes for a start of Keycloak, and more.
const LIFESPAN: u64 = 120;
/// How long Keycloak is away, its start not counted.
const AWAY: Duration = Duration::from_secs(15);

#[test]
fn no_call_notices_that_keycloak_is_away_while_the_token_is_valid() {
    let stage = Stage::new(LIFESPAN).logged_in();
    let address = stage.platform.address();
    let arguments = [address.as_str(), "150", "0.5"];

    // Both at once, on the same outage.
    let alone = Program::start(stage.python_alone(), &[], "program.py", &arguments);
    Stage::approve_alone(&alone);
    let alone_since = Instant::now();
    let run = ["-m", "bearerd", "run"];
    let served = Program::start(stage.python(), &run, "program.py", &arguments);

    // The SDK renews with 10 s left, so that its token is valid when it tries.
    let away_at = Duration::from_secs(LIFESPAN - 13);
    std::thread::sleep(away_at.saturating_sub(alone_since.elapsed()));
    let token = stage.daemon.renew(PROFILE);
    let stopped_at = Instant::now();
    stage.server.stop();
    std::thread::sleep(AWAY.saturating_sub(stopped_at.elapsed()));
    stage.server.start_again().unwrap();
    println!("Keycloak was away for {:?}", stopped_at.elapsed());

    let told = served.told();
    println!("on the daemon: {told:?}");
    assert_eq!(told.failed, Vec::<String>::new());
    assert!(told.slowest < 8.0, "{}: no call has waited for Keycloak", told.slowest);
    let calls = stage.platform.calls();
    let meanwhile = calls.iter().filter(|call| call.state == "signed").count();
    assert!(meanwhile > 10, "{meanwhile} calls while Keycloak was away");
    let newer = stage.daemon.renew(PROFILE);
    assert_ne!(newer, token);
    assert!(stage.admin.is_active(&newer).unwrap());

    // Each attempt at a login, in the middle of the work, is a call that fails; a later one may wait for a person.
    let failed = alone.count_with("device code fetch got error: 503");
    let logins = alone.count_with("/device?user_code=") - 1;
    println!(
        "by itself: {failed} calls failed, {logins} logins wait for a person who is not there"
    );
    assert!(failed + logins > 0, "the SDK by itself has not noticed: {:#?}", alone.lines());
}
