//! `supervise/status`, byte by byte. 18 bytes are daemontools', with a 19th daemontools-encore's, with a 20th also runit's; 40 are
//! daemontools-encore's for a service with a log of its own inside the same supervise. Supervise here writes 20: runit's sv
//! takes fewer for an error, and from 38 on daemontools-encore sees a log.
//!
//! | offset | is |
//! |---|---|
//! | 0–11 | since when the pid is what it is (TAI64N, big-endian) |
//! | 12–15 | the pid, little-endian; 0 when down |
//! | 16 | 1 if paused |
//! | 17 | `u`, `d` or, for "once", 0 |
//! | 18 | the phase |
//! | 19 | runit's state: 0 down, 1 run, 2 finish |

use crate::time::tai64n::{self, Moment};

/// What is wanted of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// It is started again when it ends.
    Up,
    /// It is not to run.
    Down,
    /// It is not started again.
    Once,
}

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Down.
    Stopped = 0,
    /// `start` runs.
    Starting = 1,
    /// `start` has done all there is to do: there is no `run`.
    Started = 2,
    /// `run` runs.
    Running = 3,
    /// It has been told to end, or `stop` or `finish` runs.
    Stopping = 4,
    /// It has failed for good.
    Failed = 5,
}

impl Phase {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        }
    }

    /// The phase of that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        ALL.into_iter().find(|phase| phase.name().as_bytes() == name)
    }
}

/// In the order of their numbers.
const ALL: [Phase; 6] =
    [Phase::Stopped, Phase::Starting, Phase::Started, Phase::Running, Phase::Stopping, Phase::Failed];

/// One service in a status file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Since when the pid is what it is.
    pub since: Moment,
    /// The process; 0 if there is none.
    pub pid: u32,
    /// Whether it has been stopped.
    pub is_paused: bool,
    /// What is wanted.
    pub want: Want,
    /// What it is doing; `None` where a plain daemontools or runit has written it.
    pub phase: Option<Phase>,
}

/// All that a status file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusFile {
    /// The service.
    pub main: Status,
    /// Its log, if that is in the same file.
    pub log: Option<Status>,
    /// Whether runit's runsv has written it and has sent TERM.
    pub got_term: bool,
    /// Whether the process is `stop` or `finish`.
    pub in_finish: bool,
}

/// Bytes of one service.
pub const LENGTH: usize = 20;

/// Bytes of a plain daemontools. The one behind them is the phase.
const CLASSIC: usize = 18;

/// Bytes of s6's, which is another format.
const S6: usize = 35;

impl Status {
    /// The bytes of this service; `in_finish` is whether the process is `stop` or `finish`.
    pub fn encode(&self, in_finish: bool) -> [u8; LENGTH] {
        let phase = self.phase.unwrap_or(Phase::Stopped);
        let mut bytes = [0; LENGTH];
        bytes[..tai64n::PACKED].copy_from_slice(&tai64n::pack(self.since));
        bytes[12..16].copy_from_slice(&self.pid.to_le_bytes());
        bytes[16] = u8::from(self.is_paused && self.pid != 0);
        bytes[17] = match self.want {
            Want::Up => b'u',
            Want::Down => b'd',
            Want::Once => 0,
        };
        bytes[18] = phase as u8;
        bytes[19] = match phase {
            _ if in_finish => 2,
            Phase::Running | Phase::Stopping if self.pid != 0 => 1,
            _ => 0,
        };
        bytes
    }

    /// How long the pid has been what it is, in seconds as daemontools counts them: whole ones of either side, and 0 if the
    /// clock has been set back since.
    pub fn seconds(&self, now: Moment) -> u64 {
        let [now, since] = [now, self.since].map(|moment| {
            let [a, b, c, d, e, f, g, h, ..] = tai64n::pack(moment);
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        });
        now.saturating_sub(since)
    }

    fn decode(bytes: &[u8; LENGTH], is_plain: bool) -> Self {
        let mut since = [0; tai64n::PACKED];
        since.copy_from_slice(&bytes[..tai64n::PACKED]);
        Self {
            since: tai64n::unpack(since),
            pid: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
            is_paused: bytes[16] != 0,
            want: match bytes[17] {
                b'u' => Want::Up,
                b'd' => Want::Down,
                _ => Want::Once,
            },
            phase: if is_plain { None } else { ALL.get(usize::from(bytes[18])).copied() },
        }
    }
}

