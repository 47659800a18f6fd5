//! The identity provider away, slow or out of its mind: what readers notice, and how it ends.

use bearerd_client::{ErrorCode, EventKind, ProfileState};
use bearerd_test_idp::{CallKind, Fault, Settings, TestIdp, Times};
use bearerd_tests::daemon::{Daemon, Home, Rig};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One way in which refreshes go wrong.
struct Trouble {
    name: &'static str,
    strike: fn(&TestIdp),
    heal: fn(&TestIdp),
    /// What a caller without a token gets.
    code: ErrorCode,
    /// The request stays without an answer, rather than fail.
    hangs: bool,
}

const UNREACHABLE: ErrorCode = ErrorCode::IdpUnreachable;
const REJECTED: ErrorCode = ErrorCode::IdpRejected;

fn troubles() -> Vec<Trouble> {
    let heal: fn(&TestIdp) = |idp| idp.clear_all_faults();
    // Whatever still hangs is cut off, as by a load balancer that comes back.
    let cut: fn(&TestIdp) = |idp| {
        idp.clear_all_faults();
        idp.stop_listening();
        idp.start_listening();
    };
    let of = |name, code, strike: fn(&TestIdp)| Trouble { name, strike, heal, code, hangs: false };
    vec![
        Trouble {
            heal: |idp| idp.start_listening(),
            ..of("refused", UNREACHABLE, |idp| idp.stop_listening())
        },
        Trouble {
            heal: |idp| idp.set_silent(false),
            hangs: true,
            ..of("silent", UNREACHABLE, |idp| idp.set_silent(true))
        },
        Trouble {
            heal: cut,
            hangs: true,
            ..of("trickle", UNREACHABLE, |idp| order(idp, Fault::Trickle))
        },
        of("status-500", UNREACHABLE, |idp| order(idp, Fault::Status(500))),
        of("status-502", UNREACHABLE, |idp| order(idp, Fault::Status(502))),
        of("status-503", UNREACHABLE, |idp| order(idp, Fault::Status(503))),
        of("too-many", UNREACHABLE, |idp| order(idp, Fault::TooManyRequests { retry_after: 1 })),
        of("reset", UNREACHABLE, |idp| order(idp, Fault::ResetBefore)),
        of("garbage", UNREACHABLE, |idp| order(idp, Fault::Garbage)),
        of("html", UNREACHABLE, |idp| order(idp, Fault::Html)),
        of("huge", UNREACHABLE, |idp| order(idp, Fault::Huge)),
        of("later", UNREACHABLE, |idp| order(idp, oauth("temporarily_unavailable"))),
        of("redirect", REJECTED, |idp| order(idp, Fault::Redirect("http://127.0.0.1:9/".into()))),
        of("foreign-error", REJECTED, |idp| order(idp, oauth("out_of_cheese"))),
        // These are carried out: their refresh token is spent, and the next one is in the useless answer.
        of("error-in-200", REJECTED, |idp| order(idp, Fault::OkWithError("odd".into()))),
        of("no-token", REJECTED, |idp| order(idp, Fault::NoAccessToken)),
        of("token-type", REJECTED, |idp| order(idp, Fault::TokenType("mac".into()))),
        of("expired-at-once", REJECTED, |idp| order(idp, Fault::ExpiresIn(0.into()))),
    ]
}

fn order(idp: &TestIdp, fault: Fault) {
    idp.fault(CallKind::Refresh, fault, Times::UntilCleared);
}

fn oauth(error: &str) -> Fault {
    Fault::OauthError { status: 400, error: error.into() }
}

/// All at once in one daemon, each profile with a provider of its own: no trouble reaches another profile.
#[test]
fn valid_tokens_flow_on_through_every_trouble_and_it_heals_alone() {
    let home = Arc::new(Home::new());
    let settings = || Settings { access_token_seconds: 4, ..Rig::settings() };
    let cases: Vec<_> = troubles()
        .into_iter()
        .map(|trouble| (trouble, Arc::new(TestIdp::start_blocking(settings()))))
        .collect();
    let profiles: String = cases.iter().map(|(trouble, idp)| home.sso(trouble.name, idp)).collect();
    home.configure(&profiles);
    let daemon = Daemon::start(&home);
    std::thread::scope(|scope| {
        for (trouble, idp) in &cases {
            let name = trouble.name.to_owned();
            let case = || goes_through(&daemon, trouble, idp);
            std::thread::Builder::new().name(name).spawn_scoped(scope, case).unwrap();
        }
    });
}

