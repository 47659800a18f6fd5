//! Restart, reload and the orderly end: no request of a client that follows the rules is lost.

use bearerd_client::{Client, ErrorCode, TokenAnswer};
use bearerd_test_idp::CallKind;
use bearerd_tests::daemon::{Daemon, Rig, eventually, query, text_of};
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Scope;

/// Readers that go on until told to stop; each read has to give a token.
#[derive(Default)]
struct Readers {
    done: AtomicBool,
    reads: AtomicUsize,
}

impl Readers {
    const COUNT: usize = 8;

    fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, client: impl Fn() -> Client) {
        for _ in 0..Self::COUNT {
            let client = client();
            // A client knows a restart from a daemon that was never there by having been connected.
            client.token(&query(Rig::PROFILE)).unwrap();
            scope.spawn(move || {
                while !self.done.load(Ordering::Relaxed) {
                    let answer: TokenAnswer = client.token(&query(Rig::PROFILE)).unwrap();
                    assert!(!answer.degraded);
                    self.reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        self.so_many_more(100);
    }

    /// Waits for reads that come after this moment.
    fn so_many_more(&self, count: usize) {
        let from = self.reads.load(Ordering::Relaxed);
        eventually("reads go on", || {
            (self.reads.load(Ordering::Relaxed) >= from + count).then_some(())
        });
    }

    fn stop(&self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

#[test]
fn restarts_lose_no_request_of_the_client() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let Rig { daemon, home, idp } = rig;
    let readers = Readers::default();
    let daemon = std::thread::scope(|scope| {
        readers.start(scope, || home.client());
        let mut daemon = daemon;
        for round in 0..6 {
            if round % 2 == 0 {
                daemon.terminate()
            } else {
                daemon.kill9()
            }
            daemon = Daemon::start(&home);
            readers.so_many_more(100);
        }
        readers.stop();
        // It lives until the last reader has its answer.
        daemon
    });
    assert_eq!(daemon.token_text(Rig::PROFILE), token);
    assert_eq!((idp.refreshes_sent(), idp.count(CallKind::DeviceStart)), (0, 1));
}

#[test]
fn reloads_lose_no_request_either() {
    let rig = Rig::start().logged_in();
    let readers = Readers::default();
    std::thread::scope(|scope| {
        readers.start(scope, || rig.home.client());
        let one = rig.home.sso(Rig::PROFILE, &rig.idp);
        for round in 0..6 {
            let other = if round % 2 == 0 { "[profile.a]\nauth_type = \"none\"\n" } else { "" };
            rig.home.configure(&format!("{one}{other}"));
            rig.daemon.reload();
            assert_eq!(rig.daemon.token("a").is_ok(), round % 2 == 0);
            readers.so_many_more(100);
        }
        readers.stop();
    });
    assert_eq!(rig.idp.refreshes_sent(), 0);
}

#[test]
fn an_end_waits_for_the_refresh_in_flight_answers_and_saves_it() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.hold(CallKind::Refresh);
    let Rig { daemon, home, idp } = rig;
    let newer = std::thread::scope(|scope| {
        let rejecter = scope.spawn(|| daemon.reject(Rig::PROFILE, &token));
        idp.block_on(gate.waiting(1));
        daemon.signal(Signal::TERM);
        eventually("it has heard of its end", || daemon.log().contains("stopping").then_some(()));
        for _ in 0..100 {
            assert_eq!(daemon.token_text(Rig::PROFILE), token, "reads are still served");
        }
        gate.release();
        text_of(&rejecter.join().unwrap().unwrap())
    });
    assert!(daemon.ended().success());
    assert_ne!(newer, token);
    idp.stop_listening();
    let daemon = Daemon::start(&home);
    assert_eq!(daemon.token_text(Rig::PROFILE), newer, "it was saved");
    assert_eq!(idp.refreshes_sent(), 1);
}

#[test]
fn while_it_ends_no_new_request_goes_to_the_provider() {
    let rig = Rig::start();
    let other = rig.home.sso("other", &rig.idp);
    rig.home.configure(&format!("{}{other}", rig.home.sso(Rig::PROFILE, &rig.idp)));
    rig.daemon.reload();
    let rig = rig.logged_in();
    rig.daemon.log_in("other");
    let (token, others) = (rig.daemon.token_text(Rig::PROFILE), rig.daemon.token_text("other"));
    let gate = rig.idp.hold(CallKind::Refresh);
    std::thread::scope(|scope| {
        let rejecter = scope.spawn(|| rig.daemon.reject(Rig::PROFILE, &token));
        rig.idp.block_on(gate.waiting(1));
        rig.daemon.signal(Signal::TERM);
        eventually("it has heard of its end", || {
            rig.daemon.log().contains("stopping").then_some(())
        });
        let patience = std::time::Duration::ZERO;
        let reply = rig.daemon.request(
            "POST",
            "/v1/token/reject",
            &[],
            &format!("{{\"profile\":\"other\",\"token\":\"{others}\"}}"),
        );
        assert_eq!(reply.code(), "shutting-down", "{}", reply.body);
        let login = rig.home.client().with_patience(patience).login(&Default::default());
        assert!(login.is_err());
        gate.release();
        rejecter.join().unwrap().unwrap();
    });
    let Rig { daemon, idp, .. } = rig;
    assert!(daemon.ended().success());
    assert_eq!((idp.refreshes_sent(), idp.count(CallKind::DeviceStart)), (1, 2));
}

#[test]
fn told_twice_to_stop_it_stops_at_once_and_says_so_to_who_waits() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.hold(CallKind::Refresh);
    let Rig { daemon, home, idp } = rig;
    std::thread::scope(|scope| {
        let client = home.client().with_patience(std::time::Duration::from_secs(1));
        let request = bearerd_client::RejectRequest {
            profile: None,
            token: bearerd_client::Secret::new(&*token),
        };
        let rejecter = scope.spawn(move || client.reject(&request));
        idp.block_on(gate.waiting(1));
        daemon.signal(Signal::TERM);
        eventually("it has heard of its end", || daemon.log().contains("stopping").then_some(()));
        daemon.signal(Signal::TERM);
        let error = rejecter.join().unwrap().unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ShuttingDown), "{error}");
        gate.release();
    });
    assert!(daemon.ended().success());
}
