//! Numbers as words, files and the environment have them: one reader of each kind, for everything that catena reads. A
//! sign, a blank, `0x`, or whatever else is not said here makes a text that is no number.

use std::time::Duration;

/// What a letter behind a number multiplies it by.
pub type Unit = (u8, u64);

/// Units of bytes, and of whatever else is counted in powers of 1024.
pub const POWERS: &[Unit] = &[(b'k', 1 << 10), (b'M', 1 << 20), (b'G', 1 << 30), (b'T', 1 << 40)];

/// A decimal number: digits only, at least one. `None` for anything else; beyond 64 bits it saturates.
pub fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value(digits))
}

/// A decimal number of a type that may be too small for it; then, too, there is none.
pub fn decimal_in<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    T::try_from(decimal(digits)?).ok()
}

/// The number that a text begins with, and what is behind it. `None` if it does not begin with a digit.
pub fn leading(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    Some((decimal(digits)?, rest))
}

/// A decimal number, with the letter of a unit behind it or without. What is beyond 64 bits saturates.
pub fn scaled(text: &[u8], units: &[Unit]) -> Option<u64> {
    let (number, rest) = leading(text)?;
    let factor = match rest {
        [] => 1,
        [letter] => units.iter().find(|(unit, _)| unit == letter)?.1,
        _ => return None,
    };
    Some(number.saturating_mul(factor))
}

/// Seconds, with decimals or without: `10`, `0.25`, `.5`. `None` for anything else. What is beyond counting is for ever.
pub fn seconds(text: &[u8]) -> Option<Duration> {
    const NANOSECONDS: usize = 9;
    let point = text.iter().position(|&byte| byte == b'.');
    let (whole, rest) = text.split_at(point.unwrap_or(text.len()));
    let decimals = rest.get(1..).unwrap_or_default();
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { decimal(whole)? };
    if !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // finer ones do not count, but are more than nothing
    let is_more = whole > 0 || decimals.iter().any(|&digit| digit > b'0');
    let digits = decimals.iter().chain(&[b'0'; NANOSECONDS]).take(NANOSECONDS);
    let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(Duration::new(whole, nanoseconds).max(Duration::from_nanos(is_more.into())))
}

/// A file mode: one to four octal digits, at most 0777.
pub fn mode(text: &[u8]) -> Option<u32> {
    if !(1..=4).contains(&text.len()) || !text.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
        return None;
    }
    let mode = text.iter().fold(0, |mode, digit| mode << 3 | u32::from(digit - b'0'));
    (mode <= 0o777).then_some(mode)
}

