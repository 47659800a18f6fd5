//! What an outcome means, as data: every row of the table in `outcome/*.json`, and each word in it.
//!
//! A case names requests, and a `transport` or a `status` with or without an OAuth `error`; lists stand for every
//! combination. Grants that come later add their requests and files here and nothing else.

#![allow(clippy::panic, clippy::expect_used, reason = "a test says by a panic what went wrong")]

use bearerd_session::{Cause, Next, OAuthError, Reach, RequestKind, verdict};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    request: Vec<String>,
    /// How it travelled, where that alone decides.
    transport: Option<String>,
    /// Statuses of an answer, else.
    #[serde(default)]
    status: Vec<u16>,
    /// Absent: the body can't be read. Empty: it can, and has none.
    error: Option<OneOrMore>,
    code: String,
    reach: String,
    next: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Case {
    /// Every combination of what it lists, in words and as a cause.
    fn causes(&self) -> Vec<(String, Cause)> {
        if let Some(transport) = &self.transport {
            assert!(self.status.is_empty() && self.error.is_none(), "{self:?}");
            return vec![(transport.clone(), cause_of(transport))];
        }
        let errors: Vec<Option<&str>> = match &self.error {
            None => vec![None],
            Some(OneOrMore::One(error)) => vec![Some(error)],
            Some(OneOrMore::More(errors)) => {
                errors.iter().map(|error| Some(error.as_str())).collect()
            }
        };
        let of_status = |status: u16| {
            errors.iter().map(move |error| {
                (format!("HTTP {status}, {error:?}"), Cause::of_answer(status, *error))
            })
        };
        assert!(!self.status.is_empty(), "{self:?} tests nothing");
        self.status.iter().flat_map(|status| of_status(*status)).collect()
    }
}

#[test]
fn every_outcome_means_what_the_table_says() {
    let mut checked = 0;
    for (file, cases) in files() {
        for case in cases {
            for request in &case.request {
                for (outcome, cause) in case.causes() {
                    let verdict = verdict(request_of(request), &cause);
                    let found = (
                        verdict.code.as_str().to_owned(),
                        reach(verdict.reach),
                        next(verdict.next),
                    );
                    let wanted = (case.code.clone(), case.reach.clone(), case.next.clone());
                    assert_eq!(found, wanted, "{file}: {}: {request}: {outcome}", case.what);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 100, "{checked} cases: where are the files?");
}

#[test]
fn every_word_of_oauth_is_in_the_table() {
    let mut missing: BTreeSet<&str> = [
        "invalid_grant",
        "invalid_client",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "access_denied",
        "authorization_pending",
        "slow_down",
        "expired_token",
        "temporarily_unavailable",
        "server_error",
    ]
    .into();
    for word in missing.iter().copied() {
        assert_ne!(OAuthError::from_word(word), OAuthError::Other, "`{word}` is a word of OAuth");
    }
    let files = files();
    for case in files.iter().flat_map(|(_, cases)| cases) {
        match &case.error {
            Some(OneOrMore::One(error)) => drop(missing.remove(error.as_str())),
            Some(OneOrMore::More(errors)) => {
                missing.retain(|word| !errors.iter().any(|error| error == word));
            }
            None => {}
        }
    }
    assert!(missing.is_empty(), "{missing:?} has no case");
}

#[test]
fn a_word_that_says_later_means_that_whoever_has_read_it() {
    for error in [OAuthError::TemporarilyUnavailable, OAuthError::ServerError] {
        for request in
            ["refresh", "grant", "password", "exchange", "device-start", "device-poll", "revoke"]
                .map(request_of)
        {
            let later = verdict(request, &Cause::Later);
            assert_eq!(verdict(request, &Cause::OAuth(error)), later, "{request:?} {error:?}");
        }
    }
}

fn files() -> Vec<(String, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outcome");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.display().to_string();
            let text = fs::read_to_string(&path).expect("a file of cases");
            let file: File =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, file.cases)
        })
        .collect()
}

fn request_of(word: &str) -> RequestKind {
    match word {
        "refresh" => RequestKind::Refresh,
        "grant" => RequestKind::Grant,
        "password" => RequestKind::Password,
        "exchange" => RequestKind::Exchange,
        "device-start" => RequestKind::DeviceStart,
        "device-poll" => RequestKind::DevicePoll,
        "revoke" => RequestKind::Revoke,
        other => panic!("`{other}` is no request"),
    }
}

fn cause_of(transport: &str) -> Cause {
    match transport {
        "not-sent" => Cause::NotSent,
        "lost" => Cause::Lost,
        "wrong-place" => Cause::WrongPlace,
        "source" => Cause::Source,
        "wrong-audience" => Cause::WrongAudience { refresh_token: None },
        "unusable" => Cause::Unusable { refresh_token: None },
        other => panic!("`{other}` is no way for a request to travel"),
    }
}

fn reach(reach: Reach) -> String {
    match reach {
        Reach::Session => "session",
        Reach::Slot => "slot",
    }
    .to_owned()
}

fn next(next: Next) -> String {
    match next {
        Next::Backoff => "backoff".to_owned(),
        Next::Lost => "lost".to_owned(),
        Next::Over => "over".to_owned(),
        Next::Hold(hold) => format!("hold {}", hold.as_secs()),
        Next::UntilMended => "until-mended".to_owned(),
        Next::PollOn => "poll-on".to_owned(),
        Next::SlowDown => "slow-down".to_owned(),
    }
}
