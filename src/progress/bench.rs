//! What counting costs, beside a bare loop and `indicatif`. It prints and asserts nothing about
//! time: `cargo test -p ferrolab --release --lib progress::bench -- --ignored --nocapture`.

use super::{ParallelProgress, progress};
use rayon::prelude::*;
use std::hint::black_box;

/// The best of some runs: CPU time of all threads, in seconds, which depends less than wall time on
/// what else the machine does.
fn best(mut run: impl FnMut()) -> f64 {
    let timed = || {
        let start = cpu_time();
        run();
        cpu_time() - start
    };
    std::iter::repeat_with(timed).take(9).fold(f64::INFINITY, f64::min)
}

fn cpu_time() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for the time; this clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut now) };
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// Its value is not left out.
fn keep<T>(value: T) {
    black_box(value);
}

/// About a microsecond of arithmetic that cannot be left out.
#[inline(never)]
fn body(seed: u64, rounds: u32) -> u64 {
    let mut x = black_box(seed) | 1;
    for _ in 0..rounds {
        x = x.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
    }
    x
}

#[test]
#[ignore = "prints figures"]
fn counting() {
    let n = 20_000_000_u64;
    let bare = best(|| (0..n).for_each(keep));
    let ours = best(|| progress(0..n).for_each(keep));
    let looped = best(|| {
        for i in progress(0..n) {
            black_box(i);
        }
    });
    let few = n / 10;
    let theirs = best(|| {
        let bar = indicatif::ProgressBar::with_draw_target(Some(few), indicatif::ProgressDrawTarget::hidden());
        for i in bar.wrap_iter(0..few) {
            black_box(i);
        }
    });
    println!(
        "ns an item: bare {:.2}, for_each {:.2}, for {:.2}, indicatif (hidden) {:.2}",
        bare / n as f64 * 1e9,
        ours / n as f64 * 1e9,
        looped / n as f64 * 1e9,
        theirs / few as f64 * 1e9
    );
    let bare = best(|| (0..n).into_par_iter().for_each(keep));
    let ours = best(|| (0..n).into_par_iter().progress().for_each(keep));
    println!("rayon, ns of CPU an item: bare {:.2}, ours {:.2}", bare / n as f64 * 1e9, ours / n as f64 * 1e9);
}

#[test]
#[ignore = "prints figures"]
fn bodies_of_a_microsecond() {
    let mut rounds = 250;
    let took = best(|| keep((0..10_000).map(|i| body(i, rounds)).max()));
    rounds = (f64::from(rounds) * 1e-2 / took) as u32;
    let n = 200_000_u64;
    let run = |what: &str, run: &mut dyn FnMut()| println!("{what}: {:.4} s of CPU", best(run));
    // Twice, because the machine may do something else meanwhile.
    for _ in 0..2 {
        run("rayon, bare", &mut || keep((0..n).into_par_iter().map(|i| body(i, rounds)).max()));
        run("rayon, ours", &mut || keep((0..n).into_par_iter().progress().map(|i| body(i, rounds)).max()));
        run("rayon, indicatif", &mut || {
            let bar = indicatif::ProgressBar::with_draw_target(Some(n), indicatif::ProgressDrawTarget::hidden());
            use indicatif::ParallelProgressIterator as _;
            keep((0..n).into_par_iter().progress_with(bar).map(|i| body(i, rounds)).max());
        });
        run("serial, bare", &mut || keep((0..n).map(|i| body(i, rounds)).max()));
        run("serial, ours", &mut || keep(progress(0..n).map(|i| body(i, rounds)).max()));
    }
}
