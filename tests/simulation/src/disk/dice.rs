//! Chance from a seed: the same seed, the same throws.

/// SplitMix64: small, fast, and good enough to choose faults by.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to `sides` - 1.
    pub(super) fn throw(&mut self, sides: u64) -> u64 {
        // The bias is far below what a simulation could notice.
        self.next() % sides.max(1)
    }

    /// A length from 0 to `length`, both included.
    pub(super) fn cut(&mut self, length: usize) -> usize {
        let sides = u64::try_from(length).unwrap() + 1;
        usize::try_from(self.throw(sides)).unwrap()
    }

    /// True so many times of a thousand.
    pub(super) fn happens(&mut self, per_mille: u16) -> bool {
        self.throw(1000) < u64::from(per_mille)
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
