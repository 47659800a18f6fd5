//! Tokens of other scopes and audiences: one refresh token, one fetch at a time, and no slot harms another.

use bearerd_client::{ClientError, ErrorCode, TokenAnswer, TokenQuery};
use bearerd_test_idp::{CallKind, Settings};
use bearerd_tests::daemon::{Daemon, Rig, eventually, query, text_of};
use std::collections::{BTreeMap, BTreeSet};

/// A provider with the scopes `s0` … `s7`, of which each gives its token the audience `api-N`; and somebody who has
/// logged in with all of them.
fn with_scopes(change: impl FnOnce(&mut Settings), more: &str) -> Rig {
    let names: Vec<String> = (0..8).map(|number| format!("s{number}")).collect();
    let scopes: BTreeMap<_, _> = names
        .iter()
        .enumerate()
        .map(|(number, name)| (name.clone(), vec![format!("api-{number}")]))
        .collect();
    let mut settings = Settings { scopes: Some(scopes), ..Rig::settings() };
    change(&mut settings);
    let rig = Rig::with(settings, &format!("scopes = {names:?}\n{more}")).logged_in();
    rig.idp.clear_calls();
    rig
}

fn token(
    rig: &Rig,
    scope: Option<&str>,
    audience: Option<&str>,
) -> Result<TokenAnswer, ClientError> {
    let (scope, audience) = (scope.map(str::to_owned), audience.map(str::to_owned));
    rig.daemon.client().token(&TokenQuery { scope, audience, ..query(Rig::PROFILE) })
}

fn refused(rig: &Rig, scope: Option<&str>, audience: Option<&str>) -> ErrorCode {
    token(rig, scope, audience).unwrap_err().code().unwrap()
}

#[test]
fn eight_scopes_asked_for_by_32_callers_at_once_are_eight_fetches_one_after_the_other() {
    let rig = with_scopes(|_| {}, "");
    let own = rig.daemon.token_text(Rig::PROFILE);
    let gate = rig.idp.hold(CallKind::Refresh);
    let tokens: BTreeMap<usize, BTreeSet<String>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..32)
            .map(|number| {
                let rig = &rig;
                scope.spawn(move || {
                    let wanted = format!("s{}", number % 8);
                    let answer = token(rig, Some(&wanted), None).unwrap();
                    assert_eq!(answer.scope.as_deref(), Some(wanted.as_str()));
                    (number % 8, text_of(&answer))
                })
            })
            .collect();
        rig.daemon.until_connections(32);
        eventually("a refresh is under way", || (gate.standing() > 0).then_some(()));
        assert_eq!(gate.standing(), 1, "one use of the refresh token at a time");
        gate.release();
        let mut tokens: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for caller in callers {
            let (number, token) = caller.join().unwrap();
            tokens.entry(number).or_default().insert(token);
        }
        tokens
    });
    assert!(tokens.values().all(|tokens| tokens.len() == 1), "one token for all who ask for it");
    assert_eq!(tokens.values().flatten().collect::<BTreeSet<_>>().len(), 8);
    assert!(tokens.values().flatten().all(|token| rig.idp.is_active(token)));
    assert_eq!((rig.idp.refreshes_sent(), rig.idp.overlapping_refreshes().len()), (8, 0));
    for number in 0..32 {
        token(&rig, Some(&format!("s{}", number % 8)), None).unwrap();
    }
    assert_eq!(rig.idp.refreshes_sent(), 8, "then none");
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), own, "the profile's own is another");
}

#[test]
fn the_same_scopes_in_other_words_are_one_slot_by_the_command_too() {
    let rig = with_scopes(|_| {}, "");
    let lines: [&[&str]; 3] = [
        &["token", "--scope", "s1 s0"],
        &["token", "--scope", "s0", "--scope", "s1"],
        &["token", "wallaroo", "--scope", "s0  s1 s0"],
    ];
    let tokens = lines.map(|line| {
        let output = rig.daemon.bearerctl(line);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(rig.idp.refreshes_sent(), 1);
}

#[test]
fn a_scope_that_the_provider_refuses_is_asked_for_once_and_harms_no_other() {
    let rig = with_scopes(|_| {}, "");
    for _ in 0..3 {
        assert_eq!(refused(&rig, Some("nobody-has-it"), None), ErrorCode::BadRequest);
    }
    assert_eq!(rig.idp.refreshes_sent(), 1, "not within a minute");
    assert_eq!(rig.daemon.bearerctl(&["token", "--scope", "nobody-has-it"]).status.code(), Some(2));
    token(&rig, Some("s1"), None).unwrap();
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

#[test]
fn an_audience_is_asked_for_as_the_profile_says() {
    let honours = |settings: &mut Settings| {
        settings.honours_audience = true;
        settings.audiences = Some(vec!["https://api.example.com".to_owned()]);
    };
    for parameter in ["resource", "audience"] {
        let rig = with_scopes(honours, &format!("audience_parameter = \"{parameter}\"\n"));
        let answer = token(&rig, None, Some("https://api.example.com")).unwrap();
        assert!(rig.idp.is_active(&text_of(&answer)), "{parameter}");
        assert_eq!(rig.idp.calls()[0].audiences, ["https://api.example.com"], "{parameter}");
        for _ in 0..3 {
            assert_eq!(refused(&rig, None, Some("https://other")), ErrorCode::BadRequest);
        }
        assert_eq!(rig.idp.refreshes_sent(), 2, "{parameter}: the refused one once");
        assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)), "{parameter}");
    }
}

