//! A zone's file: tzfile(5), RFC 9636. What is not sound in all its parts is none.

use super::Local;
use super::rule::Rule;
use std::ffi::CString;

/// What a file has.
#[derive(Debug)]
pub struct ZoneFile {
    /// When the clocks change, and to which type.
    changes: Vec<(i64, usize)>,
    /// At least one.
    types: Vec<Type>,
    /// When a leap second is counted, and how many there are then.
    leaps: Vec<(i64, i64)>,
    /// What holds from the last change on; the last type where there is none.
    rule: Option<Rule>,
}

/// A kind of local time.
#[derive(Debug)]
struct Type {
    /// Seconds east of UTC.
    east: i64,
    is_summer: bool,
    name: CString,
}

/// Counts of the parts, in the order of the header.
struct ZoneHeader {
    version: u8,
    in_utc: usize,
    in_standard: usize,
    leaps: usize,
    changes: usize,
    types: usize,
    letters: usize,
}

impl ZoneHeader {
    const MAGIC: &[u8] = b"TZif";

    fn take(rest: &mut &[u8]) -> Option<Self> {
        if take(rest, Self::MAGIC.len())? != Self::MAGIC {
            return None;
        }
        let [version, ..] = *take(rest, 16)? else { return None };
        let mut count = || Some(take(rest, 4).map(number)? as u32 as usize);
        let (in_utc, in_standard, leaps) = (count()?, count()?, count()?);
        let (changes, types, letters) = (count()?, count()?, count()?);
        let is_sound = types > 0 && in_utc <= types && in_standard <= types;
        is_sound.then_some(Self { version, in_utc, in_standard, leaps, changes, types, letters })
    }
}

/// The next so many bytes.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

/// Four or eight bytes, the first being the greatest.
fn number(bytes: &[u8]) -> i64 {
    let first = bytes.first().map_or(0, |&byte| i64::from(byte as i8));
    bytes.iter().skip(1).fold(first, |number, &byte| number << 8 | i64::from(byte))
}

impl ZoneFile {
    /// Reads it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = &mut &bytes[..];
        let first = ZoneHeader::take(rest)?;
        if first.version == 0 {
            return Self::take(rest, &first, 4);
        }
        // the same again, with room for times of all centuries
        Sections::take(rest, &first, 4)?;
        let second = ZoneHeader::take(rest)?;
        let mut file = Self::take(rest, &second, 8)?;
        let rule = rest.strip_prefix(b"\n").unwrap_or_default();
        let end = rule.iter().position(|&byte| matches!(byte, b'\n' | 0)).unwrap_or(rule.len());
        file.rule = (end > 0).then(|| Rule::parse(&rule[..end]));
        Some(file)
    }

    fn take(rest: &mut &[u8], header: &ZoneHeader, width: usize) -> Option<Self> {
        let parts = Sections::take(rest, header, width)?;
        let mut types = Vec::with_capacity(header.types);
        for part in parts.types.chunks_exact(6) {
            let is_summer = match part[4] {
                0 => false,
                1 => true,
                _ => return None,
            };
            let letters = parts.letters.get(usize::from(part[5])..)?;
            let end = letters.iter().position(|&byte| byte == 0).unwrap_or(letters.len());
            types.push(Type { east: number(&part[..4]), is_summer, name: CString::new(&letters[..end]).ok()? });
        }
        let times = parts.times.chunks_exact(width).map(number);
        let changes: Vec<_> = times.zip(parts.kinds.iter().map(|&kind| usize::from(kind))).collect();
        let leaps = parts.leaps.chunks_exact(width + 4).map(|leap| (number(&leap[..width]), number(&leap[width..])));
        let is_sound = changes.iter().all(|&(_, kind)| kind < types.len());
        is_sound.then(|| Self { changes, types, leaps: leaps.collect(), rule: None })
    }

    /// What it says of a moment.
    pub fn at(&self, seconds: i64) -> Local<'_> {
        let before = self.changes.partition_point(|&(time, _)| time <= seconds);
        let (leaps, beyond) = self.leaps_at(seconds);
        let local = match (before.checked_sub(1), &self.rule) {
            (Some(last), Some(rule)) if last + 1 == self.changes.len() => rule.at(seconds),
            (Some(last), _) => self.types[self.changes[last].1].local(),
            (None, _) => self.types.iter().find(|kind| !kind.is_summer).unwrap_or(&self.types[0]).local(),
        };
        Local { leaps, beyond, ..local }
    }

    /// How many leap seconds have been counted, and how far behind the 59th second of a minute it is.
    fn leaps_at(&self, seconds: i64) -> (i64, u8) {
        let counted = &self.leaps[..self.leaps.partition_point(|&(time, _)| time <= seconds)];
        let Some(&(time, leaps)) = counted.last() else { return (0, 0) };
        let former = counted.len().checked_sub(2).map_or(0, |former| counted[former].1);
        let is_leap = time == seconds && leaps > former;
        if !is_leap {
            return (leaps, 0);
        }
        // several may follow one another
        let follows = |pair: &[(i64, i64)]| pair[1] == (pair[0].0 + 1, pair[0].1 + 1);
        let run = counted.windows(2).rev().take_while(|pair| follows(pair)).count();
        (leaps, u8::try_from(run + 1).unwrap_or(u8::MAX))
    }
}

