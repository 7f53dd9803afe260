//! The actions of a call, read once before anything is touched.

use super::pattern::Pattern;
use crate::number::{Unit, leading, scaled};
use std::ffi::CString;
use std::ops::RangeInclusive;
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
    /// What is to be said of words that are no action, none in their place, or no number where one is wanted.
    pub complaints: Vec<Vec<u8>>,
}

impl Plan<'_> {
    /// Whether a processor may have to be run.
    pub fn has_processor(&self) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::Log(Settings { processor: Some(_), .. })))
    }
}

/// Limits of `s`, and what holds without it.
const SIZES: RangeInclusive<u64> = 4096..=2_147_483_647;
const SIZE: u64 = 99_999;
/// Likewise for `n`.
const NUMBERS: RangeInclusive<u64> = 2..=u64::MAX;
const NUMBER: u64 = 10;

/// Reads the words of a call.
pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Plan<'a> {
    let mut plan = Plan { stamp: None, prefix: b"", actions: Vec::new(), complaints: Vec::new() };
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
                    (0, ..) => Err(NO_ACTION),
                    _ => Err(Why::Ignored("not the first one")),
                }
            }
            [b'p', text @ ..] => {
                let is_first = place == 0 || place == 1 && plan.stamp.is_some();
                if is_first {
                    plan.prefix = text;
                }
                let why = Why::Ignored("neither the first one nor right behind a time stamp");
                if is_first { Ok(()) } else { Err(why) }
            }
            [sign @ (b'+' | b'-'), pattern @ ..] => {
                let pattern = match is_glob {
                    true => CString::new(pattern).map(Pattern::Glob).map_err(|_| NO_ACTION),
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
            plan.complaints.push(why.about(word));
        }
    }
    plan
}

