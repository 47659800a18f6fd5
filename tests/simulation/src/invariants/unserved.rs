//! Who gets no token although there is a valid one: only by a rule of the design, each of which has a name.

use super::Invariant;
use super::ledger::Token;
use super::served::SLOTS;
use crate::engine::{Question, World, slot_named, wants_a_person};
use crate::history::{Obtains, Slot};
use bearerd_proto::ErrorCode;
use std::collections::BTreeSet;
use std::time::Duration;

/// Why a token that the provider's record has as valid is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Its answer never came here (§5, a lost answer), or with the life of the daemon before and not to disk.
    NeverReceived,
    /// §4: a saved session that can't be opened.
    StateUnreadable,
    /// §4: a session is bound to where it came from.
    Parked,
    /// §5: logged out, replaced by another login, or of a login that was given up.
    Gone,
    /// §5: lifetimes count from the request's start, so that its way is taken off.
    CountedFromTheRequest,
    /// decisions/0004: a clock contradicts itself, or says less than another.
    ClockDoubted,
    /// §5: on disk before it is served, for 2 s at most.
    HeldBack,
    /// §5: readers get the newest token; an older one that lives longer is given up for it.
    Superseded,
    /// §5: a profile that holds as many tokens as it may gives up the one that nobody has read for an hour.
    MadeRoom,
    /// §5: going down.
    GoingDown,
}

impl Rule {
    /// As it stands in the table of a run.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverReceived => "not served: its answer never came here",
            Self::StateUnreadable => "not served: the saved session can't be opened",
            Self::Parked => "not served: the session belongs to another place",
            Self::Gone => "not served: logged out or replaced",
            Self::CountedFromTheRequest => "not served: its life counts from the request",
            Self::ClockDoubted => "not served: a clock speaks against it",
            Self::HeldBack => "not served: not on disk yet",
            Self::Superseded => "not served: a newer one took its place",
            Self::MadeRoom => "not served: unread for an hour, and another needed the room",
            Self::GoingDown => "not served: the daemon goes down",
        }
    }
}

/// What a save may take before it holds nobody up, and a timer's lateness.
const HELD_BACK: Duration = Duration::from_millis(2_300);
/// Milliseconds before the end in which a reader must have got a token, or the truth.
const LATELY: u64 = 60_000;
/// Milliseconds without a reader after which a token makes room for another.
const UNREAD: u64 = 3_600_000;
/// How many of a provider's newest tokens are looked at.
const LOOKED_AT: usize = 40;

impl World {
    /// The task refuses a caller.
    pub(crate) fn refused(&mut self, question: &Question, code: ErrorCode, message: &str) {
        self.tally.count(match code {
            ErrorCode::LoginRequired => "refused: login-required",
            ErrorCode::LoginPending => "refused: login-pending",
            ErrorCode::IdpUnreachable => "refused: idp-unreachable",
            ErrorCode::IdpRejected => "refused: idp-rejected",
            ErrorCode::MinTtlUnmet => "refused: min-ttl-unmet",
            ErrorCode::Misconfigured => "refused: misconfigured",
            ErrorCode::StateUnreadable => "refused: state-unreadable",
            ErrorCode::ShuttingDown => "refused: shutting-down",
            ErrorCode::BadRequest => "refused: bad-request",
            ErrorCode::Overloaded => "refused: overloaded",
            ErrorCode::LoginDenied => "refused: login-denied",
            _ => "refused: other",
        });
        self.tell(|| format!("refuses {question:?}: {}: {message}", code.as_str()));
        let denied = code == ErrorCode::LoginDenied && message.starts_with("another person");
        self.ledger.is_denied |= denied;
        self.ledger.last_refusal = Some((self.now, code));
        if wants_a_person(code) {
            self.said_login_required("an answer");
        }
        let Question::Read { slot, strict, .. } = question else { return };
        if !*strict || code != ErrorCode::MinTtlUnmet {
            self.nothing_valid_is_kept_back(*slot, code);
        }
        self.is_refused_for_its_own_sake(*slot, code);
    }

    /// What the provider says to one scope is said to no reader of another, and nobody is turned away before the profile
    /// holds as many as it may.
    fn is_refused_for_its_own_sake(&mut self, slot: Slot, code: ErrorCode) {
        let by_token_file = self.script.policy.obtains == Obtains::ByTokenFile && slot != 0;
        // What is exchanged, or granted to a session, needs the profile's own token first.
        let policy = &self.script.policy;
        let needs_own = policy.exchanges || !policy.obtains.is_by_login();
        let pace = &self.ledger.pace;
        let is_so = code != ErrorCode::BadRequest
            || by_token_file
            // What was refused in the event that ended the session is forgotten with it.
            || self.ledger.ended == Some(self.now)
            || pace.has_refused(slot)
            || (needs_own && pace.has_refused(0));
        self.demand(Invariant::RefusalStaysInItsSlot, is_so, || {
            format!("a reader of {} is refused for another's scope", slot_named(slot))
        });
        if code != ErrorCode::Overloaded {
            return;
        }
        let others = self.other_slots();
        self.demand(Invariant::SlotsBounded, others > SLOTS, || {
            format!("a reader is turned away, and there are {others} scopes and audiences")
        });
    }

