//! What the generated code of `%%timeit`, `%%scaling` and `%%bench` calls: measures a cell's body
//! and shows the result. No API for notebooks; those use the functions above it.

use super::compare::{self, Candidate};
use super::measure::{batch, measure};
use super::{Options, scaling as scale};
use crate::display::Display;
use crate::rt::Failure;

/// `%%timeit`. Zero stands for "choose".
///
/// # Errors
/// What `?` in the body returns.
///
/// ```
/// assert!(ferrolab::timing::cell::timeit(10, 2, || Ok(())).is_ok());
/// assert!(ferrolab::timing::cell::timeit(10, 2, || Err("no".into())).is_err());
/// ```
#[inline]
pub fn timeit(loops: u64, repeats: usize, body: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let options = Options { loops: (loops > 0).then_some(loops), repeats: (repeats > 0).then_some(repeats) };
    let mut batch = batch(body);
    measure(options, &mut batch).map(|timing| timing.show())
}

/// `%%scaling`. No counts stand for 1, 2, 4… up to `granted`.
///
/// # Errors
/// What `?` in the body returns, and when threads cannot be started.
///
/// ```
/// assert!(ferrolab::timing::cell::scaling(&[1], 2, || Ok(())).is_ok());
/// ```
#[inline]
pub fn scaling(
    counts: &[usize],
    granted: usize,
    body: impl FnMut() -> Result<(), Failure> + Send,
) -> Result<(), Failure> {
    let mut batch = batch(body);
    scale::run(counts, granted, &mut batch).map(|found| found.show())
}

/// `%%bench`.
///
/// # Errors
/// None today; generated code treats all three alike.
///
/// ```
/// use ferrolab::timing::{candidate, cell};
/// assert!(cell::bench(vec![candidate("a", || 1), candidate("b", || 2)]).is_ok());
/// ```
pub fn bench(candidates: Vec<Candidate<'_>>) -> Result<(), Failure> {
    compare::run(candidates).map(|found| found.show())
}
