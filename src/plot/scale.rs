//! Axes: from values to a place between 0 and 1, and ticks that people can read.

use super::calendar;
use super::numbers::{Tick, labels, plain, superscript};

/// Differences below this are none: powers of ten still work here.
const TINY: f64 = 1e-280;
/// Values are limited to this, so that differences stay finite.
const MOST: f64 = f64::MAX / 4.0;

/// The range of an axis and how values are spread over it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The value at the left or lower end; above `high` where an axis runs backwards.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) log: bool,
    /// Values are seconds since 1970.
    pub(super) date: bool,
}

/// What places values on an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruler {
    log: bool,
    from: f64,
    spread: f64,
}

impl Ruler {
    #[inline]
    pub(super) fn place(&self, value: f64) -> f64 {
        match self.log {
            true if value <= 0.0 => f64::NAN,
            true => (value.ln() - self.from) / self.spread,
            // Infinity stays outside.
            false if value.is_finite() => (value.clamp(-MOST, MOST) - self.from) / self.spread,
            false => value,
        }
    }
}

impl Scale {
    pub(super) fn linear(low: f64, high: f64) -> Self {
        Self { low, high, log: false, date: false }
    }

    /// A range around values from `low` to `high`; `None` when there are none, that is when `low`
    /// is above `high`. `zero` makes it include 0 (where there is one), `pad` widens it by that
    /// part on both sides. On a logarithmic axis both are positive.
    pub(super) fn around((mut low, mut high): (f64, f64), log: bool, zero: bool, pad: f64) -> Option<Self> {
        if low.is_nan() || low > high || (log && low <= 0.0) {
            return None;
        }
        if log {
            (low, high) = (low.max(TINY), high.max(TINY));
            if low == high {
                (low, high) = (low / 2.0, high * 2.0);
            }
            let room = (high / low).ln() * pad;
            let (low, high) = ((low * (-room).exp()).max(TINY), (high * room.exp()).min(f64::MAX));
            return Some(Self { low, high, log, date: false });
        }
        let (mut below, mut above) = (pad, pad);
        if zero && low >= 0.0 {
            (low, below) = (0.0, 0.0);
        } else if zero && high <= 0.0 {
            (high, above) = (0.0, 0.0);
        }
        (low, high) = (low.clamp(-MOST, MOST), high.clamp(-MOST, MOST));
        let spread = high - low;
        if spread <= (low.abs().max(high.abs()) * 1e-13).max(TINY) {
            let half = if low.abs() <= TINY { 1.0 } else { low.abs() * 0.05 };
            return Some(Self::linear(low - half, high + half));
        }
        Some(Self::linear(low - spread * below, high + spread * above))
    }

    /// Where a value lies: 0 at the low end, 1 at the high end; not finite when the value can't
    /// be shown.
    pub(super) fn place(&self, value: f64) -> f64 {
        self.ruler().place(value)
    }

    /// The same for many values.
    pub(super) fn ruler(&self) -> Ruler {
        match self.log {
            true => Ruler { log: true, from: self.low.ln(), spread: self.high.ln() - self.low.ln() },
            false => Ruler { log: false, from: self.low, spread: self.high - self.low },
        }
    }

    /// Ticks at whole numbers: of what is counted, as far as there are some.
    pub(super) fn whole_ticks(&self, most: usize) -> Vec<Tick> {
        let span = (self.high - self.low).abs();
        let ticks = self.ticks(if span < most as f64 { span.ceil() as usize + 1 } else { most });
        // A step of 2.5 falls on a whole number every other time.
        if ticks.iter().all(|t| t.at.fract() == 0.0) || self.log || self.date {
            return ticks;
        }
        let whole: Vec<Tick> = ticks.iter().filter(|t| t.at.fract() == 0.0).cloned().collect();
        if whole.is_empty() {
            return ticks;
        }
        let step = whole.windows(2).map(|pair| pair[1].at - pair[0].at).fold(f64::MAX, f64::min);
        let values: Vec<f64> = whole.iter().map(|t| t.at).collect();
        let labels = labels(&values, if step < f64::MAX { step } else { 1.0 });
        values.into_iter().zip(labels).map(|(at, label)| Tick { at, label }).collect()
    }

    /// About `most` ticks or fewer.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        if self.low > self.high {
            return Self { low: self.high, high: self.low, ..*self }.ticks(most);
        }
        if self.date {
            let ticks = calendar::ticks(self.low, self.high, most);
            if ticks.len() >= 2 {
                return ticks;
            }
        }
        if self.log {
            let ticks = self.log_ticks(most);
            if ticks.len() >= 2 {
                return ticks;
            }
        }
        let ticks = self.linear_ticks(most);
        // One mark tells no scale: rather some more than that.
        match ticks.len() {
            0 | 1 => self.linear_ticks(most.max(2) * 2),
            _ => ticks,
        }
    }

    /// Places of the small ticks of a logarithmic axis: the other multiples of powers of ten. None
    /// when there are too many to see.
    pub(super) fn minor(&self) -> Vec<f64> {
        let (low, high) = (self.low.min(self.high), self.low.max(self.high));
        if !self.log || (high / low).log10() > 7.0 {
            return Vec::new();
        }
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let all = (first..=last).flat_map(|e| (2..10).map(move |digit| f64::from(digit) * 10f64.powi(e)));
        all.filter(|v| *v >= low && *v <= high).collect()
    }

    fn linear_ticks(&self, most: usize) -> Vec<Tick> {
        let spread = self.high - self.low;
        let rough = spread / most.max(2) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|step| spread / step <= most as f64)
            .unwrap_or(power * 10.0);
        if !(step.is_finite() && step > 0.0) {
            return Vec::new();
        }
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let count = (last - first).clamp(0.0, 100.0) as usize;
        let values: Vec<f64> = (0..=count).map(|i| (first + i as f64) * step).collect();
        let labels = labels(&values, step);
        let pairs = values.into_iter().zip(labels);
        pairs.map(|(at, label)| Tick { at, label }).collect()
    }

    fn log_ticks(&self, most: usize) -> Vec<Tick> {
        let first = (self.low.log10() - 1e-9).ceil() as i32;
        let last = (self.high.log10() + 1e-9).floor() as i32;
        let decades = (last - first + 1).max(0) as usize;
        let every = decades.div_ceil(most.max(1)).max(1);
        let tick = |exponent: i32, digit: u32| Tick {
            at: f64::from(digit) * 10f64.powi(exponent),
            label: match exponent {
                -3..=4 => plain(f64::from(digit) * 10f64.powi(exponent), (-exponent).max(0) as usize),
                _ if digit == 1 => format!("10{}", superscript(exponent)),
                _ => format!("{digit}·10{}", superscript(exponent)),
            },
        };
        if decades >= 3 || decades > most {
            return (first..=last).step_by(every).map(|e| tick(e, 1)).collect();
        }
        let digits: &[u32] = if decades >= 2 { &[1, 3] } else { &[1, 2, 5] };
        (first - 1..=last)
            .flat_map(|e| digits.iter().map(move |&d| tick(e, d)))
            .filter(|t| t.at >= self.low * (1.0 - 1e-9) && t.at <= self.high * (1.0 + 1e-9))
            .collect()
    }
}
