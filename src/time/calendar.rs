//! The calendar: days, counted from 1970, and what they are called. Not the C library's gmtime(3): glibc's takes leap
//! seconds off where `TZ` counts some.

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// Whether a year has 366 days.
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// How many days each month has.
pub fn months(year: i64) -> [i64; 12] {
    [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// Days from 1970 to the first of a year.
pub fn days_before(year: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * (year - 1970) + leap_days(year - 1) - leap_days(1969)
}

/// The year of a day.
pub fn year_of(day: i64) -> i64 {
    // by the length of years on average, which may be one too small or too large
    let guess = 1970 + (day * 400).div_euclid(146_097);
    match day {
        _ if day < days_before(guess) => guess - 1,
        _ if day >= days_before(guess + 1) => guess + 1,
        _ => guess,
    }
}

/// The day of the week, 0 being Sunday.
pub fn weekday_of(day: i64) -> i64 {
    // 1970 began with a Thursday
    (day + 4).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_and_years_of_history() {
        for (year, day, weekday) in [
            (0, -719_528, 6),
            (1000, -354_285, 3),
            (1900, -25_567, 1),
            (1970, 0, 4),
            (2000, 10_957, 6),
            (9999, 2_932_532, 5),
        ] {
            assert_eq!((days_before(year), weekday_of(day)), (day, weekday), "{year}");
        }
        assert_eq!([1900, 2000, 2023, 2024, 0, -1, -4].map(is_leap), [false, true, false, true, true, false, true]);
    }

    proptest! {
        #[test]
        fn years_follow_one_another(year in -100_000_i64..100_000) {
            let (first, next) = (days_before(year), days_before(year + 1));
            prop_assert_eq!(next - first, 365 + i64::from(is_leap(year)));
            prop_assert_eq!(next - first, months(year).iter().sum::<i64>());
            prop_assert_eq!([first - 1, first, next - 1, next].map(year_of), [year - 1, year, year, year + 1]);
        }
    }
}
