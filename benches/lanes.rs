//! Times loops over lanes and random streams, in ns per item; the least of several runs. For reading, not a test.
//!
//! `RUSTFLAGS='-C target-cpu=native' cargo bench -p ferrolab --bench lanes -- [NUMBERS] [SAMPLES]`

use ferrolab::prelude::*;
use ferrolab::simd::F64s;
use std::hint::black_box;
use std::time::Instant;

fn time(name: &str, items: usize, mut f: impl FnMut()) {
    let least = (0..7).map(|_| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64() * 1e9 / items as f64
    });
    println!("{name:44} {:8.3} ns", least.fold(f64::INFINITY, f64::min));
}

fn keep(estimate: par::Estimate) {
    black_box(estimate);
}

fn functions() {
    fn each(name: &str, f: impl Fn(F64s) -> F64s + Sync + Copy) {
        let x: Vec<f64> = (0..4096).map(|i| 0.1 + 0.002 * f64::from(i)).collect();
        let mut y = vec![0.0; x.len()];
        time(name, 200 * x.len(), || {
            for _ in 0..200 {
                par::quiet().map_simd(&x, &mut y, f);
                black_box(&mut y);
            }
        });
    }
    each("sin in cache", F64s::sin);
    each("tan in cache", F64s::tan);
    each("exp in cache", F64s::exp);
    each("ln in cache", F64s::ln);
    each("pow in cache", |x| x.pow(2.3));
    each("atan in cache", F64s::atan);
    each("tanh in cache", F64s::tanh);
}

fn main() {
    // cargo adds an option of its own
    let mut sizes = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .map(|a| a.parse::<usize>().expect("a number of items"));
    let n = sizes.next().unwrap_or(100_000_000);
    let samples = sizes.next().unwrap_or(400_000_000);
    println!("{} threads, {n} numbers, {samples} samples", threads().count());
    let a: Vec<f64> = (0..n).map(|i| 0.5 + i as f64 * 1e-6).collect();
    let mut out = vec![0.0; n];
    let (quiet, one) = (par::quiet(), rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool"));
    time("copy", n, || quiet.map_simd(&a, &mut out, |x| x));
    time("half, in place", n, || quiet.map_simd_in_place(&mut out, |x| x * 0.5));
    time("sin", n, || quiet.map_simd(&a, &mut out, |x| x.sin()));
    time("ln", n, || quiet.map_simd(&a, &mut out, |x| x.ln()));
    time("x² + sin x · x · ln x", n, || quiet.map_simd(&a, &mut out, |x| x * x + x.sin() * x * x.ln()));
    one.install(|| {
        functions();
        time("the same, one thread", n, || quiet.map_simd(&a, &mut out, |x| x * x + x.sin() * x * x.ln()));
        let (a, mut out) = (&a[..4096.min(n)], vec![0.0; 4096.min(n)]);
        time("the same, in cache", 256 * a.len(), || {
            (0..256).for_each(|_| quiet.map_simd(a, &mut out, |x| x * x + x.sin() * x * x.ln()));
        });
    });
    time("scalar, par::map", n, || drop(quiet.map(&a, |x| x * x + x.sin() * x * x.ln())));
    drop((a, out));
    let pi = || {
        quiet.monte_carlo_simd(samples, 1, |rng| {
            let (x, y) = (rng.uniform(), rng.uniform());
            (x * x + y * y).lt(1.0).select(4.0, 0.0)
        })
    };
    println!("π = {}", pi());
    time("π by lanes", samples, || keep(pi()));
    one.install(|| time("π by lanes, one thread", samples, || keep(pi())));
    let scalar = || {
        quiet.monte_carlo(samples / 4, 1, |rng| {
            let (x, y) = (rng.uniform(), rng.uniform());
            if x * x + y * y < 1.0 { 4.0 } else { 0.0 }
        })
    };
    one.install(|| time("π by numbers, one thread", samples / 4, || keep(scalar())));
    one.install(|| {
        let normal = || quiet.monte_carlo_simd(samples / 8, 1, |rng| rng.normal());
        time("normal by lanes, one thread", samples / 8, || keep(normal()));
        let normal = || quiet.monte_carlo(samples / 8, 1, |rng| rng.normal());
        time("normal by numbers, one thread", samples / 8, || keep(normal()));
        let exponential = || quiet.monte_carlo(samples / 8, 1, |rng| rng.exponential());
        time("exponential by numbers, one thread", samples / 8, || keep(exponential()));
    });
}
