//! Dates on an axis: seconds since 1970 in UTC, to the civil calendar and back, and ticks at steps
//! that people think in. No time zones and no leap seconds.

use super::numbers::{Tick, short};
use ferrolab_base::date::{civil, days};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
/// Dates beyond the year ±100,000 are drawn as numbers.
const FARTHEST: f64 = 3.2e12;

/// Seconds from 1970-01-01 to a day's beginning, in UTC: what [`Plot::date_x`](super::Plot::date_x)
/// takes. Months and days beyond their range run on into the next ones.
///
/// ```
/// use ferrolab::plot;
/// assert_eq!(plot::date(1970, 1, 2), 86_400.0);
/// assert_eq!(plot::date(2024, 2, 29) + 86_400.0, plot::date(2024, 3, 1));
/// ```
#[must_use]
pub fn date(year: i32, month: u32, day: u32) -> f64 {
    let months = i64::from(month) - 1;
    let (year, month) = (i64::from(year) + months.div_euclid(12), months.rem_euclid(12) + 1);
    (days(year, month, 1) + i64::from(day) - 1) as f64 * DAY
}

fn year_of(seconds: f64) -> i64 {
    civil((seconds / DAY).floor() as i64).0
}

/// Ticks between two times, about `most` or fewer; none when the calendar does not help.
pub(super) fn ticks(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let spread = high - low;
    if !(spread >= 1.0 && low.abs() < FARTHEST && high.abs() < FARTHEST) {
        return Vec::new();
    }
    let rough = spread / most.max(2) as f64;
    let even = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0].into_iter();
    let even = even.chain([1.0, 2.0, 5.0, 10.0, 15.0, 30.0].map(|m| m * MINUTE));
    let mut even = even.chain([1.0, 2.0, 3.0, 6.0, 12.0].map(|h| h * HOUR)).chain([1.0, 2.0].map(|d| d * DAY));
    if let Some(step) = even.find(|step| *step >= rough) {
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        let times = (first..=last).map(|i| i as f64 * step);
        return label(times, |t, before| clock(t, before, step));
    }
    if rough <= 16.0 * DAY {
        // The first of each month and days between: 1, 8, 15, 22 or 1, 16.
        let days: &[i64] = if rough <= 8.0 * DAY { &[1, 8, 15, 22] } else { &[1, 16] };
        let times = months(low, high, 1).flat_map(|(y, m)| days.iter().map(move |&d| (y, m, d)));
        let times = times.map(|(y, m, d)| self::days(y, m, d) as f64 * DAY);
        return label(times.filter(|t| *t >= low && *t <= high), |t, before| clock(t, before, DAY));
    }
    for step in [1, 2, 3, 6] {
        if rough <= step as f64 * 30.5 * DAY {
            let times = months(low, high, step).map(|(y, m)| days(y, m, 1) as f64 * DAY);
            return label(times.filter(|t| *t >= low && *t <= high), month);
        }
    }
    let years = rough / (365.25 * DAY);
    let power = 10f64.powf(years.log10().floor()).max(1.0);
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= years * 0.98).unwrap_or(power * 10.0);
    let step = step as i64;
    let (first, last) = (year_of(low).div_euclid(step), year_of(high).div_euclid(step) + 1);
    let times = (first..=last).map(|i| days(i * step, 1, 1) as f64 * DAY);
    label(times.filter(|t| *t >= low && *t <= high), |t, _| year_of(t).to_string())
}

/// Every `step`-th month, from January on, around a range.
fn months(low: f64, high: f64, step: i64) -> impl Iterator<Item = (i64, i64)> {
    let all = year_of(low)..=year_of(high);
    all.flat_map(move |year| (1..=12).step_by(step as usize).map(move |month| (year, month)))
}

