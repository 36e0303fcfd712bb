//! The lane types against the standard library: accuracy in ULP over wide ranges, special values,
//! operators and masks.

use super::*;

/// Position of a number on the line of all numbers, for distances in ULP.
fn place(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
}

fn ulps(a: f64, b: f64) -> u64 {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => 0,
        (false, false) => place(a).abs_diff(place(b)),
        _ => u64::MAX,
    }
}

/// Numbers from `low` to `high`: equally spread, or by logarithm when both are positive and far apart.
fn spread(low: f64, high: f64) -> impl FnMut() -> f64 {
    let mut stream = crate::random::Stream::new(7, low.to_bits() ^ high.to_bits());
    move || {
        let u = stream.uniform();
        match low > 0.0 && high / low > 1e3 {
            true => (low.ln() + u * (high.ln() - low.ln())).exp().max(low),
            false => low + u * (high - low),
        }
    }
}

const SPECIAL: [f64; 32] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    1e-310,
    -1e-310,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    1e-20,
    -1e-20,
    1.0,
    -1.0,
    2.0,
    0.5,
    -0.5,
    3.0,
    -3.0,
    709.7,
    709.9,
    710.4,
    -708.5,
    -720.0,
    -745.0,
    -745.2,
    1023.5,
    1e16,
    1e300,
    -1e300,
];

fn accurate(name: &str, bound: u64, ranges: &[(f64, f64)], lanes: fn(F64s) -> F64s, one: fn(f64) -> f64) {
    let mut worst = (0, 0.0);
    for &(low, high) in ranges {
        let mut next = spread(low, high);
        for _ in 0..10_000 {
            let x = F64s::from_fn(|_| next());
            for (x, y) in x.to_array().into_iter().zip(lanes(x).to_array()) {
                let error = ulps(y, one(x));
                if error > worst.0 {
                    worst = (error, x);
                }
            }
        }
    }
    let (error, x) = worst;
    println!("{name}: {error} ULP at {x:e}");
    assert!(error <= bound, "{name}({x:e}) = {:e}, not {:e}", lanes(F64s::splat(x)).to_array()[0], one(x));
    for (i, x) in SPECIAL.into_iter().enumerate() {
        // In one lane among usual numbers, and in all lanes.
        let mixed = F64s::from_fn(|lane| if lane == i % 8 { x } else { 0.75 });
        for (lane, y) in [(i % 8, lanes(mixed)), (0, lanes(F64s::splat(x)))] {
            let (y, want) = (y.to_array()[lane], one(x));
            assert!(ulps(y, want) <= bound, "{name}({x:e}) = {y:e}, not {want:e}");
            assert!(y != 0.0 || y.to_bits() == want.to_bits(), "{name}({x:e}) has the wrong sign of zero");
        }
        let other = lanes(mixed).to_array()[(i + 1) % 8];
        assert!(ulps(other, one(0.75)) <= bound, "{name}: {x:e} changes other lanes to {other:e}");
    }
}

#[test]
fn exponentials_are_accurate() {
    let all = [(-1.0, 1.0), (-700.0, 709.0), (-746.0, -700.0), (1e-20, 1.0)];
    accurate("exp", 1, &all, F64s::exp, f64::exp);
    accurate("exp2", 2, &[(-1.0, 1.0), (-1022.0, 1024.0), (-1080.0, -1020.0)], F64s::exp2, f64::exp2);
    accurate("exp_m1", 4, &all, F64s::exp_m1, f64::exp_m1);
    accurate("sinh", 4, &[(-1.0, 1.0), (-710.0, 710.0), (1e-20, 1.0)], F64s::sinh, f64::sinh);
    accurate("cosh", 4, &[(-1.0, 1.0), (-710.0, 710.0)], F64s::cosh, f64::cosh);
    accurate("tanh", 4, &[(-1.0, 1.0), (-30.0, 30.0), (1e-20, 1.0)], F64s::tanh, f64::tanh);
}

#[test]
fn logarithms_are_accurate() {
    let all = [(0.5, 2.0), (0.999, 1.001), (1e-307, 1e308), (1e-323, 1e-307), (1.0, 100.0)];
    accurate("ln", 1, &all, F64s::ln, f64::ln);
    accurate("log2", 2, &all, F64s::log2, f64::log2);
    accurate("log10", 2, &all, F64s::log10, f64::log10);
    accurate("ln_1p", 4, &[(-0.999, 1.0), (1e-20, 1e20), (-1e-3, 1e-3)], F64s::ln_1p, f64::ln_1p);
    for n in 0..=22 {
        assert_eq!(F64s::splat(10f64.powi(n)).log10().to_array()[0], f64::from(n));
    }
    for n in -1022..=1023 {
        let power = F64s::splat(f64::from(n)).exp2();
        assert_eq!(power.to_array()[0], 2f64.powi(n));
        assert_eq!(power.log2().to_array()[0], f64::from(n));
    }
}

