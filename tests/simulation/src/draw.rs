//! Chance that can be had again: streams of numbers, each named by a key and untouched by what others draw.

/// A stream of numbers that follow from a seed and the keys on the way to it.
#[derive(Debug, Clone)]
pub struct Draw {
    origin: u64,
    state: u64,
}

/// The odd constant of splitmix64 (Steele, Lea, Flood 2014): the golden ratio in 64 bits.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Draw {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        let origin = scramble(seed.wrapping_add(GOLDEN));
        Self { origin, state: origin }
    }

    /// The stream of a key: the same one however much was drawn from this one before.
    pub fn of(&self, key: u64) -> Draw {
        Draw::new(self.origin ^ scramble(key.wrapping_mul(GOLDEN) ^ 0x5851_f42d_4c95_7f2d))
    }

    /// The same for a key in words.
    pub fn named(&self, key: &str) -> Draw {
        let folded = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.of(folded)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        scramble(self.state)
    }

    /// Below `end`; 0 where that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.number()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// From `least` to `most`, each doubling as likely as another: small numbers come often, and large ones too.
    pub fn spread(&mut self, least: u64, most: u64) -> u64 {
        let (low, high) = (least.max(1).ilog2(), most.max(1).ilog2());
        let power = self.between(u64::from(low), u64::from(high));
        let base = 1_u64 << power;
        self.between(base, base.saturating_mul(2) - 1).clamp(least, most.max(least))
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// Where there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let count = u64::try_from(choices.len()).expect("counts fit");
        let at = usize::try_from(self.below(count)).expect("places fit");
        &choices[at]
    }

    /// One of `choices`, each as often as its weight says.
    ///
    /// # Panics
    /// Where all weights are 0.
    pub fn weighted<'a, T>(&mut self, choices: &'a [(u64, T)]) -> &'a T {
        let mut left = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if left < *weight {
                return choice;
            }
            left -= weight;
        }
        panic!("no choice has a weight")
    }
}

/// The finaliser of splitmix64: each bit of the result depends on each bit given.
fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_a_key_does_not_depend_on_what_was_drawn_elsewhere() {
        let mut one = Draw::new(7);
        let before = one.of(3).number();
        one.number();
        assert_eq!(one.of(3).number(), before);
        assert_ne!(one.of(4).number(), before);
        assert_ne!(Draw::new(8).of(3).number(), before);
        assert_ne!(one.named("a").number(), one.named("b").number());
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut draw = Draw::new(1);
        let drawn: Vec<u64> = (0..1000).map(|_| draw.between(3, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        let spread: Vec<u64> = (0..2000).map(|_| draw.spread(5, 86_400)).collect();
        assert!(spread.iter().all(|number| (5..=86_400).contains(number)));
        assert!(spread.iter().filter(|number| **number < 100).count() > 200, "small ones too");
        assert!(spread.iter().filter(|number| **number > 40_000).count() > 50, "large ones too");
        assert_eq!((draw.below(0), draw.between(9, 9)), (0, 9));
    }

    #[test]
    fn weights_count() {
        let mut draw = Draw::new(2);
        let picked = (0..1000).filter(|_| *draw.weighted(&[(9, false), (1, true)])).count();
        assert!((50..200).contains(&picked), "{picked}");
        assert_eq!(*draw.weighted(&[(0, 1), (1, 2)]), 2);
    }
}
