//! Random histories: whatever happens in whatever order, the prompter's rules hold, and the session heals.

use crate::play::{
    Disk, Grants, Play, denied, device, failed, granted, later, lost, settings, settings_at,
};
use bearerd_proto::ErrorCode;
use bearerd_session::time::Boot;
use bearerd_session::{
    Answer, Cause, Event, Jitter, OAuthError, Outcome, Request, Restored, Settings, WaiterId,
};
use proptest::prelude::*;
use std::time::Duration;

/// Something happens.
#[derive(Debug, Clone)]
enum Step {
    Advance(u64),
    Suspend(u64),
    ClockSet(i64),
    Read,
    Glance,
    Wish(u64, bool),
    /// The token that readers get, or another one.
    Reject(bool),
    Gone(u64),
    Login(bool),
    Follow(u64),
    Cancel,
    Logout(bool),
    /// To one of two places.
    Reload(bool),
    Drain,
    Disk(Disk),
    DiskIsBack(bool),
    /// In the same boot of the machine, or another.
    Restart(bool),
    /// One of the open requests, by its place, is answered.
    Answer(usize, Reply),
    Jitter(u16),
}

/// How the IdP answers, where that fits the request.
#[derive(Debug, Clone)]
enum Reply {
    Grant {
        lifetime: u64,
        refresh_lifetime: Option<u64>,
        refresh: Refresh,
        same_user: bool,
        sid: u8,
    },
    Later(Option<u64>),
    Lost,
    NotSent,
    OAuth(OAuthError),
    Unusable(bool),
    WrongPlace,
}

#[derive(Debug, Clone, Copy)]
enum Refresh {
    Rotated,
    Same,
    Absent,
}

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 1..20_u64,
        4 => 20..400_u64,
        2 => 400..4000_u64,
        1 => 4000..200_000_u64,
        1 => Just(u64::MAX),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    use OAuthError as E;
    let errors = prop_oneof![
        3 => Just(E::InvalidGrant),
        1 => Just(E::InvalidClient),
        1 => Just(E::InvalidScope),
        1 => Just(E::ServerError),
        2 => Just(E::AuthorizationPending),
        2 => Just(E::SlowDown),
        1 => Just(E::AccessDenied),
        1 => Just(E::ExpiredToken),
        1 => Just(E::Other),
    ];
    let refresh = prop_oneof![
        6 => Just(Refresh::Rotated),
        1 => Just(Refresh::Same),
        1 => Just(Refresh::Absent),
    ];
    let grant =
        (
            seconds(),
            prop::option::weighted(0.4, seconds()),
            refresh,
            prop::bool::weighted(0.8),
            0..2_u8,
        )
            .prop_map(|(lifetime, refresh_lifetime, refresh, same_user, sid)| {
                Reply::Grant { lifetime, refresh_lifetime, refresh, same_user, sid }
            });
    prop_oneof![
        8 => grant,
        2 => prop::option::of(0..1000_u64).prop_map(Reply::Later),
        2 => Just(Reply::Lost),
        1 => Just(Reply::NotSent),
        3 => errors.prop_map(Reply::OAuth),
        1 => any::<bool>().prop_map(Reply::Unusable),
        1 => Just(Reply::WrongPlace),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let disk = prop_oneof![Just(Disk::Works), Just(Disk::Fails), Just(Disk::Hangs)];
    prop_oneof![
        4 => (1..3_000_u64).prop_map(Step::Advance),
        5 => seconds().prop_map(|seconds| Step::Advance(seconds.min(100_000) * 1000)),
        1 => (1..90_000_u64).prop_map(Step::Suspend),
        1 => (-90_000..90_000_i64).prop_map(Step::ClockSet),
        5 => Just(Step::Read),
        2 => Just(Step::Glance),
        3 => (0..4000_u64, any::<bool>()).prop_map(|(ttl, strict)| Step::Wish(ttl, strict)),
        3 => any::<bool>().prop_map(Step::Reject),
        1 => (0..40_u64).prop_map(Step::Gone),
        3 => prop::bool::weighted(0.2).prop_map(Step::Login),
        1 => (0..90_u64).prop_map(Step::Follow),
        1 => Just(Step::Cancel),
        1 => any::<bool>().prop_map(Step::Logout),
        2 => any::<bool>().prop_map(Step::Reload),
        1 => Just(Step::Drain),
        2 => disk.prop_map(Step::Disk),
        2 => any::<bool>().prop_map(Step::DiskIsBack),
        1 => any::<bool>().prop_map(Step::Restart),
        16 => (0..3_usize, reply()).prop_map(|(which, reply)| Step::Answer(which, reply)),
        1 => any::<u16>().prop_map(Step::Jitter),
    ]
}

