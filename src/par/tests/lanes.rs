//! Loops over lanes, elementwise functions and Monte Carlo against naive serial versions.

use crate::par::*;
use crate::random::Stream;
use crate::rt;
use crate::simd::F64s;
use ndarray::{Array1, Array2, Array3, ArrayD, Axis, IxDyn, Zip, array, s};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

const SIZES: [usize; 14] = [0, 1, 7, 8, 9, 15, 16, 17, 31, 255, 256, 257, 4099, 100_003];

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut rng = Stream::new(seed, n as u64);
    (0..n).map(|_| rng.range(-3.0..3.0)).collect()
}

fn message_of<T>(f: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("it panics");
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| payload.downcast_ref::<&str>().unwrap().to_string())
}

/// The same with 1, 2, 3 and 7 threads.
fn with_threads<T: PartialEq + std::fmt::Debug + Send>(f: impl Fn() -> T + Send + Sync) -> T {
    let results = [1, 2, 3, 7].map(|n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(&f)
    });
    for again in &results[1..] {
        assert_eq!(again, &results[0]);
    }
    let [first, ..] = results;
    first
}

#[test]
fn every_size_is_right() {
    for n in SIZES {
        let (a, b, c) = (numbers(n, 1), numbers(n, 2), numbers(n, 3));
        let mut out = vec![f64::NAN; n];
        map_simd(&a, &mut out, |x| x * 2.0 + 1.0);
        assert_eq!(out, a.iter().map(|x| x * 2.0 + 1.0).collect::<Vec<_>>());
        map_simd((&a, &b[..]), &mut out, |(x, y)| x - y);
        assert_eq!(out, a.iter().zip(&b).map(|(x, y)| x - y).collect::<Vec<_>>());
        let three = map_simd_vec((&a, &b, &c), |(x, y, z)| x.gt(0.0).select(y, z));
        assert!((0..n).all(|i| three[i] == if a[i] > 0.0 { b[i] } else { c[i] }));
        let mut place = a.clone();
        map_simd_in_place(&mut place, |x| x.abs().sqrt());
        assert_eq!(place, a.iter().map(|x| x.abs().sqrt()).collect::<Vec<_>>());
        let single: Vec<f32> = a.iter().map(|x| *x as f32).collect();
        let mut out = vec![0f32; n];
        map_simd(&single, &mut out, |x| x * x);
        assert_eq!(out, single.iter().map(|x| x * x).collect::<Vec<_>>());
    }
}

#[test]
fn every_part_of_a_slice_is_right() {
    // Addresses that no vector is aligned to, and writing past the caches.
    let a = numbers(100, 4);
    for start in 0..17 {
        for end in start..100 {
            let input = &a[start..end];
            let mut all = [7.0; 100];
            map_simd(input, &mut all[start..end], |x| -x);
            assert!((0..100).all(|i| all[i] == if (start..end).contains(&i) { -a[i] } else { 7.0 }));
            let mut all = [7.0; 100];
            let out = all[start..end].as_mut_ptr();
            // SAFETY: `input.len()` numbers of `all`, which nobody else uses.
            unsafe {
                let target = lanes::Target::past_caches(out);
                let input = input.into_lanes();
                lanes::run(input, target, end - start, &drive::Job::default(), |x: F64s| -x)
                    .unwrap_or_else(|s| s.resume());
            }
            assert!((0..100).all(|i| all[i] == if (start..end).contains(&i) { -a[i] } else { 7.0 }));
        }
    }
}

#[test]
fn missing_lanes_repeat_the_last() {
    let seen = AtomicUsize::new(0);
    let a: Vec<f64> = (1..=11).map(f64::from).collect();
    quiet().map_simd_vec(&a, |x| {
        seen.fetch_add(x.to_array().iter().filter(|x| **x == 11.0).count(), Ordering::Relaxed);
        assert!(x.gt(0.0).all());
        x
    });
    // Numbers 9, 10 and 11, and 11 in five more lanes.
    assert_eq!(seen.into_inner(), 6);
}