#[test]
fn an_audience_that_a_scope_stands_for_is_had_by_that_scope() {
    let rig =
        with_scopes(|_| {}, "audience_parameter = { \"api-3\" = \"s3\", elsewhere = \"s4\" }\n");
    let answer = token(&rig, None, Some("api-3")).unwrap();
    assert_eq!(answer.scope.as_deref(), Some("s3"));
    assert_eq!(refused(&rig, None, Some("unknown")), ErrorCode::BadRequest);
    assert_eq!(rig.idp.refreshes_sent(), 1, "nothing is sent for what is in no table");
    assert_eq!(refused(&rig, None, Some("elsewhere")), ErrorCode::BadRequest, "s4 is for api-4");
}

#[test]
fn a_token_without_the_audience_that_was_asked_for_is_an_error_and_no_token() {
    let rig = with_scopes(|_| {}, "");
    let error = token(&rig, None, Some("https://api.example.com")).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BadRequest), "{error}");
    assert!(error.to_string().contains("audience"), "{error}");
    assert!(!error.to_string().contains("https://api.example.com"), "not quoted: {error}");
    assert_eq!(refused(&rig, None, Some("https://api.example.com")), ErrorCode::BadRequest);
    assert_eq!(rig.idp.refreshes_sent(), 1);
    // What the unwanted answer rotated is kept.
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

#[test]
fn a_rejected_token_of_a_slot_is_renewed_in_its_slot() {
    let rig = with_scopes(|_| {}, "");
    let own = rig.daemon.token_text(Rig::PROFILE);
    let old = text_of(&token(&rig, Some("s2"), None).unwrap());
    let answer = rig.daemon.reject(Rig::PROFILE, &old).unwrap();
    assert_eq!(answer.scope.as_deref(), Some("s2"));
    assert_ne!(text_of(&answer), old);
    assert_eq!(text_of(&token(&rig, Some("s2"), None).unwrap()), text_of(&answer));
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), own);
}

#[test]
fn slots_are_served_on_after_a_kill_while_the_provider_is_away() {
    let rig = with_scopes(|_| {}, "");
    let before = text_of(&token(&rig, Some("s5"), None).unwrap());
    rig.daemon.until(Rig::PROFILE, "saved", |status| status.saved);
    rig.idp.stop_listening();
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(text_of(&token(&rig, Some("s5"), None).unwrap()), before);
}

#[test]
fn the_sixty_fifth_slot_is_too_much_and_the_others_go_on() {
    let rig = Rig::start().logged_in();
    for number in 0..64 {
        token(&rig, Some(&format!("x{number}")), None).unwrap();
    }
    let error = rig
        .daemon
        .client()
        .with_patience(std::time::Duration::from_millis(100))
        .token(&TokenQuery { scope: Some("one-more".to_owned()), ..query(Rig::PROFILE) })
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Overloaded), "{error}");
    token(&rig, Some("x7"), None).unwrap();
    assert_eq!(rig.idp.refreshes_sent(), 64);
}

#[test]
fn a_token_is_had_by_its_issuer() {
    let rig = Rig::start().logged_in();
    let issuer = format!("{}/auth/realms/master/", rig.idp.base_url());
    let output = rig.daemon.bearerctl(&["token", "--issuer", &issuer]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = format!("{}\n", rig.daemon.token_text(Rig::PROFILE));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let output = rig.daemon.bearerctl(&["token", "--issuer", "https://elsewhere"]);
    assert_eq!(output.status.code(), Some(7));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(issuer.trim_end_matches('/')), "{said}");
}
