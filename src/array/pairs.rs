//! Loops over tiles for two operations of arithmetic at once, `(a · b) + c` and its like: what lies between stays in
//! registers. Each is rounded by itself, so the bits are those of two loops.

use super::element::DType;
use super::ops::{Bi, In};
use crate::simd::{F32s, F64s, Lanes};

/// A loop over a tile with three operands.
///
/// # Safety (of every call)
/// As for [`Two`](super::ops::Two).
pub(crate) type Pair = unsafe fn(n: usize, a: In, b: In, c: In, out: *mut u8);

/// # Safety
/// As [`Pair`] says, for numbers of these lanes.
#[inline(always)]
unsafe fn lanes<L: Lanes>(n: usize, inputs: [In; 3], out: *mut u8, f: impl Fn(L, L, L) -> L) {
    let splat = inputs.map(|x| match x.one {
        // SAFETY: one number that stands for all is there.
        true => L::splat(unsafe { x.at.cast::<L::Item>().read_unaligned() }),
        false => L::splat(L::Item::default()),
    });
    // What stands for all is a vector of its own, of which every step reads the same one.
    let from: [*const L::Item; 3] = std::array::from_fn(|i| match inputs[i].one {
        true => (&raw const splat[i]).cast(),
        false => inputs[i].at.cast(),
    });
    let step = inputs.map(|x| usize::from(!x.one));
    let (out, whole) = (out.cast::<L::Item>(), n / L::LANES * L::LANES);
    for i in (0..whole).step_by(L::LANES) {
        // SAFETY: whole vectors within the `n` numbers that the caller promises, or the repeated one.
        unsafe {
            let [a, b, c] = [0, 1, 2].map(|k| L::load(from[k].add(i * step[k])));
            f(a, b, c).store(out.add(i));
        }
    }
    if whole < n {
        // SAFETY: the numbers that are left, at least one.
        unsafe {
            let [a, b, c] = [0, 1, 2].map(|k| L::load_part(from[k].add(whole * step[k]), n - whole));
            f(a, b, c).store_part(out.add(whole), n - whole);
        }
    }
}

macro_rules! pair {
    ($lanes:ty, |$a:ident, $b:ident, $c:ident| $f:expr) => {{
        /// # Safety
        /// As [`Pair`] says.
        unsafe fn tile(n: usize, a: In, b: In, c: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { lanes::<$lanes>(n, [a, b, c], out, |$a, $b, $c| $f) }
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
