//! Random actions, patterns and lines, the same in every run: all come from a fixed seed.

/// SplitMix64, by Sebastiano Vigna: small, and good enough to choose with.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
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

    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Cuts bytes into so many pieces at most, none of them empty.
    pub fn pieces(&mut self, bytes: &[u8], most: usize) -> Vec<Vec<u8>> {
        let mut cuts: Vec<usize> = (1..most).map(|_| self.below(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| bytes[cut[0]..cut[1]].to_vec());
        pieces.filter(|piece| !piece.is_empty()).collect()
    }
}

/// What patterns and lines are made of. No hexadecimal digit: a label, of which nobody knows the digits, must not decide
/// whether a line matches.
const ALPHABET: &[u8] = b"xxxyyz @*\x80\xff";

/// So many, or as many times more as CATENA_ROUNDS is more than 1000.
pub fn at_least(count: u64) -> u64 {
    let rounds = std::env::var("CATENA_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1000_u64);
    count * rounds.max(1000) / 1000
}

fn letter(random: &mut Random) -> u8 {
    random.one_of(ALPHABET)
}

/// Literals and stars; some are empty, some begin with what a label begins with.
pub fn pattern(random: &mut Random) -> Vec<u8> {
    if random.percent(5) {
        return Vec::new();
    }
    let length = random.between(1, 6);
    let mut pattern: Vec<u8> = (0..length).map(|_| if random.percent(40) { b'*' } else { letter(random) }).collect();
    if random.percent(15) {
        pattern.splice(0..0, *b"@4*");
    }
    if random.percent(10) {
        // two stars side by side
        let place = random.below(pattern.len() + 1);
        pattern.splice(place..place, *b"**");
    }
    if random.percent(40) {
        pattern.push(b'*');
    }
    pattern
}

/// A list of patterns, each with `+` or `-`.
pub fn pattern_list(random: &mut Random) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    for place in 0..random.between(1, 5) {
        // the first is a minus more often, as every line is selected at first
        let sign = if random.percent(if place == 0 { 80 } else { 50 }) { b'-' } else { b'+' };
        // everything off, and then some on again, is what people write
        let body = if place == 0 && random.percent(25) { b"*".to_vec() } else { pattern(random) };
        list.push([&[sign], body.as_slice()].concat());
    }
    list
}

/// The lengths around which something changes, the stamp's 26 bytes left to chance.
pub const LENGTHS: &[usize] = &[0, 1, 173, 174, 175, 199, 200, 201, 973, 974, 975, 999, 1000, 1001, 3000];

/// A line for one of these patterns: something that may well match it, or not.
pub fn line_for(random: &mut Random, patterns: &[Vec<u8>]) -> Vec<u8> {
    let mut line = Vec::new();
    let pattern = &patterns[random.below(patterns.len())][1..];
    let pattern = if random.percent(25) { b"*".as_slice() } else { pattern };
    for &byte in pattern {
        if byte == b'*' {
            line.extend((0..random.below(4)).map(|_| letter(random)));
        } else if !random.percent(4) {
            line.push(byte);
        }
    }
    if random.percent(10) {
        line.insert(random.below(line.len() + 1), 0);
    }
    if random.percent(30) {
        let length = random.one_of(LENGTHS);
        let last = line.last().copied();
        let filler = letter(random);
        let place = random.below(line.len() + 1);
        while line.len() < length {
            line.insert(place, filler);
        }
        line.truncate(length);
        // what ends the pattern where looking at the line ends
        let place = 999 - random.one_of(&[0, 26]);
        if let (Some(last), Some(byte), true) = (last, line.get_mut(place), random.percent(50)) {
            *byte = last;
        }
    }
    line
}
