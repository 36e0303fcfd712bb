//! Parallel loops of `par` beside hand-written rayon and plain serial loops, on the same data, in the
//! same run: `RUSTFLAGS='-C target-cpu=native' cargo bench -p ferrolab --bench par_vs_rayon [part of a name]`.
//! Each figure is the least of several runs, in turns. It judges no times; but the three of a row compute the same, by their own
//! means, and have to agree, because a loop that does less work would flatter one of them.

mod report;

use ferrolab::ndarray::linalg::general_mat_mul;
use ferrolab::ndarray::{Array2, Axis};
use ferrolab::par;
use rayon::prelude::*;
use report::Report;
use std::mem::MaybeUninit;

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
        let rows = ["sum", "map_reduce sum", "compensated sum", "variance", "max", "argmax"];
        if !rows.iter().any(|row| report.wants(&format!("{row}, {n}"))) {
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
        // both peers add plainly here: what exactness costs beside a sum that has none
        report.row(&format!("compensated sum, {n}"), n, || par::sum_compensated(&xs), hand, serial);
        report.row(
            &format!("variance, {n}"),
            n,
            || par::variance(&xs, 0),
            || {
                let mean = xs.par_iter().sum::<f64>() / n as f64;
                xs.par_iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64
            },
            || {
                let mean = xs.iter().sum::<f64>() / n as f64;
                xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64
            },
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
            // of the places with the same value ours is the first and theirs the last, so the values are compared
            || par::argmax(&xs).map(|i| xs[i]),
            || xs.par_iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| xs[i]),
            || xs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(i, _)| xs[i]),
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
    // a part for each thread, with sums of its own
    let part = n.div_ceil(rayon::current_num_threads());
    let scanned: Vec<u32> = (0..n).map(|i| (i / 7 % pixels) as u32).collect();
    for (name, index) in [("group_sum scattered", &scattered), ("group_sum scanned", &scanned)] {
        let serial = || {
            let mut sums = vec![0.0; pixels];
            index.iter().zip(&values).for_each(|(i, v)| sums[*i as usize] += v);
            sums
        };
        let hand = || {
            let parts = index.par_chunks(part).zip(values.par_chunks(part)).map(|(index, values)| {
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
        let parts = values.par_chunks(part).map(|values| {
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

/// A vector made of chunks, each filled where it lies and by one thread at a time, without zeros before: what a careful
/// hand writes where `collect` would have to find out a row and a column for each item.
fn filled(len: usize, chunk: usize, parallel: bool, fill: impl Fn(usize, &mut [MaybeUninit<f64>]) + Sync) -> Vec<f64> {
    let mut made: Vec<f64> = Vec::with_capacity(len);
    let room = &mut made.spare_capacity_mut()[..len];
    match parallel {
        true => room.par_chunks_mut(chunk).enumerate().for_each(|(at, out)| fill(at, out)),
        false => room.chunks_mut(chunk).enumerate().for_each(|(at, out)| fill(at, out)),
    }
    // SAFETY: the chunks are all of the `len` items, and each `fill` here writes every item of its chunk.
    unsafe { made.set_len(len) };
    made
}

/// Fill a row: `at` is told the places left of an item, of the item, and right of it, which stop at both ends.
fn row_of(out: &mut [MaybeUninit<f64>], at: impl Fn(usize, usize, usize) -> f64) {
    let last = out.len() - 1;
    out[0].write(at(0, 0, 1));
    #[expect(clippy::needless_range_loop, reason = "its neighbours have places, too, and bounds are known this way")]
    for x in 1..last {
        out[x].write(at(x - 1, x, x + 1));
    }
    out[last].write(at(last - 1, last, last));
}

fn stencils(report: &Report) {
    let n = 2000usize;
    let a: Vec<f64> = (0..n * n).map(|i| (i % 101) as f64).collect();
    let five = |y: usize, out: &mut [MaybeUninit<f64>]| {
        // as long as `out`, so that no bounds are checked in the loop
        let line = |y: usize| &a[y * n..][..out.len()];
        let (up, here, down) = (line(y.saturating_sub(1)), line(y), line((y + 1).min(n - 1)));
        row_of(out, |left, x, right| 0.25 * (up[x] + here[left] + here[right] + down[x]));
    };
    report.row(
        "stencil2 5 points, 2000 x 2000",
        n * n,
        || {
            par::stencil2(&a, [n, n], par::Edge::Clamp, |p| {
                0.25 * (p.at(-1, 0) + p.at(0, -1) + p.at(0, 1) + p.at(1, 0))
            })
        },
        || filled(n * n, n, true, five),
        || filled(n * n, n, false, five),
    );
    let slope = |y: usize, out: &mut [MaybeUninit<f64>]| {
        for (x, out) in out.iter_mut().enumerate() {
            out.write(y as f64 * 0.5 + x as f64);
        }
    };
    report.row(
        "grid 2000 x 2000",
        n * n,
        || par::quiet().map(par::grid([n, n]), |[y, x]| y as f64 * 0.5 + x as f64),
        || filled(n * n, n, true, slope),
        || filled(n * n, n, false, slope),
    );
    let (m, mm) = (160usize, 160 * 160usize);
    let b: Vec<f64> = (0..m * mm).map(|i| (i % 101) as f64).collect();
    let seven = |z: usize, out: &mut [MaybeUninit<f64>]| {
        for (y, out) in out.chunks_mut(m).enumerate() {
            let line = |z: usize, y: usize| &b[z * mm + y * m..][..out.len()];
            let (above, below) = (line(z.saturating_sub(1), y), line((z + 1).min(m - 1), y));
            let (up, here, down) = (line(z, y.saturating_sub(1)), line(z, y), line(z, (y + 1).min(m - 1)));
            row_of(out, |left, x, right| {
                above[x] + up[x] + here[left] + here[right] + down[x] + below[x] - 6.0 * here[x]
            });
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
        || filled(m * mm, mm, true, seven),
        || filled(m * mm, mm, false, seven),
    );
    let three = |at: usize, out: &mut [MaybeUninit<f64>]| {
        let (begin, end) = (at * n, at * n + out.len());
        let (before, after) = (a[(begin + a.len() - 1) % a.len()], a[end % a.len()]);
        let here = &a[begin..end];
        let last = out.len() - 1;
        out[0].write(before + here[0] + here[1]);
        for (out, w) in out[1..last].iter_mut().zip(here.windows(3)) {
            out.write(w[0] + w[1] + w[2]);
        }
        out[last].write(here[last - 1] + here[last] + after);
    };
    report.row(
        "stencil, radius 1",
        n * n,
        || par::stencil(&a, 1, par::Edge::Wrap, |w| w[0] + w[1] + w[2]),
        || filled(n * n, n, true, three),
        || filled(n * n, n, false, three),
    );
}

/// A running sum as one writes it with rayon: the sum of each part, then each part again from where those before it end.
fn running_sum(xs: &[f64]) -> Vec<f64> {
    let part = xs.len().div_ceil(4 * rayon::current_num_threads());
    let sums: Vec<f64> = xs.par_chunks(part).map(|xs| xs.iter().sum()).collect();
    let starts: Vec<f64> = (0..sums.len()).map(|i| sums[..i].iter().sum()).collect();
    filled(xs.len(), part, true, |at, out| {
        let mut sum = starts[at];
        for (out, x) in out.iter_mut().zip(&xs[at * part..]) {
            sum += x;
            out.write(sum);
        }
    })
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
        // numbers that are equal in this order are the same, so that the faster kind of sort gives the same result
        || with(&floats, |a| a.par_sort_unstable_by(f64::total_cmp)),
        || with(&floats, |a| a.sort_unstable_by(f64::total_cmp)),
    );
    let words: Vec<String> = keys[..500_000].iter().map(u64::to_string).collect();
    report.row(
        "sort String",
        words.len(),
        || with(&words, par::sort),
        || with(&words, |a| a.par_sort_unstable()),
        || with(&words, |a| a.sort_unstable()),
    );
    report.row(
        "cumsum f64",
        items,
        || par::cumsum(&floats),
        || running_sum(&floats),
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

fn products(report: &Report) {
    for n in [200usize, 2000] {
        let name = format!("matmul {n} x {n}");
        if !report.wants(&name) {
            continue;
        }
        let (a, b) =
            (Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j) % 11) as f64), Array2::from_elem((n, n), 0.5));
        let mark = |product: Array2<f64>| product.iter().take(10).sum::<f64>();
        report.row(
            &name,
            n * n * n,
            || mark(par::matmul(&a, &b)),
            || {
                let mut product = Array2::zeros((n, n));
                let rows = n.div_ceil(2 * rayon::current_num_threads());
                let parts = product.axis_chunks_iter_mut(Axis(0), rows).into_par_iter();
                parts.zip(a.axis_chunks_iter(Axis(0), rows).into_par_iter()).for_each(|(mut product, a)| {
                    general_mat_mul(1.0, &a, &b, 0.0, &mut product);
                });
                mark(product)
            },
            || mark(a.dot(&b)),
        );
    }
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
    products(&report);
}
