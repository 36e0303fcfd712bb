//! Normal and exponential numbers by the ziggurat method: layers of equal area, of which almost all
//! draws need one multiplication and one comparison.
//!
//! Marsaglia and Tsang, The Ziggurat Method for Generating Random Variables, J. Stat. Softw. 5(8),
//! 2000, with 256 layers, and the layer and the place in it from different bits of one number, as
//! Doornik (2005) advises.

#![allow(clippy::excessive_precision)] // constants as their sources print them

use super::Stream;
use std::sync::LazyLock;

struct Tables {
    /// Right edges of the layers, widest first, and 0; the first is of the layer with the tail.
    x: [f64; 257],
    /// The density at each edge.
    y: [f64; 257],
}

/// Tables for a density that falls from 1 at 0, where the tail begins at `tail` and `area` is that
/// of each layer.
fn tables(tail: f64, area: f64, density: fn(f64) -> f64, inverse: fn(f64) -> f64) -> Tables {
    let mut x = [0.0; 257];
    x[0] = area / density(tail);
    x[1] = tail;
    for i in 2..256 {
        x[i] = inverse(area / x[i - 1] + density(x[i - 1]));
    }
    Tables { x, y: x.map(density) }
}

const NORMAL_TAIL: f64 = 3.654_152_885_361_008_796;
static NORMAL: LazyLock<Tables> = LazyLock::new(|| {
    let area = 0.004_928_673_233_974_655_347;
    tables(NORMAL_TAIL, area, |x| (-x * x / 2.0).exp(), |y| (-2.0 * y.ln()).sqrt())
});

const EXPONENTIAL_TAIL: f64 = 7.697_117_470_131_049_72;
static EXPONENTIAL: LazyLock<Tables> = LazyLock::new(|| {
    let area = 0.003_949_659_822_581_557_2;
    tables(EXPONENTIAL_TAIL, area, |x| (-x).exp(), |y| -y.ln())
});

/// From 0 to 1, neither included, for logarithms.
fn open(stream: &mut Stream) -> f64 {
    ((stream.bits() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

// Once per draw and a table away: not inlined into cells, where it would only cost compile time.
pub(super) fn normal(stream: &mut Stream) -> f64 {
    let tables = &*NORMAL;
    loop {
        let bits = stream.bits();
        let layer = (bits & 255) as usize;
        // From −1 to 1, from the upper 53 bits.
        let u = (bits as i64 >> 11) as f64 / (1u64 << 52) as f64;
        let x = u * tables.x[layer];
        if x.abs() < tables.x[layer + 1] {
            return x;
        }
        if layer == 0 {
            return normal_tail(stream, u);
        }
        let y = tables.y[layer] + stream.uniform() * (tables.y[layer + 1] - tables.y[layer]);
        if y < (-x * x / 2.0).exp() {
            return x;
        }
    }
}

/// Beyond the last layer, by rejection (Marsaglia, 1964).
#[cold]
fn normal_tail(stream: &mut Stream, sign: f64) -> f64 {
    loop {
        let x = -open(stream).ln() / NORMAL_TAIL;
        let y = -open(stream).ln();
        if 2.0 * y >= x * x {
            return (NORMAL_TAIL + x).copysign(sign);
        }
    }
}

pub(super) fn exponential(stream: &mut Stream) -> f64 {
    let tables = &*EXPONENTIAL;
    loop {
        let bits = stream.bits();
        let layer = (bits & 255) as usize;
        let x = (bits >> 11) as f64 / (1u64 << 53) as f64 * tables.x[layer];
        if x < tables.x[layer + 1] {
            return x;
        }
        if layer == 0 {
            // The distribution has no memory: the tail is the whole again.
            return EXPONENTIAL_TAIL - open(stream).ln();
        }
        let y = tables.y[layer] + stream.uniform() * (tables.y[layer + 1] - tables.y[layer]);
        if y < (-x).exp() {
            return x;
        }
    }
}
