//! Points in time, and TAI64N labels of them: `@` and 24 lower-case hexadecimal digits, seconds in the first 16 and
//! nanoseconds in the last 8 (<https://cr.yp.to/libtai/tai64.html>).
//!
//! The seconds are those of the system's clock plus a constant 2^62 + 10, as in daemontools, so labels written here and
//! there are read alike. The true difference between TAI and UTC has grown since 1970; nothing here knows it.

use nix::time::{ClockId, clock_gettime};

/// A point in time by the system's clock (CLOCK_REALTIME).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Seconds since 1970 without leap seconds.
    pub seconds: i64,
    /// Below 1,000,000,000.
    pub nanoseconds: u32,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        // it fails only for a clock that does not exist
        clock_gettime(ClockId::CLOCK_REALTIME)
            .map_or(Self::default(), |now| Self { seconds: now.tv_sec(), nanoseconds: now.tv_nsec() as u32 })
    }

    /// One nanosecond later.
    pub fn next(self) -> Self {
        match self.nanoseconds {
            999_999_999.. => Self { seconds: self.seconds + 1, nanoseconds: 0 },
            nanoseconds => Self { nanoseconds: nanoseconds + 1, ..self },
        }
    }
}

/// What a label's seconds are ahead of the system's.
const EPOCH: u64 = (1 << 62) + 10;

/// Bytes of a label with its `@`.
pub const LENGTH: usize = 25;

/// The label of a moment.
pub fn encode(moment: Moment) -> [u8; LENGTH] {
    let mut label = [b'@'; LENGTH];
    put_hex(&mut label[1..17], &EPOCH.wrapping_add_signed(moment.seconds).to_be_bytes());
    put_hex(&mut label[17..], &moment.nanoseconds.to_be_bytes());
    label
}

/// Bytes of a moment in a file that is not for reading: seconds and nanoseconds as in a label, big-endian (libtai's
/// TAI64N).
pub const PACKED: usize = 12;

/// A moment as it stands in such a file.
pub fn pack(moment: Moment) -> [u8; PACKED] {
    let mut bytes = [0; PACKED];
    bytes[..8].copy_from_slice(&EPOCH.wrapping_add_signed(moment.seconds).to_be_bytes());
    bytes[8..].copy_from_slice(&moment.nanoseconds.to_be_bytes());
    bytes
}

/// The moment that such bytes mean, whatever they are.
pub fn unpack(bytes: [u8; PACKED]) -> Moment {
    let [a, b, c, d, e, f, g, h, nanoseconds @ ..] = bytes;
    let seconds = u64::from_be_bytes([a, b, c, d, e, f, g, h]).wrapping_sub(EPOCH) as i64;
    Moment { seconds, nanoseconds: u32::from_be_bytes(nanoseconds).min(999_999_999) }
}

/// The moment that a label without its `@` names. `None` for what is no label: other digits than lower-case ones, a
/// second with too many nanoseconds, or a second beyond what 64 bits count from 1970.
pub fn decode(digits: &[u8; LENGTH - 1]) -> Option<Moment> {
    let (seconds, nanoseconds) = digits.split_at(16);
    let seconds = number(seconds)?;
    let nanoseconds = number(nanoseconds)? as u32;
    // from 2^63 on labels are reserved
    let seconds = i64::try_from(seconds).ok()? - EPOCH as i64;
    (nanoseconds < 1_000_000_000).then_some(Moment { seconds, nanoseconds })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits
        .iter()
        .try_fold(0, |number, &digit| Some(number << 4 | u64::from(VALUES[usize::from(digit)].checked_sub(1)?)))
}

/// For each byte its value as a digit plus one, or 0 if it is none.
const VALUES: [u8; 256] = {
    let mut values = [0; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8 + 1;
        value += 1;
    }
    values
};

/// Whether the byte is a digit of a label.
pub fn is_digit(byte: u8) -> bool {
    VALUES[usize::from(byte)] > 0
}

