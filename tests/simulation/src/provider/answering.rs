//! What the provider answers to a request, as the daemon's fetcher would read it.

use super::{AccessRecord, Ended, Provider, access_name, refresh_name, token_of};
use crate::draw::Draw;
use crate::history::{Person, Rotation, is_misheard, refusal, slot_of};
use bearerd_proto::Secret;
use bearerd_session::time::Wall;
use bearerd_session::{Cause, Failure, Granted, OAuthError, Outcome, Request};
use std::time::Duration;

/// What is odd about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Nothing.
    Nothing,
    /// Not now; come again after so many seconds.
    Later(Option<u64>),
    /// This error, whatever was asked.
    OAuth(OAuthError),
    /// 404.
    NotFound,
    /// A poll is told to slow down.
    SlowDown,
    /// Carried out, and the answer has no access token.
    NoToken,
    /// Carried out, and the token in it lives 0 s.
    NoLife,
    /// Tokens live so many seconds.
    Life(u64),
    /// Each another while.
    LivesChange,
    /// The lifetime is not said.
    LifeUnsaid,
    /// The refresh token comes back.
    SameRefresh,
    /// The answer has no refresh token.
    NoRefresh,
    /// The access token of before comes back.
    SameAccess,
    /// The provider's clock is so many seconds ahead.
    Skewed(i64),
}

/// A request, as it arrives.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) now: u64,
    /// Seconds since 1970, by a right clock.
    pub(crate) wall: i64,
    pub(crate) twist: Twist,
    /// Who sees the link of a login that is started.
    pub(crate) person: Person,
    /// The password that comes with it, by its number.
    pub(crate) password: Option<u64>,
    /// The profile's own count of its sessions.
    pub(crate) epoch: u64,
    pub(crate) draw: Draw,
}

impl Provider {
    /// Carries a request out, or refuses it.
    pub(crate) fn answer(&mut self, asked: &Asked<'_>) -> Outcome {
        match asked.twist {
            Twist::Later(retry_after) => {
                let retry_after = retry_after.map(Duration::from_secs);
                let message = "the provider is busy".to_owned();
                return Outcome::Failed(Failure { cause: Cause::Later, message, retry_after });
            }
            Twist::OAuth(error) => return failed(oauth(error), "refused"),
            Twist::NotFound => return failed(Cause::WrongPlace, "404"),
            _ => {}
        }
        match asked.request {
            Request::DeviceStart => self.start_device(asked),
            Request::DevicePoll { device_code, .. } => match token_of(device_code.expose()) {
                Some((place, code)) if place == self.place => self.poll_device(code, asked),
                _ => failed(oauth(OAuthError::InvalidGrant), "no such code"),
            },
            Request::Refresh { refresh_token, slot } => {
                match (token_of(refresh_token.expose()), refusal(slot_of(slot), asked.now)) {
                    (Some((place, token)), refusal) if place == self.place => match refusal {
                        Some(error) if self.takes(token, asked.now) => {
                            failed(oauth(error), "not that scope")
                        }
                        _ => self.refresh(token, asked),
                    },
                    _ => failed(oauth(OAuthError::InvalidGrant), "no such token"),
                }
            }
            Request::Grant { slot, .. } => match refusal(slot_of(slot), asked.now) {
                Some(error) => failed(oauth(error), "not that scope"),
                None => self.grant_by_means(asked),
            },
            Request::Exchange { subject_token, slot } => {
                match (token_of(subject_token.expose()), refusal(slot_of(slot), asked.now)) {
                    (_, Some(error)) => failed(oauth(error), "not that audience"),
                    (Some((place, token)), None) if place == self.place => {
                        self.exchange(token, asked)
                    }
                    _ => failed(oauth(OAuthError::InvalidRequest), "no such token"),
                }
            }
            Request::Revoke { refresh_token } => {
                if let Some((place, token)) = token_of(refresh_token.expose())
                    && place == self.place
                {
                    let session = self.refresh[token].session;
                    self.sessions[session].ended.get_or_insert(Ended::Revoked);
                }
                Outcome::Revoked
            }
        }
    }

