//! Logins: what they bring, whether it is wanted, and when it is in force.

use super::ledger::{Chain, Got, Heard, Ledger, Token, slot_for};
use super::meaning::{Meaning, meaning};
use super::trying::goes_on;
use crate::engine::World;
use crate::history::Obtains;
use crate::provider::token_of;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{Granted, Jitter, Means, Outcome, Request};

/// Tokens of a login, before the session has looked at them.
#[derive(Debug)]
pub(super) struct Offered {
    chain: Chain,
    held_before: Option<Boot>,
    user: Option<String>,
    /// A person has confirmed it in a browser.
    by_person: bool,
    /// It was made with a password.
    by_password: bool,
    /// What it is made with was in the profile's file.
    source: Option<Token>,
    brought: Option<Token>,
    access: Token,
}

impl Ledger {
    /// Whether the session is not of the person who looks after it.
    pub(crate) fn is_anothers(&self) -> bool {
        self.user.as_deref() == Some("joe")
    }
}

impl World {
    /// The grant that the profile asks for by itself becomes the login's.
    pub(super) fn joins_the_profiles_own(&mut self, means: &Means, now: Now) {
        let obtains = self.script.policy.obtains;
        let by_grant = !obtains.is_by_login() && !obtains.is_by_file();
        if !by_grant || !matches!(means, Means::Own) || self.is_logging_in(now) {
            return;
        }
        let Some(life) = &self.life else { return };
        let mut open = self.exchanges.values().rev().filter(|one| one.life == life.number);
        let is_it =
            |request: &Request| matches!(request, Request::Grant { .. }) && slot_for(request) == 0;
        let counts = self.ledger.pace.counts;
        let found = open.find(|one| Some(one.fetch) == counts && is_it(&one.request));
        if let Some(fetch) = found.map(|one| one.fetch) {
            self.ledger.of_login.insert(fetch);
            self.ledger.pace.counts = None;
        }
    }

    /// Whether a login is under way that no other takes the place of.
    pub(super) fn is_granting(&self) -> bool {
        let Some(life) = &self.life else { return false };
        let ledger = &self.ledger;
        let mut open = self.exchanges.values().filter(|one| one.life == life.number);
        ledger.login.is_some()
            || open.any(|one| ledger.of_login.contains(&one.fetch) && !one.unwanted && !one.is_back)
    }

    /// Whether there is a login that another could join.
    pub(super) fn is_logging_in(&self, now: Now) -> bool {
        let Some(life) = &self.life else { return false };
        let session = life.session.as_ref();
        let has_link = session.is_some_and(|session| session.report(now).login.is_some());
        let ledger = &self.ledger;
        let revives =
            ledger.live.as_ref().is_some_and(|chain| chain.is_over) && ledger.pace.counts.is_some();
        let mut open = self.exchanges.values().filter(|one| one.life == life.number);
        let is_asking = open.any(|one| {
            let of_login =
                ledger.of_login.contains(&one.fetch) || matches!(one.request, Request::DeviceStart);
            of_login && !one.unwanted && !one.is_back
        });
        has_link || revives || is_asking || ledger.login.is_some()
    }

    /// The answer to a request of a login that nobody has to confirm.
    pub(super) fn login_heard(
        &mut self,
        request: &Request,
        outcome: &Outcome,
        unwanted: bool,
        heard: Heard,
        jitter: Jitter,
    ) {
        let brought = match request {
            Request::Refresh { refresh_token, .. } => token_of(refresh_token.expose()),
            _ => None,
        };
        if matches!(outcome, Outcome::Failed(_)) && !unwanted {
            // It ends with that, and what it asked for.
            self.ledger.login_lifetime = None;
        }
        match outcome {
            Outcome::Granted(granted) if unwanted && self.is_the_trials(brought) => {
                let newer = granted.refresh_token.as_ref();
                self.trial_rotates(brought, newer);
            }
            Outcome::Granted(granted) => self.logged_in(granted, brought, false, unwanted, heard),
            Outcome::Found(token) if !unwanted => {
                if let Some(token) = token_of(token.expose()) {
                    self.a_person_wants_the_file(token);
                }
            }
            Outcome::Failed(failure) if !unwanted && brought.is_some() => {
                let is_over = meaning(request.kind(), &failure.cause) == Meaning::Over;
                if self.taken_out_of_a_file(brought).is_some() && !is_over {
                    // It has not been refused: the profile goes on with it by itself.
                    self.ledger.source = None;
                    self.ledger.pace.rereads = true;
                }
                if self.is_the_trials(brought) {
                    let wait = failure.retry_after;
                    self.ledger.pace.trial_failed(&failure.cause, wait, heard, jitter);
                    self.trial_has_failed(&failure.cause);
                    self.trial_rotates(brought, failure.cause.refresh_token());
                }
            }
            Outcome::Failed(failure) if !unwanted && brought.is_none() => {
                if self.ledger.login_is_own {
                    self.password_heard(request, &failure.cause);
                }
                if self.ledger.login_is_own && self.ledger.newest().is_none() {
                    self.pace_failed(0, request.kind(), outcome, heard, jitter);
                }
            }
            _ => {}
        }
    }

