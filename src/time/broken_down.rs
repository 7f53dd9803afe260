//! Points in time, broken down: what clock and calendar show, and the texts that strftime(3) makes of that.

use super::calendar::{DAY, days_before, months, weekday_of, year_of};
use crate::sys::time::{self, Fields};
use std::ffi::{CStr, CString, c_int, c_long};

/// A point in time, broken down.
#[derive(Clone, Copy)]
pub struct BrokenDown<'a> {
    fields: Fields,
    /// The zone's name.
    zone: &'a CStr,
}

impl<'a> BrokenDown<'a> {
    /// In UTC. `None` for a year that no record has room for.
    pub fn utc(seconds: i64) -> Option<Self> {
        Self::east(seconds, 0, false, c"UTC")
    }

    /// As the clocks show it so many seconds east of UTC, where the zone has that name.
    pub fn east(seconds: i64, east: i64, is_summer: bool, zone: &'a CStr) -> Option<Self> {
        let shown = seconds.checked_add(east)?;
        let (day, second) = (shown.div_euclid(DAY), shown.rem_euclid(DAY));
        let year = year_of(day);
        let of_year = day - days_before(year);
        let (mut month, mut of_month) = (0, of_year);
        for days in months(year) {
            if of_month < days {
                break;
            }
            (month, of_month) = (month + 1, of_month - days);
        }
        let fields = Fields {
            second: (second % 60) as c_int,
            minute: (second / 60 % 60) as c_int,
            hour: (second / 3600) as c_int,
            day: of_month as c_int + 1,
            month,
            year: c_int::try_from(year - 1900).ok()?,
            weekday: weekday_of(day) as c_int,
            day_of_year: of_year as c_int,
            is_summer,
            east: c_long::try_from(east).ok()?,
        };
        Some(Self { fields, zone })
    }

    /// With so many seconds more, which may be beyond the 59th.
    pub fn with_seconds_beyond(mut self, count: u8) -> Self {
        self.fields.second += i32::from(count);
        self
    }

    /// Year, month and day, the first of a month and of a year being 1.
    pub fn date(&self) -> (i64, u8, u8) {
        (i64::from(self.fields.year) + 1900, self.fields.month as u8 + 1, self.fields.day as u8)
    }

    /// Hour, minute and second; the second may be 60.
    pub fn time(&self) -> (u8, u8, u8) {
        (self.fields.hour as u8, self.fields.minute as u8, self.fields.second as u8)
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i64 {
        self.fields.east
    }

    /// As strftime(3), in the C locale.
    pub fn format(&self, format: &CStr) -> Vec<u8> {
        /// A format that makes more than this of its own length is not worth its memory.
        const MOST: usize = 1 << 16;
        // it gives 0 for too little room and for an empty text alike, so one byte more is asked for
        let format = [format.to_bytes(), b"."].concat();
        let Ok(format) = CString::new(format) else { return Vec::new() };
        let mut room = 128.max(2 * format.as_bytes_with_nul().len());
        loop {
            let mut text = vec![0_u8; room];
            let length = time::format(&self.fields, self.zone, &format, &mut text);
            if length > 0 || room > MOST {
                text.truncate(length.saturating_sub(1));
                return text;
            }
            room *= 4;
        }
    }
}
