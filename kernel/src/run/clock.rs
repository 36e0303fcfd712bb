//! Wall-clock times as Jupyter writes them. No time zones but UTC, no calendars but the common one.

use ferrolab_base::date::civil;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, as `2025-01-31T12:00:00.123456Z`.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    iso(since.as_secs(), since.subsec_micros())
}

fn iso(seconds: u64, micros: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(i64::try_from(days).unwrap_or(i64::MAX / 2));
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
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