#[test]
fn sines_are_accurate() {
    let all = [(-1.6, 1.6), (-10.0, 10.0), (-1e4, 1e4), (1e5, 1e9), (1e9, 1e300), (1e-300, 1.0)];
    accurate("sin", 2, &all, F64s::sin, f64::sin);
    accurate("cos", 2, &all, F64s::cos, f64::cos);
    accurate("tan", 4, &all, F64s::tan, f64::tan);
    accurate("sin_cos.0", 2, &all, |x| x.sin_cos().0, f64::sin);
    accurate("sin_cos.1", 2, &all, |x| x.sin_cos().1, f64::cos);
}

#[test]
fn sines_are_accurate_near_multiples_of_half_pi() {
    // Where almost all digits of the argument cancel.
    for k in (1..2000).chain((2000..200_000_000).step_by(99_991)) {
        let x = std::f64::consts::FRAC_PI_2 * f64::from(k);
        for x in [x.next_down(), x, x.next_up()] {
            let lanes = F64s::splat(x);
            for (y, want) in [(lanes.sin(), x.sin()), (lanes.cos(), x.cos())] {
                let y = y.to_array()[0];
                let near = f64s::FUSED || x < 1e3 || ulps(y, want) <= 2;
                // Without fused multiply-add the remainder has fewer digits, not the sine.
                assert!(near || (y - want).abs() < 1e-16, "{x:e}: {y:e}, not {want:e}");
                assert!(!f64s::FUSED || ulps(y, want) <= 2, "{x:e}: {y:e}, not {want:e}");
            }
            let (y, want) = (lanes.tan().to_array()[0], x.tan());
            assert!(!f64s::FUSED || ulps(y, want) <= 4, "tan {x:e}: {y:e}, not {want:e}");
        }
    }
}

#[test]
fn functions_of_wide_are_accurate() {
    accurate("asin", 4, &[(-1.0, 1.0), (1e-20, 1.0)], F64s::asin, f64::asin);
    accurate("acos", 4, &[(-1.0, 1.0), (1e-20, 1.0)], F64s::acos, f64::acos);
    accurate("atan", 2, &[(-2.0, 2.0), (1e-300, 1e300)], F64s::atan, f64::atan);
    accurate("cbrt", 4, &[(-2.0, 2.0), (1e-300, 1e300)], F64s::cbrt, f64::cbrt);
}

fn accurate2(name: &str, bound: u64, lanes: fn(F64s, F64s) -> F64s, one: fn(f64, f64) -> f64, ranges: &[[f64; 4]]) {
    let mut worst = (0, 0.0, 0.0);
    for &[low, high, from, to] in ranges {
        let (mut next, mut other) = (spread(low, high), spread(from, to));
        for _ in 0..10_000 {
            let (x, y) = (F64s::from_fn(|_| next()), F64s::from_fn(|_| other()));
            let result = lanes(x, y).to_array();
            for ((x, y), z) in x.to_array().into_iter().zip(y.to_array()).zip(result) {
                let error = ulps(z, one(x, y));
                if error > worst.0 {
                    worst = (error, x, y);
                }
            }
        }
    }
    println!("{name}: {worst:?}");
    assert!(worst.0 <= bound, "{name}: {worst:?}");
    for x in SPECIAL {
        for y in SPECIAL {
            let (z, want) = (lanes(F64s::splat(x), F64s::splat(y)).to_array()[0], one(x, y));
            assert!(ulps(z, want) <= bound, "{name}({x:e}, {y:e}) = {z:e}, not {want:e}");
            // Which zero is the lesser is not said.
            let same = z != 0.0 || z.to_bits() == want.to_bits() || name.starts_with('m');
            assert!(same, "{name}({x:e}, {y:e}): sign of zero");
        }
    }
}

#[test]
fn powers_and_angles_are_accurate() {
    let ranges = [
        [0.5, 2.0, -700.0, 700.0],
        [0.99, 1.01, -1e4, 1e4],
        [1e-300, 1e300, -1.0, 1.0],
        [1e-30, 1e30, -10.0, 10.0],
        [0.0, 100.0, -0.5, 3.0],
    ];
    accurate2("pow", 2, F64s::pow, f64::powf, &ranges);
    let ranges = [[-2.0, 2.0, -2.0, 2.0], [1e-300, 1e300, 1e-300, 1e300], [-1e-3, 1e-3, -5.0, 5.0]];
    accurate2("atan2", 4, F64s::atan2, f64::atan2, &ranges);
    accurate2("min", 0, F64s::min, f64::min, &ranges[..1]);
    accurate2("max", 0, F64s::max, f64::max, &ranges[..1]);
    accurate2("copysign", 0, F64s::copysign, f64::copysign, &ranges[..1]);
}

