//! A format of one's own: that of strftime(3), but for what a C library would ask its own zone for, or does not have. That
//! is written here, as `date` writes it, so that it is the same with every C library, and whatever `TZ` was at the start.

use crate::number::leading;
use std::ffi::CString;

/// A piece of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// For strftime(3).
    Text(CString),
    /// `%N`, the decimals of the second.
    Decimals(Field),
    /// `%Z`, what the zone is called.
    Zone(Field),
    /// `%s`, seconds since 1970.
    Seconds(Field),
}

/// How a conversion is to be written: what stands between `%` and the letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// The last one of `_`, `0`, `-` and `+`.
    padding: Option<u8>,
    width: Option<usize>,
    is_lower: bool,
    is_upper: bool,
}

/// Reads a format.
pub fn parse(format: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = Vec::new();
    let mut rest = format;
    let flush = |text: &mut Vec<u8>, pieces: &mut Vec<Piece>| {
        if !text.is_empty() {
            pieces.push(Piece::Text(CString::new(std::mem::take(text)).unwrap_or_default()));
        }
    };
    while let [first, behind @ ..] = rest {
        if *first != b'%' {
            text.push(*first);
            rest = behind;
            continue;
        }
        let (field, letters) = Field::parse(behind);
        let Some((letter, after)) = letters.split_first() else {
            // what ends here C libraries do not agree on: it stands for itself
            text.extend([b"%", rest].concat());
            break;
        };
        let piece = match letter {
            b'N' => Piece::Decimals(field),
            b'Z' => Piece::Zone(field),
            b's' => Piece::Seconds(field),
            _ => {
                text.extend_from_slice(&rest[..rest.len() - after.len()]);
                rest = after;
                continue;
            }
        };
        flush(&mut text, &mut pieces);
        pieces.push(piece);
        rest = after;
    }
    flush(&mut text, &mut pieces);
    pieces
}

impl Field {
    /// Flags, a width and a modifier, which changes nothing here, up to the letter.
    fn parse(text: &[u8]) -> (Self, &[u8]) {
        /// Whoever wants more has mistyped.
        const WIDEST: u64 = 1 << 12;
        let mut field = Self::default();
        let mut rest = text;
        while let [flag @ (b'_' | b'0' | b'-' | b'+' | b'^' | b'#'), behind @ ..] = rest {
            match flag {
                b'^' => field.is_upper = true,
                b'#' => field.is_lower = true,
                padding => field.padding = Some(*padding),
            }
            rest = behind;
        }
        if let Some((width, behind)) = leading(rest) {
            (field.width, rest) = (Some(width.min(WIDEST) as usize), behind);
        }
        (field, rest.strip_prefix(b"E").or(rest.strip_prefix(b"O")).unwrap_or(rest))
    }

    /// A zone's name.
    pub fn name(self, name: &[u8]) -> Vec<u8> {
        let name = match self {
            Self { is_lower: true, .. } => name.to_ascii_lowercase(),
            Self { is_upper: true, .. } => name.to_ascii_uppercase(),
            _ => name.to_vec(),
        };
        let padding = if matches!(self.padding, Some(b'0' | b'+')) { b'0' } else { b' ' };
        [vec![padding; self.missing(name.len())], name].concat()
    }

    /// A number of seconds.
    pub fn seconds(self, seconds: i64) -> Vec<u8> {
        let digits = seconds.unsigned_abs().to_string().into_bytes();
        let sign: &[u8] = if seconds < 0 { b"-" } else { b"" };
        let missing = self.missing(digits.len() + sign.len());
        match self.padding {
            Some(b'_') => [&vec![b' '; missing], sign, &digits].concat(),
            _ => [sign, &vec![b'0'; missing], &digits].concat(),
        }
    }

    /// The beginning of nine decimals: `count` of them, unless the width says otherwise.
    pub fn decimals(self, decimals: &[u8; 9], count: usize, output: &mut Vec<u8>) {
        let count = self.width.unwrap_or(count);
        let shown = &decimals[..count.min(decimals.len())];
        // the first one stays
        let last = shown.iter().rposition(|&digit| digit != b'0').unwrap_or(0);
        let (kept, filling) = match self.padding {
            Some(b'_') => (&shown[..shown.len().min(last + 1)], Some(b' ')),
            Some(b'-') => (&shown[..shown.len().min(last + 1)], None),
            _ => (shown, Some(b'0')),
        };
        output.extend_from_slice(kept);
        if let Some(filling) = filling {
            output.resize(output.len() + count - kept.len(), filling);
        }
    }

    /// How much something of this length falls short of the width.
    fn missing(self, length: usize) -> usize {
        match self.padding {
            Some(b'-') => 0,
            _ => self.width.unwrap_or(0).saturating_sub(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stands_before_a_letter_belongs_to_it() {
        let text = |text: &str| Piece::Text(CString::new(text).unwrap());
        let field = Field::default();
        for (format, pieces) in [
            ("", vec![]),
            ("%H%Z", vec![text("%H"), Piece::Zone(field)]),
            ("%%Z%5%Z%_5H", vec![text("%%Z%5%Z%_5H")]),
            ("%N.%%", vec![Piece::Decimals(field), text(".%%")]),
            ("%_-07Os", vec![Piece::Seconds(Field { padding: Some(b'0'), width: Some(7), ..field })]),
            ("%#^EZ", vec![Piece::Zone(Field { is_lower: true, is_upper: true, ..field })]),
            ("%:Z%EEZ", vec![text("%:Z%EEZ")]),
            ("%H%_5E", vec![text("%H%%_5E")]),
            ("%", vec![text("%%")]),
        ] {
            assert_eq!(parse(format.as_bytes()), pieces, "{format}");
        }
    }

    proptest! {
        /// No zone's name and no seconds are left to strftime(3).
        #[test]
        fn nothing_is_lost_or_left_over(format in "[%ZsNH_0^#+5EO-]{0,12}") {
            let format = format.as_bytes();
            for piece in parse(format) {
                if let Piece::Text(text) = piece {
                    let pieces = parse(text.as_bytes());
                    prop_assert!(pieces == [Piece::Text(text)], "{:?}", pieces);
                }
            }
        }

        #[test]
        fn a_field_is_as_wide_as_it_says(width in 0_usize..30, seconds in any::<i64>(), padding in "[_0+]?") {
            let field = Field { padding: padding.bytes().next(), width: Some(width), ..Field::default() };
            let text = String::from_utf8(field.seconds(seconds)).unwrap();
            prop_assert_eq!(text.len(), width.max(seconds.to_string().len()));
            prop_assert_eq!(text.trim_start().parse::<i64>(), Ok(seconds));
        }
    }
}