#[test]
fn what_is_no_number_stays_in_its_lane() {
    let a = [f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1e300, 5e-324, 2.0];
    let got = map_simd_vec(&a, |x| x * x + x.sin() * x * x.ln());
    for (x, y) in a.into_iter().zip(got) {
        let want = x * x + x.sin() * x * x.ln();
        assert!(y == want || (y.is_nan() && want.is_nan()) || (y / want - 1.0).abs() < 1e-14, "{x}: {y}, not {want}");
    }
}

#[test]
fn lengths_are_compared() {
    let text = message_of(|| map_simd(&[1.0, 2.0], &mut [0.0], |x| x));
    assert_eq!(text, "map_simd: the input has 2 items, the output 1; they must have as many");
    let text = message_of(|| map_simd_vec((&[1.0, 2.0], &[1.0]), |(x, y)| x + y));
    assert_eq!(text, "map_simd_vec: the inputs must have one length; one has 1 items, another 2");
    let turned = array![[1.0, 2.0], [3.0, 4.0]].reversed_axes();
    let text = message_of(|| map_simd_vec(&turned, |x| x));
    assert!(text.contains("[2, 2] is not stored in row order"), "{text}");
}

#[test]
fn a_panic_names_its_number() {
    for n in [1, 8, 9, 60_000] {
        let a: Vec<f64> = (0..n).map(|i| i as f64).collect();
        let last = (n - 1) as f64;
        let text = message_of(|| map_simd_vec(&a, |x| if x.ge(last).any() { panic!("too far") } else { x }));
        // The index is that of the first number of the vector.
        let index: usize = text.strip_prefix("task ").unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(index < n && n <= index + 8 && text.ends_with("panicked: too far"), "{text}");
        let f = ufunc2(|x, y| if (x + y).ge(last).any() { panic!("too far") } else { x });
        let text = message_of(|| f.call(&a, 0.0));
        let index: usize = text.strip_prefix("task ").unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(index < n && n <= index + 8, "{text}");
    }
    let text = message_of(|| monte_carlo(1000, 1, |rng| if rng.uniform() >= 0.0 { panic!("no") } else { 1.0 }));
    assert_eq!(text, "task 0 panicked: no");
    let text = message_of(|| monte_carlo_simd(1000, 1, |_| panic!("no")));
    assert_eq!(text, "task 0 panicked: no");
}

#[test]
fn an_interrupt_ends_them() {
    let stopped = |f: &dyn Fn()| catch_unwind(AssertUnwindSafe(f)).unwrap_err().is::<rt::Interrupted>();
    fn interrupt() -> ! {
        std::panic::resume_unwind(Box::new(rt::Interrupted))
    }
    let a = vec![1.0; 1000];
    assert!(stopped(&|| drop(map_simd_vec(&a, |_| interrupt()))));
    assert!(stopped(&|| drop(ufunc1(|_| interrupt()).call(&a))));
    assert!(stopped(&|| assert_eq!(monte_carlo(10, 1, |_| interrupt()).n, 0)));
}

#[test]
fn shapes_broadcast_as_ndarray_does() {
    let shapes: [&[usize]; 12] = [
        &[],
        &[1],
        &[5],
        &[5, 1],
        &[1, 5],
        &[3, 5],
        &[4, 1, 5],
        &[4, 3, 1],
        &[1, 1, 1],
        &[4, 3, 5],
        &[2, 4, 3, 5],
        &[0, 1],
    ];
    let f = ufunc2(|x, y| x * 10.0 + y);
    for a in shapes {
        for b in shapes {
            let fill = |shape: &[usize], from: f64| {
                let n: usize = shape.iter().product();
                ArrayD::from_shape_vec(IxDyn(shape), (0..n).map(|i| from + i as f64).collect()).unwrap()
            };
            let (x, y) = (fill(a, 0.0), fill(b, 0.25));
            let n = a.len().max(b.len());
            let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(n).map_or(1, |i| shape[i]);
            let fits = (0..n).all(|i| length(a, i) == length(b, i) || length(a, i) == 1 || length(b, i) == 1);
            let want: Vec<usize> =
                (0..n).map(|i| if length(a, i) == 1 { length(b, i) } else { length(a, i) }).collect();
            match f.call(&x, &y) {
                Ok(got) => {
                    assert!(fits, "{a:?} {b:?}");
                    assert_eq!(got.shape(), want);
                    let naive = Zip::from(&x.broadcast(want.clone()).unwrap())
                        .and(&y.broadcast(want).unwrap())
                        .map_collect(|x, y| x * 10.0 + y);
                    assert_eq!(got, naive);
                }
                Err(error) => {
                    assert!(!fits, "{a:?} {b:?}");
                    assert_eq!(error.shapes, [a.to_vec(), b.to_vec()]);
                    let text = error.to_string();
                    assert!(text.contains(&format!("shapes {a:?} and {b:?} do not broadcast")), "{text}");
                }
            }
        }
    }
}

