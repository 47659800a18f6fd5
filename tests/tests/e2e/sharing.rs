//! Many callers, one refresh token: who waits for what.

use bearerd_client::{Client, TokenAnswer};
use bearerd_test_idp::{CallKind, Settings};
use bearerd_tests::binaries;
use bearerd_tests::daemon::{Daemon, Rig, query, text_of};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

/// Callers of each kind.
const CALLERS: usize = 64;

#[test]
fn callers_on_an_expired_token_share_one_refresh_and_one_answer() {
    let rig = Rig::short_lived(1);
    let gate = rig.idp.hold(CallKind::Refresh);
    let rig = rig.logged_in();
    rig.idp.block_on(gate.waiting(1));
    rig.daemon.until_expired(Rig::PROFILE);
    rig.idp.configure(|settings| settings.access_token_seconds = 300);

    let threads: Vec<_> = (0..CALLERS)
        .map(|_| {
            let client = rig.daemon.client();
            std::thread::spawn(move || text_of(&client.token(&query(Rig::PROFILE)).unwrap()))
        })
        .collect();
    let processes: Vec<_> = (0..CALLERS)
        .map(|_| {
            let mut bearerctl = rig.home.command(&binaries::bearerctl());
            let bearerctl = bearerctl.arg("token").stdout(Stdio::piped()).stderr(Stdio::piped());
            bearerctl.spawn().unwrap()
        })
        .collect();
    rig.daemon.until_connections(2 * CALLERS);
    assert_eq!(gate.standing(), 1);
    gate.release();

    let mut tokens: BTreeSet<_> =
        threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        rig.home.check_output(&["token"], &output);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        tokens.insert(String::from_utf8(output.stdout).unwrap().trim_end().to_owned());
    }
    assert_eq!(tokens.len(), 1, "all got the same token");
    assert!(rig.idp.is_active(tokens.first().unwrap()));
    assert_eq!(rig.idp.refreshes_sent(), 1);
    assert_eq!(rig.idp.count(CallKind::DeviceStart), 1, "nobody logged in again");
}

#[test]
fn a_thousand_reads_complete_while_a_refresh_is_held() {
    let rig = Rig::start();
    let other = rig.home.sso("other", &rig.idp);
    rig.home.configure(&format!("{}{other}", rig.home.sso(Rig::PROFILE, &rig.idp)));
    rig.daemon.reload();
    let rig = rig.logged_in();
    rig.daemon.log_in("other");

    let gate = rig.idp.hold(CallKind::Refresh);
    let token = rig.daemon.token_text(Rig::PROFILE);
    std::thread::scope(|scope| {
        let rejecter = scope.spawn(|| rig.daemon.reject(Rig::PROFILE, &token));
        rig.idp.block_on(gate.waiting(1));
        let client = rig.daemon.client();
        for _ in 0..1000 {
            for profile in [Rig::PROFILE, "other"] {
                let answer = client.token(&query(profile)).unwrap();
                assert_eq!(answer.degraded, profile == Rig::PROFILE, "the rejected one is marked");
            }
        }
        assert_eq!(gate.standing(), 1, "it was held all the while");
        gate.release();
        let newer = text_of(&rejecter.join().unwrap().unwrap());
        assert_ne!(newer, token);
        assert_eq!(rig.daemon.token_text(Rig::PROFILE), newer);
    });
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn tokens_are_renewed_ahead_so_that_no_reader_meets_the_identity_provider() {
    /// Lifetimes that are watched, each up to its renewal.
    const ROUNDS: usize = 3;
    let rig = Rig::short_lived(4);
    let gate = rig.idp.hold(CallKind::Refresh);
    let rig = rig.logged_in();
    let done = AtomicBool::new(false);
    let mut seen = BTreeSet::new();
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| read_until(&rig.daemon, &done))).collect();
        for round in 1..=ROUNDS {
            // Nothing passes the gate: whoever is served now is served from a token in hand.
            rig.idp.block_on(gate.waiting(1));
            seen.insert(held_token(&rig.daemon));
            assert_eq!(gate.standing(), 1);
            gate.release_one();
            rig.idp.block_on(rig.idp.ended(CallKind::Refresh, round));
        }
        done.store(true, Ordering::Relaxed);
        let reads: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(reads > 1000, "{reads}");
    });
    assert_eq!(seen.len(), ROUNDS, "each renewal gave another token");
    let calls = rig.idp.calls_of(CallKind::Refresh);
    for pair in calls.windows(2) {
        let between = pair[1].arrived_at - pair[0].arrived_at;
        assert!(between.as_millis() >= 1000, "the least spacing: {between:?}");
    }
}

/// Reads on one connection until told to stop; every read gives a token.
fn read_until(daemon: &Daemon, done: &AtomicBool) -> usize {
    let client: Client = daemon.client();
    let mut reads = 0;
    while !done.load(Ordering::Relaxed) {
        let answer: TokenAnswer = client.token(&query(Rig::PROFILE)).unwrap();
        assert!(!answer.degraded);
        reads += 1;
    }
    reads
}

/// A read while the gate is closed: it can only be served from what is there.
fn held_token(daemon: &Daemon) -> String {
    let client = daemon.client();
    let tokens: BTreeSet<_> =
        (0..100).map(|_| text_of(&client.token(&query(Rig::PROFILE)).unwrap())).collect();
    assert_eq!(tokens.len(), 1);
    tokens.into_iter().next().unwrap()
}

#[test]
fn a_caller_that_goes_away_cancels_nothing() {
    let rig = Rig::with(Settings { access_token_seconds: 1, ..Rig::settings() }, "");
    let gate = rig.idp.hold(CallKind::Refresh);
    let rig = rig.logged_in();
    rig.daemon.until_expired(Rig::PROFILE);
    rig.idp.block_on(gate.waiting(1));
    rig.idp.configure(|settings| settings.access_token_seconds = 300);
    rig.daemon.until_connections(0);
    let mut bearerctl = rig.home.command(&binaries::bearerctl());
    let mut caller = bearerctl.arg("token").stdout(Stdio::null()).spawn().unwrap();
    rig.daemon.until_connections(1);
    caller.kill().unwrap();
    caller.wait().unwrap();
    gate.release();
    rig.daemon.until(Rig::PROFILE, "renewed", |status| status.expires_in.is_some());
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
    assert_eq!(rig.idp.refreshes_sent(), 1);
}
