//! The actions of a call, read once before anything is touched.

use super::pattern::Pattern;
use std::ffi::CString;
use std::time::Duration;

/// What is put before each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// A TAI64N label.
    Label,
    /// Seconds since 1970 and microseconds, as accustamp has it.
    Seconds,
    /// RFC 3339 in UTC, to microseconds.
    Utc,
    /// RFC 3339 in local time, to microseconds.
    Local,
}

/// What is done with each line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Selects, or deselects, the line if the pattern matches.
    Select(bool, Pattern<'a>),
    /// Shows the line's beginning on standard error.
    Show,
    /// Keeps the last line's beginning in the file of this name.
    Keep(&'a [u8]),
    /// Appends the line to a log directory.
    Log(Settings<'a>),
}

/// A log directory's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Bytes in a file at most.
    pub size: u64,
    /// One more than the number of old files to keep.
    pub number: u64,
    /// Run by /bin/sh on each full file.
    pub processor: Option<&'a [u8]>,
    /// What names of complete files end with, behind the dot.
    pub code: &'a [u8],
    /// How old the first line of a file can get.
    pub age: Option<Duration>,
    /// Bytes in all old files together.
    pub total: Option<u64>,
    /// To how many old files their number may sink when the disk is full.
    pub least: Option<u64>,
}

/// All actions of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<'a> {
    /// What is put before each line.
    pub stamp: Option<Stamp>,
    /// What is put between stamp and line.
    pub prefix: &'a [u8],
    /// The actions.
    pub actions: Vec<Action<'a>>,
    /// Words that are no action, or none in their place, and why.
    pub ignored: Vec<(&'a [u8], &'static str)>,
}

/// Limits of `s`, and what holds without it.
const SIZES: std::ops::RangeInclusive<u64> = 4096..=2_147_483_647;
const SIZE: u64 = 99_999;
/// Likewise for `n`.
const LEAST_NUMBER: u64 = 2;
const NUMBER: u64 = 10;

/// Reads the words of a call.
pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Plan<'a> {
    let mut plan = Plan { stamp: None, prefix: b"", actions: Vec::new(), ignored: Vec::new() };
    let mut settings = Settings {
        name: b"",
        size: SIZE,
        number: NUMBER,
        processor: None,
        code: b"s",
        age: None,
        total: None,
        least: None,
    };
    let mut is_glob = false;
    for (place, word) in words.into_iter().enumerate() {
        let outcome = match word {
            [b't' | b'T' | b'i' | b'I', rest @ ..] => {
                let stamp = match word[0] {
                    b't' => Stamp::Label,
                    b'T' => Stamp::Seconds,
                    b'i' => Stamp::Utc,
                    _ => Stamp::Local,
                };
                match (place, stamp, rest) {
                    // the reference looks at no more than the first byte
                    (0, Stamp::Label, _) | (0, _, []) => {
                        plan.stamp = Some(stamp);
                        Ok(())
                    }
                    (0, ..) => Err("no such action"),
                    _ => Err("not the first one"),
                }
            }
            [b'p', text @ ..] => {
                let is_first = place == 0 || place == 1 && plan.stamp.is_some();
                if is_first {
                    plan.prefix = text;
                }
                if is_first { Ok(()) } else { Err("neither the first one nor right behind a time stamp") }
            }
            [sign @ (b'+' | b'-'), pattern @ ..] => {
                let pattern = match is_glob {
                    true => CString::new(pattern).map(Pattern::Glob).map_err(|_| "no such action"),
                    false => Ok(Pattern::Simple(pattern)),
                };
                pattern.map(|pattern| plan.actions.push(Action::Select(*sign == b'+', pattern)))
            }
            [b'e', ..] => {
                plan.actions.push(Action::Show);
                Ok(())
            }
            [b'=', name @ ..] => {
                plan.actions.push(Action::Keep(name));
                Ok(())
            }
            [b'.' | b'/', ..] => {
                plan.actions.push(Action::Log(Settings { name: word, ..settings.clone() }));
                Ok(())
            }
            [b'F'] => {
                is_glob = true;
                Ok(())
            }
            [b'S'] => {
                is_glob = false;
                Ok(())
            }
            _ => set(&mut settings, word),
        };
        if let Err(why) = outcome {
            plan.ignored.push((word, why));
        }
    }
    plan
}