#[test]
fn arrays_of_any_order_are_read() {
    let big = Array3::from_shape_fn((13, 29, 31), |(i, j, k)| (i * 10_000 + j * 100 + k) as f64);
    let f = ufunc2(|x, y| x - y);
    let turned = big.t();
    let view = big.slice(s![..;2, ..;-1, 3..]);
    let mut swapped = big.clone();
    swapped.swap_axes(0, 2);
    assert_eq!(f.call(&turned, 1.0), Ok(&turned - 1.0));
    assert_eq!(f.call(&view, 1.0), Ok(&view - 1.0));
    assert_eq!(f.call(&swapped, &turned), Ok(&swapped - &turned));
    let row = big.slice(s![0, 0, ..]);
    assert_eq!(f.call(&big, &row), Ok(&big - &row));
    let column = big.index_axis(Axis(2), 4).insert_axis(Axis(2));
    assert_eq!(f.call(&big, &column), Ok(&big - &column));
    assert_eq!(f.call(&column, &big), Ok(&column - &big));
    // Many short rows.
    let (thin, pair) = (Array2::from_shape_fn((5000, 3), |(i, j)| (i + j) as f64), array![1.0, 2.0, 3.0]);
    assert_eq!(f.call(&thin, &pair), Ok(&thin - &pair));
    assert_eq!(map_simd_vec(&thin, |x| x + 1.0), (&thin + 1.0).into_raw_vec_and_offset().0);
}

#[test]
fn operands_decide_what_the_result_is() -> Result<(), ShapeError> {
    let f = ufunc2(|x, y| x + y);
    let number: f64 = f.call(1.0, 2.0)?;
    let vector: Vec<f64> = f.call(&[1.0, 2.0][..], number)?;
    let array: Array1<f64> = f.call(&array![1.0, 2.0], &vector)?;
    let array: Array2<f64> = f.call(&array, &array![[1.0], [2.0]])?;
    assert_eq!(array, array![[6.0, 8.0], [7.0, 9.0]]);
    let three: Array2<f64> = ufunc3(|x, y, z| x.mul_add(y, z)).call(2.0, &array, &vec![1.0, 0.0])?;
    assert_eq!(three, array![[13.0, 16.0], [15.0, 18.0]]);
    let single: Vec<f32> = ufunc1_f32(|x| x.exp2()).call(&[1f32, 3.0])?;
    assert_eq!(single, [2.0, 8.0]);
    let named: Vec<f64> = vectorize2(f64::atan2).quiet().message("angles").call(&[0.0; 3], 1.0)?;
    assert_eq!(named, [0.0; 3]);
    assert_eq!(f.call(&[0.0; 0], &[1.0])?, [0.0; 0]);
    Ok(())
}

#[test]
fn estimates_do_not_depend_on_threads() {
    for samples in [1, 2, 7, 8, 9, 63, 64, 65, 1000, 300_001] {
        let bits = |e: Estimate| [e.mean.to_bits(), e.error.to_bits(), e.n];
        let scalar = with_threads(|| bits(monte_carlo(samples, 5, |rng| rng.normal())));
        let lanes = with_threads(|| bits(monte_carlo_simd(samples, 5, |rng| rng.normal())));
        assert_eq!((scalar[2], lanes[2]), (samples as u64, samples as u64));
        assert_eq!(with_threads(|| bits(quiet().monte_carlo(samples, 5, |rng| rng.normal()))), scalar);
        if samples > 10 {
            assert_ne!(monte_carlo(samples, 6, |rng| rng.normal()).mean.to_bits(), scalar[0]);
        }
    }
    let a = numbers(100_003, 9);
    with_threads(|| map_simd_vec(&a, |x| x.exp().sin()));
}

