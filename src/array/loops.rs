//! Loops over tiles for arithmetic, comparisons and choices: arithmetic of floats in lanes, the rest
//! plain Rust that the compiler makes vectors of. Functions such as `sin` are in `functions`.

use super::element::DType;
use super::ops::{Bi, In, One, Three, Two, Un};
use super::vectors::{self, Sizes, Stream};
use crate::simd::{F32s, F64s, Lanes};
use std::mem::MaybeUninit;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// # Safety
/// As [`One`] says.
#[inline(always)]
unsafe fn each<A: Copy, R>(n: usize, x: *const u8, out: *mut u8, f: impl Fn(A) -> R) {
    // SAFETY: the caller's promise: `n` elements there, room for `n` here, apart from each other.
    let (x, out) = unsafe { (from_raw_parts(x.cast::<A>(), n), from_raw_parts_mut(out.cast::<MaybeUninit<R>>(), n)) };
    for (out, x) in out.iter_mut().zip(x) {
        out.write(f(*x));
    }
}

/// # Safety
/// As [`Plain`](vectors::Plain) says.
#[inline(always)]
unsafe fn both<T: Copy, R>(n: usize, a: *const u8, b: *const u8, out: *mut u8, f: impl Fn(T, T) -> R) {
    // SAFETY: the caller's promise: `n` elements each, and `out` apart from them.
    let (a, b, out) = unsafe {
        let out = from_raw_parts_mut(out.cast::<MaybeUninit<R>>(), n);
        (from_raw_parts(a.cast::<T>(), n), from_raw_parts(b.cast::<T>(), n), out)
    };
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        out.write(f(*a, *b));
    }
}

/// A loop of one operand, as a function.
macro_rules! unary {
    ($t:ty, |$x:ident| $f:expr) => {{
        /// # Safety
        /// As [`One`] says.
        unsafe fn tile(n: usize, x: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { each::<$t, _>(n, x, out, |$x: $t| $f) }
        }
        Some(tile as One)
    }};
}

/// A loop of two operands, as a function.
macro_rules! binary {
    ($t:ty, |$a:ident, $b:ident| $f:expr) => {{
        /// # Safety
        /// As [`Plain`](vectors::Plain) says.
        unsafe fn kernel(n: usize, a: *const u8, b: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { both::<$t, $t>(n, a, b, out, |$a: $t, $b: $t| $f) }
        }
        /// # Safety
        /// As [`Two`] says.
        unsafe fn tile(n: usize, a: In, b: In, out: *mut u8) {
            let sizes = Sizes { takes: size_of::<$t>(), gives: size_of::<$t>(), units: 1 };
            // SAFETY: passed on.
            unsafe { vectors::plain(kernel, sizes, n, a, b, out) }
        }
        Some(tile as Two)
    }};
}

/// Arithmetic of floats, in lanes.
macro_rules! arithmetic {
    ($lanes:ty, |$a:ident, $b:ident| $f:expr) => {{
        /// # Safety
        /// As [`Kernel`](vectors::Kernel) says.
        unsafe fn kernel(n: usize, from: [Stream; 2], out: *mut u8) {
            // SAFETY: passed on.
            unsafe { vectors::each2::<$lanes>(n, from, out, |$a, $b| $f) }
        }
        /// # Safety
        /// As [`Two`] says.
        unsafe fn tile(n: usize, a: In, b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { vectors::run(kernel, size_of::<<$lanes as Lanes>::Item>(), n, [a, b], out) }
        }
        Some(tile as Two)
    }};
}

macro_rules! kernels {
    ($($name:ident $bound:ident |$a:ident, $b:ident| $f:expr;)*) => {$(
        /// # Safety
        /// As [`Plain`](vectors::Plain) says.
        unsafe fn $name<T: Copy + $bound>(n: usize, a: *const u8, b: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { both::<T, _>(n, a, b, out, |$a: T, $b: T| $f) }
        }
    )*};
}
kernels! {
    eq PartialEq |a, b| a == b;
    ne PartialEq |a, b| a != b;
    lt PartialOrd |a, b| a < b;
    le PartialOrd |a, b| a <= b;
}

