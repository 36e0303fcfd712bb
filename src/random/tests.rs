//! Streams: the generator against its reference, distributions, independence, reproducibility.

use super::*;
use crate::simd::F64s;
use rand_core::{Rng, SeedableRng};
use std::panic::catch_unwind;

#[test]
fn the_generator_is_xoshiro256_plus_plus() {
    // The reference implementation, from the state 1, 2, 3, 4.
    let mut seed = [0u8; 32];
    for word in 0..4 {
        seed[8 * word] = word as u8 + 1;
    }
    let mut rng = Stream::from_seed(seed);
    let want = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162];
    assert_eq!(want.map(|_| rng.next_u64()), want);
    let mut bytes = [0; 11];
    Stream::from_seed(seed).fill_bytes(&mut bytes);
    assert_eq!(bytes[..8], 41943041u64.to_le_bytes());
    assert_eq!(bytes[8..], 58720359u64.to_le_bytes()[..3]);
    assert_eq!(Stream::from_seed([0; 32]), Stream::new(0, 0));
    assert_eq!(Stream::seed_from_u64(5), Stream::new(5, 0));
}

#[test]
fn lanes_are_streams_side_by_side() {
    let mut lanes = LaneStream::new(9, 3);
    let mut alone: [_; 8] = std::array::from_fn(|lane| {
        let words = stream::start(1, 9, 24 + lane as u64);
        let mut seed = [0; 32];
        for (bytes, word) in seed.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        Stream::from_seed(seed)
    });
    for _ in 0..100 {
        let want: [u64; 8] = std::array::from_fn(|lane| alone[lane].next_u64());
        assert_eq!(lanes.clone().bits().to_array(), want);
        let uniform = lanes.uniform().to_array();
        assert_eq!(uniform, want.map(|bits| (bits >> 12) as f64 / (1u64 << 52) as f64));
    }
}

/// Chi-square over its degrees of freedom, for `n` draws in equally likely bins. Its standard
/// deviation is √(2 / bins).
fn chi_square(counts: &[u64]) -> f64 {
    let expected = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let sum: f64 = counts.iter().map(|c| (*c as f64 - expected).powi(2) / expected).sum();
    sum / (counts.len() - 1) as f64
}

fn bins(draws: impl Iterator<Item = f64>) -> f64 {
    let mut counts = vec![0; 1000];
    for x in draws {
        counts[(x * 1000.0) as usize] += 1;
    }
    chi_square(&counts)
}

/// The distribution function of the normal distribution, by a series: 1e-9 is enough here.
fn normal_below(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for k in 1..200 {
        term *= x * x / f64::from(2 * k + 1);
        sum += term;
    }
    (0.5 + sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()).clamp(0.0, 1.0 - 1e-12)
}

fn in_lanes(n: usize, mut f: impl FnMut() -> F64s) -> impl Iterator<Item = f64> {
    (0..n / 8).flat_map(move |_| f().to_array())
}

#[test]
fn distributions_are_right() {
    const N: usize = 400_000;
    // 1000 bins: five standard deviations of chi-square are 0.22.
    let good = |what: &str, x: f64| assert!((x - 1.0).abs() < 0.23, "{what}: {x}");
    let (mut s, mut l) = (Stream::new(11, 0), LaneStream::new(11, 0));
    good("uniform", bins((0..N).map(|_| s.uniform())));
    good("uniform lanes", bins(in_lanes(N, || l.uniform())));
    // Normal and exponential numbers are uniform once their distribution function is applied.
    good("normal", bins((0..N).map(|_| normal_below(s.normal()))));
    good("normal lanes", bins(in_lanes(N, || l.normal()).map(normal_below)));
    let exponential = |x: f64| (-(-x).exp_m1()).min(1.0 - 1e-12);
    good("exponential", bins((0..N).map(|_| exponential(s.exponential()))));
    good("exponential lanes", bins(in_lanes(N, || l.exponential()).map(exponential)));
    good("range", bins((0..N).map(|_| s.range(-3.0..5.0) / 8.0 + 0.375)));
    good("range lanes", bins(in_lanes(N, || l.range(-3.0..5.0)).map(|x| x / 8.0 + 0.375)));
    good("integers", bins((0..N).map(|_| f64::from(s.range(-500..500)) / 1000.0 + 0.5005)));
    let yes = (0..N).filter(|_| s.bool(0.3)).count() as f64;
    assert!((yes / N as f64 - 0.3).abs() < 0.004, "{yes}");
    let yes: usize = (0..N / 8).map(|_| l.bool(0.3).count()).sum();
    assert!((yes as f64 / N as f64 - 0.3).abs() < 0.004, "{yes}");
}