#[test]
fn estimates_are_means_with_their_error() {
    // Each sample once, in order of their streams: a closure that keeps what it returned.
    for samples in [2, 9, 64, 65, 1000, 5001] {
        let seen = std::sync::Mutex::new(Vec::new());
        let estimate = monte_carlo(samples, 3, |rng| {
            let x = 1e9 + rng.normal();
            seen.lock().unwrap().push(x);
            x
        });
        let seen = seen.into_inner().unwrap();
        let n = samples as f64;
        assert_eq!(seen.len(), samples);
        let mean = seen.iter().map(|x| x - 1e9).sum::<f64>() / n;
        let variance = seen.iter().map(|x| (x - 1e9 - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!((estimate.mean - 1e9 - mean).abs() < 1e-6);
        assert!((estimate.error / (variance / n).sqrt() - 1.0).abs() < 1e-6, "{estimate:?}");
        assert!((estimate.variance() / variance - 1.0).abs() < 1e-6);
    }
    // Lanes that count are those of the first samples.
    for samples in [1, 5, 8, 13, 64, 67, 100_003] {
        let estimate = monte_carlo_simd(samples, 1, |_| F64s::from_fn(|lane| lane as f64));
        let want = (0..samples).map(|i| (i % 64 % 8) as f64).sum::<f64>() / samples as f64;
        assert!((estimate.mean - want).abs() < 1e-9, "{samples}: {estimate:?}, not {want}");
    }
    // The error says how far off the mean is: in 95 of 100 cases less than two of it.
    let good = (0..400)
        .filter(|seed| {
            let e = monte_carlo_simd(10_000, *seed, |rng| rng.exponential());
            (e.mean - 1.0).abs() < 1.96 * e.error
        })
        .count();
    assert!((360..=396).contains(&good), "{good}");
    let constant = monte_carlo(1000, 1, |_| 2.5);
    assert_eq!((constant.mean, constant.error), (2.5, 0.0));
    assert!(monte_carlo(1, 1, |_| 2.5).error.is_nan());
    assert_eq!(message_of(|| monte_carlo(0, 1, |_| 1.0)), "monte_carlo needs at least one sample");
}

#[test]
fn pi_is_estimated() {
    let pi = monte_carlo_simd(4_000_000, 2, |rng| {
        let (x, y) = (rng.uniform(), rng.uniform());
        (x * x + y * y).lt(1.0).select(4.0, 0.0)
    });
    assert!((pi.mean - std::f64::consts::PI).abs() < 5.0 * pi.error && pi.error < 1e-3, "{pi:?}");
}

#[test]
fn estimates_are_shown_with_their_digits() {
    let show = |mean, error| Estimate { mean, error, n: 100 }.to_string();
    assert_eq!(show(3.141_612, 0.000_08), "3.14161 ± 0.00008");
    assert_eq!(show(3.141_612, 0.000_123), "3.14161 ± 0.00012");
    assert_eq!(show(0.5, 0.0999), "0.50 ± 0.10");
    assert_eq!(show(1234.5, 3.2), "1234 ± 3");
    assert_eq!(show(1234.5, 1.2), "1234.5 ± 1.2");
    assert_eq!(show(123_456.0, 120.0), "123456 ± 120");
    assert_eq!(show(2.5, 0.0), "2.5 ± 0.0");
    assert_eq!(show(2.5, f64::NAN), "2.5 ± NaN");
    assert_eq!(show(1e-30, 1e-32), "1e-30 ± 1e-32");
    assert_eq!(format!("{:.2}", Estimate { mean: 1.0, error: 0.125, n: 2 }), "1.00 ± 0.12");
    assert_eq!(format!("{:?}", Estimate { mean: 1.0, error: 0.3, n: 2 }), "1.0 ± 0.3 (n = 2)");
}