    /// How many scopes and audiences anybody has asked for.
    fn other_slots(&self) -> usize {
        let others =
            self.ledger.readers.keys().chain(self.ledger.got.values().map(|got| &got.slot));
        others.filter(|slot| **slot != 0).collect::<BTreeSet<_>>().len()
    }

    fn nothing_valid_is_kept_back(&mut self, slot: Slot, code: ErrorCode) {
        let now = self.now;
        let mut valid: Vec<Token> = Vec::new();
        for provider in &self.providers {
            for token in provider.newest_of(slot).take(LOOKED_AT) {
                let record = &provider.access[token];
                let is_valid = record.expires.is_none_or(|end| now < end);
                if is_valid && provider.sessions[record.session].ended.is_none() {
                    valid.push((provider.place, token));
                }
            }
        }
        for token in valid {
            match self.rule_for(token, code) {
                Some(rule) => self.tally.count(rule.name()),
                None => self.demand(Invariant::ValidTokenServed, false, || {
                    let name = crate::provider::access_name(token.0, token.1);
                    format!("a reader is refused ({}) although {name} is valid", code.as_str())
                }),
            }
        }
    }

    fn rule_for(&self, token: Token, code: ErrorCode) -> Option<Rule> {
        let ledger = &self.ledger;
        let Some(life) = &self.life else { return Some(Rule::GoingDown) };
        if code == ErrorCode::ShuttingDown {
            return Some(Rule::GoingDown);
        }
        if token.0 != life.place {
            return Some(Rule::Parked);
        }
        let now = self.clocks().boot;
        let Some(got) = ledger.got.get(&token) else {
            let unread = life.session.as_ref().is_none_or(bearerd_session::Session::is_unreadable);
            return Some(match (ledger.doubted.contains(&token), unread) {
                (true, _) => Rule::ClockDoubted,
                (false, true) => Rule::StateUnreadable,
                (false, false) => Rule::NeverReceived,
            });
        };
        let mut chains = ledger.live.iter().chain(&ledger.login);
        let is_kept =
            ledger.kept.contains(&got.family) || ledger.kept_of_login.contains(&got.family);
        if !is_kept && !chains.any(|chain| chain.family == got.family) {
            return Some(Rule::Gone);
        }
        if got.ends.is_some_and(|end| end <= now) {
            return Some(Rule::CountedFromTheRequest);
        }
        let of_slot = ledger.got.values().filter(|other| other.slot == got.slot);
        let newest = of_slot.map(|got| got.number).max();
        if newest != Some(got.number) {
            return Some(Rule::Superseded);
        }
        if got.slot != 0 && self.now >= got.asked + UNREAD && self.other_slots() > SLOTS {
            return Some(Rule::MadeRoom);
        }
        let since = ledger.held_since.max(ledger.back_since);
        since.filter(|since| now < *since + HELD_BACK).map(|_| Rule::HeldBack)
    }

    /// The history is over, and nothing has gone wrong for a while.
    pub(crate) fn nothing_is_left_broken(&mut self) {
        let Some(life) = &self.life else {
            return self.demand(Invariant::Heals, false, || "no daemon runs".to_owned());
        };
        let now = self.clocks();
        // Tokens may live shorter than their way here takes: now and then somebody gets one, all the same.
        let lately = self.now.saturating_sub(LATELY);
        let served = self.ledger.last_served.is_some_and(|served| served >= lately);
        let report = life.session.as_ref().map(|session| session.report(now));
        let saved = report.as_ref().is_none_or(|report| report.saved);
        let state = report.map(|report| report.state);
        let refusal = self.ledger.last_refusal.filter(|(at, _)| *at >= lately);
        let refusal = refusal.map(|(_, code)| code);
        // A session out of a file may be shorter than what lies between two readers.
        let policy = &self.script.policy;
        let is_used_up = policy.obtains == Obtains::ByGrantFile
            && policy.lifetime.is_some()
            && refusal == Some(ErrorCode::Misconfigured);
        let honest = is_used_up
            || matches!(refusal, Some(ErrorCode::LoginRequired | ErrorCode::StateUnreadable));
        if served {
            self.tally.count("at the end: served");
        } else if honest {
            self.tally.count("at the end: a person is needed, as it is");
        }
        self.demand(Invariant::Heals, saved, || {
            "11 min of a good disk, and still unsaved".to_owned()
        });
        self.demand(Invariant::Heals, served || honest, || {
            format!("after 11 min of calm readers get {refusal:?}, and the state is {state:?}")
        });
    }
}