    /// What the file holds is tried, whatever became of it before.
    fn a_person_wants_the_file(&mut self, token: Token) {
        self.ledger.login_may_send = true;
        self.ledger.brought.insert(token);
        let is_live = self.ledger.live.as_ref().is_some_and(goes_on);
        if !self.file_is_known(token) || !is_live {
            let newest = self.note_trial(token);
            self.ledger.brought.insert(newest);
            self.ledger.login_source = Some((token, newest));
        }
    }

    /// What the file held of which a login is made with `brought`.
    fn taken_out_of_a_file(&mut self, brought: Option<Token>) -> Option<Token> {
        let is_its = |(_, newest): &mut (Token, Token)| Some(*newest) == brought;
        self.ledger.login_source.take_if(is_its).map(|(source, _)| source)
    }

    /// What was logged out is taken up again: as a person asks for it, or as nobody knows any more.
    pub(super) fn takes_the_file_anew(&mut self, token: Token) {
        let family = (token.0, self.providers[token.0].refresh[token.1].family);
        let was_gone = self.ledger.gone.remove(&family) | self.ledger.forgotten.remove(&family);
        // A logout that the disk has not confirmed yet says nothing of what was taken up since.
        for (_, families) in &mut self.ledger.leaving {
            families.remove(&family);
        }
        let refresh = &self.providers[family.0].refresh;
        let is_its = |one: &Token| one.0 == family.0 && refresh[one.1].family == family.1;
        self.ledger.received.retain(|one| !is_its(one));
        self.ledger.got.retain(|_, got| !was_gone || got.family != family);
        self.ledger.pace.revoked.retain(|one, _| !is_its(one));
    }

    pub(super) fn logged_in(
        &mut self,
        granted: &Granted,
        brought: Option<Token>,
        by_person: bool,
        unwanted: bool,
        heard: Heard,
    ) {
        let refresh = granted.refresh_token.as_ref().and_then(|token| token_of(token.expose()));
        let refresh = refresh.or(brought);
        let Some(access) = token_of(granted.access_token.expose()) else { return };
        let family = (access.0, self.providers[access.0].access[access.1].family);
        self.ledger.received.extend(refresh);
        if unwanted {
            self.is_unwanted(family);
            return;
        }
        if self.script.policy.obtains == Obtains::BySecret {
            // It belongs with the tokens of a session that has ended since it was asked for.
            self.ledger.gone.remove(&family);
            self.ledger.forgotten.remove(&family);
        }
        let held_before = self.ledger.held_since.replace(heard.now.boot);
        let chain = Chain { family, refresh, is_over: false };
        let user = granted.user_id.clone();
        let by_password = !by_person && brought.is_none();
        let source = self.taken_out_of_a_file(brought);
        self.ledger.offered = Some(Offered {
            chain,
            held_before,
            user,
            by_person,
            by_password,
            source,
            brought,
            access,
        });
        let ends = granted.lifetime.map(|lifetime| heard.asked + lifetime);
        let asked = heard.sent;
        self.note_access(access, Got { family, slot: 0, asked, ends, rotated: refresh, number: 0 });
    }

    /// Nothing of it may come to life, unless it is the live session's own.
    fn is_unwanted(&mut self, family: (usize, usize)) {
        if !self.script.policy.obtains.keeps_a_session() {
            // The file has it still, and the client gets the same again.
            return;
        }
        let ledger = &mut self.ledger;
        let mut chains = ledger.live.iter().chain(&ledger.login);
        if !chains.any(|chain| chain.family == family) && !ledger.kept.contains(&family) {
            ledger.gone.insert(family);
            ledger.forgotten.insert(family);
        }
    }

