//! Tokens that nobody confirmed: by the profile's own means, out of its file, by exchange.

use super::Invariant;
use super::ledger::{Chain, Family, Heard, Token, slot_for};
use super::pace::SlotPace;
use crate::engine::World;
use crate::history::Obtains;
use crate::provider::token_of;
use bearerd_session::{Cause, Granted, OAuthError, Outcome, Request};

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
            match self.ledger.login {
                Some(_) => self.ledger.kept_of_login.insert(family),
                None => self.ledger.kept.insert(family),
            };
            return self.note_granted(granted, family, None, heard);
        }
        self.ledger.pace.is_password_refused = false;
        let before = self.ledger.live.replace(Chain { family, refresh, is_over: false });
        self.ledger.kept.extend(before.map(|before| before.family));
        self.ledger.kept.remove(&family);
        self.session_begins();
        self.note_granted(granted, family, refresh, heard);
    }

    /// Whose tokens they are: those that were got for another person are nobody's any more.
    pub(super) fn note_the_user(&mut self, granted: &Granted, family: Family) {
        let Some(user) = &granted.user_id else { return };
        if self.ledger.user.as_ref().is_some_and(|before| before != user) {
            self.ledger.got.retain(|_, got| got.slot == 0 || got.family == family);
            // Whatever paced them goes with them; what the provider has refused may be said still.
            for (slot, pace) in &mut self.ledger.pace.slots {
                if *slot != 0 {
                    *pace = SlotPace { is_refused: pace.is_refused, ..SlotPace::default() };
                }
            }
            let own = self.ledger.got.iter().filter(|(_, got)| got.slot == 0);
            let newest = own.max_by_key(|(_, got)| got.number).map(|(token, _)| *token);
            let shown = self.life.as_ref().and_then(|life| life.shown.get(&0));
            if shown.and_then(|shown| token_of(&shown.token)) == newest {
                // Nothing is left that waits for its save.
                self.ledger.held_since = None;
            }
        }
        self.ledger.user = Some(user.clone());
    }

    pub(super) fn session_begins(&mut self) {
        let lifetime = self.script.policy.lifetime;
        let ends = lifetime.map(|seconds| self.now + seconds * 1000);
        self.ledger.ends = self.ledger.ends.or(ends);
    }

    /// The session of a profile that needs nobody is over: its tokens are served on, and another begins.
    pub(super) fn another_may_begin(&mut self, spent: Token) {
        let is_live = self.ledger.live.as_ref().is_some_and(|live| live.refresh == Some(spent));
        if is_live && self.can_obtain() {
            self.ledger.is_untried = false;
            let before = self.ledger.live.take();
            self.ledger.kept.extend(before.map(|before| before.family));
            self.another_begins();
        }
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