#[test]
fn rounding_is_exact() {
    let all = [(-3.0, 3.0), (1e15, 1e17), (-1e10, 1e10), (0.49, 0.51)];
    accurate("floor", 0, &all, F64s::floor, f64::floor);
    accurate("ceil", 0, &all, F64s::ceil, f64::ceil);
    accurate("round", 0, &all, F64s::round, f64::round);
    accurate("trunc", 0, &all, F64s::trunc, f64::trunc);
    accurate("sqrt", 0, &all, F64s::sqrt, f64::sqrt);
    accurate("abs", 0, &all, F64s::abs, f64::abs);
    accurate("signum", 0, &all, F64s::signum, f64::signum);
    accurate("clamp", 0, &all, |x| x.clamp(-1.0, 2.0), |x| x.clamp(-1.0, 2.0));
    accurate("negated", 0, &all, |x| -x, |x| -x);
    for x in [0.5, 1.5, 2.5, -0.5, -2.5, 0.5f64.next_down(), -(0.5f64.next_down()), 4_503_599_627_370_495.5] {
        assert_eq!(F64s::splat(x).round().to_array()[0], x.round(), "{x}");
    }
}

#[test]
fn single_precision_is_rounded_once() {
    let mut next = spread(1e-30, 1e30);
    for _ in 0..20_000 {
        let x = F32s::from_fn(|_| next() as f32);
        let results = [(x.ln(), f64::ln as fn(f64) -> f64), (x.sin(), f64::sin), (x.cbrt(), f64::cbrt)];
        for (lanes, one) in results {
            for (y, x) in lanes.to_array().into_iter().zip(x.to_array()) {
                let want = one(f64::from(x));
                // The nearest number, or the other one when the exact value is as good as between.
                let error = (f64::from(y) - want).abs();
                assert!(error <= 0.500_001 * f64::from(y.abs().next_up() - y.abs()), "{x:e}: {y:e}, not {want:e}");
            }
        }
    }
    assert_eq!(F32s::splat(f32::MAX).exp().to_array(), [f32::INFINITY; 16]);
    assert_eq!(F32s::splat(-1.0).ln().is_nan().count(), 16);
    assert_eq!(F32s::from_fn(|i| i as f32).sum(), 120.0);
}

#[test]
fn masks_are_as_many_answers() {
    let x = F64s::from([f64::NAN, -1.0, 0.0, -0.0, 1.0, 2.0, f64::INFINITY, 3.0]);
    assert_eq!(x.lt(1.0).to_array(), [false, true, true, true, false, false, false, false]);
    assert_eq!(x.ne(1.0).to_array(), [true, true, true, true, false, true, true, true]);
    assert_eq!((x.ge(0.0) & x.le(1.0)).count(), 3);
    assert_eq!((x.gt(0.0) ^ x.gt(1.0)).to_array().iter().position(|yes| *yes), Some(4));
    assert_eq!(x.is_finite().count(), 6);
    assert!(x.is_nan().any() && !x.is_nan().all() && (x.is_nan() | !x.is_nan()).all());
    assert_eq!(x.is_nan().select(0.0, 1.0).sum(), 7.0);
    assert_eq!(format!("{:?}", F64s::splat(1.5)), "[1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]");
    let y = F32s::from_fn(|i| i as f32 - 8.0);
    assert_eq!(y.lt(0.0).count(), 8);
    assert_eq!(y.lt(0.0).select(0.0, y).sum(), 28.0);
}

#[test]
fn parts_repeat_the_last() {
    let a: Vec<f64> = (0..8).map(f64::from).collect();
    for n in 1..=8 {
        // SAFETY: `a` has 8 numbers, and so has `out`.
        let (x, out) = unsafe {
            let x = F64s::load_part(a.as_ptr(), n);
            let mut out = vec![-1.0; 8];
            x.store_part(out.as_mut_ptr(), n);
            (x, out)
        };
        let want: Vec<f64> = (0..8).map(|i| a[i.min(n - 1)]).collect();
        assert_eq!(x.to_array()[..], want);
        assert_eq!(out[..n], a[..n]);
        assert!(out[n..].iter().all(|x| *x == -1.0));
    }
}
