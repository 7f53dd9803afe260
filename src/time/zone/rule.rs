//! A rule in place of a table of changes: POSIX's form of `TZ`, which files of zones end with, too. What is wrong in it is
//! read as far as it goes, much as glibc reads it. But a number of more than 16 bits is a large one, where glibc's wraps
//! around, and a minus behind a sign makes none.

use super::Local;
use crate::number::leading;
use crate::time::calendar::{DAY, days_before, is_leap, months, weekday_of, year_of};
use std::ffi::{CStr, CString};

const HOUR: i64 = 3600;

/// Standard time, and summer time from one date to another, every year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Up to the begin of summer time.
    standard: Period,
    /// Up to its end.
    summer: Period,
}

/// A part of the year.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Period {
    name: CString,
    /// Seconds east of UTC.
    east: i64,
    /// When it ends, by its own clock.
    end: Date,
    /// Seconds from the begin of that day.
    time: i64,
}

/// A day of every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Date {
    /// So many days after the first.
    After(i64),
    /// Counted from 1, February 29 never being counted.
    Day(i64),
    /// The `week`th one of a day of the week (0 is Sunday) in a month; the fifth is the last.
    Week { month: usize, week: i64, day: i64 },
}

impl Rule {
    /// UTC.
    pub fn utc() -> Self {
        let period = Period { name: c"UTC".into(), east: 0, end: Date::After(0), time: 0 };
        Self { standard: period.clone(), summer: period }
    }

    /// Reads it. Summer time without dates has those of the United States.
    pub fn parse(text: &[u8]) -> Self {
        let nameless = Period { name: CString::default(), east: 0, end: Date::After(0), time: 0 };
        let mut rule = Self { standard: nameless.clone(), summer: nameless };
        let Some((name, rest)) = name(text) else { return rule };
        rule.standard.name = name;
        // glibc looks for the begin of this number only
        let is_offset = matches!(rest, [b'+' | b'-' | b'0'..=b'9', ..]);
        let Some((east, mut rest)) = offset(rest).filter(|_| is_offset) else { return rule };
        rule.standard.east = east;
        if rest.is_empty() {
            rule.summer = rule.standard.clone();
            return rule;
        }
        if let Some((name, behind)) = self::name(rest) {
            rule.summer.name = name;
            (rule.summer.east, rest) = offset(behind).unwrap_or((east + HOUR, behind));
        }
        for (period, without) in [(&mut rule.standard, (3, 2)), (&mut rule.summer, (11, 1))] {
            let Some((end, time, behind)) = date(rest, without) else { break };
            (period.end, period.time, rest) = (end, time, behind);
        }
        rule
    }

    /// What it says of a moment.
    pub fn at(&self, seconds: i64) -> Local<'_> {
        let year = year_of(seconds.div_euclid(DAY));
        let (begin, end) = (self.standard.end_in(year), self.summer.end_in(year));
        // in the south the year begins in summer
        let is_summer = match begin > end {
            true => seconds < end || seconds >= begin,
            false => seconds >= begin && seconds < end,
        };
        let Period { name, east, .. } = if is_summer { &self.summer } else { &self.standard };
        Local { east: *east, is_summer, name: name as &CStr, leaps: 0, beyond: 0 }
    }
}

impl Period {
    /// The moment of its end in a year.
    fn end_in(&self, year: i64) -> i64 {
        // before 1970 glibc counts from 1970 on: no such end has come by then
        let start = if year > 1970 { days_before(year) } else { 0 };
        (start + self.end.in_year(year)) * DAY - self.east + self.time
    }
}

impl Date {
    /// Days from the first of the year.
    fn in_year(self, year: i64) -> i64 {
        match self {
            Self::After(days) => days,
            Self::Day(day) => day - 1 + i64::from(day >= 60 && is_leap(year)),
            Self::Week { month, week, day } => {
                let lengths = months(year);
                let before: i64 = lengths[..month - 1].iter().sum();
                let weekday = weekday_of(days_before(year) + before);
                let first = (day - weekday).rem_euclid(7);
                let last = first + (lengths[month - 1] - 1 - first) / 7 * 7;
                before + last.min(first + (week - 1) * 7)
            }
        }
    }
}

