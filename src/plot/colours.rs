//! The colour map of heat maps: viridis, which is even in lightness and safe for colour
//! blindness.

use super::canvas::Pixels;

/// More cells than this in a row or column are averaged.
const MOST: usize = 1000;

/// Matt Zucker's polynomial fit of matplotlib's viridis (public domain).
const FIT: [[f64; 3]; 7] = [
    [0.277_727_327_223_417_7, 0.005_407_344_544_966_578, 0.334_099_805_335_306_1],
    [0.105_093_043_108_577_4, 1.404_613_529_898_575, 1.384_590_162_594_685],
    [-0.330_861_828_725_556_3, 0.214_847_559_468_213, 0.095_095_163_028_236_59],
    [-4.634_230_498_983_486, -5.799_100_973_351_585, -19.332_440_956_279_87],
    [6.228_269_936_347_081, 14.179_933_366_805_09, 56.690_552_600_681_05],
    [4.776_384_997_670_288, -13.745_145_377_746_01, -65.353_032_633_372_34],
    [-5.435_455_855_934_631, 4.645_852_612_178_535, 26.312_435_249_583_2],
];

/// The colour for a place between 0 and 1; nothing for what is not a number.
pub(super) fn viridis(t: f64) -> [u8; 4] {
    if t.is_nan() {
        return [0; 4];
    }
    let t = t.clamp(0.0, 1.0);
    let channel = |c: usize| {
        let value = FIT.iter().rev().fold(0.0, |sum, fit| sum * t + fit[c]);
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    };
    [channel(0), channel(1), channel(2), 255]
}

/// A grid of values in rows of `nx`, and their range, as a picture.
pub(super) fn paint(values: &[f64], nx: usize, ny: usize, low: f64, high: f64) -> Pixels {
    let (width, height) = (nx.min(MOST), ny.min(MOST));
    let mut rgba = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        let rows = y * ny / height..((y + 1) * ny / height).max(y * ny / height + 1);
        for x in 0..width {
            let columns = x * nx / width..((x + 1) * nx / width).max(x * nx / width + 1);
            let (mut sum, mut count) = (0.0, 0.0);
            for row in rows.clone() {
                for value in &values[row * nx + columns.start..row * nx + columns.end] {
                    if value.is_finite() {
                        sum += ((value - low) / (high - low)).clamp(0.0, 1.0);
                        count += 1.0;
                    }
                }
            }
            // 0/0 is NaN, which is drawn as nothing.
            rgba.extend(viridis(sum / count));
        }
    }
    Pixels { width, height, rgba }
}
