//! Keycloak goes away, in good order and by a crash: reads go on, and the daemon heals by itself.

use crate::reader::Reader;
use crate::stage::{PROFILE, Stage};
use bearerd_client::{ErrorCode, ProfileState, ProfileStatus};
use bearerd_tests::gate_proxy::Kind;
use std::time::{Duration, Instant};

/// How long the first outage lasts, the start of the server not counted.
const AWAY: Duration = Duration::from_secs(15);

/// Seconds; no token ends while its renewal fails, however slowly Keycloak starts on a busy machine.
const LIFESPAN: u64 = 120;

#[test]
fn reads_outlive_a_stop_and_a_crash_of_keycloak_and_nobody_logs_in() {
    let stage = Stage::alone(LIFESPAN).logged_in();
    let first = stage.token_text();
    let reader = Reader::start(stage.daemon().client(), 50, None);
    let fails = |current: &str| {
        stage.proxy.wait_refusing();
        let refused = stage.reject(current).unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::IdpUnreachable), "{refused}");
        assert_eq!(stage.daemon().status(PROFILE).state, ProfileState::Degraded);
        let answer = stage.token().unwrap();
        assert!(answer.degraded && answer.token.unwrap().expose() == current);
    };
    let heals = |refreshes: usize, old: &str| {
        stage.proxy.finished(Kind::Refresh, refreshes);
        let healthy = |status: &ProfileStatus| status.state == ProfileState::Ready;
        stage.daemon().until(PROFILE, "it has healed", healthy);
        let newer = stage.token_text();
        assert_ne!(newer, old);
        assert!(stage.admin.is_active(&newer).unwrap());
        newer
    };

    let stopped_at = Instant::now();
    stage.server.stop();
    std::thread::sleep(AWAY.saturating_sub(stopped_at.elapsed()));
    fails(&first);
    stage.server.start_again().unwrap();
    println!("stopped for {:?}", stopped_at.elapsed());
    let second = heals(1, &first);

    // 11 s: a token that was fetched because its predecessor was rejected is not fetched again within 10 s.
    reader.until(reader.reads() + 550);
    stage.server.kill();
    fails(&second);
    stage.server.start_again().unwrap();
    heals(2, &second);

    let seen = reader.stop();
    println!("{} reads, {} degraded, {} tokens", seen.reads, seen.degraded, seen.tokens.len());
    assert_eq!(seen.failed, Vec::<String>::new());
    assert!(seen.degraded > 0 && seen.tokens.len() == 3, "{}", seen.tokens.len());
    stage.assert_no_login();
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
    assert_eq!(stage.proxy.carried_out(Kind::Refresh), 2);
}
