//! What readers see: the tokens that were published, by what they are for.

use super::World;
use super::daemon::Life;
use crate::history::{Slot, key_of, slot_of};
use bearerd_proto::ProfileState;
use bearerd_session::time::{Boot, Now};
use bearerd_session::{Reads, View};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The tokens of one snapshot.
pub(crate) type Shown = Rc<BTreeMap<Slot, Rc<Token>>>;

/// What was published of a token.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) slot: Slot,
    pub(crate) token: String,
    pub(crate) expires: Option<Boot>,
    pub(crate) asleep: bool,
    /// Whose it is, as readers are told.
    pub(crate) user: Option<String>,
}

impl Token {
    pub(crate) fn is_good(&self, now: Boot, min_ttl: Option<Duration>) -> bool {
        self.expires
            .is_none_or(|end| now < end && min_ttl.is_none_or(|min_ttl| end.since(now) >= min_ttl))
    }

    /// The same, or `known` where nothing of it has changed.
    fn of(slot: Slot, view: &View<'_>, known: Option<&Rc<Token>>) -> Rc<Token> {
        let token = view.token.map_or("", |token| token.expose());
        let same = known.filter(|known| {
            known.token == token
                && known.expires == view.expires
                && known.asleep == view.asleep
                && known.user.as_deref() == view.user_id
        });
        same.cloned().unwrap_or_else(|| {
            let (expires, asleep) = (view.expires, view.asleep);
            let user = view.user_id.map(str::to_owned);
            Rc::new(Token { slot, token: token.to_owned(), expires, asleep, user })
        })
    }
}

impl Life {
    /// As the task's own: what the snapshot shows no more is not remembered.
    pub(super) fn reads(&self) -> Reads {
        let others = self.shown.keys().filter(|slot| **slot != 0);
        let read = |slot| self.slot_reads.get(slot).copied().unwrap_or_default();
        let slots = others.map(|slot| (key_of(*slot), read(slot))).collect();
        Reads { last: self.last_read, slots }
    }
}

/// Tokens that were shown before, of each slot.
const REMEMBERED: usize = 8;

impl World {
    pub(super) fn publish(&mut self, now: Now) {
        let Some(life) = &mut self.life else { return };
        let Some(session) = &life.session else { return };
        let before = std::mem::take(&mut life.shown);
        let mut shown = BTreeMap::new();
        if let Some(view) = session.view(now) {
            shown.insert(0, Token::of(0, &view, before.get(&0)));
        }
        for (key, view) in session.other_views(now) {
            let slot = slot_of(key);
            shown.insert(slot, Token::of(slot, &view, before.get(&slot)));
        }
        let state = session.report(now).state;
        life.slot_reads.retain(|slot, _| shown.contains_key(slot));
        life.shown = Rc::new(shown);
        let shown = Rc::clone(&life.shown);
        self.note_what_was_shown(&before, &shown);
        self.published(now, &before, state == ProfileState::LoginRequired);
    }

    fn note_what_was_shown(&mut self, before: &Shown, shown: &Shown) {
        for (slot, old) in before.iter() {
            if shown.get(slot).is_none_or(|new| new.token != old.token) {
                let served = self.served.entry(*slot).or_default();
                served.truncate(REMEMBERED);
                served.insert(0, old.token.clone());
            }
        }
        for (slot, new) in shown.iter() {
            if before.get(slot).is_none_or(|old| old.token != new.token) {
                self.tell(|| format!("shows {} for {}", new.token, slot_named(*slot)));
            }
        }
        for slot in before.keys().filter(|slot| !shown.contains_key(slot)) {
            if *slot != 0 {
                self.served.remove(slot);
            }
            self.tell(|| format!("shows nothing for {}", slot_named(*slot)));
        }
    }
}

/// For messages.
pub(crate) fn slot_named(slot: Slot) -> String {
    let key = key_of(slot);
    key.scope.or(key.audience).unwrap_or_else(|| "itself".to_owned())
}