    fn refresh(&mut self, token: usize, asked: &Asked<'_>) -> Outcome {
        let now = asked.now;
        if !self.takes(token, now) {
            let record = &self.refresh[token];
            let session = record.session;
            // Only a token that is spent tells of a thief.
            let reused = record.spent.is_some() && record.expires.is_none_or(|end| now < end);
            if reused && self.policy.reuse_ends_session {
                self.sessions[session].ended.get_or_insert(Ended::Reuse);
            }
            return failed(oauth(OAuthError::InvalidGrant), "the refresh token is not taken");
        }
        let (session, family) = (self.refresh[token].session, self.refresh[token].family);
        let again = self.refresh[token].successor.filter(|_| self.refresh[token].spent.is_some());
        let given = match self.rotates(&asked.twist) {
            Rotation::Same => Some(token),
            Rotation::Absent => None,
            // Within the window the token that was given for it is given once more, while nobody has used that.
            Rotation::Rotates => match again.filter(|next| self.refresh[*next].spent.is_none()) {
                Some(next) => Some(next),
                None => {
                    self.refresh[token].spent.get_or_insert(now);
                    Some(self.issue_refresh(session, family, Some(token), now))
                }
            },
        };
        if let (Some(given), Some(life)) = (given, self.policy.refresh_life) {
            self.refresh[given].expires = Some(now + life * 1000);
        } else if let Some(life) = self.policy.refresh_life {
            self.refresh[token].expires = Some(now + life * 1000);
        }
        let new = given.filter(|given| *given != token);
        self.grant(session, family, given, new, asked)
    }

    /// An access token, and what comes with it.
    pub(super) fn grant(
        &mut self,
        session: usize,
        family: usize,
        given: Option<usize>,
        new: Option<usize>,
        asked: &Asked<'_>,
    ) -> Outcome {
        let now = asked.now;
        let slot = match asked.request {
            Request::Refresh { slot, .. }
            | Request::Grant { slot, .. }
            | Request::Exchange { slot, .. } => slot_of(slot),
            _ => 0,
        };
        let refresh_token = given.map(|token| Secret::new(refresh_name(self.place, token)));
        let nothing_but_a_refresh_token = |refresh_token: Option<Secret>, message: &str| {
            let refresh_token = refresh_token.filter(|_| new.is_some());
            failed(Cause::Unusable { refresh_token }, message)
        };
        match asked.twist {
            Twist::NoToken => return nothing_but_a_refresh_token(refresh_token, "no access token"),
            Twist::NoLife => return nothing_but_a_refresh_token(refresh_token, "it lives 0 s"),
            _ => {}
        }
        if is_misheard(slot) {
            let refresh_token = refresh_token.filter(|_| new.is_some());
            return failed(Cause::WrongAudience { refresh_token }, "it is for somebody else");
        }
        let mut draw = asked.draw.clone();
        let life = match asked.twist {
            Twist::Life(seconds) => seconds,
            Twist::LivesChange => draw.spread(1, 2 * self.policy.token_life),
            _ => self.policy.token_life,
        };
        let good = |record: &AccessRecord| {
            record.family == family
                && record.slot == slot
                && record.expires.is_some_and(|end| end > now + 1000)
        };
        let again = match asked.twist {
            Twist::SameAccess => self.newest_of(slot).find(|token| good(&self.access[*token])),
            _ => None,
        };
        let (access, lifetime) = match again {
            Some(again) => {
                let left = self.access[again].expires.map(|end| (end - now) / 1000);
                (again, left.map(Duration::from_secs))
            }
            None => {
                let says = asked.twist != Twist::LifeUnsaid;
                let expires = says.then(|| now.saturating_add(life.saturating_mul(1000)));
                let access = self.issue_access(AccessRecord { session, family, slot, expires });
                (access, says.then(|| Duration::from_secs(life)))
            }
        };
        let skew = if let Twist::Skewed(skew) = asked.twist { skew } else { 0 };
        let user = self.sessions[session].user;
        let sid = self.policy.says_session.then(|| format!("sid-{}-{session}", self.place));
        Outcome::Granted(Box::new(Granted {
            access_token: Secret::new(access_name(self.place, access)),
            lifetime,
            refresh_lifetime: refresh_token
                .as_ref()
                .and(self.policy.refresh_life)
                .map(Duration::from_secs),
            refresh_token,
            refresh_in: self.policy.says_refresh_in.map(Duration::from_secs),
            scope: None,
            user_id: Some(user.to_owned()),
            user_email: None,
            idp_session: sid,
            idp_time: Some(Wall::from_secs(asked.wall + skew)),
        }))
    }
}

impl Provider {
    pub(super) fn issue_access(&mut self, record: AccessRecord) -> usize {
        self.by_slot.entry(record.slot).or_default().push(self.access.len());
        self.access.push(record);
        self.access.len() - 1
    }
}

pub(super) fn oauth(error: OAuthError) -> Cause {
    Cause::OAuth(error)
}

/// A failure that says nothing of coming again.
pub(crate) fn failed(cause: Cause, message: &str) -> Outcome {
    Outcome::Failed(Failure { cause, message: message.to_owned(), retry_after: None })
}