/// Of digits alone.
fn value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| u64::saturating_add(u64::saturating_mul(number, 10), (digit - b'0').into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What nobody means by a number, with `2` in it where something must be.
    const NONE: [&str; 16] =
        ["", " ", "+", "-", "x", "+2", "-2", " 2", "2 ", "2x", "0x2", "2\n", "1e2", "2_0", "\u{662}", "2,5"];

    #[test]
    fn seconds_may_have_decimals() {
        for (text, milliseconds) in [("0", 0), ("5", 5000), ("0.25", 250), (".5", 500), ("1.", 1000), ("1.0009", 1000)]
        {
            let found = seconds(text.as_bytes()).unwrap();
            assert_eq!(found.as_millis(), milliseconds, "{text}");
        }
        assert_eq!(seconds(b"0.000000001").unwrap(), Duration::from_nanos(1));
        // nothing is another wish than very little
        assert_eq!(seconds(b"0.0000000001").unwrap(), Duration::from_nanos(1));
        assert_eq!(seconds(b"0.0000000000").unwrap(), Duration::ZERO);
        assert_eq!(seconds(b"18446744073709551616").unwrap(), Duration::from_secs(u64::MAX));
        for bad in [".", "-1", "1s", "1.2.3", "1.-2", "1.2 ", "inf"].into_iter().chain(NONE) {
            assert_eq!(seconds(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn modes_are_up_to_four_octal_digits() {
        assert_eq!([&b"0"[..], b"22", b"644", b"0777"].map(mode), [Some(0), Some(0o22), Some(0o644), Some(0o777)]);
        for bad in ["8", "1000", "00644", "-1", "u=rw", "0o22"].into_iter().chain(NONE) {
            assert_eq!(mode(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_digits_and_saturate() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"0042"), Some(42));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), Some(u64::MAX));
        for bad in NONE {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad:?}");
            assert_eq!(scaled(bad.as_bytes(), POWERS), None, "{bad:?}");
        }
    }

    #[test]
    fn a_number_too_large_for_its_type_is_none() {
        assert_eq!((decimal_in::<u8>(b"255"), decimal_in::<u8>(b"256")), (Some(255), None));
        assert_eq!((decimal_in::<i32>(b"2147483647"), decimal_in::<i32>(b"2147483648")), (Some(i32::MAX), None));
        assert_eq!(decimal_in::<i32>(b"99999999999999999999"), None);
        assert_eq!(decimal_in::<u64>(b"99999999999999999999"), Some(u64::MAX));
    }

    #[test]
    fn a_unit_is_one_letter_behind_a_number() {
        assert_eq!(
            [&b"3"[..], b"3k", b"3M", b"3G", b"3T"].map(|text| scaled(text, POWERS)),
            [Some(3), Some(3 << 10), Some(3 << 20), Some(3 << 30), Some(3 << 40)]
        );
        assert_eq!(scaled(b"99999999999T", POWERS), Some(u64::MAX));
        for bad in ["k", "3K", "3m", "3kk", "3kB", "3 k", "3P", "-3k"] {
            assert_eq!(scaled(bad.as_bytes(), POWERS), None, "{bad}");
        }
        assert_eq!(scaled(b"3k", &[]), None);
    }

    #[test]
    fn a_number_may_begin_a_text() {
        assert_eq!(leading(b"12x3"), Some((12, &b"x3"[..])));
        assert_eq!(leading(b"007"), Some((7, &b""[..])));
        assert_eq!(leading(b"99999999999999999999-"), Some((u64::MAX, &b"-"[..])));
        for bad in ["", "x1", "-1", "+1", " 1"] {
            assert_eq!(leading(bad.as_bytes()), None, "{bad}");
        }
    }

    /// As the standard library reads digits, without a sign that it would take.
    fn model(text: &str) -> Option<u64> {
        let is_digits = !text.is_empty() && text.chars().all(|sign| sign.is_ascii_digit());
        is_digits.then(|| text.parse::<u128>().map_or(u64::MAX, |number| number.try_into().unwrap_or(u64::MAX)))
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_the_model_reads_them(text in "[0-9]{0,24}|[-+ x0-9kMGT.\n]{0,8}|.{0,4}") {
            prop_assert_eq!(decimal(text.as_bytes()), model(&text));
            prop_assert_eq!(decimal_in::<u16>(text.as_bytes()), model(&text).and_then(|number| number.try_into().ok()));
            let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
            prop_assert_eq!(leading(text.as_bytes()), model(digits).map(|number| (number, rest.as_bytes())));
            let factor = match rest { "" => 1, "k" => 1, "M" => 2, "G" => 3, "T" => 4, _ => 0 };
            let scale = if rest.is_empty() { 1_u128 } else { 1024_u128.pow(factor) };
            let expected = model(digits).filter(|_| factor > 0);
            let expected = expected.map(|number| u64::try_from(u128::from(number) * scale).unwrap_or(u64::MAX));
            prop_assert_eq!(scaled(text.as_bytes(), POWERS), expected);
        }

        #[test]
        fn seconds_are_read_as_the_model_reads_them(text in "[0-9]{0,12}[.]?[0-9]{0,12}|[-+ x0-9e.]{0,8}") {
            let parts: Vec<&str> = text.split('.').collect();
            let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let is_sound = parts.len() <= 2 && parts.iter().all(|part| is_digits(part)) && text.bytes().any(|byte| byte != b'.');
            let whole = model(parts[0]).unwrap_or(0);
            let nanoseconds: u32 = format!("{:0<9.9}", parts.get(1).unwrap_or(&"")).parse().unwrap_or(0);
            let least = Duration::from_nanos(text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)).into());
            prop_assert_eq!(seconds(text.as_bytes()), is_sound.then(|| Duration::new(whole, nanoseconds).max(least)));
        }

        #[test]
        fn modes_are_read_as_the_model_reads_them(text in "[0-9]{0,5}|[-+ 0-7o]{0,5}") {
            let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..b'8').contains(&byte));
            let expected = u32::from_str_radix(&text, 8).ok().filter(|&mode| is_octal && mode <= 0o777);
            prop_assert_eq!(mode(text.as_bytes()), expected);
        }
    }
}
