//! A steady load over many refreshes: each token is good, and no reader waits for the next one.

use crate::reader::{Reader, Turn};
use crate::stage::{PROFILE, Stage};
use bearerd_tests::daemon::query;
use bearerd_tests::gate_proxy::Kind;
use std::sync::mpsc;

/// Seconds of the load; twelve refreshes of a 10 s token.
const SECONDS: usize = 60;
/// Reads a second.
const PACE: u32 = 100;

#[test]
fn a_minute_of_reads_gets_active_tokens_alone_and_never_waits_for_a_refresh() {
    let stage = Stage::alone(10).logged_in();
    let (turns, changes) = mpsc::channel();
    let reader = Reader::start(stage.daemon().client(), PACE, Some(turns));
    let judge = stage.server.admin();
    let judge = std::thread::spawn(move || {
        let mut judged = 0;
        for turn in changes {
            let active = match &turn {
                Turn::First(token) | Turn::Last(token) => judge.is_active(token).unwrap(),
            };
            assert!(active, "{turn:?} was served dead");
            judged += 1;
        }
        judged
    });

    stage.proxy.finished(Kind::Refresh, 3);
    stage.proxy.hold(Kind::Refresh);
    stage.proxy.waiting(Kind::Refresh, 1);
    let carried_out = stage.proxy.carried_out(Kind::Refresh);
    let client = stage.daemon().client();
    for _ in 0..1000 {
        let answer = client.token(&query(PROFILE)).unwrap();
        assert!(!answer.degraded, "nothing has failed");
    }
    assert_eq!(stage.proxy.carried_out(Kind::Refresh), carried_out, "held all the while");
    stage.proxy.open(Kind::Refresh);

    reader.until(SECONDS * usize::try_from(PACE).unwrap());
    let seen = reader.stop();
    println!("{} reads, {} tokens, slowest {:?}", seen.reads, seen.tokens.len(), seen.slowest);
    assert_eq!(judge.join().unwrap(), 2 * seen.tokens.len(), "each when first and last served");
    assert_eq!((seen.failed, seen.degraded), (Vec::<String>::new(), 0));
    // At half the lifetime ±10 %, where `expires_in` of 10 s may come as 9.
    assert!((11..=16).contains(&seen.tokens.len()), "{}", seen.tokens.len());
    assert_eq!(stage.events("REFRESH_TOKEN_ERROR"), 0);
    let refreshes = stage.proxy.log_of(Kind::Refresh);
    assert!(refreshes.iter().all(|refresh| matches!(refresh.status, None | Some(200))));
    stage.assert_no_login();
}
