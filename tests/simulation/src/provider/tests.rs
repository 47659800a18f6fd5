//! The provider keeps the rules that it is there for: rotation, reuse, windows, device logins.

use super::*;
use crate::draw::Draw;
use crate::history::{Obtains, Person};
use bearerd_proto::Secret;
use bearerd_session::{Cause, OAuthError, Outcome, Request, SlotKey};

fn policy(rotation: Rotation, window: Option<u64>) -> Policy {
    Policy {
        token_life: 60,
        refresh_life: Some(600),
        rotation,
        provider_window: window,
        profile_window: window,
        reuse_ends_session: true,
        says_session: true,
        says_refresh_in: None,
        device_interval: 5,
        device_life: 300,
        latency: 5,
        person_returns: None,
        obtains: Obtains::ByLogin,
        lifetime: None,
        exchanges: false,
        writes: None,
    }
}

fn ask(provider: &mut Provider, request: &Request, now: u64) -> Outcome {
    let person = Person::Approves { after: 3_000, same_browser: false };
    let (twist, draw) = (Twist::Nothing, Draw::new(1));
    let (password, epoch) = (None, 0);
    provider.answer(&Asked { request, now, wall: 0, twist, person, password, epoch, draw })
}

fn logged_in(provider: &mut Provider) -> String {
    ask(provider, &Request::DeviceStart, 0);
    let device_code = Secret::new("d0-0");
    refresh_token(&ask(provider, &Request::DevicePoll { device_code, code_verifier: None }, 5_000))
        .unwrap()
}

fn refresh(provider: &mut Provider, token: &str, now: u64) -> Outcome {
    ask(
        provider,
        &Request::Refresh { refresh_token: Secret::new(token), slot: SlotKey::default() },
        now,
    )
}

fn refresh_token(outcome: &Outcome) -> Option<String> {
    let Outcome::Granted(granted) = outcome else { return None };
    granted.refresh_token.as_ref().map(|token| token.expose().to_owned())
}

fn error(outcome: &Outcome) -> Option<OAuthError> {
    match outcome {
        Outcome::Failed(failure) => match failure.cause {
            Cause::OAuth(error) => Some(error),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn a_spent_token_ends_the_session() {
    let mut provider = Provider::new(0, &policy(Rotation::Rotates, None));
    let first = logged_in(&mut provider);
    let second = refresh_token(&refresh(&mut provider, &first, 10_000)).unwrap();
    assert_ne!(first, second);
    assert!(provider.takes(1, 11_000) && !provider.takes(0, 11_000));
    assert!(provider.is_ancestor(0, 1) && !provider.is_ancestor(1, 0));
    let again = refresh(&mut provider, &first, 12_000);
    assert_eq!(error(&again), Some(OAuthError::InvalidGrant));
    assert_eq!(provider.sessions[0].ended, Some(Ended::Reuse));
    let newest = refresh(&mut provider, &second, 13_000);
    assert_eq!(error(&newest), Some(OAuthError::InvalidGrant), "all of the family is dead");
}

#[test]
fn within_the_window_a_spent_token_gives_its_successor_once_more() {
    let mut provider = Provider::new(0, &policy(Rotation::Rotates, Some(20)));
    let first = logged_in(&mut provider);
    let second = refresh_token(&refresh(&mut provider, &first, 10_000));
    assert_eq!(refresh_token(&refresh(&mut provider, &first, 30_000)), second);
    assert_eq!(error(&refresh(&mut provider, &first, 30_001)), Some(OAuthError::InvalidGrant));
}

#[test]
fn without_rotation_the_token_stays_and_its_end_moves_on() {
    for (rotation, given) in [(Rotation::Same, Some("r0-0".to_owned())), (Rotation::Absent, None)] {
        let mut provider = Provider::new(0, &policy(rotation, None));
        let token = logged_in(&mut provider);
        for now in [100_000, 600_000, 1_100_000] {
            assert_eq!(refresh_token(&refresh(&mut provider, &token, now)), given);
        }
        let late = refresh(&mut provider, &token, 1_700_000);
        assert_eq!(error(&late), Some(OAuthError::InvalidGrant));
        assert_eq!(provider.sessions[0].ended, None, "it has expired, nobody stole it");
    }
}

#[test]
fn polls_wait_for_the_person_and_for_their_interval() {
    let mut provider = Provider::new(0, &policy(Rotation::Rotates, None));
    ask(&mut provider, &Request::DeviceStart, 0);
    let poll = Request::DevicePoll { device_code: Secret::new("d0-0"), code_verifier: None };
    for (now, wanted) in [
        (1_000, Some(OAuthError::AuthorizationPending)),
        (3_000, Some(OAuthError::SlowDown)),
        (9_000, Some(OAuthError::SlowDown)),
        (24_000, None),
        (40_000, Some(OAuthError::ExpiredToken)),
    ] {
        assert_eq!(error(&ask(&mut provider, &poll, now)), wanted, "at {now}");
    }
}

#[test]
fn a_revoked_token_ends_its_session_and_another_places_token_does_not() {
    let mut provider = Provider::new(0, &policy(Rotation::Rotates, None));
    let token = logged_in(&mut provider);
    for (revoked, ended) in [("r1-0", None), (token.as_str(), Some(Ended::Revoked))] {
        ask(&mut provider, &Request::Revoke { refresh_token: Secret::new(revoked) }, 6_000);
        assert_eq!(provider.sessions[0].ended, ended);
    }
    assert!(!provider.takes(0, 7_000));
}
