//! Tokens that nobody confirms: client credentials, passwords, exchanges, and what another program is given.

use super::answering::{Asked, Twist, failed, oauth};
use super::{AccessRecord, Ended, Provider, SessionRecord};
use crate::history::Obtains;
use bearerd_session::{OAuthError, Outcome};

impl Provider {
    pub(super) fn grant_by_means(&mut self, asked: &Asked<'_>) -> Outcome {
        match self.policy.obtains {
            Obtains::BySecret => {
                let (session, family) = self.of_epoch(asked.epoch);
                self.grant(session, family, None, None, asked)
            }
            Obtains::ByPassword | Obtains::ByGivenPassword => {
                if asked.password != Some(self.password) || asked.now < self.disabled_until {
                    return failed(oauth(OAuthError::InvalidGrant), "wrong password");
                }
                let (session, family) = self.begin("jane");
                let without = matches!(asked.twist, Twist::NoRefresh);
                let refresh =
                    (!without).then(|| self.issue_refresh(session, family, None, asked.now));
                self.grant(session, family, refresh, refresh, asked)
            }
            Obtains::ByLogin | Obtains::ByGrantFile | Obtains::ByTokenFile => {
                failed(oauth(OAuthError::UnsupportedGrantType), "no such grant")
            }
        }
    }

    pub(super) fn exchange(&mut self, subject: usize, asked: &Asked<'_>) -> Outcome {
        let record = &self.access[subject];
        let (session, family) = (record.session, record.family);
        let is_good = record.expires.is_none_or(|end| asked.now < end);
        if !is_good || self.sessions[session].ended.is_some() {
            return failed(oauth(OAuthError::InvalidRequest), "the subject token is not taken");
        }
        self.grant(session, family, None, None, asked)
    }

    /// A login elsewhere: its refresh token. One that is `dead` is refused.
    pub(crate) fn log_in_elsewhere(&mut self, user: &'static str, dead: bool, now: u64) -> usize {
        let (session, family) = self.begin(user);
        self.sessions[session].ended = dead.then_some(Ended::Administrator);
        self.issue_refresh(session, family, None, now)
    }

    /// An access token that another program gets, good until `expires`.
    pub(crate) fn issue_elsewhere(&mut self, epoch: u64, expires: u64) -> usize {
        let (session, family) = self.of_epoch(epoch);
        self.issue_access(AccessRecord { session, family, slot: 0, expires: Some(expires) })
    }

    fn of_epoch(&mut self, epoch: u64) -> (usize, usize) {
        if let Some((session, family)) = self.epochs.get(&epoch)
            && self.sessions[*session].ended.is_none()
        {
            return (*session, *family);
        }
        let begun = self.begin("service");
        self.epochs.insert(epoch, begun);
        begun
    }

    fn begin(&mut self, user: &'static str) -> (usize, usize) {
        self.sessions.push(SessionRecord { user, ended: None });
        self.families += 1;
        (self.sessions.len() - 1, self.families - 1)
    }
}