fn goes_through(daemon: &Daemon, trouble: &Trouble, idp: &TestIdp) {
    let profile = trouble.name;
    daemon.log_in(profile);
    let token = daemon.token_text(profile);
    (trouble.strike)(idp);
    if trouble.hangs {
        idp.block_on(idp.arrived(CallKind::Refresh, 1));
    } else {
        daemon.until(profile, "a renewal fails", |it| it.state == ProfileState::Degraded);
        let status = daemon.status(profile);
        assert_eq!(status.last_error.map(|error| error.code), Some(trouble.code), "{profile}");
    }
    let answer = daemon.token(profile).unwrap();
    assert_eq!(answer.token.unwrap().expose(), token, "{profile}");
    assert_eq!(answer.degraded, !trouble.hangs, "{profile}");

    daemon.until_expired(profile);
    let state = daemon.status(profile).state;
    assert_eq!(state, ProfileState::Degraded, "{profile}: there is no token, and it tries on");
    let asked = Instant::now();
    let error = daemon.token(profile).unwrap_err();
    assert_eq!(error.code(), Some(trouble.code), "{profile}: {error}");
    let waited = asked.elapsed();
    assert!(waited < PATIENCE, "{profile}: {waited:?}");
    assert!(error.retry_after().is_some(), "{profile}");

    idp.configure(|settings| settings.access_token_seconds = 300);
    (trouble.heal)(idp);
    daemon.until(profile, "it heals", |it| it.state == ProfileState::Ready);
    assert!(idp.is_active(&daemon.token_text(profile)), "{profile}");
    assert_eq!(idp.sessions().len(), 1, "{profile}: without a login");
    assert!(idp.refreshes_sent() <= 15, "{profile}: {} calls", idp.refreshes_sent());
}

/// What a caller without a token waits at most, and a second for two busy cores.
const PATIENCE: Duration = Duration::from_secs(13);

#[test]
fn a_pause_that_the_provider_asks_for_is_kept() {
    let rig = Rig::short_lived(2).logged_in();
    order(&rig.idp, Fault::TooManyRequests { retry_after: 300 });
    rig.daemon.until_expired(Rig::PROFILE);
    rig.idp.block_on(rig.idp.ended(CallKind::Refresh, 1));
    for _ in 0..20 {
        let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
        assert_eq!(error.code(), Some(UNREACHABLE));
        assert!(error.retry_after().is_some_and(|seconds| seconds > 200), "{error:?}");
    }
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn a_wrong_client_is_called_once_until_somebody_mends_it() {
    let rig = Rig::short_lived(4).logged_in();
    let mut watch = rig.daemon.watch();
    rig.idp.disable_client("sdk-client");
    watch.next(EventKind::Degraded);
    let status = rig.daemon.status(Rig::PROFILE);
    assert_eq!(status.state, ProfileState::Misconfigured);
    assert!(status.last_error.unwrap().message.contains("invalid_client"));
    assert!(rig.daemon.token(Rig::PROFILE).unwrap().degraded, "the valid token is served on");

    rig.daemon.until_expired(Rig::PROFILE);
    for _ in 0..20 {
        let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::Misconfigured));
    }
    assert_eq!(rig.idp.refreshes_sent(), 1, "not again by itself");

    rig.idp.enable_client("sdk-client");
    rig.idp.configure(|settings| settings.access_token_seconds = 300);
    rig.daemon.reload();
    rig.daemon.until(Rig::PROFILE, "ready", |it| it.state == ProfileState::Ready);
    assert_eq!(rig.idp.refreshes_sent(), 2);
    assert!(rig.idp.is_active(&rig.daemon.token_text(Rig::PROFILE)));
}

#[test]
fn a_token_that_comes_again_and_again_makes_no_storm() {
    let rig = Rig::short_lived(4).logged_in();
    order(&rig.idp, Fault::SameTokenAgain);
    rig.daemon.until_expired(Rig::PROFILE);
    let calls = rig.idp.calls_of(CallKind::Refresh);
    assert!(!calls.is_empty(), "it was renewed");
    // How many there are depends on how long the machine takes to notice the end; how close they are must not.
    for pair in calls.windows(2) {
        let between = pair[1].arrived_at - pair[0].arrived_at;
        assert!(between >= Duration::from_secs(1), "{between:?}");
    }
}