/// Three letters or more; or in angle brackets, where digits and signs may be among them.
fn name(text: &[u8]) -> Option<(CString, &[u8])> {
    let split = |text: &[u8], is_in: fn(&u8) -> bool| text.iter().take_while(|&byte| is_in(byte)).count();
    let length = split(text, u8::is_ascii_alphabetic);
    if length >= 3 {
        return Some((CString::new(&text[..length]).ok()?, &text[length..]));
    }
    let quoted = text.strip_prefix(b"<")?;
    let length = split(quoted, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'));
    let rest = quoted[length..].strip_prefix(b">")?;
    (length >= 3).then_some((CString::new(&quoted[..length]).ok()?, rest))
}

/// `[+-]HOURS[:MINUTES[:SECONDS]]`, west of UTC, as seconds east of it.
fn offset(text: &[u8]) -> Option<(i64, &[u8])> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (1, rest),
        [b'+', rest @ ..] => (-1, rest),
        _ => (-1, text),
    };
    let ([hours, minutes, seconds], rest) = clock(text)?;
    Some((sign * (hours.min(24) * HOUR + minutes.min(59) * 60 + seconds.min(59)), rest))
}

/// `HOURS[:MINUTES[:SECONDS]]`.
fn clock(text: &[u8]) -> Option<([i64; 3], &[u8])> {
    /// glibc has 16 bits for each.
    const MOST: u64 = u16::MAX as u64;
    let (hours, mut rest) = scanned(text)?;
    let mut parts = [hours, 0, 0];
    for part in &mut parts[1..] {
        let Some((number, behind)) = rest.strip_prefix(b":").and_then(scanned) else { break };
        (*part, rest) = (number, behind);
    }
    Some((parts.map(|part| part.min(MOST) as i64), rest))
}

/// A number as glibc's scanf(3) has it: blanks and a plus may stand before it.
fn scanned(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.trim_ascii_start();
    leading(text.strip_prefix(b"+").unwrap_or(text))
}