    /// The session has looked at the tokens of a login: those of another person it does not want.
    pub(super) fn judge_the_login(&mut self, now: Now) {
        let Some(offered) = self.ledger.offered.take() else { return };
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        let is_accepted = if offered.by_person {
            session.is_some_and(|session| session.report(now).login.is_some())
        } else {
            let known = self.ledger.user.as_ref().zip(offered.user.as_ref());
            let replaces = self.ledger.replace;
            !std::mem::take(&mut self.ledger.is_denied)
                && (replaces || known.is_none_or(|(before, user)| before == user))
        };
        if is_accepted {
            self.is_accepted(offered);
        } else {
            self.tally.count("logins of another person denied");
            self.ledger.got.remove(&offered.access);
            if self.is_the_trials(offered.brought) {
                self.trial_is_refused();
            }
            self.is_unwanted(offered.chain.family);
            self.ledger.held_since = offered.held_before;
        }
    }

    /// A client's login is in force before anything else is seen of it: the session goes on to what readers wait for.
    pub(super) fn is_followed_at_once(&mut self) {
        if self.script.policy.obtains == Obtains::BySecret
            && let Some(offered) = self.ledger.offered.take()
        {
            self.is_accepted(offered);
        }
    }

    /// The tokens of a login are used before anything else is seen of it: the session wants them.
    pub(super) fn is_used_at_once(&mut self, token: Token) {
        let offered = self.ledger.offered.take_if(|offered| offered.chain.refresh == Some(token));
        if let Some(offered) = offered {
            self.is_accepted(offered);
        }
    }

    fn is_accepted(&mut self, offered: Offered) {
        // Tokens for other scopes and audiences were those of the session before.
        self.ledger.got.retain(|_, got| got.slot == 0);
        self.ledger.login = Some(offered.chain);
        self.ledger.kept_of_login.clear();
        self.trial_is_given_up();
        self.ledger.source = offered.source.or(self.ledger.source);
        self.ledger.user = offered.user;
        self.ledger.is_password_given = offered.by_password;
        self.ledger.pace.is_password_refused = false;
        self.ledger.unread_logout = false;
        self.ledger.pace.starts_anew();
        let asked = self.ledger.login_lifetime.take();
        let lifetime = asked.into_iter().chain(self.script.policy.lifetime).min();
        self.ledger.ends = lifetime.map(|seconds| self.now + seconds * 1000);
        self.tokens_under_way_are_unwanted();
    }

    /// The session says that the login is in force.
    pub(crate) fn login_took_force(&mut self) {
        if let Some(offered) = self.ledger.offered.take() {
            self.is_accepted(offered);
        }
        self.ledger.replace = false;
        let Some(login) = self.ledger.login.take() else { return };
        let kept = std::mem::take(&mut self.ledger.kept_of_login);
        let mut old = self.ledger.take_families();
        old.retain(|family| *family != login.family && !kept.contains(family));
        self.ledger.kept = kept;
        self.ledger.live = Some(login);
        self.ledger.gone.extend(old);
        let session = self.life.as_ref().and_then(|life| life.session.as_ref());
        let is_saved = session.is_none_or(|session| session.report(self.clocks()).saved);
        if let Some(parked) = self.ledger.parked.take().filter(|_| !is_saved) {
            self.ledger.unreplaced = Some(parked);
        }
    }

    /// Logins that are given up: what they bring is not wanted.
    pub(crate) fn logins_are_given_up(&mut self) {
        let number = self.life.as_ref().map_or(0, |life| life.number);
        let of_login = &self.ledger.of_login;
        for exchange in self.exchanges.values_mut().filter(|exchange| exchange.life == number) {
            exchange.unwanted |= of_login.contains(&exchange.fetch)
                || matches!(exchange.request, Request::DevicePoll { .. } | Request::DeviceStart);
        }
    }

    /// The session is another one: what was asked for the one before is not wanted.
    pub(super) fn tokens_under_way_are_unwanted(&mut self) {
        let number = self.life.as_ref().map_or(0, |life| life.number);
        let of_login = &self.ledger.of_login;
        for exchange in self.exchanges.values_mut().filter(|exchange| exchange.life == number) {
            exchange.unwanted |= !of_login.contains(&exchange.fetch)
                && matches!(exchange.request, Request::Grant { .. } | Request::Exchange { .. });
        }
    }
}
