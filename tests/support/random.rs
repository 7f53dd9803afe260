//! Numbers to choose with: the same in every run for a fixed seed, or ones that nobody foresees, with the seed to have them
//! once more. And how often something is done at random.

use std::ops::Range;
use std::time::SystemTime;

/// SplitMix64, by Sebastiano Vigna: small, and good enough to choose with.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From CATENA_SEED, or from a seed that nobody foresees; and that seed, to be told where a test fails. Streams of one seed
    /// have nothing in common.
    pub fn unforeseen(stream: u64) -> (Self, u64) {
        let seed = std::env::var("CATENA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos())
        });
        (Self(Self(seed).next().wrapping_add(Self(stream).next())), seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One of these numbers.
    pub fn within(&mut self, range: Range<i64>) -> i64 {
        range.start + (i128::from(self.next()) % (i128::from(range.end) - i128::from(range.start))) as i64
    }

    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// Cuts bytes into so many pieces at most, none of them empty.
    pub fn pieces(&mut self, bytes: &[u8], most: usize) -> Vec<Vec<u8>> {
        let mut cuts: Vec<usize> = (1..most).map(|_| self.below(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec());
        pieces.filter(|piece| !piece.is_empty()).collect()
    }

    /// Puts them into another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(last + 1);
            all.swap(last, other);
        }
    }
}

/// What CATENA_ROUNDS asks for.
pub fn rounds_asked_for() -> Option<u64> {
    std::env::var("CATENA_ROUNDS").ok()?.parse().ok()
}

/// So many, or as many times more as CATENA_ROUNDS is more than 1000.
pub fn at_least(count: u64) -> u64 {
    count * rounds_asked_for().unwrap_or(1000).max(1000) / 1000
}
