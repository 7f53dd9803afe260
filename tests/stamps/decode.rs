//! Labels and calendar, as their definitions have them and without the C library, to read what the programs write.

use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time: seconds since 1970, and nanoseconds.
pub type Moment = (i64, u32);

/// Bytes of a label.
pub const LENGTH: usize = 25;

pub fn now() -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_secs().try_into().unwrap(), now.subsec_nanos())
}

/// `@`, 2^62 + 10 + seconds in 16 digits, nanoseconds in 8.
pub fn label((seconds, nanoseconds): Moment) -> String {
    let seconds = i128::from(seconds) + (1 << 62) + 10;
    assert!((0..1 << 64).contains(&seconds));
    format!("@{seconds:016x}{nanoseconds:08x}")
}

/// The moment of a label; `None` for what is none, or has too many nanoseconds.
pub fn moment(label: &[u8]) -> Option<Moment> {
    let digits = label.strip_prefix(b"@").filter(|digits| digits.len() == LENGTH - 1)?;
    let value = digits.iter().try_fold(0_u128, |value, digit| {
        let at = b"0123456789abcdef".iter().position(|other| other == digit)?;
        Some(value * 16 + at as u128)
    })?;
    let (seconds, nanoseconds) = ((value >> 32) as i128, (value & 0xffff_ffff) as u32);
    let seconds = seconds - (1 << 62) - 10;
    (nanoseconds < 1_000_000_000).then_some((i64::try_from(seconds).ok()?, nanoseconds))
}

/// A line's moment and what stands behind label and space.
pub fn split(line: &[u8]) -> (Moment, &[u8]) {
    let at = moment(line.get(..LENGTH).unwrap_or_default());
    let at = at.unwrap_or_else(|| panic!("no label: {}", line.escape_ascii()));
    assert_eq!(line[LENGTH], b' ', "{}", line.escape_ascii());
    (at, &line[LENGTH + 1..])
}

pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: usize) -> i64 {
    [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
}

/// Days from the first of the year 0 to the first of 1970.
const DAYS_TO_1970: i64 = 719_528;

/// `YYYY-MM-DD HH:MM:SS` in UTC; `None` outside of the years 0 to 9999.
pub fn utc(seconds: i64) -> Option<String> {
    let mut days = seconds.div_euclid(86_400) + DAYS_TO_1970;
    let of_day = seconds.rem_euclid(86_400);
    // the calendar repeats itself after 400 years
    let mut year = 400 * days.div_euclid(146_097);
    days = days.rem_euclid(146_097);
    if !(0..10_000).contains(&year) {
        return None;
    }
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    Some(format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1))
}

/// The other way round, from `YYYY-MM-DD HH:MM:SS` with any two separators.
pub fn seconds(text: &str) -> i64 {
    let field =
        |from: usize, to: usize| -> i64 { text[from..to].parse().unwrap_or_else(|_| panic!("no time: {text}")) };
    let (year, month, day) = (field(0, 4), field(5, 7) as usize, field(8, 10));
    // the year 0 has a leap day
    let years = 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let months: i64 = (1..month).map(|month| days_of_month(year, month)).sum();
    let days = years + months + day - 1 - DAYS_TO_1970;
    days * 86_400 + field(11, 13) * 3600 + field(14, 16) * 60 + field(17, 19)
}

/// What `tai64nlocal` with `-u`, or with `-u` and `-a`, makes of this.
pub fn converted(input: &[u8], is_everywhere: bool) -> Vec<u8> {
    let mut output = Vec::new();
    let mut at = 0;
    while at < input.len() {
        let may_begin = match at.checked_sub(1).map(|before| input[before]) {
            None | Some(b'\n') => true,
            // what isspace(3) calls so
            Some(b' ' | b'\t' | b'\r' | 0x0b | 0x0c) => is_everywhere,
            Some(_) => false,
        };
        let digits = || input[at + 1..].iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        let is_label = may_begin && input[at] == b'@' && digits() == LENGTH - 1;
        let time = if is_label { moment(&input[at..at + LENGTH]) } else { None };
        match time.and_then(|(seconds, nanoseconds)| Some((utc(seconds)?, nanoseconds))) {
            Some((time, nanoseconds)) => {
                output.extend_from_slice(format!("{time}.{nanoseconds:09}").as_bytes());
                at += LENGTH;
            }
            None => {
                output.push(input[at]);
                at += 1;
            }
        }
    }
    output
}

/// What stands in for mistakes: the decoder itself is held to what `date -u -d @SECONDS` and the page on TAI64N say.
#[test]
fn the_decoder_knows_moments_from_elsewhere() {
    for (at, text) in [
        (0, "1970-01-01 00:00:00"),
        (-1, "1969-12-31 23:59:59"),
        (951_782_400, "2000-02-29 00:00:00"),
        (4_107_542_400, "2100-03-01 00:00:00"),
        (-62_167_219_200, "0000-01-01 00:00:00"),
        (-62_162_035_201, "0000-02-29 23:59:59"),
        (253_402_300_799, "9999-12-31 23:59:59"),
    ] {
        assert_eq!(utc(at).as_deref(), Some(text));
        assert_eq!(seconds(text), at);
    }
    assert_eq!((utc(-62_167_219_201), utc(253_402_300_800)), (None, None));
    assert_eq!(moment(b"@40000000433225833b6e1644"), Some((0x4332_2583 - 10, 0x3b6e_1644)));
    assert_eq!(label((1_000_000_000, 7)), "@400000003b9aca0a00000007");
    assert_eq!(
        converted(b"@400000003b9aca0a00000007x\n @400000003b9aca0a00000007", false),
        b"2001-09-09 01:46:40.000000007x\n @400000003b9aca0a00000007"
    );
    assert_eq!(converted(b" @400000003b9aca0a00000007", true), b" 2001-09-09 01:46:40.000000007");
    let mut draw = crate::support::random::Random::new(0xd1ce);
    for _ in 0..10_000 {
        let at = (draw.within(-(1 << 62) - 10..1 << 62), draw.below(1_000_000_000) as u32);
        assert_eq!(moment(label(at).as_bytes()), Some(at));
    }
}
