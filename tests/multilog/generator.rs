//! Random actions, patterns and lines, the same in every run: all come from a fixed seed.

use crate::support::random::Random;

/// What patterns and lines are made of. No hexadecimal digit: a label, of which nobody knows the digits, must not decide
/// whether a line matches.
const ALPHABET: &[u8] = b"xxxyyz @*\x80\xff";

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
