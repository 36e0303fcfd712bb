//! Loops over tiles for arithmetic, comparisons and choices: plain Rust that the compiler makes vectors of.
//! Functions such as `sin` are in `functions`.

use super::element::DType;
use super::ops::{Bi, In, One, Three, Two, Un};
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
/// As [`Two`] says.
#[inline(always)]
unsafe fn both<A: Copy, B: Copy, R>(n: usize, a: In, b: In, out: *mut u8, f: impl Fn(A, B) -> R) {
    // SAFETY: the caller's promise: as many elements as are taken, and `out` apart from them.
    unsafe {
        let out = from_raw_parts_mut(out.cast::<MaybeUninit<R>>(), n);
        match (a.one, b.one) {
            (false, false) => {
                let (a, b) = (from_raw_parts(a.at.cast::<A>(), n), from_raw_parts(b.at.cast::<B>(), n));
                for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                    out.write(f(*a, *b));
                }
            }
            (false, true) => {
                let (a, b) = (from_raw_parts(a.at.cast::<A>(), n), b.at.cast::<B>().read_unaligned());
                for (out, a) in out.iter_mut().zip(a) {
                    out.write(f(*a, b));
                }
            }
            (true, false) => {
                let (a, b) = (a.at.cast::<A>().read_unaligned(), from_raw_parts(b.at.cast::<B>(), n));
                for (out, b) in out.iter_mut().zip(b) {
                    out.write(f(a, *b));
                }
            }
            (true, true) => {
                let (a, b) = (a.at.cast::<A>().read_unaligned(), b.at.cast::<B>().read_unaligned());
                for out in out {
                    out.write(f(a, b));
                }
            }
        }
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
        /// As [`Two`] says.
        unsafe fn tile(n: usize, a: In, b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { both::<$t, $t, _>(n, a, b, out, |$a: $t, $b: $t| $f) }
        }
        Some(tile as Two)
    }};
}

/// Comparisons, for any type.
macro_rules! comparisons {
    ($bi:expr, $t:ty) => {
        match $bi {
            Bi::Eq => binary!($t, |a, b| a == b),
            Bi::Ne => binary!($t, |a, b| a != b),
            Bi::Lt => binary!($t, |a, b| a < b),
            Bi::Le => binary!($t, |a, b| a <= b),
            Bi::Gt => binary!($t, |a, b| a > b),
            Bi::Ge => binary!($t, |a, b| a >= b),
            _ => None,
        }
    };
}

macro_rules! floats {
    ($two:ident, $t:ty) => {
        fn $two(bi: Bi) -> Option<Two> {
            match bi {
                Bi::Add => binary!($t, |a, b| a + b),
                Bi::Sub => binary!($t, |a, b| a - b),
                Bi::Mul => binary!($t, |a, b| a * b),
                Bi::Div => binary!($t, |a, b| a / b),
                Bi::Rem => binary!($t, |a, b| a % b),
                // As NumPy's: what is NaN in one of them is NaN.
                Bi::Minimum => binary!($t, |a, b| if a < b || a.is_nan() { a } else { b }),
                Bi::Maximum => binary!($t, |a, b| if a > b || a.is_nan() { a } else { b }),
                _ => comparisons!(bi, $t),
            }
        }
    };
}
floats!(two_f64, f64);
floats!(two_f32, f32);

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
                Bi::And => binary!($t, |a, b| a & b),
                Bi::Or => binary!($t, |a, b| a | b),
                Bi::Xor => binary!($t, |a, b| a ^ b),
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
        DType::Bool => match bi {
            Bi::And => binary!(bool, |a, b| a & b),
            Bi::Or => binary!(bool, |a, b| a | b),
            Bi::Xor => binary!(bool, |a, b| a ^ b),
            _ => comparisons!(bi, bool),
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
