//! How a life of the daemon ends: killed, told to stop, or with its machine.

use super::World;
use super::daemon::Stage;
use super::queue::Item;
use bearerd_session::{Event, Session};

/// A stop waits so long for what is under way, in milliseconds.
const DRAIN: u64 = 60_000;
/// Last connections, and last saves, have so long after that.
const LAST: u64 = 12_000;

impl World {
    pub(super) fn kill(&mut self, down: u64) {
        if self.life.is_none() {
            return;
        }
        self.tell(|| "the daemon is killed".to_owned());
        self.tally.count("kills");
        if self.life.as_ref().is_some_and(|life| life.change.is_some()) {
            self.tally.count("kills in the middle of a save");
        }
        if self.machine.still.is_some_and(|still| !still.asleep) {
            self.machine.still = None;
        }
        self.expect_what_is_visible();
        self.gone(down);
    }

    pub(super) fn reboot(&mut self, power_lost: bool, down: u64) {
        self.tell(|| {
            format!("the machine starts anew{}", if power_lost { ", without warning" } else { "" })
        });
        self.tally.count(if power_lost { "power losses" } else { "reboots in order" });
        if power_lost {
            if self.life.as_ref().is_some_and(|life| life.change.is_some()) {
                self.tally.count("power losses in the middle of a save");
            }
            self.expect_what_is_durable();
            self.disk.lose_power();
            self.look_at_the_disk_anew();
        } else {
            self.expect_what_is_visible();
        }
        self.machine.reboot(self.now + down - down.min(8_000));
        self.starts_at = None;
        self.gone(down);
    }

    /// The process is no more, and comes back.
    fn gone(&mut self, down: u64) {
        let down = if self.is_calm { 0 } else { down };
        self.life = None;
        self.served.retain(|slot, _| *slot == 0);
        self.callers.clear();
        if self.starts_at.is_none() {
            self.starts_at = Some(self.now + down);
            self.queue.push(self.now + down, Item::Start);
        }
    }

    pub(super) fn terminate(&mut self, down: u64) {
        let Some(life) = &mut self.life else { return };
        let number = life.number;
        life.down = down;
        if life.stage != Stage::Serve {
            return;
        }
        self.tell(|| "the daemon is told to stop".to_owned());
        self.tally.count("stops in order");
        let Some(life) = &mut self.life else { return };
        if life.session.is_none() {
            self.expect_what_is_visible();
            return self.gone(down);
        }
        life.stage = Stage::Rest;
        self.queue.push(self.now + DRAIN, Item::DrainOver { life: number });
        self.handle(Event::Drain);
    }

    pub(super) fn look_whether_drained(&mut self) {
        let Some(life) = &self.life else { return };
        if !life.session.as_ref().is_some_and(Session::is_drained) {
            return;
        }
        let (number, down) = (life.number, life.down);
        match life.stage {
            Stage::Serve => {}
            Stage::Rest => self.end_serving(),
            Stage::End => self.queue.push(self.now, Item::ExitOver { life: number, down }),
        }
    }

    pub(super) fn end_serving(&mut self) {
        let Some(life) = &mut self.life else { return };
        if life.stage != Stage::Rest {
            return;
        }
        let (number, down) = (life.number, life.down);
        life.stage = Stage::End;
        self.queue.push(self.now + LAST, Item::ExitOver { life: number, down });
        self.handle(Event::End);
    }

    pub(super) fn exit(&mut self, down: u64) {
        self.tell(|| "the daemon exits".to_owned());
        self.expect_what_is_visible();
        self.gone(down);
    }
}
