//! Device logins at the provider (RFC 8628): codes, the person's word, polls that come too often.

use super::answering::{Asked, Twist, failed, oauth};
use super::{Provider, SessionRecord};
use crate::history::Person;
use bearerd_proto::Secret;
use bearerd_session::{DeviceAuthorization, OAuthError, Outcome};
use std::time::Duration;

/// What a device login is known by.
#[derive(Debug)]
pub(super) struct Code {
    expires: u64,
    interval: u64,
    last_poll: Option<u64>,
    person: Person,
    began: u64,
    used: bool,
}

/// RFC 8628 §3.5: what `slow_down` adds to the interval, in milliseconds.
const SLOW_DOWN: u64 = 5_000;

impl Provider {
    pub(super) fn start_device(&mut self, asked: &Asked<'_>) -> Outcome {
        let (life, interval) = (self.policy.device_life, self.policy.device_interval);
        self.codes.push(Code {
            expires: asked.now + life * 1000,
            interval: interval * 1000,
            last_poll: None,
            person: asked.person,
            began: asked.now,
            used: false,
        });
        let number = self.codes.len() - 1;
        Outcome::Device(DeviceAuthorization {
            device_code: Secret::new(format!("d{}-{number}", self.place)),
            user_code: format!("USER-{number}"),
            verification_uri: format!("https://place-{}.example/device", self.place),
            verification_uri_complete: None,
            lifetime: Duration::from_secs(life),
            code_verifier: None,
            interval: Duration::from_secs(interval),
        })
    }

    pub(super) fn poll_device(&mut self, number: usize, asked: &Asked<'_>) -> Outcome {
        let now = asked.now;
        let Some(code) = self.codes.get_mut(number) else {
            return failed(oauth(OAuthError::InvalidGrant), "no such code");
        };
        if code.used || now >= code.expires {
            return failed(oauth(OAuthError::ExpiredToken), "the code has expired");
        }
        // One that comes a moment early is not blamed: its way was the shorter one.
        let told = asked.twist == Twist::SlowDown;
        let too_soon = told || code.last_poll.is_some_and(|last| now + 500 < last + code.interval);
        code.last_poll = Some(now);
        if too_soon {
            code.interval += SLOW_DOWN;
            return failed(oauth(OAuthError::SlowDown), "polled too often");
        }
        let (after, user, same_browser) = match code.person {
            Person::Approves { after, same_browser } => (after, "jane", same_browser),
            Person::Another { after } => (after, "joe", false),
            Person::Denies { after } if now >= code.began + after => {
                return failed(oauth(OAuthError::AccessDenied), "the person said no");
            }
            Person::Denies { .. } | Person::Ignores => (u64::MAX, "", false),
        };
        if now < code.began.saturating_add(after) {
            return failed(oauth(OAuthError::AuthorizationPending), "the person has not decided");
        }
        code.used = true;
        let running = self.sessions.iter().rposition(|old| old.user == user && old.ended.is_none());
        let session = running.filter(|_| same_browser && self.policy.says_session);
        let session = session.unwrap_or_else(|| {
            self.sessions.push(SessionRecord { user, ended: None });
            self.sessions.len() - 1
        });
        let family = self.families;
        self.families += 1;
        let without = matches!(asked.twist, Twist::NoRefresh);
        let refresh = (!without).then(|| self.issue_refresh(session, family, None, now));
        self.grant(session, family, refresh, refresh, asked)
    }
}