macro_rules! comparison {
    ($t:ty, $kernel:ident, |$a:ident, $b:ident| $first:ident, $second:ident) => {{
        /// # Safety
        /// As [`Two`] says.
        unsafe fn tile(n: usize, $a: In, $b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { vectors::plain($kernel::<$t>, truths(size_of::<$t>()), n, $first, $second, out) }
        }
        Some(tile as Two)
    }};
}

/// Comparisons, for any type.
macro_rules! comparisons {
    ($bi:expr, $t:ty) => {
        match $bi {
            Bi::Eq => comparison!($t, eq, |a, b| a, b),
            Bi::Ne => comparison!($t, ne, |a, b| a, b),
            Bi::Lt => comparison!($t, lt, |a, b| a, b),
            Bi::Le => comparison!($t, le, |a, b| a, b),
            Bi::Gt => comparison!($t, lt, |a, b| b, a),
            Bi::Ge => comparison!($t, le, |a, b| b, a),
            _ => None,
        }
    };
}

fn truths(takes: usize) -> Sizes {
    Sizes { takes, gives: 1, units: 1 }
}

/// Operations of bits, which are those of bytes.
macro_rules! bits {
    ($bi:expr, $t:ty) => {
        match $bi {
            Bi::And => bits!($t, and),
            Bi::Or => bits!($t, or),
            Bi::Xor => bits!($t, xor),
            _ => None,
        }
    };
    ($t:ty, $kernel:ident) => {{
        /// # Safety
        /// As [`Two`] says.
        unsafe fn tile(n: usize, a: In, b: In, out: *mut u8) {
            let size = size_of::<$t>();
            // SAFETY: passed on.
            unsafe { vectors::plain($kernel, Sizes { takes: size, gives: size, units: size }, n, a, b, out) }
        }
        Some(tile as Two)
    }};
}

macro_rules! bytes {
    ($($name:ident |$a:ident, $b:ident| $f:expr;)*) => {$(
        /// # Safety
        /// As [`Plain`](vectors::Plain) says, for bytes.
        unsafe fn $name(n: usize, a: *const u8, b: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { both::<u8, _>(n, a, b, out, |$a: u8, $b: u8| $f) }
        }
    )*};
}
bytes! {
    and |a, b| a & b;
    or |a, b| a | b;
    xor |a, b| a ^ b;
}

macro_rules! floats {
    ($two:ident, $t:ty, $lanes:ty) => {
        fn $two(bi: Bi) -> Option<Two> {
            match bi {
                Bi::Add => arithmetic!($lanes, |a, b| a + b),
                Bi::Sub => arithmetic!($lanes, |a, b| a - b),
                Bi::Mul => arithmetic!($lanes, |a, b| a * b),
                Bi::Div => arithmetic!($lanes, |a, b| a / b),
                Bi::Rem => binary!($t, |a, b| a % b),
                // As NumPy's: what is NaN in one of them is NaN.
                Bi::Minimum => binary!($t, |a, b| if a < b || a.is_nan() { a } else { b }),
                Bi::Maximum => binary!($t, |a, b| if a > b || a.is_nan() { a } else { b }),
                _ => comparisons!(bi, $t),
            }
        }
    };
}
floats!(two_f64, f64, F64s);
floats!(two_f32, f32, F32s);

macro_rules! integers {
    ($two:ident, $t:ty) => {
        fn $two(bi: Bi) -> Option<Two> {
            match bi {
                // Beyond the ends they wrap around, as NumPy's do.
                Bi::Add => binary!($t, |a, b| a.wrapping_add(b)),
                Bi::Sub => binary!($t, |a, b| a.wrapping_sub(b)),
                Bi::Mul => binary!($t, |a, b| a.wrapping_mul(b)),
                Bi::Div => binary!($t, |a, b| {
                    assert!(b != 0, "attempt to divide by zero");
                    a.wrapping_div(b)
                }),
                Bi::Rem => binary!($t, |a, b| {
                    assert!(b != 0, "attempt to calculate the remainder with a divisor of zero");
                    a.wrapping_rem(b)
                }),
                Bi::Minimum => binary!($t, |a, b| a.min(b)),
                Bi::Maximum => binary!($t, |a, b| a.max(b)),
                Bi::And | Bi::Or | Bi::Xor => bits!(bi, $t),
                _ => comparisons!(bi, $t),
            }
        }
    };
}
integers!(two_i64, i64);
integers!(two_i32, i32);
integers!(two_u8, u8);

