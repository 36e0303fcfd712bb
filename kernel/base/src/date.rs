//! Days and civil dates of the Gregorian calendar, after Howard Hinnant's "chrono-compatible low-level date
//! algorithms", whose years begin in March so that the leap day comes last. No time zones.

/// Days from 1970-01-01 to a date.
///
/// ```
/// assert_eq!(ferrolab_base::date::days(2000, 3, 1), 11_017);
/// ```
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a count of days from 1970-01-01.
///
/// ```
/// use ferrolab_base::date::{civil, days};
/// assert_eq!(civil(0), (1970, 1, 1));
/// assert_eq!(civil(days(2024, 2, 29)), (2024, 2, 29));
/// ```
pub fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
