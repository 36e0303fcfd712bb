//! Times the tile interpreter beside loops that one writes by hand: `A² + sin A · A · ln A`, then its sum, in
//! operators, in one closure, and in lanes over a plain slice. For reading, not a test.
//!
//! `RUSTFLAGS='-C target-cpu=native' cargo bench -p ferrolab --bench tiles -- [NUMBERS]`

use ferrolab::prelude::*;
use std::hint::black_box;
use std::time::Instant;

fn time(name: &str, items: usize, mut f: impl FnMut() -> f64) {
    let mut last = 0.0;
    let least = (0..7).map(|_| {
        let start = Instant::now();
        last = black_box(f());
        start.elapsed().as_secs_f64() * 1e9 / items as f64
    });
    println!("{name:44} {:8.3} ns   {last:.6e}", least.fold(f64::INFINITY, f64::min));
}

fn main() {
    // cargo adds an option of its own
    let mut sizes = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let n = sizes.next().map_or(50_000_000, |n| n.parse::<usize>().expect("a number of items"));
    println!("{} threads, {n} numbers", threads().count());
    let a: Vec<f64> = (0..n).map(|i| 0.5 + (i % 4096) as f64 * 1e-3).collect();
    let x = threads().quiet().array().of(&ferrolab::ndarray::aview1(&a));
    let get = |x: Array<f64, ferrolab::ndarray::Ix0>| x.compute().expect("a sum");

    println!("from memory");
    time("operators", n, || get((&x * &x + x.sin() * &x * x.ln()).sum()));
    time("one closure over lanes", n, || get(x.map_simd(|x| x * x + x.sin() * x * x.ln()).sum()));
    time("plain program: lanes, then a sum", n, || {
        let parts = par::quiet().map(par::chunks(&a, 1 << 15), |part| {
            let whole = part.chunks_exact(8).map(|x| {
                let x = F64s::from(<[f64; 8]>::try_from(x).expect("eight"));
                x * x + x.sin() * x * x.ln()
            });
            whole.sum::<F64s>().sum()
        });
        parts.iter().sum()
    });
    println!("made: normal numbers");
    let z = threads().quiet().array().random().seed(7).normal([n]);
    time("sum", n, || get(z.sum()));
    time("operators", n, || get((&z * &z + z.sin() * &z * z.abs().ln()).sum()));
    time("one closure over lanes", n, || get(z.map_simd(|z| z * z + z.sin() * z * z.abs().ln()).sum()));
    println!("cheap: 2 x + 1");
    time("operators", n, || get((&x * 2.0 + 1.0).sum()));
    time("one closure", n, || get(x.map(|x| x * 2.0 + 1.0).sum()));
    time("plain program: par::sum_by", n, || par::quiet().sum_by(&a, |x| x * 2.0 + 1.0));
    println!("made: uniform numbers");
    let u = threads().quiet().array().random().seed(7).uniform([n]);
    time("sum", n, || get(u.sum()));
}
