//! Tokens that nobody confirmed: by the profile's own means, out of its file, by exchange.

use super::Invariant;
use super::ledger::{Chain, Heard, Token, slot_for};
use crate::engine::World;
use crate::history::Obtains;
use crate::provider::token_of;
use bearerd_session::{Cause, Granted, OAuthError, Outcome, Request};

/// What goes on should the provider refuse what a file holds.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) chain: Chain,
    pub(super) ends: Option<u64>,
    /// A lost answer of it was asked for once more already.
    pub(super) repeated: bool,
}

/// A session whose refresh token is refused already, or is none, is no reason to spare it.
fn goes_on(chain: &Chain) -> bool {
    !chain.is_over && chain.refresh.is_some()
}

impl World {
    /// The answer to a grant or an exchange that nobody asked for.
    pub(super) fn grant_heard(&mut self, request: &Request, outcome: &Outcome, heard: Heard) {
        match outcome {
            Outcome::Granted(granted) => self.obtained(request, granted, heard),
            Outcome::Found(token) => {
                if let Some(token) = token_of(token.expose()) {
                    self.found_in_the_file(token);
                }
            }
            Outcome::Failed(failure) => self.password_heard(request, &failure.cause),
            Outcome::Device(_) | Outcome::Revoked => {}
        }
    }

    fn obtained(&mut self, request: &Request, granted: &Granted, heard: Heard) {
        let Some(access) = token_of(granted.access_token.expose()) else { return };
        let family = (access.0, self.providers[access.0].access[access.1].family);
        let refresh = granted.refresh_token.as_ref().and_then(|token| token_of(token.expose()));
        let begins = heard.slot == 0 && matches!(request, Request::Grant { .. });
        self.ledger.received.extend(refresh);
        if begins {
            self.note_the_user(granted, family);
        } else {
            self.ledger.kept.insert(family);
            return self.note_granted(granted, family, None, heard);
        }
        self.ledger.pace.is_password_refused = false;
        let before = self.ledger.live.replace(Chain { family, refresh, is_over: false });
        self.ledger.kept.extend(before.map(|before| before.family));
        self.ledger.kept.remove(&family);
        self.session_begins();
        self.note_granted(granted, family, refresh, heard);
    }

    /// Another refresh token than the last time is another session.
    fn found_in_the_file(&mut self, token: Token) {
        let family = (token.0, self.providers[token.0].refresh[token.1].family);
        let live = self.ledger.former.as_ref().map(|former| &former.chain);
        let live = live.or(self.ledger.live.as_ref().filter(|_| !self.ledger.is_untried));
        let is_its_own = live.is_some_and(|live| live.family == family && goes_on(live));
        let before = self.ledger.source.replace(token);
        if is_its_own && let Some(former) = self.ledger.former.take() {
            // It is back to what the live session began with.
            self.ledger.strayed = before;
            self.former_goes_on(former);
        }
        if is_its_own || before == Some(token) {
            return;
        }
        self.tally.count("refresh tokens taken out of a file");
        let newest = match self.ledger.strayed.take_if(|strayed| *strayed == token) {
            Some(strayed) => self.newest_received_for(strayed),
            None => {
                self.takes_the_file_anew(token);
                token
            }
        };
        let chain = Chain { family, refresh: Some(newest), is_over: false };
        self.ledger.received.insert(token);
        let before = self.ledger.live.replace(chain);
        let is_live = before.as_ref().is_some_and(goes_on);
        if is_live && !self.ledger.is_untried {
            let (ends, repeated) = (self.ledger.ends, self.ledger.pace.repeated);
            self.ledger.former = before.map(|chain| Former { chain, ends, repeated });
        }
        self.ledger.pace.repeated = false;
        self.ledger.is_untried = true;
        self.ledger.ends = None;
        self.session_begins();
    }

    /// What has become of a refresh token, as far as this life has heard.
    fn newest_received_for(&self, token: Token) -> Token {
        let records = &self.providers[token.0].refresh;
        let is_next = |one: &&Token| one.0 == token.0 && records[one.1].parent == Some(token.1);
        let next = self.ledger.received.iter().rev().find(is_next);
        next.map_or(token, |next| self.newest_received_for(*next))
    }

