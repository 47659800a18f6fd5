//! `login-required` is said only when it is so: by the provider's own record, or as the newest token was received by
//! nobody.

use super::Invariant;
use crate::engine::{World, named};
use crate::provider::Ended;

impl World {
    /// The daemon says that a person has to log in: whether that is so is looked at when the event is over.
    pub(crate) fn said_login_required(&mut self, where_said: &'static str) {
        self.ledger.said.push(where_said);
        self.person_hears();
    }

    pub(super) fn judge_what_was_said(&mut self) {
        for where_said in std::mem::take(&mut self.ledger.said) {
            let session = self.life.as_ref().and_then(|life| life.session.as_ref());
            let unread = session.is_some_and(bearerd_session::Session::is_unreadable);
            let needed = unread || !self.script.policy.obtains.needs_nobody();
            self.demand(Invariant::LoginRequiredIsTrue, needed, || {
                format!("{where_said} says so, and the profile needs nobody")
            });
            self.is_login_required(where_said);
        }
    }

    fn is_login_required(&mut self, where_said: &str) {
        let Some(chain) = self.ledger.login.clone().or_else(|| self.ledger.live.clone()) else {
            return;
        };
        let Some((place, token)) = chain.refresh else { return };
        let provider = &self.providers[place];
        let record = &provider.refresh[token];
        // A refusal once heard counts until an access token comes.
        let is_so = chain.is_over || !provider.takes(token, self.now);
        let why = match provider.sessions[record.session].ended {
            Some(Ended::Reuse) => "over: a spent token was used again",
            Some(Ended::Revoked) => "over: revoked",
            Some(Ended::Administrator) => "over: an administrator ended the session",
            None if record.spent.is_some() => "over: the newest token was received by nobody",
            None if record.expires.is_some_and(|end| end <= self.now) => {
                "over: the refresh token has expired"
            }
            None => "over: refused for a while",
        };
        if where_said == "an event" && is_so {
            self.tally.count(why);
            let window = (self.script.policy.provider_window, self.script.policy.profile_window);
            if why == "over: a spent token was used again"
                && window.0.is_some()
                && window.0 == window.1
            {
                self.tally.count("over: although provider and profile have a reuse window");
            }
        }
        self.demand(Invariant::LoginRequiredIsTrue, is_so, || {
            format!("{where_said} says so, and the provider would take {}", named(place, token))
        });
    }
}
