//! Wall-clock times as Jupyter writes them. No time zones but UTC, no calendars but the common one.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, as `2025-01-31T12:00:00.123456Z`.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso(since.as_secs(), since.subsec_micros())
}

fn iso(seconds: u64, micros: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Year, month and day of a count of days since 1970-01-01: Howard Hinnant's `civil_from_days`,
/// whose years begin in March so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(iso(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(iso(951_782_400, 7), "2000-02-29T00:00:00.000007Z");
        assert_eq!(iso(1_735_689_599, 999_999), "2024-12-31T23:59:59.999999Z");
        assert_eq!(iso(4_107_542_399, 0), "2100-02-28T23:59:59.000000Z");
        assert_eq!(iso(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }
}