/// Why there is something to be said of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It does nothing, for this reason.
    Ignored(&'static str),
    /// It is not what it should be, and this is taken instead.
    Misread(&'static str, u64),
}

impl Why {
    fn about(self, word: &[u8]) -> Vec<u8> {
        match self {
            Self::Ignored(why) => [b"ignoring action ", word, b": ", why.as_bytes()].concat(),
            Self::Misread(what, taken) => {
                [word, b": not a ", what.as_bytes(), format!("; {taken} is taken").as_bytes()].concat()
            }
        }
    }
}

const NO_ACTION: Why = Why::Ignored("no such action");

/// Changes what holds for later directories.
fn set<'a>(settings: &mut Settings<'a>, word: &'a [u8]) -> Result<(), Why> {
    match word {
        [b's', size @ ..] => counted(&mut settings.size, size, &SIZES, "size")?,
        [b'n', number @ ..] => counted(&mut settings.number, number, &NUMBERS, "number")?,
        [b'!', command @ ..] => settings.processor = (!command.is_empty()).then_some(command),
        [b'w', code @ ..] => {
            let is_fit = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
            if !(1..=32).contains(&code.len()) || !code.iter().all(is_fit) {
                return Err(Why::Ignored("not 1 to 32 visible characters without a slash"));
            }
            settings.code = code;
        }
        [b'a', duration @ ..] => {
            let units = [(b's', 1), (b'm', 60), (b'h', 3600), (b'd', 86400)];
            let wrong = Why::Ignored("not a number of seconds, or with m, h or d behind it");
            let seconds = scaled(duration, &units).ok_or(wrong)?;
            settings.age = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        [b'm', bytes @ ..] => {
            let wrong = Why::Ignored("not a number of bytes, or with k, M, G or T behind it");
            let bytes = scaled(bytes, UNITS).ok_or(wrong)?;
            settings.total = (bytes > 0).then_some(bytes);
        }
        [b'N', number @ ..] => {
            let wrong = Why::Ignored("not a number");
            let least = if number.is_empty() { 0 } else { scaled(number, UNITS).ok_or(wrong)? };
            settings.least = (least > 0).then_some(least);
        }
        _ => return Err(Why::Ignored("no such action; a log directory begins with a dot or a slash")),
    }
    Ok(())
}

/// What may stand behind a number.
const UNITS: &[Unit] = &[
    (b'k', 1 << 10),
    (b'K', 1 << 10),
    (b'M', 1 << 20),
    (b'm', 1 << 20),
    (b'G', 1 << 30),
    (b'g', 1 << 30),
    (b'T', 1 << 40),
    (b't', 1 << 40),
];

/// Sets one of the two numbers that old lines are removed by. A word that is none must not cost a line more than it costs
/// in the reference, which takes digits as far as they go, and 0 where there are none. So are the digits taken here, if they
/// may be meant by themselves. If not, because they are too few, or something like a unit follows, as in `s10MB`, they
/// remove nothing that what held before would have kept; and without any all stays as it is.
fn counted(held: &mut u64, text: &[u8], limits: &RangeInclusive<u64>, what: &'static str) -> Result<(), Why> {
    let within = |number: u64| number.clamp(*limits.start(), *limits.end());
    if let Some(number) = scaled(text, UNITS) {
        *held = within(number);
        return Ok(());
    }
    if let Some((digits, rest)) = leading(text) {
        let letter = rest.iter().find(|byte| byte.is_ascii_alphabetic());
        let is_like_unit = letter.is_some_and(|letter| UNITS.iter().any(|(unit, _)| unit == letter));
        let is_meant = digits >= *limits.start() && !is_like_unit;
        *held = if is_meant { within(digits) } else { within(digits).max(*held) };
    }
    Err(Why::Misread(what, *held))
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
        assert_eq!(plan.complaints, Vec::<Vec<u8>>::new());
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
    fn numbers_are_clamped_and_may_have_a_unit() {
        let largest = 2_147_483_647;
        for (word, size) in [
            ("s0", 4096),
            ("s4097", 4097),
            ("s10k", 10_240),
            ("s10M", 10_485_760),
            ("s1G", 1 << 30),
            ("s10K", 10_240),
            ("s10m", 10_485_760),
            ("s1g", 1 << 30),
            ("s1T", largest),
            ("s1t", largest),
            ("s2G", largest),
            ("s99999999999999999999", largest),
            ("s99999999999999999999G", largest),
        ] {
            assert_eq!(settings(&[word, "."]).size, size, "{word}");
        }
        for (word, number) in [("n0", 2), ("n1", 2), ("n7", 7), ("n1k", 1024), ("n99999999999999999999", u64::MAX)] {
            assert_eq!(settings(&[word, "."]).number, number, "{word}");
        }
        assert_eq!((settings(&["m3k", "."]).total, settings(&["N2k", "."]).least), (Some(3072), Some(2048)));
        assert_eq!((settings(&["m1T", "."]).total, settings(&["N1t", "."]).least), (Some(1 << 40), Some(1 << 40)));
    }

    /// Never less than what the reference takes.
    #[test]
    fn what_is_no_number_is_told_and_costs_no_line() {
        for (words, size, number, complaint) in [
            (&["s"][..], 99_999, 10, "s: not a size; 99999 is taken"),
            (&["s10x"], 99_999, 10, "s10x: not a size; 99999 is taken"),
            (&["s5000x"], 5000, 10, "s5000x: not a size; 5000 is taken"),
            (&["s10kB"], 99_999, 10, "s10kB: not a size; 99999 is taken"),
            (&["s10MB"], 99_999, 10, "s10MB: not a size; 99999 is taken"),
            (&["s10KiB"], 99_999, 10, "s10KiB: not a size; 99999 is taken"),
            (&["s50000kB"], 99_999, 10, "s50000kB: not a size; 99999 is taken"),
            (&["s200000kB"], 200_000, 10, "s200000kB: not a size; 200000 is taken"),
            (&["s5000 MB"], 99_999, 10, "s5000 MB: not a size; 99999 is taken"),
            (&["s5000.5M"], 99_999, 10, "s5000.5M: not a size; 99999 is taken"),
            (&["s5000bytes"], 5000, 10, "s5000bytes: not a size; 5000 is taken"),
            (&["s9000", "s10x"], 9000, 10, "s10x: not a size; 9000 is taken"),
            (&["s1G", "s10MB"], 1 << 30, 10, "s10MB: not a size; 1073741824 is taken"),
            (&["s0x2000"], 99_999, 10, "s0x2000: not a size; 99999 is taken"),
            (&["s5000", "s"], 5000, 10, "s: not a size; 5000 is taken"),
            (&["s-5000"], 99_999, 10, "s-5000: not a size; 99999 is taken"),
            (&["s+5000"], 99_999, 10, "s+5000: not a size; 99999 is taken"),
            (&["s 5000"], 99_999, 10, "s 5000: not a size; 99999 is taken"),
            (&["sx"], 99_999, 10, "sx: not a size; 99999 is taken"),
            (&["s99999999999999999999x"], 2_147_483_647, 10, "s99999999999999999999x: not a size; 2147483647 is taken"),
            (&["n"], 99_999, 10, "n: not a number; 10 is taken"),
            (&["n5x"], 99_999, 5, "n5x: not a number; 5 is taken"),
            (&["n500x"], 99_999, 500, "n500x: not a number; 500 is taken"),
            (&["n1x"], 99_999, 10, "n1x: not a number; 10 is taken"),
            (&["n5kB"], 99_999, 10, "n5kB: not a number; 10 is taken"),
            (&["n20", "n-5"], 99_999, 20, "n-5: not a number; 20 is taken"),
        ] {
            let plan = of(&[words, &["."]].concat());
            let Some(Action::Log(settings)) = plan.actions.last() else { panic!("no directory") };
            assert_eq!((settings.size, settings.number), (size, number), "{words:?}");
            assert_eq!(plan.complaints, [complaint.as_bytes()], "{words:?}");
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
        assert_eq!((plan.stamp, plan.prefix, plan.complaints.len()), (None, &b""[..], 2));
        assert_eq!((of(&["pa b"]).prefix, of(&["t", "pc"]).prefix), (&b"a b"[..], &b"c"[..]));
    }

    #[test]
    fn what_is_no_action_is_ignored() {
        for word in [
            "", "x", "ix", "w", "wa/b", "ax", "a1w", "a", "a 5", "a1hm", "m1TB", "m", "m-1", "m1.5G", "Nx", "N+1",
            "Fx", "Sx", "l5",
        ] {
            let plan = of(&[word, "e"]);
            assert_eq!((plan.actions, plan.complaints.len()), (vec![Action::Show], 1), "{word}");
        }
    }

    proptest! {
        #[test]
        fn no_words_do_harm(words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9)) {
            let plan = parse(words.iter().map(Vec::as_slice));
            prop_assert!(plan.actions.len() + plan.complaints.len() <= words.len());
        }
    }
}
