//! What is to come, in the order of true time.

use super::callers::CallerId;
use super::shown::Shown;
use crate::history::Slot;
use bearerd_session::{Answer, Restored};
use std::collections::BTreeMap;

/// Something that is handled at its time.
#[derive(Debug)]
pub(super) enum Item {
    /// A happening of the script, by its place there.
    Happening(usize),
    /// The daemon is started.
    Start,
    /// The saved session has been read.
    Loaded { life: u32, restored: Box<Restored> },
    /// The daemon goes on without.
    LoadPatience { life: u32 },
    /// It is to be read again.
    LoadDue { life: u32, serial: u64 },
    /// The session's deadline.
    Timer { life: u32, serial: u64 },
    /// A request is at its provider.
    Arrives(u64),
    /// The daemon sees what became of a request.
    Back(u64),
    /// A step of a change of the disk is done.
    DiskStep { life: u32, change: u64, step: usize },
    /// The daemon hears how the change ended.
    Stored { life: u32 },
    /// A caller's question is at the task.
    Ask(CallerId),
    /// A reader has woken the task.
    Woke { life: u32 },
    /// The task hears that the wall clock was set.
    WallStepped { life: u32 },
    /// A caller has its answer.
    Deliver { caller: CallerId, answer: Box<Answer>, shown: Shown },
    /// A caller that asked twice has no more patience.
    Patience(CallerId),
    /// A caller must have its answer by now.
    Overdue(CallerId),
    /// One of many readers comes.
    Reader { every: u64, until: u64, slot: Slot },
    /// The configuration is to be read again.
    Reload { life: u32 },
    /// The daemon is told to stop.
    Terminate { life: u32, down: u64 },
    /// It has waited long enough for what is under way.
    DrainOver { life: u32 },
    /// It ends, whatever is under way.
    ExitOver { life: u32, down: u64 },
    /// The disk is well again, if it is that spell's weather still.
    WeatherOver { spell: u64 },
    /// A person logs in again.
    PersonReturns,
    /// The program that keeps the profile's file fresh writes it.
    Writer { every: u64 },
    /// The daemon hears that the file of this place's profile has changed.
    SourceChanged { life: u32, place: usize },
    /// The machine runs on.
    Thaw,
    /// Nothing goes wrong any more.
    Calm,
    /// The history is over.
    End,
}

impl Item {
    /// Items of one moment are handled in the order in which the daemon's task looks at them: what it is told, what has
    /// ended, the timers, the clock's steps, and questions last.
    fn rank(&self) -> u8 {
        match self {
            Item::Thaw | Item::Calm | Item::End | Item::Start => 0,
            Item::Reload { .. } | Item::Terminate { .. } | Item::SourceChanged { .. } => 1,
            Item::Loaded { .. } | Item::Back(_) | Item::DiskStep { .. } | Item::Stored { .. } => 2,
            Item::DrainOver { .. } | Item::ExitOver { .. } | Item::LoadPatience { .. } => 3,
            Item::Timer { .. } => 4,
            Item::LoadDue { .. } => 5,
            Item::WallStepped { .. } => 6,
            Item::Woke { .. } => 7,
            Item::Ask(_) | Item::Deliver { .. } | Item::Patience(_) => 8,
            _ => 9,
        }
    }

    /// Whether the daemon's own process does it: not while that stands still.
    pub(super) fn is_the_daemons(&self) -> bool {
        !matches!(
            self,
            Item::Happening(_)
                | Item::Start
                | Item::Arrives(_)
                | Item::Overdue(_)
                | Item::Reader { .. }
                | Item::PersonReturns
                | Item::Writer { .. }
                | Item::WeatherOver { .. }
                | Item::Thaw
                | Item::Calm
                | Item::End
        )
    }
}

/// All that is to come.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: BTreeMap<(u64, u8, u64), Item>,
    serial: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: u64, item: Item) {
        self.serial += 1;
        self.items.insert((at, item.rank(), self.serial), item);
    }

    pub(super) fn pop(&mut self) -> Option<(u64, Item)> {
        self.items.pop_first().map(|((at, _, _), item)| (at, item))
    }
}
