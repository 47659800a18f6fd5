//! Changes of the disk, step by step, so that anything can happen between two of them.

use super::World;
use super::daemon::millis;
use super::queue::Item;
use crate::history::When;
use bearerd_session::time::Now;
use bearerd_session::{Event, StoreOp};
use std::time::Duration;

impl World {
    pub(super) fn store(&mut self, op: StoreOp, now: Now) {
        self.store_begins(&op);
        self.tell(|| match &op {
            StoreOp::Forget => "begins to remove the saved session".to_owned(),
            StoreOp::Save { record, aside } => {
                let token = record.grant.as_ref().map_or("-", |grant| grant.refresh_token.expose());
                let aside =
                    aside.map_or(String::new(), |why| format!(", the old one aside: {why:?}"));
                format!("begins to save {token}{aside}")
            }
        });
        let Some(life) = &mut self.life else { return };
        self.tally.count("saves begun");
        let change = self.disk.begin(&mut life.saver, op, now);
        let first = change.steps.first().map_or(1, |step| millis(step.takes));
        life.change = Some((change, 0));
        life.changes += 1;
        let (life, change) = (life.number, life.changes);
        self.queue.push(self.now + first, Item::DiskStep { life, change, step: 0 });
    }

    /// A disk that is well again does at once what has been waiting for it.
    pub(super) fn hurry_the_disk(&mut self) {
        let Some(life) = &mut self.life else { return };
        let Some((change, done)) = &mut life.change else { return };
        for step in &mut change.steps {
            step.takes = step.takes.min(Duration::from_millis(5));
        }
        let (life, change, step) = (life.number, life.changes, *done);
        self.queue.push(self.now, Item::DiskStep { life, change, step });
    }

    pub(super) fn disk_step(&mut self, number: u64, step: usize) {
        let Some(life) = &mut self.life else { return };
        let (life_number, changes) = (life.number, life.changes);
        let Some((change, done)) = &mut life.change else { return };
        // It may have been done sooner than it was planned.
        if (changes, *done) != (number, step) {
            return;
        }
        if let Some(step) = change.steps.get(*done) {
            self.disk.apply(step);
        }
        *done += 1;
        let done_now = *done;
        let next = change.steps.get(done_now).map(|step| millis(step.takes));
        self.tally.count("steps on disk");
        self.look_at_the_disk();
        self.moment(When::SaveStep(u8::try_from(done_now).unwrap_or(u8::MAX)));
        match next {
            Some(takes) => {
                let at = self.now.saturating_add(takes);
                let (life, change) = (life_number, changes);
                self.queue.push(at, Item::DiskStep { life, change, step: done_now });
            }
            None => self.queue.push(self.now, Item::Stored { life: life_number }),
        }
    }

    pub(super) fn stored(&mut self) {
        let Some(life) = &mut self.life else { return };
        let Some((change, _)) = life.change.take() else { return };
        let result = change.result;
        self.tell(|| match &result {
            Ok(()) => "it is done on disk".to_owned(),
            Err(failure) => format!("the disk fails: {}", failure.message),
        });
        self.tally.count(if result.is_ok() { "saves done" } else { "saves failed" });
        let done = result.is_ok();
        self.store_ended(done);
        self.handle(Event::Stored(result));
        if done {
            self.moment(When::Saved);
        }
    }
}
