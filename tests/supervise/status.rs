//! The bytes of `supervise/status`.

use nix::unistd::Pid;
use std::time::{Duration, SystemTime};

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status(pub Vec<u8>);

impl Status {
    /// The time stamp, as it is.
    pub fn stamp(&self) -> [u8; 12] {
        self.0[..12].try_into().unwrap()
    }

    /// The time stamp as a time: labels count from 2^62 + 10 seconds before 1970.
    #[track_caller]
    pub fn since(&self) -> SystemTime {
        let seconds = u64::from_be_bytes(self.0[..8].try_into().unwrap());
        let nanoseconds = u32::from_be_bytes(self.0[8..12].try_into().unwrap());
        assert!(nanoseconds < 1_000_000_000, "{self:?}");
        let seconds = seconds.checked_sub((1 << 62) + 10).unwrap_or_else(|| panic!("before 1970: {self:?}"));
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
    }

    /// The process id, which is zero if there is none.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::from_le_bytes(self.0[12..16].try_into().unwrap()))
    }

    pub fn is_up(&self) -> bool {
        self.pid().as_raw() != 0
    }

    /// `u`, `d` or NUL.
    pub fn want(&self) -> u8 {
        self.0[17]
    }

    /// Bytes 18 and 19, which daemontools does not have.
    pub fn phase(&self) -> Option<(u8, u8)> {
        Some((*self.0.get(18)?, *self.0.get(19)?))
    }

    /// What there is besides time and process: `up u`, `down d`, `up - paused`.
    pub fn shown(&self) -> String {
        let up = if self.is_up() { "up" } else { "down" };
        let want = match self.want() {
            0 => "-".to_owned(),
            want => want.escape_ascii().to_string(),
        };
        let paused = match self.0[16] {
            0 => String::new(),
            1 => " paused".to_owned(),
            other => format!(" paused? {other}"),
        };
        format!("{up} {want}{paused}")
    }
}
