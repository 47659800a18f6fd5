//! The kills, counted by moment and by what they met.

use super::moment::Moment;
use crate::page::demanded;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a kill met, by the provider's record against the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The provider got no request: the newest refresh token is on disk.
    NotSent,
    /// The provider had the refresh token, and no answer to that had left before the kill.
    InFlight,
    /// An answer left before the kill, and what it said is not on disk.
    Answered,
    /// It is on disk.
    OnDisk,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::NotSent, Self::InFlight, Self::Answered, Self::OnDisk];

    fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not sent",
            Self::InFlight => "in flight",
            Self::Answered => "answered, not on disk",
            Self::OnDisk => "on disk",
        }
    }
}

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The token was renewed, and the provider's session is alive.
    GoesOn,
    /// A login was needed, and it was said that a kill has cost the session.
    Told,
    /// The session was lost in any other way.
    Untold,
}

/// All kills of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kills: BTreeMap<(usize, Class), usize>,
    /// Kills within the writing of a file.
    unfinished: usize,
    /// Rounds, by whether the disk was behind the provider when the last daemon started.
    ends: BTreeMap<(bool, End), usize>,
}

impl Tally {
    pub(crate) fn add(&mut self, moment: Moment, class: Class, temporaries: usize) {
        *self.kills.entry((moment.kind(), class)).or_default() += 1;
        self.unfinished += usize::from(temporaries > 0);
    }

    pub(crate) fn end(&mut self, is_behind: bool, end: End) {
        *self.ends.entry((is_behind, end)).or_default() += 1;
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        for (key, count) in other.kills {
            *self.kills.entry(key).or_default() += count;
        }
        for (key, count) in other.ends {
            *self.ends.entry(key).or_default() += count;
        }
        self.unfinished += other.unfinished;
        self
    }

    pub(crate) fn count(&self, class: Class) -> usize {
        self.kills.iter().filter(|((_, of), _)| *of == class).map(|(_, count)| count).sum()
    }

    /// Rounds after which the disk was behind the provider.
    pub(crate) fn behind(&self) -> usize {
        self.rounds(|is_behind, _| is_behind)
    }

    /// Sessions that needed a login afterwards, or had ended at the provider.
    pub(crate) fn lost(&self) -> usize {
        self.rounds(|_, end| end != End::GoesOn)
    }

    /// Of them those whose newest refresh token stood on disk.
    pub(crate) fn lost_from_the_disk(&self) -> usize {
        self.rounds(|is_behind, end| !is_behind && end != End::GoesOn)
    }

    /// Of them those that did not get the true reason.
    pub(crate) fn lost_without_a_word(&self) -> usize {
        self.rounds(|_, end| end == End::Untold)
    }

    fn rounds(&self, which: impl Fn(bool, End) -> bool) -> usize {
        let ends = self.ends.iter().filter(|((is_behind, end), _)| which(*is_behind, *end));
        ends.map(|(_, count)| count).sum()
    }

    /// As `docs/crashes.md` shows it: what has to be 0 stands in the form that the page's check does not pass over.
    pub(crate) fn table(&self, seed: u64, window: bool) -> String {
        let mut text = String::from("| killed |");
        for class in Class::ALL {
            write!(text, " {} |", class.name()).unwrap();
        }
        text.push_str("\n|---|---|---|---|---|\n");
        for (kind, name) in Moment::names(window).iter().enumerate() {
            write!(text, "| {name} |").unwrap();
            for class in Class::ALL {
                let count = self.kills.get(&(kind, class)).copied().unwrap_or_default();
                let cell =
                    if Moment::may_meet(kind, class) { count.to_string() } else { demanded(count) };
                write!(text, " {cell} |").unwrap();
            }
            text.push('\n');
        }
        text.push_str("| **in all** |");
        for class in Class::ALL {
            write!(text, " {} |", self.count(class)).unwrap();
        }
        writeln!(
            text,
            "\n\nSeed {seed}. {} kills in {} rounds, {} of them while a new file was written and not in its place yet.",
            self.kills.values().sum::<usize>(),
            self.rounds(|_, _| true),
            self.unfinished
        )
        .unwrap();
        if window {
            writeln!(
                text,
                "After {} rounds the disk was behind the IdP. Logins needed: {}.",
                self.behind(),
                demanded(self.lost())
            )
        } else {
            writeln!(
                text,
                "Lost although the newest refresh token was on disk: {}. Lost in the moment: {}, of them without the \
                 true reason: {}.",
                demanded(self.lost_from_the_disk()),
                self.lost() - self.lost_from_the_disk(),
                demanded(self.lost_without_a_word())
            )
        }
        .unwrap();
        text
    }
}
