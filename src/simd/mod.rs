//! Lanes: several numbers that the processor computes with at once (SIMD).
//!
//! A closure over [`F64s`] (eight `f64`) or [`F32s`] (sixteen `f32`) is written like one over a
//! single number. [`crate::par::map_simd`] runs it over slices on every thread,
//! [`crate::par::ufunc2`] over arrays of any shape, [`crate::par::monte_carlo_simd`] over random
//! numbers:
//!
//! ```
//! use ferrolab::prelude::*;
//! let a = vec![1.0f64, 2.0, 3.0];
//! let mut out = vec![0.0; 3];
//! par::map_simd(&a, &mut out, |x| x * x + x.sin() * x * x.ln());
//! assert!((out[1] - (4.0 + 2f64.sin() * 2.0 * 2f64.ln())).abs() < 1e-14);
//! ```
//!
//! There is no `if` on single lanes: compare, which gives a [`Mask64`], and select.
//!
//! ```
//! use ferrolab::simd::F64s;
//! let x = F64s::from([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
//! let relu = x.gt(0.0).select(x, 0.0);
//! assert_eq!(relu.to_array(), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
//! ```
//!
//! The number of lanes is the same everywhere: eight `f64` are one register with AVX-512, two with
//! AVX2 and four with SSE2 or NEON. So the full width of the processor is used, and what depends on
//! the number of lanes, such as streams of [`crate::random`], does not depend on the machine. The
//! types are thin layers over those of the `wide` crate, which is exported as `ferrolab::wide`;
//! `From` converts both ways.
//!
//! # Accuracy
//!
//! Measured against the C library's functions, which are within 0.6 ULP themselves; the tests of
//! this module hold these bounds over wide ranges, and check NaN, infinities, zeros, subnormals and
//! large arguments:
//!
//! | | ULP |
//! |---|---|
//! | `sqrt`, `abs`, `floor`, `ceil`, `round`, `trunc`, `min`, `max`, `clamp` | exact |
//! | `exp`, `ln` | 1 |
//! | `sin`, `cos`, `exp2`, `log2`, `log10`, `pow`, `atan` | 2 |
//! | `tan`, `exp_m1`, `ln_1p`, `sinh`, `cosh`, `tanh`, `asin`, `acos`, `cbrt`, `atan2` | 4 |
//!
//! Functions of [`F32s`] are computed in double precision and rounded once.
//!
//! Without fused multiply-add (x86 processors before 2013, and builds for baseline x86-64), `pow`
//! takes one lane at a time, and so do `sin`, `cos` and `tan` where arguments exceed 10⁵. With it
//! they do beyond 10⁹, and `ln` and its kin do for vectors that hold subnormals or zeros.

mod explog;
mod f32s;
mod f64s;
mod lane;
mod macros;
mod operators;
mod pow;
#[cfg(test)]
mod tests;
mod trig;

pub use f32s::{F32s, Mask32};
pub use f64s::{F64s, Mask64};
pub(crate) use lane::sealed;
pub use lane::{LaneNumber, Lanes};