/// Plays a history and hands the stage back.
fn run(first: Option<Grants>, window: Option<u64>, steps: Vec<Step>) -> Play {
    let place = |other: bool| {
        let place = if other { settings_at("https://two.example") } else { settings() };
        Settings { reuse_window: window.map(Duration::from_secs), ..place }
    };
    let mut play = Play::with(place(false), Restored::Nothing);
    if let Some(grants) = first {
        play.log_in(grants);
    }
    let mut login_id = "login-0".to_owned();
    let mut tokens = 0_u64;
    for step in steps {
        match step {
            Step::Advance(millis) => play.advance(Duration::from_millis(millis)),
            Step::Suspend(seconds) => play.suspend(Duration::from_secs(seconds)),
            Step::ClockSet(seconds) => play.step_wall(seconds),
            Step::Read => drop(play.read()),
            Step::Glance => play.glance(),
            Step::Wish(ttl, strict) => drop(play.wish(ttl, strict)),
            Step::Reject(current) => {
                let token = play.shown.as_ref().map(|shown| shown.token.clone());
                let token = token.filter(|_| current).unwrap_or_else(|| "unknown".to_owned());
                play.reject(&token);
            }
            Step::Gone(waiter) => play.event(Event::Gone(WaiterId(waiter))),
            Step::Login(replace) => {
                let waiter = play.login(replace);
                login_id = format!("login-{}", waiter.0);
            }
            Step::Follow(wait) => drop(play.follow(&login_id, wait)),
            Step::Cancel => drop(play.cancel(&login_id)),
            Step::Logout(revoke) => drop(play.logout(revoke)),
            Step::Reload(other) => play.reload(place(other)),
            Step::Drain => play.event(Event::Drain),
            Step::Disk(disk) => play.disk = disk,
            Step::DiskIsBack(works) => play.disk_is_back(works),
            Step::Restart(same_boot) => {
                let (boot_id, boot) = if same_boot {
                    (play.boot_id.clone(), play.now.boot)
                } else {
                    (format!("{}-on", play.boot_id), Boot::from_millis(5_000))
                };
                play.restart(&boot_id, boot);
            }
            Step::Answer(which, reply) => {
                if let Some((fetch, request)) = play.open.get(which).cloned() {
                    tokens += 1;
                    let outcome = outcome(&request, &reply, tokens);
                    play.event(Event::Answered { fetch, outcome });
                }
            }
            Step::Jitter(jitter) => play.jitter = Jitter(jitter),
        }
    }
    play
}

/// The reply as the answer to this request.
fn outcome(request: &Request, reply: &Reply, number: u64) -> Outcome {
    let name = number.to_string();
    match (request, reply) {
        (Request::DeviceStart, Reply::Grant { .. }) => Outcome::Device(device()),
        (Request::Revoke { .. }, Reply::Grant { .. }) => Outcome::Revoked,
        (_, Reply::Grant { lifetime, refresh_lifetime, refresh, same_user, sid }) => {
            let mut grants = granted(&name).lives(*lifetime);
            if let Some(refresh_lifetime) = refresh_lifetime {
                grants = grants.refresh_lives(*refresh_lifetime);
            }
            if let Request::Refresh { refresh_token, .. } = request {
                match refresh {
                    Refresh::Rotated => {}
                    Refresh::Same => grants = grants.refresh(Some(refresh_token.expose())),
                    Refresh::Absent => grants = grants.refresh(None),
                }
            } else {
                if matches!(refresh, Refresh::Absent) {
                    grants = grants.refresh(None);
                }
                let sid = ["sid-1", "sid-2"].get(usize::from(*sid)).copied();
                grants = grants.sid(sid).to(if *same_user { "jane" } else { "joe" });
            }
            grants.into()
        }
        (_, Reply::Later(seconds)) => later(*seconds),
        (_, Reply::Lost) => lost(),
        (_, Reply::NotSent) => failed(Cause::NotSent),
        (_, Reply::OAuth(error)) => denied(*error),
        (_, Reply::Unusable(with_token)) => {
            let refresh_token = with_token.then(|| bearerd_proto::Secret::new(format!("r-{name}")));
            failed(Cause::Unusable { refresh_token })
        }
        (_, Reply::WrongPlace) => failed(Cause::WrongPlace),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_in_any_history(
        first in prop::option::weighted(0.8, seconds()),
        window in prop::option::weighted(0.3, 1..60_u64),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut play = run(first.map(|lifetime| granted("first").lives(lifetime)), window, steps);
        // Then nothing more happens: everybody is answered, and nothing turns in circles.
        let timers = play.timers;
        play.advance(Duration::from_secs(100));
        prop_assert!(play.timers - timers < 500, "{} timers in 100 s", play.timers - timers);
    }

    #[test]
    fn it_heals_alone_when_idp_and_disk_are_well_again(
        window in prop::option::weighted(0.3, 1..60_u64),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut play = run(Some(granted("first").lives(600)), window, steps);
        play.reload(settings());
        play.disk_is_back(true);
        // Ten minutes are the longest that a misconfiguration or a `Retry-After` counts.
        for second in 0..620 {
            play.advance(Duration::from_secs(1));
            while let Some((fetch, request)) = play.open.first().cloned() {
                let outcome = outcome(&request, &well(), 1_000_000 + second);
                play.event(Event::Answered { fetch, outcome });
            }
        }
        let reader = play.read();
        while let Some((fetch, request)) = play.open.first().cloned() {
            let outcome = outcome(&request, &well(), 2_000_000);
            play.event(Event::Answered { fetch, outcome });
        }
        match play.answer(reader) {
            Answer::Token { .. } => {
                // After a lost answer a good token is served on, degraded, until it is nearly used up; and without a
                // refresh token that may be used, nothing replaces it.
                let grant = play.file.as_ref().and_then(|file| file.grant.as_ref());
                let may_be_degraded = grant.is_none_or(|grant| grant.lost || grant.over.is_some());
                prop_assert!(may_be_degraded || !play.is_degraded());
            }
            Answer::Refused(refusal) => {
                let persons = [ErrorCode::LoginRequired, ErrorCode::StateUnreadable];
                prop_assert!(persons.contains(&refusal.code), "{refusal:?}");
            }
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert!(play.session.report(play.now).saved);
    }
}

fn well() -> Reply {
    Reply::Grant {
        lifetime: 300,
        refresh_lifetime: None,
        refresh: Refresh::Rotated,
        same_user: true,
        sid: 0,
    }
}
