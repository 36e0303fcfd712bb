//! Parallel loops of `par` beside hand-written rayon and plain serial loops, on the same data, in the
//! same run: `RUSTFLAGS='-C target-cpu=native' cargo bench -p ferrolab --bench par_vs_rayon [part of a name]`.
//! Each figure is the least of several runs. It prints; it judges nothing.

use ferrolab::par;
use rayon::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Time for one measurement's repetitions.
const ENOUGH: Duration = Duration::from_millis(1500);

/// The least time of one call, of at least three.
fn least<T>(mut f: impl FnMut() -> T) -> f64 {
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    let mut calls = 1;
    let mut runs = 0;
    while runs < 3 || (begin.elapsed() < ENOUGH && runs < 200) {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(f());
        }
        let elapsed = start.elapsed();
        // Short calls are timed several at once.
        if elapsed < Duration::from_micros(200) {
            calls *= 2;
            continue;
        }
        best = best.min(elapsed.as_secs_f64() / f64::from(calls));
        runs += 1;
    }
    best
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

struct Report {
    only: Option<String>,
}

impl Report {
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    /// One row: `par`, rayon by hand, serial, per item.
    fn row<A, B, C>(
        &self,
        name: &str,
        items: usize,
        ours: impl FnMut() -> A,
        hand: impl FnMut() -> B,
        serial: impl FnMut() -> C,
    ) {
        if !self.wants(name) {
            return;
        }
        let (ours, hand, serial) = (least(ours), least(hand), least(serial));
        println!(
            "{name:34} par {:>9} ({:>6.3} ns/item)  rayon {:>9} (par/rayon {:>5.2})  serial {:>9} (par/serial {:>5.2})",
            time(ours),
            ours * 1e9 / items as f64,
            time(hand),
            ours / hand,
            time(serial),
            ours / serial
        );
    }
}

fn maps(report: &Report) {
    for n in [10usize, 1000, 1_000_000, 100_000_000] {
        let name = format!("map x*2+1, {n}");
        if !report.wants(&name) {
            continue;
        }
        let xs = vec![1.5f64; n];
        report.row(
            &name,
            n,
            || par::quiet().map(&xs, |x| x * 2.0 + 1.0),
            || xs.par_iter().map(|x| x * 2.0 + 1.0).collect::<Vec<f64>>(),
            || xs.iter().map(|x| x * 2.0 + 1.0).collect::<Vec<f64>>(),
        );
        let mut out = vec![0.0; n];
        let mut more = vec![0.0; n];
        let mut third = vec![0.0; n];
        report.row(
            &format!("for_each y=x*2+1, {n}"),
            n,
            || par::quiet().for_each((&mut out, &xs), |(y, x)| *y = x * 2.0 + 1.0),
            || more.par_iter_mut().zip(&xs).for_each(|(y, x)| *y = x * 2.0 + 1.0),
            || third.iter_mut().zip(&xs).for_each(|(y, x)| *y = x * 2.0 + 1.0),
        );
    }
    let work = |i: usize| (0..i).fold(i as f64, |x, k| (x + k as f64).sqrt());
    report.row(
        "map uneven 10000, longest last",
        10_000,
        || par::quiet().map(0..10_000usize, work),
        || (0..10_000usize).into_par_iter().map(work).collect::<Vec<_>>(),
        || (0..10_000usize).map(work).collect::<Vec<_>>(),
    );
    report.row(
        "map uneven 10000, longest first",
        10_000,
        || par::quiet().map(0..10_000usize, |i| work(10_000 - i)),
        || (0..10_000usize).into_par_iter().map(|i| work(10_000 - i)).collect::<Vec<_>>(),
        || (0..10_000usize).map(|i| work(10_000 - i)).collect::<Vec<_>>(),
    );
}