/// Arithmetic and comparisons of two operands.
pub(super) fn two(bi: Bi, of: DType) -> Option<Two> {
    match of {
        DType::F64 => two_f64(bi),
        DType::F32 => two_f32(bi),
        DType::I64 => two_i64(bi),
        DType::I32 => two_i32(bi),
        DType::U8 => two_u8(bi),
        // Bools are bytes, 0 and 1, and so are the results.
        DType::Bool => match bi {
            Bi::And | Bi::Or | Bi::Xor | Bi::Eq | Bi::Ne | Bi::Lt | Bi::Le | Bi::Gt | Bi::Ge => two_u8(bi),
            _ => None,
        },
    }
}

/// Arithmetic of one operand.
pub(super) fn one(un: Un, of: DType) -> Option<One> {
    match (un, of) {
        (Un::Neg, DType::F64) => unary!(f64, |x| -x),
        (Un::Neg, DType::F32) => unary!(f32, |x| -x),
        (Un::Neg, DType::I64) => unary!(i64, |x| x.wrapping_neg()),
        (Un::Neg, DType::I32) => unary!(i32, |x| x.wrapping_neg()),
        (Un::Neg, DType::U8) => unary!(u8, |x| x.wrapping_neg()),
        (Un::Abs, DType::F64) => unary!(f64, |x| x.abs()),
        (Un::Abs, DType::F32) => unary!(f32, |x| x.abs()),
        (Un::Abs, DType::I64) => unary!(i64, |x| x.wrapping_abs()),
        (Un::Abs, DType::I32) => unary!(i32, |x| x.wrapping_abs()),
        (Un::Abs, DType::U8) => unary!(u8, |x| x),
        (Un::Signum, DType::I64) => unary!(i64, |x| x.signum()),
        (Un::Signum, DType::I32) => unary!(i32, |x| x.signum()),
        (Un::Signum, DType::U8) => unary!(u8, |x| u8::from(x != 0)),
        (Un::IsNan, DType::F64) => unary!(f64, |x| x.is_nan()),
        (Un::IsNan, DType::F32) => unary!(f32, |x| x.is_nan()),
        (Un::IsFinite, DType::F64) => unary!(f64, |x| x.is_finite()),
        (Un::IsFinite, DType::F32) => unary!(f32, |x| x.is_finite()),
        (Un::Not, DType::Bool) => unary!(bool, |x| !x),
        _ => None,
    }
}

/// # Safety
/// As [`Three`] says, with elements of `T`'s size.
unsafe fn choose<T: Copy>(n: usize, mask: In, a: In, b: In, out: *mut u8) {
    let step = |x: In| usize::from(!x.one);
    let (mask, a, b) = ((mask.at.cast::<u8>(), step(mask)), (a.at.cast::<T>(), step(a)), (b.at.cast::<T>(), step(b)));
    for i in 0..n {
        // SAFETY: within what the caller promises; bools are bytes. Both are read, so that there is no branch.
        unsafe {
            let (yes, no) = (a.0.add(i * a.1).read_unaligned(), b.0.add(i * b.1).read_unaligned());
            let chosen = if mask.0.add(i * mask.1).read() != 0 { yes } else { no };
            out.cast::<T>().add(i).write(chosen);
        }
    }
}

/// The choice between elements of a type.
pub(super) fn select(of: DType) -> Three {
    match of.size() {
        8 => choose::<u64>,
        4 => choose::<u32>,
        _ => choose::<u8>,
    }
}
