//! Patterns of lines.

use crate::sys::fnmatch;
use memchr::memchr;
use std::ffi::CString;

/// A pattern, which matches a whole line or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// Bytes, and stars that go up to the first occurrence of the byte behind them, without a second thought. A star at
    /// the end goes on to the end.
    Simple(&'a [u8]),
    /// A pattern of fnmatch(3).
    Glob(CString),
}

impl Pattern<'_> {
    /// Whether the line, without its newline, matches.
    pub fn matches(&self, line: &[u8]) -> bool {
        match self {
            Self::Simple(pattern) => matches_simply(pattern, line),
            // C strings end at the first NUL
            Self::Glob(pattern) => fnmatch::matches(pattern, line.split(|&byte| byte == 0).next().unwrap_or_default()),
        }
    }
}

fn matches_simply(mut pattern: &[u8], mut line: &[u8]) -> bool {
    loop {
        match pattern {
            [] => return line.is_empty(),
            [b'*'] => return true,
            // what is skipped to may be a star itself, which then goes on from there
            [b'*', rest @ ..] => match memchr(rest[0], line) {
                Some(found) => {
                    line = &line[found..];
                    pattern = rest;
                }
                None => return false,
            },
            [byte, rest @ ..] => {
                if line.first() != Some(byte) {
                    return false;
                }
                line = &line[1..];
                pattern = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stop_at_the_first_chance() {
        for (pattern, line, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("*a", "bab", false),
            ("*a", "baa", false),
            ("*ab", "aab", false),
            ("*ab", "ab", true),
            ("**", "x*y", true),
            ("**", "xy", false),
            ("**x", "a*x", true),
            ("**x", "a*zx", true),
            ("**x", "ax", false),
            ("named[*]: Cleaned cache *", "named[135]: Cleaned cache of 3121 RRs", true),
            ("hello", "hello world", false),
        ] {
            assert_eq!(Pattern::Simple(pattern.as_bytes()).matches(line.as_bytes()), expected, "{pattern} {line}");
        }
    }

    proptest! {
        #[test]
        fn a_line_without_stars_matches_itself_alone(line in "[a-c]{0,9}", other in "[a-c]{0,9}") {
            prop_assert_eq!(Pattern::Simple(line.as_bytes()).matches(other.as_bytes()), line == other);
        }

        #[test]
        fn whatever_matches_has_all_that_is_no_star_in_order(pattern in "[ab*]{0,6}", line in "[ab*]{0,12}") {
            if Pattern::Simple(pattern.as_bytes()).matches(line.as_bytes()) {
                let mut left = line.bytes();
                prop_assert!(pattern.bytes().filter(|&byte| byte != b'*').all(|byte| left.any(|other| other == byte)));
            }
        }

        #[test]
        fn no_bytes_do_harm(pattern in proptest::collection::vec(any::<u8>(), 0..20), line in proptest::collection::vec(any::<u8>(), 0..40)) {
            Pattern::Simple(&pattern).matches(&line);
        }
    }
}