fn reductions(report: &Report) {
    for n in [1000usize, 1_000_000, 100_000_000] {
        let name = format!("sum, {n}");
        if !report.wants(&name) {
            continue;
        }
        let xs: Vec<f64> = (0..n).map(|i| (i % 1000) as f64 * 0.1).collect();
        let serial = || xs.iter().sum::<f64>();
        let hand = || xs.par_iter().sum::<f64>();
        report.row(&name, n, || par::sum(&xs), hand, serial);
        report.row(
            &format!("map_reduce sum, {n}"),
            n,
            || par::quiet().map_reduce(&xs, |x| *x, 0.0, |a, b| a + b),
            || xs.par_iter().map(|x| *x).reduce(|| 0.0, |a, b| a + b),
            serial,
        );
        report.row(&format!("compensated sum, {n}"), n, || par::sum_compensated(&xs), hand, serial);
        report.row(
            &format!("variance, {n}"),
            n,
            || par::variance(&xs, 0),
            || {
                let mean = xs.par_iter().sum::<f64>() / n as f64;
                xs.par_iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64
            },
            serial,
        );
        report.row(
            &format!("max, {n}"),
            n,
            || par::max(&xs),
            || xs.par_iter().copied().reduce(|| f64::NEG_INFINITY, f64::max),
            || xs.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        report.row(
            &format!("argmax, {n}"),
            n,
            || par::argmax(&xs),
            || xs.par_iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i),
            || xs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| i),
        );
    }
}

fn groups(report: &Report) {
    let n = 50_000_000usize;
    let pixels = 50_000usize;
    if !report.wants("group") && !report.wants("histogram") {
        return;
    }
    let values: Vec<f64> = (0..n).map(|i| (i % 1013) as f64).collect();
    let scattered: Vec<u32> = (0..n).map(|i| (i as u64 * 2_654_435_761 % pixels as u64) as u32).collect();
    let scanned: Vec<u32> = (0..n).map(|i| (i / 7 % pixels) as u32).collect();
    for (name, index) in [("group_sum scattered", &scattered), ("group_sum scanned", &scanned)] {
        let serial = || {
            let mut sums = vec![0.0; pixels];
            index.iter().zip(&values).for_each(|(i, v)| sums[*i as usize] += v);
            sums
        };
        let hand = || {
            let parts = index.par_chunks(n / 2).zip(values.par_chunks(n / 2)).map(|(index, values)| {
                let mut sums = vec![0.0; pixels];
                index.iter().zip(values).for_each(|(i, v)| sums[*i as usize] += v);
                sums
            });
            parts.reduce_with(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect())
        };
        report.row(name, n, || par::group_sum(index, &values, pixels), hand, serial);
    }
    let serial = |bins: usize| {
        let (values, mut counts) = (&values, vec![0u64; bins]);
        let scale = bins as f64 / 1013.0;
        values.iter().filter(|v| **v >= 0.0 && **v < 1013.0).for_each(|v| counts[(v * scale) as usize] += 1);
        counts
    };
    let hand = |bins: usize| {
        let scale = bins as f64 / 1013.0;
        let parts = values.par_chunks(n / 2).map(|values| {
            let mut counts = vec![0u64; bins];
            values.iter().filter(|v| **v >= 0.0 && **v < 1013.0).for_each(|v| counts[(v * scale) as usize] += 1);
            counts
        });
        parts.reduce_with(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect())
    };
    for bins in [10, 100, 100_000] {
        let name = format!("histogram, {bins} bins");
        report.row(&name, n, || par::histogram(&values, 0.0, 1013.0, bins), || hand(bins), || serial(bins));
    }
}