/// Changes what holds for later directories.
fn set<'a>(settings: &mut Settings<'a>, word: &'a [u8]) -> Result<(), &'static str> {
    const NO_NUMBER: &str = "not a number";
    match word {
        // as the reference: digits as far as they go
        [b's', digits @ ..] => settings.size = leading(digits).0.clamp(*SIZES.start(), *SIZES.end()),
        [b'n', digits @ ..] => settings.number = leading(digits).0.max(LEAST_NUMBER),
        [b'!', command @ ..] => settings.processor = (!command.is_empty()).then_some(command),
        [b'w', code @ ..] => {
            let is_fit = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
            if !(1..=32).contains(&code.len()) || !code.iter().all(is_fit) {
                return Err("not 1 to 32 visible characters without a slash");
            }
            settings.code = code;
        }
        [b'a', duration @ ..] => {
            let units = [(b's', 1), (b'm', 60), (b'h', 3600), (b'd', 86400)];
            let seconds = scaled(duration, &units).ok_or("not a number of seconds, or with m, h or d behind it")?;
            settings.age = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        [b'm', bytes @ ..] => {
            let units = [(b'k', 1 << 10), (b'M', 1 << 20), (b'G', 1 << 30)];
            let bytes = scaled(bytes, &units).ok_or("not a number of bytes, or with k, M or G behind it")?;
            settings.total = (bytes > 0).then_some(bytes);
        }
        [b'N', digits @ ..] => {
            let least = if digits.is_empty() { 0 } else { scaled(digits, &[]).ok_or(NO_NUMBER)? };
            settings.least = (least > 0).then_some(least);
        }
        _ => return Err("no such action; a log directory begins with a dot or a slash"),
    }
    Ok(())
}

/// The number that the bytes begin with, 0 if with none, and how many digits it has.
fn leading(bytes: &[u8]) -> (u64, usize) {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let append = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add((digit - b'0').into());
    (digits.clone().fold(0, append), digits.count())
}

/// A number, with the letter of a unit behind it or without.
fn scaled(bytes: &[u8], units: &[(u8, u64)]) -> Option<u64> {
    let (number, length) = leading(bytes);
    let unit = match &bytes[length..] {
        [] => 1,
        [letter] => units.iter().find(|(unit, _)| unit == letter)?.1,
        _ => return None,
    };
    (length > 0).then(|| number.saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of<'a>(words: &[&'a str]) -> Plan<'a> {
        parse(words.iter().map(|word| word.as_bytes()))
    }

    fn settings<'a>(words: &[&'a str]) -> Settings<'a> {
        let plan = of(words);
        assert_eq!(plan.ignored, []);
        let Some(Action::Log(settings)) = plan.actions.into_iter().next_back() else { panic!("no directory") };
        settings
    }

    #[test]
    fn settings_hold_for_later_directories() {
        let plan = of(&["./a", "s5000", "n3", "!gzip", "wgz", "a2h", "m1G", "N1", "./b", "!", "a0", "m0", "N", "./c"]);
        let [Action::Log(a), Action::Log(b), Action::Log(c)] = &plan.actions[..] else { panic!("{plan:?}") };
        assert_eq!((a.name, a.size, a.number, a.processor, a.code), (&b"./a"[..], 99_999, 10, None, &b"s"[..]));
        assert_eq!((b.size, b.number, b.processor, b.code), (5000, 3, Some(&b"gzip"[..]), &b"gz"[..]));
        assert_eq!((b.age, b.total, b.least), (Some(Duration::from_secs(7200)), Some(1 << 30), Some(1)));
        assert_eq!((c.size, c.processor, c.age, c.total, c.least), (5000, None, None, None, None));
    }

    #[test]
    fn numbers_are_clamped() {
        for (word, size) in [("s", 4096), ("sx", 4096), ("s4097x", 4097), ("s99999999999999999999", 2_147_483_647)] {
            assert_eq!(settings(&[word, "."]).size, size, "{word}");
        }
        for (word, number) in [("n", 2), ("n1", 2), ("n7", 7)] {
            assert_eq!(settings(&[word, "."]).number, number, "{word}");
        }
    }

    #[test]
    fn stamps_count_in_the_first_place_only() {
        assert_eq!((of(&["t"]).stamp, of(&["tx"]).stamp), (Some(Stamp::Label), Some(Stamp::Label)));
        assert_eq!(
            [of(&["T"]).stamp, of(&["i"]).stamp, of(&["I"]).stamp],
            [Stamp::Seconds, Stamp::Utc, Stamp::Local].map(Some)
        );
        let plan = of(&["e", "t", "pa"]);
        assert_eq!((plan.stamp, plan.prefix, plan.ignored.len()), (None, &b""[..], 2));
        assert_eq!((of(&["pa b"]).prefix, of(&["t", "pc"]).prefix), (&b"a b"[..], &b"c"[..]));
    }

    #[test]
    fn what_is_no_action_is_ignored() {
        for word in ["", "x", "ix", "w", "wa/b", "ax", "a1w", "m1T", "Nx", "Fx", "Sx", "l5"] {
            let plan = of(&[word, "e"]);
            assert_eq!((plan.actions, plan.ignored.len()), (vec![Action::Show], 1), "{word}");
        }
    }

    proptest! {
        #[test]
        fn no_words_do_harm(words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let plan = parse(words.iter().map(Vec::as_slice));
            prop_assert!(plan.actions.len() + plan.ignored.len() <= words.len());
        }
    }
}
