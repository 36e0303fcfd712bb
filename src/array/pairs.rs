//! Loops over tiles for two operations of arithmetic at once, `(a · b) + c` and its like: what lies between stays in
//! registers. Each is rounded by itself, so the bits are those of two loops.

use super::element::DType;
use super::ops::{Bi, In};
use super::vectors::{self, Stream};
use crate::simd::{F32s, F64s, Lanes};

/// A loop over a tile with three operands.
///
/// # Safety (of every call)
/// As for [`Two`](super::ops::Two).
pub(crate) type Pair = unsafe fn(n: usize, a: In, b: In, c: In, out: *mut u8);

macro_rules! pair {
    ($lanes:ty, |$a:ident, $b:ident, $c:ident| $f:expr) => {{
        /// # Safety
        /// As [`Kernel`](vectors::Kernel) says.
        unsafe fn kernel(n: usize, from: [Stream; 3], out: *mut u8) {
            // SAFETY: passed on.
            unsafe { vectors::each3::<$lanes>(n, from, out, |$a, $b, $c| $f) }
        }
        /// # Safety
        /// As [`Pair`] says.
        unsafe fn tile(n: usize, a: In, b: In, c: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { vectors::run(kernel, size_of::<<$lanes as Lanes>::Item>(), n, [a, b, c], out) }
        }
        Some(tile as Pair)
    }};
}

/// The second operation after a first one; `swapped`: the first one's result is its second operand.
macro_rules! seconds {
    ($lanes:ty, $second:expr, $swapped:expr, |$a:ident, $b:ident| $first:expr) => {
        match ($second, $swapped) {
            // Bits do not depend on the order of these.
            (Bi::Add, _) => pair!($lanes, |$a, $b, c| $first + c),
            (Bi::Mul, _) => pair!($lanes, |$a, $b, c| $first * c),
            (Bi::Sub, false) => pair!($lanes, |$a, $b, c| $first - c),
            (Bi::Sub, true) => pair!($lanes, |$a, $b, c| c - $first),
            (Bi::Div, false) => pair!($lanes, |$a, $b, c| $first / c),
            (Bi::Div, true) => pair!($lanes, |$a, $b, c| c / $first),
            _ => None,
        }
    };
}

macro_rules! firsts {
    ($lanes:ty, $first:expr, $second:expr, $swapped:expr) => {
        match $first {
            Bi::Add => seconds!($lanes, $second, $swapped, |a, b| (a + b)),
            Bi::Sub => seconds!($lanes, $second, $swapped, |a, b| (a - b)),
            Bi::Mul => seconds!($lanes, $second, $swapped, |a, b| (a * b)),
            Bi::Div => seconds!($lanes, $second, $swapped, |a, b| (a / b)),
            _ => None,
        }
    };
}

/// The loop of two operations of arithmetic between floats; `swapped`: the first one's result is the second operand
/// of the second one.
pub(super) fn pair(first: Bi, second: Bi, swapped: bool, of: DType) -> Option<Pair> {
    match of {
        DType::F64 => firsts!(F64s, first, second, swapped),
        DType::F32 => firsts!(F32s, first, second, swapped),
        _ => None,
    }
}
