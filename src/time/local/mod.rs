//! Moments as people read them. Calendar and zone are asked once a minute of log, not once a line.

mod format;

use crate::environ::Environ;
use crate::time::broken_down::BrokenDown;
use crate::time::tai64n::Moment;
use crate::time::zone;
use format::Piece;
use std::io::Write;

/// Whose clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneChoice {
    /// UTC.
    Utc,
    /// That of `TZ`, or else of /etc/localtime.
    Local,
}

/// How a moment is written.
#[derive(Clone, Debug)]
pub enum Style {
    /// `2026-11-21 04:26:50.123456789`.
    Spaced,
    /// `2026-11-21T04:26:50.123456789+01:00`, or `Z` for UTC (RFC 3339).
    Iso,
    /// One piece after the other.
    Own(Vec<Piece>),
}

impl Style {
    /// From a format of strftime(3) in which `%N` is the decimals of the second, as in `date`.
    pub fn from_format(format: &[u8]) -> Self {
        Self::Own(format::parse(format))
    }
}

/// Writes moments.
pub struct LocalTime {
    /// None for UTC.
    zone: Option<zone::Zone>,
    style: Style,
    /// Of the second, 0 to 9.
    decimals: usize,
    /// The minute last written, and how.
    minute: Option<Minute>,
    /// For a style of one's own: the second last written, and what comes of each piece.
    second: Option<(i64, Vec<Option<Vec<u8>>>)>,
}

/// 60 seconds in which nothing but the second changes.
struct Minute {
    start: i64,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl LocalTime {
    /// Reads the zone if it is needed.
    pub fn new(zone: ZoneChoice, style: Style, decimals: usize, environ: &Environ) -> Self {
        let zone = (zone == ZoneChoice::Local).then(|| zone::Zone::of(environ));
        Self { zone, style, decimals: decimals.min(9), minute: None, second: None }
    }

    /// Appends the moment to `output`. Gives false and appends nothing for one outside of the years 0 to 9999.
    pub fn write(&mut self, moment: Moment, output: &mut Vec<u8>) -> bool {
        if let Style::Own(_) = self.style {
            return self.write_own(moment, output);
        }
        if let Some(minute) = &self.minute
            && let second @ 0..60 = moment.seconds.wrapping_sub(minute.start)
        {
            output.extend_from_slice(&minute.before);
            put_second(second as u8, moment, self.decimals, output);
            output.extend_from_slice(&minute.after);
            return true;
        }
        let Some(calendar) = self.look_up(moment.seconds) else { return false };
        let (_, _, second) = calendar.time();
        let (before, after) = self.around_second(&calendar);
        output.extend_from_slice(&before);
        put_second(second, moment, self.decimals, output);
        output.extend_from_slice(&after);
        // a change of the clocks need not be at a full minute of the day: nor are all offsets full minutes
        let start = moment.seconds - i64::from(second);
        let is_same = |second: u8| {
            self.look_up(start + i64::from(second)).is_some_and(|other| {
                other.time().2 == second && self.around_second(&other) == (before.clone(), after.clone())
            })
        };
        let is_plain = second < 60 && is_same(0) && is_same(59);
        self.minute = is_plain.then_some(Minute { start, before, after });
        true
    }

    fn look_up(&self, seconds: i64) -> Option<BrokenDown<'_>> {
        /// Far beyond the year 9999, and far from where sums overflow.
        const MOST: u64 = 1 << 40;
        if seconds.unsigned_abs() > MOST {
            return None;
        }
        let calendar = match &self.zone {
            None => BrokenDown::utc(seconds),
            Some(zone) => {
                let local = zone.at(seconds);
                BrokenDown::east(seconds - local.leaps, local.east, local.is_summer, local.name)
                    .map(|calendar| calendar.with_seconds_beyond(local.beyond))
            }
        };
        calendar.filter(|calendar| (0..=9999).contains(&calendar.date().0))
    }

    /// What stands before the seconds and behind their decimals.
    fn around_second(&self, calendar: &BrokenDown<'_>) -> (Vec<u8>, Vec<u8>) {
        let ((year, month, day), (hour, minute, _)) = (calendar.date(), calendar.time());
        let (separator, is_iso) = match self.style {
            Style::Iso => ('T', true),
            _ => (' ', false),
        };
        let mut after = Vec::new();
        if is_iso {
            let offset = calendar.offset();
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            let _ = match &self.zone {
                None => write!(after, "Z"),
                Some(_) => write!(after, "{sign}{:02}:{:02}", minutes / 60, minutes % 60),
            };
        }
        (format!("{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:").into_bytes(), after)
    }

