//! Mixes: how long tokens live and how much goes wrong, each under a name.

/// What the histories of one kind are drawn from. Each count is the least and the most of a history.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// How many of all histories are of it, among the shares of all mixes.
    pub share: u64,
    /// Hours that a history lasts.
    pub hours: (u64, u64),
    /// Seconds that access tokens live.
    pub token_life: (u64, u64),
    /// How many of a thousand histories have a provider that does not rotate.
    pub not_rotating: u64,
    /// Readers that come one after the other, in spells.
    pub readers: (u64, u64),
    /// Single reads, wishes, bursts, rejects, callers that go away.
    pub callers: (u64, u64),
    /// Spells of a provider's fault.
    pub provider: (u64, u64),
    /// Spells of bad disk weather.
    pub disk: (u64, u64),
    /// Kills, stops, reboots and power cuts.
    pub crashes: (u64, u64),
    /// Suspends, stalls and steps of the wall clock.
    pub clocks: (u64, u64),
    /// Logins, logouts, cancels, other configurations, administrators.
    pub people: (u64, u64),
    /// How many of a thousand histories have a profile that obtains its tokens by itself.
    pub alone: u64,
    /// Files that are written, passwords that change, refresh tokens that are brought along.
    pub sources: (u64, u64),
    /// Reads of other scopes and audiences, in spells and one by one.
    pub slots: (u64, u64),
    /// How many scopes and audiences there are.
    pub scopes: (u64, u64),
}

/// All of them.
pub const MIXES: [Mix; 10] = [
    Mix {
        name: "seconds",
        about: "tokens of 5 to 60 s, a bit of everything",
        share: 14,
        hours: (1, 2),
        token_life: (5, 60),
        not_rotating: 150,
        readers: (2, 5),
        callers: (5, 60),
        provider: (0, 12),
        disk: (0, 4),
        crashes: (0, 5),
        clocks: (0, 5),
        people: (0, 6),
        alone: 200,
        sources: (0, 5),
        slots: (0, 8),
        scopes: (1, 12),
    },
    Mix {
        name: "minutes",
        about: "tokens of 1 to 15 min, as most providers give them",
        share: 12,
        hours: (4, 16),
        token_life: (60, 900),
        not_rotating: 150,
        readers: (2, 5),
        callers: (5, 60),
        provider: (0, 14),
        disk: (0, 5),
        crashes: (0, 6),
        clocks: (0, 6),
        people: (0, 6),
        alone: 200,
        sources: (0, 5),
        slots: (0, 8),
        scopes: (1, 12),
    },
    Mix {
        name: "day",
        about: "tokens of 1 to 24 h, for weeks",
        share: 6,
        hours: (72, 500),
        token_life: (3_600, 86_400),
        not_rotating: 200,
        readers: (2, 6),
        callers: (5, 60),
        provider: (0, 20),
        disk: (0, 6),
        crashes: (0, 10),
        clocks: (0, 14),
        people: (0, 8),
        alone: 200,
        sources: (0, 8),
        slots: (0, 10),
        scopes: (1, 12),
    },
    Mix {
        name: "calm",
        about: "nothing goes wrong but now and then a restart: whoever asks gets a token",
        share: 6,
        hours: (2, 30),
        token_life: (5, 3_600),
        not_rotating: 200,
        readers: (3, 8),
        callers: (20, 100),
        provider: (0, 0),
        disk: (0, 0),
        crashes: (0, 2),
        clocks: (0, 1),
        people: (0, 1),
        alone: 100,
        sources: (0, 1),
        slots: (0, 10),
        scopes: (1, 8),
    },
    Mix {
        name: "outages",
        about: "a provider and a network that fail all the time, in every way",
        share: 12,
        hours: (1, 6),
        token_life: (5, 900),
        not_rotating: 150,
        readers: (2, 5),
        callers: (10, 80),
        provider: (15, 60),
        disk: (0, 2),
        crashes: (0, 3),
        clocks: (0, 2),
        people: (0, 5),
        alone: 200,
        sources: (0, 4),
        slots: (0, 8),
        scopes: (1, 6),
    },
    Mix {
        name: "crashes",
        about: "kills, power cuts and reboots, most of them in the middle of a refresh or a save",
        share: 14,
        hours: (1, 8),
        token_life: (5, 1_800),
        not_rotating: 50,
        readers: (1, 4),
        callers: (5, 40),
        provider: (0, 6),
        disk: (0, 4),
        crashes: (10, 40),
        clocks: (0, 4),
        people: (0, 6),
        alone: 200,
        sources: (0, 6),
        slots: (0, 8),
        scopes: (1, 6),
    },
    Mix {
        name: "disks",
        about: "disks that are full, read-only, failing, slow or hanging, with crashes in between",
        share: 8,
        hours: (1, 8),
        token_life: (5, 900),
        not_rotating: 100,
        readers: (1, 4),
        callers: (5, 40),
        provider: (0, 6),
        disk: (6, 25),
        crashes: (2, 12),
        clocks: (0, 3),
        people: (0, 10),
        alone: 200,
        sources: (0, 4),
        slots: (0, 6),
        scopes: (1, 6),
    },
    Mix {
        name: "people",
        about: "logins, logouts, other configurations, clocks and lids, over and over",
        share: 8,
        hours: (1, 10),
        token_life: (5, 1_800),
        not_rotating: 150,
        readers: (1, 4),
        callers: (5, 40),
        provider: (0, 10),
        disk: (0, 4),
        crashes: (0, 6),
        clocks: (3, 20),
        people: (10, 50),
        alone: 200,
        sources: (2, 12),
        slots: (0, 8),
        scopes: (1, 6),
    },
    Mix {
        name: "slots",
        about: "tokens for up to eighty scopes and audiences, more than a profile holds",
        share: 10,
        hours: (1, 3),
        token_life: (20, 1_800),
        not_rotating: 150,
        readers: (1, 3),
        callers: (5, 20),
        provider: (0, 10),
        disk: (0, 3),
        crashes: (0, 4),
        clocks: (0, 3),
        people: (0, 5),
        alone: 300,
        sources: (0, 3),
        slots: (8, 40),
        scopes: (2, 160),
    },
    Mix {
        name: "alone",
        about: "profiles that need nobody: client credentials, passwords, files, and sessions with an end",
        share: 10,
        hours: (1, 8),
        token_life: (5, 1_800),
        not_rotating: 150,
        readers: (1, 4),
        callers: (5, 40),
        provider: (0, 12),
        disk: (0, 4),
        crashes: (0, 8),
        clocks: (0, 4),
        people: (0, 12),
        alone: 1_000,
        sources: (2, 25),
        slots: (0, 6),
        scopes: (1, 6),
    },
];

impl Mix {
    /// The mix of this name.
    pub fn named(name: &str) -> Option<&'static Mix> {
        MIXES.iter().find(|mix| mix.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_make_a_hundred_and_names_are_found() {
        assert_eq!(MIXES.iter().map(|mix| mix.share).sum::<u64>(), 100);
        for mix in &MIXES {
            assert_eq!(Mix::named(mix.name).map(|found| found.about), Some(mix.about));
        }
        assert!(Mix::named("none").is_none());
    }
}