    fn session_begins(&mut self) {
        let lifetime = self.script.policy.lifetime;
        let ends = lifetime.map(|seconds| self.now + seconds * 1000);
        self.ledger.ends = self.ledger.ends.or(ends);
    }

    /// What a file holds is refused in a word that may be about this very token.
    pub(super) fn trial_may_be_refused(&mut self, spent: Token, cause: &Cause) {
        use OAuthError as E;
        let is_word =
            matches!(cause, Cause::OAuth(E::InvalidRequest | E::InvalidScope | E::InvalidTarget));
        let is_live = self.ledger.live.as_ref().is_some_and(|live| live.refresh == Some(spent));
        if is_live
            && self.ledger.is_untried
            && let Some(former) = self.ledger.former.take_if(|_| is_word)
        {
            self.former_goes_on(former);
        }
    }

    /// The session of a profile that needs nobody is over: its tokens are served on, and another begins.
    pub(super) fn another_may_begin(&mut self, spent: Token) {
        let is_live = self.ledger.live.as_ref().is_some_and(|live| live.refresh == Some(spent));
        if is_live
            && std::mem::take(&mut self.ledger.is_untried)
            && let Some(former) = self.ledger.former.take()
        {
            return self.former_goes_on(former);
        }
        if is_live && self.can_obtain() {
            let before = self.ledger.live.take();
            self.ledger.kept.extend(before.map(|before| before.family));
        }
    }

    /// What was tried beside it is no more.
    fn former_goes_on(&mut self, former: Former) {
        self.ledger.is_untried = false;
        self.ledger.live = Some(former.chain);
        self.ledger.ends = former.ends;
        self.ledger.pace.repeated = former.repeated;
    }

    /// Whether the profile gets another session without a person, as far as anybody can tell from outside.
    pub(super) fn can_obtain(&self) -> bool {
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        let unread = session.is_some_and(bearerd_session::Session::is_unreadable);
        match self.script.policy.obtains {
            Obtains::ByLogin => false,
            Obtains::BySecret | Obtains::ByTokenFile => true,
            Obtains::ByPassword | Obtains::ByGrantFile => !unread,
            Obtains::ByGivenPassword => !unread && self.ledger.is_password_given,
        }
    }

    /// A wrong password is known to be wrong.
    pub(super) fn password_heard(&mut self, request: &Request, cause: &Cause) {
        let is_grant = matches!(request, Request::Grant { .. });
        if is_grant && matches!(cause, Cause::OAuth(OAuthError::InvalidGrant)) {
            self.tally.count("wrong passwords refused");
            self.ledger.pace.is_password_refused = true;
            self.ledger.is_password_given = false;
        }
    }

    /// What the profile obtains by itself is asked for.
    pub(super) fn may_be_granted(&mut self, request: &Request, of_login: bool) {
        let is_grant = matches!(request, Request::Grant { .. });
        let is_refused = is_grant && self.ledger.pace.is_password_refused && !of_login;
        let number = self.life.as_ref().map_or(0, |life| life.number);
        let is_own =
            |request: &Request| matches!(request, Request::Grant { .. } if slot_for(request) == 0);
        let mut open = self.exchanges.values().filter(|one| one.life == number && !one.is_back);
        let twice = is_own(request) && open.any(|one| is_own(&one.request) && !one.unwanted);
        let by_file = self.script.policy.obtains.is_by_file();
        self.demand(Invariant::CallsBounded, !twice || by_file || of_login, || {
            "a grant is asked for while another one is".to_owned()
        });
        self.demand(Invariant::PasswordSentOnce, !is_refused, || {
            "a grant that was refused is sent again, and nobody has mended it".to_owned()
        });
        let obtains = self.script.policy.obtains;
        let is_configured = match request {
            Request::Grant { .. } => !obtains.is_by_login(),
            Request::Exchange { .. } => self.script.policy.exchanges,
            _ => true,
        };
        self.demand(Invariant::CallsBounded, is_configured, || {
            format!("{:?} is sent, and nobody configured that", request.kind())
        });
    }
}