fn put_hex(to: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in to.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

/// Moments for lines that have been read together, each later than the one before, so that whoever sorts labels does not
/// change the order of lines: what a clock reading lacks in distance is made up a nanosecond a line.
#[derive(Default)]
pub struct Sequence {
    last: Option<Moment>,
}

impl Sequence {
    /// The clock has been read for the lines to come.
    pub fn read_clock(&mut self) {
        /// How far ahead of the clock lines can get; a clock that is behind by more has been set back.
        const MOST_AHEAD: u32 = 2_000_000;
        let now = Moment::now();
        let is_ahead = |last: Moment| {
            let span =
                (last.seconds - now.seconds) * 1_000_000_000 + i64::from(last.nanoseconds) - i64::from(now.nanoseconds);
            last.seconds.abs_diff(now.seconds) <= 1 && (0..i64::from(MOST_AHEAD)).contains(&span)
        };
        if !self.last.is_some_and(is_ahead) {
            // the next one is now
            self.last = Some(match now.nanoseconds {
                0 => Moment { seconds: now.seconds - 1, nanoseconds: 999_999_999 },
                nanoseconds => Moment { nanoseconds: nanoseconds - 1, ..now },
            });
        }
    }

    /// The moment of the next line.
    pub fn next_moment(&mut self) -> Moment {
        let next = self.last.unwrap_or_else(Moment::now).next();
        self.last = Some(next);
        next
    }
}

/// Labels of growing moments, of which mostly the last digits change.
pub struct Labels {
    sequence: Sequence,
    seconds: i64,
    text: [u8; LENGTH],
}

impl Default for Labels {
    fn default() -> Self {
        Self { sequence: Sequence::default(), seconds: 0, text: encode(Moment::default()) }
    }
}

impl Labels {
    /// The clock is to be read for the lines to come.
    pub fn read_clock(&mut self) {
        self.sequence.read_clock();
    }

    /// The label of the next line.
    pub fn next_label(&mut self) -> &[u8; LENGTH] {
        let moment = self.sequence.next_moment();
        if moment.seconds == self.seconds {
            put_hex(&mut self.text[17..], &moment.nanoseconds.to_be_bytes());
        } else {
            self.text = encode(moment);
            self.seconds = moment.seconds;
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_is_2_to_the_62_and_10_seconds_ahead() {
        // the sample of Bernstein's page on TAI64N, whose seconds are TAI: 10 more than Unix time counted here
        assert_eq!(&encode(Moment { seconds: 0, nanoseconds: 1 }), b"@400000000000000a00000001");
        assert_eq!(decode(b"400000002a2b2c2d00000000"), Some(Moment { seconds: 0x2a2b_2c2d - 10, nanoseconds: 0 }));
        assert_eq!(decode(b"3fffffffffffffff3b9ac9ff"), Some(Moment { seconds: -11, nanoseconds: 999_999_999 }));
        for bad in [
            b"400000002a2b2c2d3b9aca00",
            b"400000002A2b2c2d00000000",
            b"400000002a2b2c2g00000000",
            b"800000000000000000000000",
        ] {
            assert_eq!(decode(bad), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(seconds: i64, nanoseconds in 0_u32..1_000_000_000) {
            let moment = Moment { seconds, nanoseconds };
            prop_assert_eq!(unpack(pack(moment)), moment);
        }

        #[test]
        fn what_is_encoded_is_decoded(seconds in -(1_i64 << 62) - 10..(1_i64 << 62) - 10, nanoseconds in 0_u32..1_000_000_000) {
            let moment = Moment { seconds, nanoseconds };
            let label = encode(moment);
            prop_assert_eq!(label[0], b'@');
            prop_assert_eq!(decode(label[1..].try_into().unwrap()), Some(moment));
        }

        #[test]
        fn no_bytes_do_harm(digits in proptest::array::uniform24(any::<u8>())) {
            let _ = decode(&digits);
        }
    }

    #[test]
    fn labels_grow_from_line_to_line_and_stay_with_the_clock() {
        let mut labels = Labels::default();
        let before = Moment::now();
        let mut last = *b"@000000000000000000000000";
        for _ in 0..100 {
            labels.read_clock();
            for _ in 0..1000 {
                let label = *labels.next_label();
                assert!(label > last);
                last = label;
            }
        }
        let moment = decode(last[1..].try_into().unwrap()).unwrap();
        assert!(moment >= before && moment.seconds <= Moment::now().seconds + 1);
    }

    #[test]
    fn a_clock_set_back_is_followed() {
        let now = Moment::now();
        let mut sequence = Sequence { last: Some(Moment { seconds: now.seconds + 3600, ..now }) };
        sequence.read_clock();
        assert!(sequence.next_moment().seconds <= now.seconds + 10);
    }

    #[test]
    fn a_nanosecond_carries() {
        let moment = Moment { seconds: 1, nanoseconds: 999_999_999 };
        assert_eq!(moment.next(), Moment { seconds: 2, nanoseconds: 0 });
    }
}