/// A date behind a comma, and the time that may follow it. Where nothing is left it is, at two o'clock, a Sunday that the
/// law of the United States has: which one of which month is said in `without`.
fn date(text: &[u8], without: (usize, i64)) -> Option<(Date, i64, &[u8])> {
    let text = text.strip_prefix(b",").unwrap_or(text);
    let day = |text, least: u64| {
        leading(text).filter(|(day, _)| (least..=365).contains(day)).map(|(day, rest)| (day as i64, rest))
    };
    let (date, rest) = match text {
        [] => (Date::Week { month: without.0, week: without.1, day: 0 }, text),
        [b'J', rest @ ..] => day(rest, 1).map(|(day, rest)| (Date::Day(day), rest))?,
        [b'M', rest @ ..] => {
            let (month, rest) = scanned(rest)?;
            let (week, rest) = scanned(rest.strip_prefix(b".")?)?;
            let (day, rest) = scanned(rest.strip_prefix(b".")?)?;
            if !(1..=12).contains(&month) || !(1..=5).contains(&week) || day > 6 {
                return None;
            }
            (Date::Week { month: month as usize, week: week as i64, day: day as i64 }, rest)
        }
        _ => day(text, 0).map(|(day, rest)| (Date::After(day), rest))?,
    };
    match rest {
        [] | [b',', ..] => Some((date, 2 * HOUR, rest)),
        [b'/', time @ ..] if !time.is_empty() => {
            let (sign, time) = time.strip_prefix(b"-").map_or((1, time), |time| (-1, time));
            let ([hours, minutes, seconds], rest) = clock(time).unwrap_or(([2, 0, 0], time));
            Some((date, sign * (hours * HOUR + minutes * 60 + seconds), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text.as_bytes())
    }

    /// Seconds of a time of a day in UTC.
    fn moment(year: i64, month: usize, day: i64, time: i64) -> i64 {
        let before: i64 = months(year)[..month - 1].iter().sum();
        (days_before(year) + before + day - 1) * DAY + time
    }

    #[test]
    fn summer_begins_and_ends_to_the_second() {
        for (text, begin, end, summer, standard) in [
            ("CET-1CEST,M3.5.0,M10.5.0/3", moment(2026, 3, 29, HOUR), moment(2026, 10, 25, HOUR), 7200, 3600),
            (
                "EST5EDT,M3.2.0,M11.1.0",
                moment(2026, 3, 8, 7 * HOUR),
                moment(2026, 11, 1, 6 * HOUR),
                -4 * HOUR,
                -5 * HOUR,
            ),
            ("EST5EDT", moment(2026, 3, 8, 7 * HOUR), moment(2026, 11, 1, 6 * HOUR), -4 * HOUR, -5 * HOUR),
            ("EST5EDT4,", moment(2026, 3, 8, 7 * HOUR), moment(2026, 11, 1, 6 * HOUR), -4 * HOUR, -5 * HOUR),
            // the day that is not counted lies between
            ("AAA0BBB,J59/0,J60/0", moment(2024, 2, 28, 0), moment(2024, 2, 29, 23 * HOUR), HOUR, 0),
            ("AAA0BBB,58/0,59/0", moment(2024, 2, 28, 0), moment(2024, 2, 28, 23 * HOUR), HOUR, 0),
            (
                "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                moment(2026, 3, 29, HOUR),
                moment(2026, 10, 25, HOUR),
                -HOUR,
                -2 * HOUR,
            ),
            ("CET-1CEST,M3.5.0/+2,M10.5.0/+3", moment(2026, 3, 29, HOUR), moment(2026, 10, 25, HOUR), 7200, 3600),
            (
                "CET-+1CEST,M3.+5.0/-+1,M10.5.0/ 3",
                moment(2026, 3, 28, 22 * HOUR),
                moment(2026, 10, 25, HOUR),
                7200,
                3600,
            ),
            ("IST-2IDT,M3.4.4/26,M10.5.0", moment(2026, 3, 27, 0), moment(2026, 10, 24, 23 * HOUR), 3 * HOUR, 2 * HOUR),
        ] {
            let rule = rule(text);
            let east = |seconds| rule.at(seconds).east;
            assert_eq!((east(begin - 1), east(begin)), (standard, summer), "{text}");
            assert_eq!((east(end - 1), east(end)), (summer, standard), "{text}");
        }
    }

    #[test]
    fn in_the_south_the_year_begins_in_summer() {
        let rule = rule("NZST-12NZDT,M9.5.0,M4.1.0/3");
        let name = |month| rule.at(moment(2026, month, 15, 0)).name.to_str().unwrap();
        assert_eq!([1, 3, 5, 8, 10, 12].map(name), ["NZDT", "NZDT", "NZST", "NZST", "NZDT", "NZDT"]);
    }

    #[test]
    fn names_and_offsets_have_several_forms() {
        for (text, east, name) in [
            ("UTC0", 0, "UTC"),
            ("EST5", -5 * HOUR, "EST"),
            ("EST+5", -5 * HOUR, "EST"),
            ("<+0530>-5:30", 5 * HOUR + 1800, "+0530"),
            ("AAA-12:34:56", 12 * HOUR + 34 * 60 + 56, "AAA"),
            // as glibc bounds them
            ("AAA-99:99:99", 24 * HOUR + 59 * 60 + 59, "AAA"),
            ("AAA-99999999999999999999", 24 * HOUR, "AAA"),
            // and where it stops
            ("Nowhere", 0, "Nowhere"),
            ("AAA+", 0, "AAA"),
            ("AAA 5", 0, "AAA"),
            ("AA5", 0, ""),
            ("<A>5", 0, ""),
            ("<AAA5", 0, ""),
            ("No/Such_Zone", 0, ""),
            ("", 0, ""),
        ] {
            let rule = rule(text);
            let local = rule.at(1_785_000_000);
            assert_eq!((local.east, local.name.to_str().unwrap()), (east, name), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_does_harm(text in "[A-Z<>+,./0-9JM:-]{0,24}|.{0,8}", seconds in -(1_i64 << 40)..1 << 40) {
            let rule = rule(&text);
            prop_assert!(rule.at(seconds).east.abs() <= 26 * HOUR);
        }

        /// The day is looked for as a person would look for it.
        #[test]
        fn a_day_of_a_week_is_found(year in 1971_i64..3000, month in 1_usize..=12, week in 1_i64..=5, day in 0_i64..=6) {
            let date = Date::Week { month, week, day };
            let first: i64 = months(year)[..month - 1].iter().sum();
            let all = (0..months(year)[month - 1]).map(|of_month| first + of_month);
            let fitting: Vec<i64> = all.filter(|of_year| weekday_of(days_before(year) + of_year) == day).collect();
            let expected = fitting.get(week as usize - 1).or(fitting.last());
            prop_assert_eq!(Some(&date.in_year(year)), expected);
        }

        #[test]
        fn dates_are_read_as_they_are_written(
            month in 1_usize..=12, week in 1_i64..=5, day in 0_i64..=6, hours in -167_i64..=167, minutes in 0_i64..60,
        ) {
            let text = format!(",M{month}.{week}.{day}/{hours}:{minutes:02},rest");
            let time = hours * HOUR + if hours < 0 || text.contains("/-") { -minutes } else { minutes } * 60;
            let expected = (Date::Week { month, week, day }, time, &b",rest"[..]);
            prop_assert_eq!(date(text.as_bytes(), (1, 1)), Some(expected));
        }
    }
}
