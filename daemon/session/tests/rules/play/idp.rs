//! The IdP's part: what was sent to it, and how it answers.

use super::{Play, found};
use bearerd_session::{Event, FetchId, Kind, Outcome, Request, SlotKey};

impl Play {
    /// The one request under way.
    pub(crate) fn open_request(&self) -> (FetchId, Request) {
        match self.open.as_slice() {
            [(fetch, request)] => (*fetch, request.clone()),
            open => panic!("one request was expected under way, not {open:?}"),
        }
    }

    /// The refresh token that is being spent.
    pub(crate) fn open_refresh(&self) -> String {
        match self.open_request().1 {
            Request::Refresh { refresh_token, .. } => refresh_token.expose().to_owned(),
            other => panic!("a refresh was expected, not {other:?}"),
        }
    }

    /// The refresh token that is being revoked.
    pub(crate) fn open_revocation(&self) -> String {
        match self.open_request().1 {
            Request::Revoke { refresh_token } => refresh_token.expose().to_owned(),
            other => panic!("a revocation was expected, not {other:?}"),
        }
    }

    /// The scope or the audience that is being asked for.
    pub(crate) fn open_slot(&self) -> SlotKey {
        match self.open_request().1 {
            Request::Refresh { slot, .. }
            | Request::Grant { slot, .. }
            | Request::Exchange { slot, .. } => slot,
            other => panic!("a token was expected to be asked for, not {other:?}"),
        }
    }

    /// Whether the profile's own grant is under way.
    pub(crate) fn grant_is_open(&self) -> bool {
        matches!(self.open_request().1, Request::Grant { .. })
    }

    pub(crate) fn nothing_is_sent(&self) {
        assert!(self.open.is_empty(), "nothing was to be sent: {:?}", self.open);
    }

    /// Answers the one request under way.
    pub(crate) fn reply(&mut self, outcome: impl Into<Outcome>) {
        let (fetch, _) = self.open_request();
        self.event(Event::Answered { fetch, outcome: outcome.into() });
    }

    /// Answers one of several requests under way.
    pub(crate) fn answer_to(&mut self, fetch: FetchId, outcome: impl Into<Outcome>) {
        self.event(Event::Answered { fetch, outcome: outcome.into() });
    }

    /// Each look at the profile's file that is under way, and each that follows, finds this refresh token there.
    pub(crate) fn let_it_find(&mut self, refresh_token: &str) {
        let is_look = |request: &Request| matches!(request, Request::Grant { .. });
        while let Some((look, _)) = self.open.iter().find(|(_, it)| is_look(it)).cloned() {
            self.answer_to(look, found(refresh_token));
        }
    }

    /// The profile's file has changed, and holds this refresh token now.
    pub(crate) fn file_holds(&mut self, refresh_token: &str) {
        self.event(Event::SourceChanged);
        self.let_it_find(refresh_token);
    }

    pub(crate) fn kind(&self) -> Kind {
        self.settings.kind.clone()
    }

    /// Refreshes sent so far.
    pub(crate) fn refreshes(&self) -> usize {
        self.sent.iter().filter(|(_, request)| matches!(request, Request::Refresh { .. })).count()
    }

    /// The refresh tokens that were revoked so far, or are being.
    pub(crate) fn revoked(&self) -> Vec<&str> {
        let revocations = self.sent.iter().filter_map(|(_, request)| match request {
            Request::Revoke { refresh_token } => Some(refresh_token.expose()),
            _ => None,
        });
        revocations.collect()
    }

    /// The request under way that spends this refresh token, or revokes it.
    pub(crate) fn open_of(&self, token: &str) -> FetchId {
        let is_its = |request: &Request| match request {
            Request::Refresh { refresh_token, .. } | Request::Revoke { refresh_token } => {
                refresh_token.expose() == token
            }
            _ => false,
        };
        let open = self.open.iter().find(|(_, request)| is_its(request));
        open.unwrap_or_else(|| panic!("nothing is sent with `{token}`: {:?}", self.open)).0
    }
}