#[test]
fn moments_of_normals() {
    const N: usize = 1_600_000;
    let (mut s, mut l) = (Stream::new(5, 0), LaneStream::new(5, 0));
    let scalar: Vec<f64> = (0..N).map(|_| s.normal()).collect();
    let lanes: Vec<f64> = in_lanes(N, || l.normal()).collect();
    for all in [scalar, lanes] {
        let moment = |k: i32| all.iter().map(|x| x.powi(k)).sum::<f64>() / N as f64;
        // Five standard errors each.
        let error = 5.0 / (N as f64).sqrt();
        assert!(moment(1).abs() < error, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < error * 2f64.sqrt(), "{}", moment(2));
        assert!(moment(3).abs() < error * 15f64.sqrt(), "{}", moment(3));
        assert!((moment(4) - 3.0).abs() < error * 96f64.sqrt(), "{}", moment(4));
        // The tail beyond the ziggurat's layers: 413 expected.
        let tail = all.iter().filter(|x| x.abs() > 3.654_152_885_361_009).count() as f64;
        let expected = N as f64 * 2.580_6e-4;
        assert!((tail - expected).abs() < 5.0 * expected.sqrt(), "{tail} of {expected}");
    }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let product: f64 = a.iter().zip(b).map(|(a, b)| (a - 0.5) * (b - 0.5)).sum();
    12.0 * product / a.len() as f64
}

#[test]
fn neighbouring_streams_are_not_correlated() {
    const N: usize = 4000;
    let take = |seed: u64, index: u64| -> Vec<f64> {
        let mut rng = Stream::new(seed, index);
        (0..N).map(|_| rng.uniform()).collect()
    };
    // Correlations have a standard deviation of 1/√N; 5.5 of these for some thousand pairs.
    let limit = 5.5 / (N as f64).sqrt();
    let streams: Vec<_> = (0..60).map(|i| take(1, i)).collect();
    for (i, a) in streams.iter().enumerate() {
        for b in &streams[i + 1..] {
            assert!(correlation(a, b).abs() < limit);
            assert!(correlation(&a[1..], &b[..N - 1]).abs() < limit);
        }
    }
    for seed in 0..100 {
        assert!(correlation(&take(seed, 0), &take(seed + 1, 0)).abs() < limit);
        assert!(correlation(&take(seed, 1 << 40), &take(seed, 1 << 41)).abs() < limit);
        let mut lanes = LaneStream::new(seed, 0);
        let all: Vec<[f64; 8]> = (0..N).map(|_| lanes.uniform().to_array()).collect();
        let lane = |k: usize| all.iter().map(|x| x[k]).collect::<Vec<_>>();
        assert!(correlation(&lane(0), &lane(7)).abs() < limit);
        assert!(correlation(&lane(0), &take(seed, 0)).abs() < limit);
    }
    // First numbers of many streams are as random as numbers of one.
    let first = bins((0..1_000_000).map(|i| Stream::new(3, i).uniform()));
    assert!((first - 1.0).abs() < 0.23, "{first}");
}

#[test]
fn ranges_reach_their_ends() {
    let mut rng = stream(0);
    let mut seen = [0; 7];
    for _ in 0..1000 {
        seen[(rng.range(-3i8..=3) + 3) as usize] += 1;
        assert_eq!(rng.range(u64::MAX - 1..u64::MAX), u64::MAX - 1);
        let x = rng.range(1.0..1.0f64.next_up());
        assert_eq!(x, 1.0);
        assert!(rng.range(f64::MIN..f64::MAX).is_finite());
        assert!((0.0f32..1.0).contains(&rng.range(0.0f32..1.0)));
    }
    assert!(seen.iter().all(|n| *n > 80), "{seen:?}");
    let any: Vec<u8> = (0..5000).map(|_| rng.range(0..=u8::MAX)).collect();
    assert!((0..=255).all(|x| any.contains(&x)));
    let big = (0..100).map(|_| rng.range(0..=u64::MAX)).max();
    assert!(big > Some(u64::MAX / 2));
}

#[test]
fn bad_ranges_say_so() {
    fn text<T: std::fmt::Debug>(f: fn() -> T) -> String {
        *catch_unwind(f).unwrap_err().downcast::<String>().unwrap()
    }
    #[allow(clippy::reversed_empty_ranges)]
    let empty = text(|| stream(0).range(3..3));
    assert_eq!(empty, "there is no number in the range 3..3");
    assert!(text(|| stream(0).range(0.0..f64::NAN)).contains("0.0..NaN"));
    assert!(text(|| stream(0).range(0.0..f64::INFINITY)).contains("finite"));
    assert!(text(|| lanes(0).range(1.0..1.0)).contains("1.0..1.0"));
    assert!(text(|| stream(0).bool(1.5)).contains("not 1.5"));
}

#[test]
fn orders_are_equally_likely() {
    let mut rng = stream(2);
    let mut counts = std::collections::HashMap::new();
    for _ in 0..24_000 {
        let mut items = [0, 1, 2, 3];
        rng.shuffle(&mut items);
        *counts.entry(items).or_insert(0u64) += 1;
    }
    let counts: Vec<u64> = counts.into_values().collect();
    assert_eq!(counts.len(), 24);
    assert!(chi_square(&counts) < 1.0 + 5.0 * (2f64 / 23.0).sqrt());
    let (mut a, mut b) = ([0.0; 5], [0.0; 5]);
    stream(1).fill(&mut a);
    stream(1).fill_normal(&mut b);
    assert!(a.iter().all(|x| (0.0..1.0).contains(x)) && b.iter().any(|x| *x < 0.0 || *x > 1.0));
}
