//! Numbers as people read them: in sentences, and as labels of ticks.

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// Labels of evenly spaced values: all with the digits that the step needs.
pub(super) fn labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0f64, |m, v| m.max(v.abs()));
    let exponent = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
    let decimals = |unit: f64| {
        let exact = |d: &usize| {
            let scaled = step / unit * 10f64.powi(*d as i32);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0)
        };
        (0..=12).find(exact).unwrap_or(12)
    };
    if (-4..6).contains(&exponent) {
        let digits = decimals(1.0);
        return values.iter().map(|v| plain(*v, digits)).collect();
    }
    // Small whole numbers in front of the power where that is possible, 2·10⁶, 4·10⁶, … 10·10⁶,
    // else numbers below ten: 1.0·10⁶, 1.5·10⁶.
    let fine = step.log10().floor() as i32;
    let exponent = if exponent - fine <= 2 && decimals(10f64.powi(fine)) == 0 { fine } else { exponent };
    let unit = 10f64.powi(exponent);
    let digits = decimals(unit);
    let power = superscript(exponent);
    let label = |v: &f64| match *v == 0.0 {
        true => "0".to_owned(),
        false => format!("{}·10{power}", plain(v / unit, digits)),
    };
    values.iter().map(label).collect()
}

/// With a real minus sign, and no `-0`.
pub(super) fn plain(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// An exponent.
pub(super) fn superscript(n: i32) -> String {
    n.to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => char::from_u32('⁰' as u32 + digit.to_digit(10).unwrap_or(0)).unwrap_or('⁰'),
        })
        .collect()
}

/// A number for a sentence: four significant digits.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    match exponent {
        -4..7 => {
            let digits = (3 - exponent).clamp(0, 8) as usize;
            let text = format!("{value:.digits$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ => format!("{value:.3e}"),
    }
}

/// Two ends in words; nothing when the first is above the second.
pub(super) fn span((low, high): (f64, f64), text: fn(f64) -> String) -> String {
    match low > high {
        true => "nothing".to_owned(),
        false => format!("{} to {}", text(low), text(high)),
    }
}
