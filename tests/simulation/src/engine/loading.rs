//! When the saved session is read: at the start, at a reload, and again and again while it can't be opened.

use super::World;
use super::daemon::{Life, Stage, millis};
use super::queue::Item;
use bearerd_session::time::Boot;
use bearerd_session::{Event, Restored, Session};
use std::time::Duration;

/// As the task's own: a saved session that can't be opened is read again, later and later.
#[derive(Debug, Default)]
pub(super) struct Loading {
    pub(super) under_way: bool,
    pub(super) again: bool,
    pub(super) due: Option<(Boot, u64)>,
    pub(super) doubled: u32,
    pub(super) reason: Option<String>,
    pub(super) serial: u64,
}

impl World {
    pub(super) fn loaded(&mut self, restored: Restored) {
        let Some(life) = &mut self.life else { return };
        if life.stage == Stage::End {
            return;
        }
        let first = life.session.is_none();
        let is_news = life.loading.ended(&restored);
        if first {
            return self.begin(restored);
        }
        if is_news {
            self.handle(Event::Restored(restored));
        }
        let unreadable = |life: &Life| life.session.as_ref().is_some_and(Session::is_unreadable);
        if let Some(life) = &mut self.life
            && std::mem::take(&mut life.loading.again)
            && unreadable(life)
        {
            self.load();
        }
    }

    pub(super) fn go_on_without(&mut self) {
        if self.life.as_ref().is_some_and(|life| life.session.is_none()) {
            self.tally.count("starts before the disk has answered");
            self.begin(Restored::Unreadable("the disk has not given it yet".to_owned()));
        }
    }

    pub(super) fn load(&mut self) {
        let Some(life) = &mut self.life else { return };
        let number = life.number;
        if std::mem::replace(&mut life.loading.under_way, true) {
            life.loading.again = true;
            return;
        }
        life.loading.again = false;
        let (takes, restored) = self.disk.load_timed();
        let at = self.now + millis(takes) + 1;
        self.queue.push(at, Item::Loaded { life: number, restored: Box::new(restored) });
    }

    pub(super) fn load_due(&mut self, serial: u64) {
        let Some(life) = &mut self.life else { return };
        if life.loading.due.is_some_and(|(_, due)| due == serial) {
            life.loading.due = None;
            life.loading.doubled += 1;
            self.load();
            self.rearm();
        }
    }
}

impl Loading {
    /// A load has ended: whether it found what is not known yet.
    pub(super) fn ended(&mut self, restored: &Restored) -> bool {
        self.under_way = false;
        let reason = match restored {
            Restored::Unreadable(reason) => Some(reason.clone()),
            Restored::Nothing | Restored::Session(_) => None,
        };
        let is_news = reason.is_none() || reason != self.reason;
        self.reason = reason;
        is_news
    }

    /// When the next load comes by itself, where that was not planned yet. Pauses of 10 s, twice as long each time, up
    /// to a minute.
    pub(super) fn new_due(&mut self, wanted: bool, now: Boot) -> Option<(Boot, u64)> {
        if !wanted {
            self.doubled = 0;
            self.due = None;
        }
        if !wanted || self.under_way || self.due.is_some() {
            return None;
        }
        self.serial += 1;
        let pause = 10_u64.checked_shl(self.doubled).unwrap_or(60).min(60);
        self.due = Some((now + Duration::from_secs(pause), self.serial));
        self.due
    }
}