impl StatusFile {
    /// What these bytes say; `None` if they are too few, or s6's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < CLASSIC || is_s6(bytes.len()) {
            return None;
        }
        let mut main = [0; LENGTH];
        let length = bytes.len().min(LENGTH);
        main[..length].copy_from_slice(&bytes[..length]);
        // runit's runsv: its own state, and whether TERM was sent, where others have the phase
        let is_runit = length == LENGTH && matches!(main[19], 1 | 2) && matches!(main[18], 0 | 1);
        let is_plain = length == CLASSIC || is_runit;
        let log = bytes.get(LENGTH..2 * LENGTH).and_then(|bytes| bytes.try_into().ok());
        Some(Self {
            main: Status::decode(&main, is_plain),
            log: log.map(|bytes| Status::decode(bytes, false)),
            got_term: is_runit && main[18] == 1,
            in_finish: main[19] == 2,
        })
    }
}

/// Whether a status file of so many bytes is s6's.
pub fn is_s6(length: usize) -> bool {
    length == S6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file that daemontools' supervise has written, and one byte of each of its heirs.
    const SAMPLE: &[u8] = b"\x40\0\0\0\x6b\0\xa9\x25\x3a\x57\xe3\xe4\xc6\x59\0\0\0u";

    #[test]
    fn a_file_of_daemontools_is_read() {
        let record = StatusFile::decode(SAMPLE).unwrap();
        assert_eq!((record.main.pid, record.main.want, record.main.phase), (0x59c6, Want::Up, None));
        assert_eq!(record.main.since, Moment { seconds: 0x6b00_a925 - 10, nanoseconds: 0x3a57_e3e4 });
        assert!(StatusFile::decode(&SAMPLE[..17]).is_none());
    }

    #[test]
    fn the_last_two_bytes_tell_who_has_written() {
        let with = |last: [u8; 2]| StatusFile::decode(&[SAMPLE, &last].concat()).unwrap();
        for (last, phase, got_term) in [
            ([0, 1], None, false),
            ([1, 1], None, true),
            ([1, 2], None, true),
            ([0, 0], Some(Phase::Stopped), false),
            ([1, 0], Some(Phase::Starting), false),
            ([2, 0], Some(Phase::Started), false),
            ([3, 1], Some(Phase::Running), false),
            ([4, 2], Some(Phase::Stopping), false),
            ([5, 0], Some(Phase::Failed), false),
            ([6, 0], None, false),
        ] {
            let record = with(last);
            assert_eq!((record.main.phase, record.got_term), (phase, got_term), "{last:?}");
            assert_eq!(record.in_finish, last[1] == 2, "{last:?}");
        }
        let without_state_of_runit = StatusFile::decode(&[SAMPLE, &[5]].concat()).unwrap();
        assert_eq!(without_state_of_runit.main.phase, Some(Phase::Failed));
    }

    #[test]
    fn seconds_are_whole_and_never_negative() {
        let status = StatusFile::decode(SAMPLE).unwrap().main;
        let since = status.since;
        for (seconds, nanoseconds, expected) in
            [(0, 999_999_999, 0), (1, 0, 1), (3600, 0, 3600), (-1, 0, 0), (-9999, 0, 0)]
        {
            let now = Moment { seconds: since.seconds + seconds, nanoseconds };
            assert_eq!(status.seconds(now), expected, "{seconds}");
        }
        let now = Moment { seconds: 0, nanoseconds: 0 };
        // before the beginning of the count, and beyond its end
        assert_eq!(Status { since: tai64n::unpack([0; 12]), ..status }.seconds(now), (1 << 62) + 10);
        assert_eq!(Status { since: tai64n::unpack([255; 12]), ..status }.seconds(now), 0);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(seconds: i64, nanoseconds in 0_u32..1_000_000_000, pid: u32, is_paused: bool,
                                      want in 0..3_usize, phase in 0..6_usize) {
            let status = Status {
                since: Moment { seconds, nanoseconds },
                pid,
                is_paused: is_paused && pid != 0,
                want: [Want::Up, Want::Down, Want::Once][want],
                phase: Some(ALL[phase]),
            };
            let record = StatusFile::decode(&status.encode(false)).unwrap();
            prop_assert_eq!((record.main, record.log, record.got_term), (status, None, false));
        }

        #[test]
        fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let record = StatusFile::decode(&bytes);
            prop_assert_eq!(record.is_some(), bytes.len() >= 18 && bytes.len() != 35);
            prop_assert_eq!(record.is_some_and(|record| record.log.is_some()), bytes.len() >= 40);
        }
    }
}