impl Type {
    fn local(&self) -> Local<'_> {
        Local { east: self.east, is_summer: self.is_summer, name: &self.name, leaps: 0, beyond: 0 }
    }
}

/// What lies behind a header.
struct Sections<'a> {
    times: &'a [u8],
    kinds: &'a [u8],
    types: &'a [u8],
    letters: &'a [u8],
    leaps: &'a [u8],
}

impl<'a> Sections<'a> {
    /// With times of `width` bytes.
    fn take(rest: &mut &'a [u8], header: &ZoneHeader, width: usize) -> Option<Self> {
        let parts = Self {
            times: take(rest, header.changes.checked_mul(width)?)?,
            kinds: take(rest, header.changes)?,
            types: take(rest, header.types.checked_mul(6)?)?,
            letters: take(rest, header.letters)?,
            leaps: take(rest, header.leaps.checked_mul(width + 4)?)?,
        };
        // how the changes are meant, which is for those who write rules
        take(rest, header.in_standard + header.in_utc)?;
        Some(parts)
    }
}

/// A file with one kind of time.
#[cfg(test)]
pub fn fixture(east: i32) -> Vec<u8> {
    tests::Draft { types: vec![(east, false, 0)], ..tests::Draft::default() }.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is to be in a file. Names are of three letters.
    #[derive(Clone, Debug)]
    pub struct Draft {
        pub changes: Vec<(i64, u8)>,
        pub types: Vec<(i32, bool, u8)>,
        pub leaps: Vec<(i64, i32)>,
        pub end: &'static str,
        pub version: u8,
    }

    impl Default for Draft {
        fn default() -> Self {
            Self { changes: vec![], types: vec![(0, false, 0)], leaps: vec![], end: "", version: b'2' }
        }
    }

    impl Draft {
        const LETTERS: &[u8] = b"AAA\0BBB\0CCC\0";

        pub fn bytes(&self) -> Vec<u8> {
            match self.version {
                0 => self.block(4),
                _ => {
                    // nobody is to look at the first one's times
                    let first = Self { changes: vec![(7, 0)], leaps: vec![(9, 1)], ..self.clone() };
                    [first.block(4), self.block(8), format!("\n{}\n", self.end).into_bytes()].concat()
                }
            }
        }

        fn block(&self, width: usize) -> Vec<u8> {
            let mut bytes = [b"TZif", &[self.version][..], &[0; 15]].concat();
            let counts = [0, 0, self.leaps.len(), self.changes.len(), self.types.len(), Self::LETTERS.len()];
            bytes.extend(counts.iter().flat_map(|&count| (count as u32).to_be_bytes()));
            let put = |number: i64, bytes: &mut Vec<u8>| bytes.extend_from_slice(&number.to_be_bytes()[8 - width..]);
            self.changes.iter().for_each(|&(time, _)| put(time, &mut bytes));
            bytes.extend(self.changes.iter().map(|&(_, kind)| kind));
            for &(east, is_summer, name) in &self.types {
                bytes.extend(east.to_be_bytes());
                bytes.extend([u8::from(is_summer), name]);
            }
            bytes.extend_from_slice(Self::LETTERS);
            for &(time, count) in &self.leaps {
                put(time, &mut bytes);
                bytes.extend(count.to_be_bytes());
            }
            bytes
        }
    }

    fn two_kinds() -> Draft {
        Draft {
            changes: vec![(-1000, 1), (1000, 0), (2000, 1)],
            types: vec![(3600, false, 0), (7200, true, 4)],
            ..Draft::default()
        }
    }

    fn seen(draft: &Draft, seconds: i64) -> (i64, String) {
        let file = ZoneFile::parse(&draft.bytes()).unwrap();
        let local = file.at(seconds);
        (local.east, local.name.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_change_holds_until_the_next_one() {
        let draft = two_kinds();
        let (winter, summer) = ((3600, "AAA".to_owned()), (7200, "BBB".to_owned()));
        for (seconds, expected) in
            [(-1001, &winter), (-1000, &summer), (999, &summer), (1000, &winter), (1999, &winter), (2000, &summer)]
        {
            assert_eq!(seen(&draft, seconds), *expected, "{seconds}");
            assert_eq!(seen(&Draft { version: 0, ..draft.clone() }, seconds), *expected, "{seconds}, 32 bits");
        }
        // before them all it is the first that is not summer, whatever comes first
        let turned = Draft { types: vec![(7200, true, 4), (3600, false, 0)], ..draft.clone() };
        assert_eq!(seen(&turned, i64::MIN), winter);
        assert_eq!(seen(&Draft { types: vec![(7200, true, 4)], changes: vec![], ..draft.clone() }, 0), summer);
        // and behind them all what the end says, if it says something
        assert_eq!(seen(&draft, i64::MAX), summer);
        let ruled = Draft { end: "DDD3", ..draft };
        assert_eq!(seen(&ruled, 1 << 40), (-3 * 3600, "DDD".to_owned()));
        assert_eq!(seen(&ruled, 2000), (-3 * 3600, "DDD".to_owned()));
        assert_eq!(seen(&ruled, 1999), winter);
    }

    #[test]
    fn leap_seconds_are_counted() {
        let file = Draft { leaps: vec![(1000, 1), (2000, 2), (2001, 3), (3000, 2)], ..Draft::default() };
        let file = ZoneFile::parse(&file.bytes()).unwrap();
        let leaps = |seconds| (file.at(seconds).leaps, file.at(seconds).beyond);
        assert_eq!([999, 1000, 1001].map(leaps), [(0, 0), (1, 1), (1, 0)]);
        // two in a row, and one taken away
        assert_eq!([1999, 2000, 2001, 2002].map(leaps), [(1, 0), (2, 1), (3, 2), (3, 0)]);
        assert_eq!([2999, 3000, 3001].map(leaps), [(3, 0), (2, 0), (2, 0)]);
    }

    #[test]
    fn what_is_not_sound_is_no_zone() {
        let sound = two_kinds();
        assert!(ZoneFile::parse(&sound.bytes()).is_some());
        for wrong in [
            Draft { types: vec![], changes: vec![], ..sound.clone() },
            Draft { types: vec![(0, false, 0)], ..sound.clone() },
            Draft { types: vec![(0, false, 0), (0, false, 13)], ..sound.clone() },
        ] {
            assert!(ZoneFile::parse(&wrong.bytes()).is_none(), "{wrong:?}");
        }
        for wrong in [&b""[..], b"TZif", b"TZif2", b"EST5EDT\n", &[0; 100]] {
            assert!(ZoneFile::parse(wrong).is_none(), "{wrong:?}");
        }
        // counts beyond all that there is
        let huge = [&b"TZif2"[..], &[0; 15], &[255; 24]].concat();
        assert!(ZoneFile::parse(&huge).is_none());
    }

    proptest! {
        /// What holds is found by going through them one by one.
        #[test]
        fn the_last_change_that_has_come_holds(
            mut times in proptest::collection::vec(-5000_i64..5000, 1..40), kinds: [u8; 40], at in -6000_i64..6000,
        ) {
            times.sort_unstable();
            times.dedup();
            let changes: Vec<(i64, u8)> = times.iter().zip(kinds).map(|(&time, kind)| (time, kind % 3)).collect();
            let draft =
                Draft { changes: changes.clone(), types: vec![(10, false, 0), (20, true, 4), (30, false, 8)], ..Draft::default() };
            let last = changes.iter().rfind(|&&(time, _)| time <= at);
            let expected = last.map_or(10, |&(_, kind)| 10 + 10 * i64::from(kind));
            prop_assert_eq!(seen(&draft, at).0, expected);
        }

        #[test]
        fn no_bytes_do_harm(cut in 0_usize..400, place in 0_usize..400, byte: u8, version in 0_u8..5, at: i64) {
            let leaps = vec![(1000, 1), (2000, 2)];
            let mut bytes = Draft { leaps, end: "EST5EDT,M3.2.0,M11.1.0", version, ..two_kinds() }.bytes();
            if let Some(changed) = bytes.get_mut(place) {
                *changed = byte;
            }
            bytes.truncate(bytes.len().saturating_sub(cut));
            if let Some(file) = ZoneFile::parse(&bytes) {
                let _ = file.at(at % (1 << 40));
            }
        }
    }
}
