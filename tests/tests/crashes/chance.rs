//! Chance with a seed: what one run chose, another can choose again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood 2014): ten lines of it are enough for choosing moments.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// That of `BEARERD_SEED`, or another one each time. `what` is chosen by it; the seed is told.
    pub(crate) fn told(what: &str) -> (u64, Self) {
        let given = std::env::var("BEARERD_SEED").ok();
        let seed = match given {
            Some(text) => text.parse().expect("`BEARERD_SEED` is a number"),
            None => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                u64::from(now.subsec_nanos()) ^ now.as_secs()
            }
        };
        println!("{what}: the same choices again with BEARERD_SEED={seed}");
        (seed, Self(seed))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A source of its own, chosen by this one.
    pub(crate) fn another(&mut self) -> Self {
        Self(self.number())
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// A time below `end`.
    pub(crate) fn within(&mut self, end: Duration) -> Duration {
        Duration::from_nanos(self.below(u64::try_from(end.as_nanos()).unwrap()))
    }
}