fn stencils(report: &Report) {
    let n = 2000usize;
    let a: Vec<f64> = (0..n * n).map(|i| (i % 101) as f64).collect();
    let five = |i: usize| 0.25 * (a[i - n] + a[i - 1] + a[i + 1] + a[i + n]);
    let row = |y: usize, out: &mut [f64]| {
        if y > 0 && y + 1 < n {
            let (up, here, down) = (&a[(y - 1) * n..y * n], &a[y * n..(y + 1) * n], &a[(y + 1) * n..(y + 2) * n]);
            for x in 1..n - 1 {
                out[x] = 0.25 * (up[x] + here[x - 1] + here[x + 1] + down[x]);
            }
        }
    };
    report.row(
        "stencil2 5 points, 2000 x 2000",
        n * n,
        || {
            par::stencil2(&a, [n, n], par::Edge::Clamp, |p| {
                0.25 * (p.at(-1, 0) + p.at(0, -1) + p.at(0, 1) + p.at(1, 0))
            })
        },
        || {
            let mut out = vec![0.0; n * n];
            out.par_chunks_mut(n).enumerate().for_each(|(y, out)| row(y, out));
            out
        },
        || {
            let mut out = vec![0.0; n * n];
            out.chunks_mut(n).enumerate().for_each(|(y, out)| row(y, out));
            out
        },
    );
    report.row(
        "grid 2000 x 2000",
        n * n,
        || par::quiet().map(par::grid([n, n]), |[y, x]| y as f64 * 0.5 + x as f64),
        || (0..n * n).into_par_iter().map(|i| (i / n) as f64 * 0.5 + (i % n) as f64).collect::<Vec<_>>(),
        || (0..n).flat_map(|y| (0..n).map(move |x| y as f64 * 0.5 + x as f64)).collect::<Vec<_>>(),
    );
    let (m, mm) = (160usize, 160 * 160usize);
    let b: Vec<f64> = (0..m * mm).map(|i| (i % 101) as f64).collect();
    let seven = |i: usize| b[i - mm] + b[i - m] + b[i - 1] + b[i + 1] + b[i + m] + b[i + mm] - 6.0 * b[i];
    let plane = |z: usize, out: &mut [f64]| {
        if z > 0 && z + 1 < m {
            (1..m - 1).for_each(|y| (1..m - 1).for_each(|x| out[y * m + x] = seven(z * mm + y * m + x)));
        }
    };
    report.row(
        "stencil3 7 points, 160 cubed",
        m * mm,
        || {
            par::stencil3(&b, [m, m, m], par::Edge::Clamp, |p| {
                p.at(-1, 0, 0) + p.at(0, -1, 0) + p.at(0, 0, -1) + p.at(0, 0, 1) + p.at(0, 1, 0) + p.at(1, 0, 0)
                    - 6.0 * p.at(0, 0, 0)
            })
        },
        || {
            let mut out = vec![0.0; m * mm];
            out.par_chunks_mut(mm).enumerate().for_each(|(z, out)| plane(z, out));
            out
        },
        || {
            let mut out = vec![0.0; m * mm];
            out.chunks_mut(mm).enumerate().for_each(|(z, out)| plane(z, out));
            out
        },
    );
    report.row(
        "stencil, radius 1",
        n * n,
        || par::stencil(&a, 1, par::Edge::Wrap, |w| w[0] + w[1] + w[2]),
        || a.par_windows(3).map(|w| w[0] + w[1] + w[2]).collect::<Vec<_>>(),
        || (n..n * n - n).map(five).collect::<Vec<_>>(),
    );
}

fn sorts(report: &Report) {
    let n = 4_000_000u64;
    // the finaliser of SplitMix64: as good as random
    let mixed = |i: u64| {
        let x = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    };
    let keys: Vec<u64> = (0..n).map(|i| mixed(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 11).collect();
    let floats: Vec<f64> = keys.iter().map(|k| *k as f64).collect();
    fn with<T: Clone>(a: &[T], f: impl Fn(&mut [T])) -> Vec<T> {
        let mut a = a.to_vec();
        f(&mut a);
        a
    }
    let items = n as usize;
    report.row(
        "sort_unstable u64",
        items,
        || with(&keys, par::sort_unstable),
        || with(&keys, |a| a.par_sort_unstable()),
        || with(&keys, |a| a.sort_unstable()),
    );
    report.row(
        "sort f64",
        items,
        || with(&floats, par::sort),
        || with(&floats, |a| a.par_sort_by(f64::total_cmp)),
        || with(&floats, |a| a.sort_by(f64::total_cmp)),
    );
    let words: Vec<String> = keys[..500_000].iter().map(u64::to_string).collect();
    report.row(
        "sort String",
        words.len(),
        || with(&words, par::sort),
        || with(&words, |a| a.par_sort()),
        || with(&words, |a| a.sort()),
    );
    report.row(
        "cumsum f64",
        items,
        || par::cumsum(&floats),
        || par::scan(par::items(floats.iter().copied()), 0.0, |a, b| a + b),
        || {
            floats
                .iter()
                .scan(0.0, |sum, x| {
                    *sum += x;
                    Some(*sum)
                })
                .collect::<Vec<f64>>()
        },
    );
}

fn main() {
    let only = std::env::args().nth(1).filter(|a| !a.starts_with("--"));
    let report = Report { only };
    println!("{} threads", rayon::current_num_threads());
    maps(&report);
    reductions(&report);
    groups(&report);
    stencils(&report);
    sorts(&report);
}
