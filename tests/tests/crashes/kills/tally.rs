//! The kills, counted by moment and by what they met.

use super::moment::Moment;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a kill met, by the provider's record against the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The provider got no request: the newest refresh token is on disk.
    NotSent,
    /// The provider spent the refresh token, and its answer left after the kill.
    InFlight,
    /// The answer left before the kill, and its refresh token is not on disk.
    Answered,
    /// The new refresh token is on disk.
    OnDisk,
}

impl Class {
    const ALL: [Self; 4] = [Self::NotSent, Self::InFlight, Self::Answered, Self::OnDisk];

    /// Whether what the provider gave last is nowhere on this machine.
    pub(crate) fn is_lost(self) -> bool {
        matches!(self, Self::InFlight | Self::Answered)
    }

    fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not sent",
            Self::InFlight => "in flight",
            Self::Answered => "answered, not on disk",
            Self::OnDisk => "on disk",
        }
    }
}

/// All kills of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kills: BTreeMap<(usize, Class), usize>,
    /// Kills within the writing of a file.
    unfinished: usize,
    /// Sessions that needed a login afterwards.
    pub(crate) lost: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, moment: Moment, class: Class, temporaries: usize) {
        *self.kills.entry((moment.kind(), class)).or_default() += 1;
        self.unfinished += usize::from(temporaries > 0);
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        for (key, count) in other.kills {
            *self.kills.entry(key).or_default() += count;
        }
        self.unfinished += other.unfinished;
        self.lost += other.lost;
        self
    }

    pub(crate) fn count(&self, class: Class) -> usize {
        self.kills.iter().filter(|((_, of), _)| *of == class).map(|(_, count)| count).sum()
    }

    /// As `docs/crashes.md` shows it.
    pub(crate) fn table(&self, seed: u64, window: bool) -> String {
        let mut text = String::from("| killed |");
        for class in Class::ALL {
            write!(text, " {} |", class.name()).unwrap();
        }
        text.push_str("\n|---|---|---|---|---|\n");
        let names = Moment::NAMES.iter().enumerate();
        for (kind, name) in names.take(if window { 6 } else { 5 }) {
            write!(text, "| {name} |").unwrap();
            for class in Class::ALL {
                let count = self.kills.get(&(kind, class)).copied().unwrap_or_default();
                write!(text, " {count} |").unwrap();
            }
            text.push('\n');
        }
        text.push_str("| **in all** |");
        for class in Class::ALL {
            write!(text, " {} |", self.count(class)).unwrap();
        }
        let kills: usize = self.kills.values().sum();
        writeln!(
            text,
            "\n\nSeed {seed}. {kills} kills, {} of them while a new file was written and not in its place yet.",
            self.unfinished
        )
        .unwrap();
        let behind = self.count(Class::InFlight) + self.count(Class::Answered);
        if window {
            write!(text, "The disk was behind the IdP {behind} times; logins needed: {}.", self.lost)
        } else {
            write!(
                text,
                "Lost although the successor was on disk: 0. Lost in the moment: {}, each of them said with its \
                 reason.",
                self.lost
            )
        }
        .unwrap();
        text.push('\n');
        text
    }
}
