//! The parallel loops against naive ones, one file for each behaviour.

mod arrays;
mod drops;
mod lanes;
mod loops;
mod products;
mod sorts;
mod stencils;
mod sums;
mod tables;

/// Numbers of items around every border: blocks, lanes, groups.
const SIZES: [usize; 13] = [0, 1, 2, 15, 16, 17, 63, 65, 1000, 1023, 1025, 4097, 100_003];

/// The message of the panic that ends `f`.
fn message_of(f: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
    crate::par::drive::message(&*payload)
}

/// `f` gives the same on pools of 1, 2, 3 and 7 threads.
fn same_on_all_pools<T: PartialEq + std::fmt::Debug + Send>(f: impl Fn() -> T + Sync) -> T {
    let first = f();
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(&f), first, "{threads} threads");
    }
    first
}

/// Numbers that look random, and are the same every time.
fn noise(n: usize) -> Vec<f64> {
    (0..n as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1u64 << 53) as f64 - 0.5).collect()
}
