//! Numbers as people read them: seconds with a fitting unit, counts with separators. Text only.

/// A unit of time for numbers of the size of `seconds`: how many of it make a second, and its name.
pub(super) fn unit(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        s if s >= 1.0 || s.is_nan() => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    }
}

/// Seconds with three to four digits: `12.3 ns`, `1.23 s`.
pub(super) fn time(seconds: f64) -> String {
    let (scale, name) = unit(seconds);
    format!("{} {name}", digits(seconds * scale))
}

/// `value ± spread`, both in the unit of the value: `12.31 ns ± 0.05 ns`.
pub(super) fn with_spread(value: f64, spread: f64) -> String {
    let (scale, name) = unit(value);
    let (value, spread) = (value * scale, spread * scale);
    // As many decimals as the spread's first digit needs, and no less than three digits in all.
    let needed = if spread > 0.0 { (-spread.log10().floor()).clamp(0.0, 3.0) as usize } else { 0 };
    let decimals = needed.max(decimals(value));
    format!("{value:.decimals$} {name} ± {spread:.decimals$} {name}")
}

/// An estimate with its interval: `value ± half of it`, or, when the interval is wide and lopsided,
/// `value (low to high)`.
pub(super) fn estimate(value: f64, (low, high): (f64, f64)) -> String {
    let (below, above) = (value - low, high - value);
    if (high - low) > 0.1 * value && (below > 2.0 * above || above > 2.0 * below) {
        return format!("{} ({} to {})", time(value), time(low), time(high));
    }
    with_spread(value, (high - low) / 2.0)
}

/// A number with three digits.
pub(super) fn digits(value: f64) -> String {
    format!("{value:.*}", decimals(value))
}

fn decimals(value: f64) -> usize {
    match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    }
}

/// A ratio: with three decimals near 1, where they matter, else with three digits.
pub(super) fn ratio(value: f64) -> String {
    if (0.5..2.0).contains(&value) { format!("{value:.3}") } else { digits(value) }
}

/// A count with separators: `1,234,567`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_the_number() {
        assert_eq!(time(12.34e-9), "12.3 ns");
        assert_eq!(time(1.5e-6), "1.50 µs");
        assert_eq!(time(0.25), "250 ms");
        assert_eq!(time(3.0), "3.00 s");
        assert_eq!(with_spread(12.3e-9, 0.04e-9), "12.30 ns ± 0.04 ns");
        assert_eq!(with_spread(2.0, 0.0), "2.00 s ± 0.00 s");
        assert_eq!(estimate(100e-9, (98e-9, 104e-9)), "100 ns ± 3 ns");
        assert_eq!(estimate(100e-9, (98e-9, 900e-9)), "100 ns (98.0 ns to 900 ns)");
        assert_eq!((count(0), count(999), count(1000)), ("0".into(), "999".into(), "1,000".into()));
        assert_eq!(count(12_345_678), "12,345,678");
    }
}
