//! A login: one at a time, shared by all who ask; by device code (RFC 8628) until its code's end.

use crate::io::{FetchId, Given, Means, WaiterId};
use crate::outcome::{DeviceAuthorization, RequestKind};
use crate::schedule::{self, Jitter};
use crate::settings::Pauses;
use crate::time::{Boot, Now};
use bearerd_proto::{ErrorBody, LoggedIn, PendingLogin, ProfileName, Secret};
use std::collections::VecDeque;
use std::time::Duration;

/// RFC 8628 §3.5: `slow_down` adds this to the interval, for good.
const SLOW_DOWN_STEP: Duration = Duration::from_secs(5);
/// An interval of 0 would be a storm.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// Ended logins whose outcome can still be asked for.
const ENDED_KEPT: usize = 16;

/// The login under way.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) id: String,
    /// Another `sub` may take over.
    pub(crate) replace: bool,
    /// After how long its session is to be forgotten, the profile's own word aside.
    pub(crate) lifetime: Option<Duration>,
    pub(crate) stage: Stage,
    /// Those who wait for its start.
    pub(crate) starters: Vec<(WaiterId, Boot)>,
    /// Those who wait for its end, each until its moment.
    pub(crate) followers: Vec<(WaiterId, Boot)>,
}

impl Login {
    /// Whether it asks the same of the IdP as `means` would.
    pub(crate) fn is_made_with(&self, means: &Means) -> bool {
        let Stage::Granting(granting) = &self.stage else { return false };
        match (means, &granting.given, &granting.found) {
            (Means::Given(given), Some(same), _) => {
                granting.kind == RequestKind::Password
                    && same.username == given.username
                    && same.password.same_as(&given.password)
            }
            (Means::Import { refresh_token }, _, Some(found)) => {
                let source = granting.source.as_ref();
                found.same_as(refresh_token) || source.is_some_and(|it| it.same_as(refresh_token))
            }
            _ => false,
        }
    }
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The kept refresh token of a session that is over is tried once.
    Reviving,
    /// A request that gives tokens without a person is under way.
    Granting(Granting),
    /// The codes are asked for.
    Starting(FetchId, Boot),
    /// The person has the link.
    Pending(Pending),
    /// Tokens have come; they go to disk before anybody gets them. To whoever asks meanwhile it looks like before.
    Saving(Option<Pending>),
}

/// A login that nobody has to confirm.
#[derive(Debug)]
pub(crate) struct Granting {
    pub(crate) fetch: FetchId,
    /// When it was sent.
    pub(crate) asked: Boot,
    pub(crate) kind: RequestKind,
    /// The password that it is made with.
    pub(crate) given: Option<Given>,
    /// The refresh token that it is made with, where a file or a caller gave one.
    pub(crate) found: Option<Secret>,
    /// What its session begins with: that, or what that has come from.
    pub(crate) source: Option<Secret>,
    /// That was in the profile's file.
    pub(crate) is_out_of_file: bool,
}

impl Granting {
    /// One by the profile's own means, or by a password.
    pub(crate) fn of(fetch: FetchId, asked: Boot, kind: RequestKind, given: Option<Given>) -> Self {
        Self { fetch, asked, kind, given, found: None, source: None, is_out_of_file: false }
    }
}

/// A login that waits for its person.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) device_code: Secret,
    pub(crate) code_verifier: Option<Secret>,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: Option<String>,
    /// The code's end.
    pub(crate) expires: Boot,
    pub(crate) interval: Duration,
    pub(crate) next_poll: Boot,
    pub(crate) polling: Option<(FetchId, Boot)>,
    /// The answer to a poll was lost, or was of no use: tokens may have been in it.
    pub(crate) lost: bool,
    failures: u32,
}

impl Pending {
    pub(crate) fn of(device: DeviceAuthorization, asked: Boot, now: Boot) -> Self {
        let interval = device.interval.max(SHORTEST_INTERVAL);
        Self {
            device_code: device.device_code,
            code_verifier: device.code_verifier,
            user_code: device.user_code,
            verification_uri: device.verification_uri,
            verification_uri_complete: device.verification_uri_complete,
            expires: asked + device.lifetime,
            interval,
            next_poll: now + interval,
            polling: None,
            lost: false,
            failures: 0,
        }
    }

    /// The person has not decided yet.
    pub(crate) fn poll_on(&mut self, now: Boot) {
        self.failures = 0;
        self.next_poll = now + self.interval;
    }

    /// The IdP wants fewer polls.
    pub(crate) fn slow_down(&mut self, now: Boot) {
        self.interval += SLOW_DOWN_STEP;
        self.poll_on(now);
    }

    /// A poll failed in a way that may pass.
    pub(crate) fn back_off(
        &mut self,
        now: Boot,
        retry_after: Option<Duration>,
        pauses: Pauses,
        jitter: Jitter,
    ) {
        self.failures = self.failures.saturating_add(1);
        let pause = schedule::backoff(self.failures, jitter)
            .min(pauses.backoff)
            .max(self.interval)
            .max(retry_after.unwrap_or_default().min(pauses.retry_after));
        self.next_poll = now + pause;
    }

    pub(crate) fn shown(&self, id: &str, profile: &ProfileName, now: Now) -> PendingLogin {
        PendingLogin {
            login_id: id.to_owned(),
            profile: profile.clone(),
            verification_uri: Some(self.verification_uri.clone()),
            verification_uri_complete: self.verification_uri_complete.clone(),
            user_code: Some(self.user_code.clone()),
            // For who draws it, which is nothing that a session decides by.
            qr_code: None,
            authorization_url: None,
            expires_at: now.wall_at(self.expires).as_secs(),
            expires_in: self.expires.since(now.boot).as_secs(),
        }
    }

    /// Where the person goes.
    pub(crate) fn link(&self) -> &str {
        self.verification_uri_complete.as_deref().unwrap_or(&self.verification_uri)
    }
}

/// How the last logins ended.
#[derive(Debug, Default)]
pub(crate) struct Ended(VecDeque<(String, Result<LoggedIn, ErrorBody>)>);

impl Ended {
    pub(crate) fn add(&mut self, id: String, end: Result<LoggedIn, ErrorBody>) {
        if self.0.len() == ENDED_KEPT {
            self.0.pop_front();
        }
        self.0.push_back((id, end));
    }

    pub(crate) fn of(&self, id: &str) -> Option<&Result<LoggedIn, ErrorBody>> {
        self.0.iter().rev().find(|(ended, _)| ended == id).map(|(_, end)| end)
    }
}