    fn write_own(&mut self, moment: Moment, output: &mut Vec<u8>) -> bool {
        if self.second.as_ref().is_none_or(|&(second, _)| second != moment.seconds) {
            let (Some(calendar), Style::Own(pieces)) = (self.look_up(moment.seconds), &self.style) else {
                return false;
            };
            let text = |piece: &Piece| match piece {
                Piece::Text(format) => Some(calendar.format(format)),
                Piece::Zone(field) => Some(field.name(self.zone_name(moment.seconds))),
                Piece::Seconds(field) => Some(field.seconds(moment.seconds)),
                Piece::Decimals(_) => None,
            };
            self.second = Some((moment.seconds, pieces.iter().map(text).collect()));
        }
        let (Style::Own(pieces), Some((_, texts))) = (&self.style, &self.second) else { return false };
        for (piece, text) in pieces.iter().zip(texts) {
            match (piece, text) {
                (_, Some(text)) => output.extend_from_slice(text),
                (Piece::Decimals(field), _) => field.decimals(&nine_decimals(moment), self.decimals, output),
                _ => {}
            }
        }
        true
    }

    fn zone_name(&self, seconds: i64) -> &[u8] {
        self.zone.as_ref().map_or(b"UTC", |zone| zone.at(seconds).name.to_bytes())
    }
}

fn put_second(second: u8, moment: Moment, decimals: usize, output: &mut Vec<u8>) {
    output.extend_from_slice(&[b'0' + second / 10, b'0' + second % 10]);
    if decimals > 0 {
        output.push(b'.');
        output.extend_from_slice(&nine_decimals(moment)[..decimals]);
    }
}

fn nine_decimals(moment: Moment) -> [u8; 9] {
    let mut digits = [b'0'; 9];
    let mut left = moment.nanoseconds;
    for digit in digits.iter_mut().rev() {
        *digit += (left % 10) as u8;
        left /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::words::Words;

    fn written(style: Style, decimals: usize, seconds: i64, nanoseconds: u32) -> String {
        let mut time = LocalTime::new(ZoneChoice::Utc, style, decimals, &Environ::new(Words::EMPTY));
        let mut text = Vec::new();
        assert!(time.write(Moment { seconds, nanoseconds }, &mut text));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn styles_write_the_same_moment() {
        // `date -u -d @1000000000` shows that second
        let at = |style, decimals| written(style, decimals, 1_000_000_000, 123_456_789);
        assert_eq!(at(Style::Spaced, 9), "2001-09-09 01:46:40.123456789");
        assert_eq!(at(Style::Spaced, 0), "2001-09-09 01:46:40");
        assert_eq!(at(Style::Iso, 3), "2001-09-09T01:46:40.123Z");
        assert_eq!(at(Style::from_format(b"%s.%N %%N%"), 6), "1000000000.123456 %N%");
        assert_eq!(at(Style::from_format(b"%Z %%Z%N%s"), 3), "UTC %Z1231000000000");
        assert_eq!(at(Style::from_format(b""), 6), "");
    }

    #[test]
    fn years_of_four_digits_are_written_and_others_are_not() {
        assert_eq!(written(Style::Spaced, 0, -62_167_219_200, 0), "0000-01-01 00:00:00");
        assert_eq!(written(Style::Spaced, 0, 253_402_300_799, 0), "9999-12-31 23:59:59");
        let mut time = LocalTime::new(ZoneChoice::Utc, Style::Spaced, 0, &Environ::new(Words::EMPTY));
        for seconds in [-62_167_219_201, 253_402_300_800, i64::MAX, i64::MIN] {
            let mut text = Vec::new();
            assert!(!time.write(Moment { seconds, nanoseconds: 0 }, &mut text) && text.is_empty(), "{seconds}");
        }
    }

    #[test]
    fn a_minute_that_is_remembered_ends_after_60_seconds() {
        let mut time = LocalTime::new(ZoneChoice::Utc, Style::Spaced, 0, &Environ::new(Words::EMPTY));
        let mut text = Vec::new();
        for seconds in [59, 0, 60, 119, 120, 30, -1] {
            time.write(Moment { seconds, nanoseconds: 0 }, &mut text);
            text.push(b'\n');
        }
        let times = ["00:00:59", "00:00:00", "00:01:00", "00:01:59", "00:02:00", "00:00:30"];
        let expected: String = times.map(|time| format!("1970-01-01 {time}\n")).concat() + "1969-12-31 23:59:59\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