/// Each time with its label, which may leave out what the tick before it says.
fn label(times: impl Iterator<Item = f64>, text: impl Fn(f64, Option<f64>) -> String) -> Vec<Tick> {
    let mut before = None;
    let tick = |at: f64| {
        let label = text(at, before);
        before = Some(at);
        Tick { at, label }
    };
    times.map(tick).collect()
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The year with January and with the first tick, else the month.
fn month(time: f64, before: Option<f64>) -> String {
    let (year, month, _) = civil((time / DAY).floor() as i64);
    let name = MONTHS[(month - 1) as usize % 12];
    match before {
        Some(before) if year_of(before) == year => name.to_owned(),
        _ => format!("{name} {year}"),
    }
}

/// Days as `Mar 8`, times of day as `14:30`, with what changed since the tick before.
fn clock(time: f64, before: Option<f64>, step: f64) -> String {
    let day = (time / DAY).floor();
    let (year, month, date) = civil(day as i64);
    let name = MONTHS[(month - 1) as usize % 12];
    let same_day = before.is_some_and(|b| (b / DAY).floor() == day);
    let dated = match before {
        Some(before) if year_of(before) == year => format!("{name} {date}"),
        _ => format!("{name} {date}, {year}"),
    };
    if step >= DAY || (!same_day && time == day * DAY && before.is_some()) {
        return dated;
    }
    let seconds = (time - day * DAY) as i64;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = match step < MINUTE {
        true => format!("{h:02}:{m:02}:{s:02}"),
        false => format!("{h:02}:{m:02}"),
    };
    match before {
        Some(_) => time,
        None => format!("{name} {date} {time}"),
    }
}

/// A time for a sentence: `2024-03-08` or `2024-03-08 14:30:00`.
pub(super) fn long(seconds: f64) -> String {
    if seconds.is_nan() || seconds.abs() >= FARTHEST {
        return short(seconds);
    }
    let day = (seconds / DAY).floor();
    let (year, month, date) = civil(day as i64);
    let rest = (seconds - day * DAY) as i64;
    match rest {
        0 => format!("{year}-{month:02}-{date:02}"),
        _ => format!("{year}-{month:02}-{date:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for day in (-1_000_000..1_000_000).step_by(37) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
            assert!((1..=12).contains(&m) && (1..=31).contains(&d));
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(date(2023, 14, 1), date(2024, 2, 1));
        assert_eq!(long(date(2024, 2, 29) + 3661.0), "2024-02-29 01:01:01");
    }

    #[test]
    fn ticks_are_at_steps_people_think_in() {
        let at = |low: f64, high: f64| ticks(low, high, 6).into_iter().map(|t| t.label).collect::<Vec<_>>();
        let start = date(2024, 1, 1);
        assert_eq!(
            at(start, start + 60.0),
            ["Jan 1 00:00:00", "00:00:10", "00:00:20", "00:00:30", "00:00:40", "00:00:50", "00:01:00"]
        );
        assert_eq!(at(start, start + 86_400.0)[..4], ["Jan 1 00:00", "06:00", "12:00", "18:00"]);
        assert_eq!(at(start, date(2024, 1, 29)), ["Jan 1, 2024", "Jan 8", "Jan 15", "Jan 22"]);
        assert_eq!(at(date(2023, 11, 1), date(2024, 4, 1)), ["Nov 2023", "Dec", "Jan 2024", "Feb", "Mar", "Apr"]);
        assert_eq!(at(start, date(2030, 1, 1)), ["2024", "2025", "2026", "2027", "2028", "2029", "2030"]);
        assert_eq!(at(date(1000, 1, 1), date(2000, 1, 1)), ["1000", "1200", "1400", "1600", "1800", "2000"]);
        assert!(at(0.0, 0.5).is_empty() && at(0.0, 1e300).is_empty() && at(f64::NAN, 1.0).is_empty());
        for spread in 0..40 {
            let n = ticks(start, start + 1.8f64.powi(spread), 6).len();
            assert!(n <= 8, "{spread}: {n}");
        }
    }
}
