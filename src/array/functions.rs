//! Loops over tiles for functions of floats, several numbers at once: those of [`crate::simd`], whose
//! accuracy is told there. Arithmetic is in `loops`.

use super::element::DType;
use super::ops::{Bi, In, One, Two, Un};
use crate::simd::{F32s, F64s, Lanes};

/// # Safety
/// As [`One`] says, for numbers of these lanes.
#[inline(always)]
unsafe fn lanes<L: Lanes>(n: usize, x: *const u8, out: *mut u8, f: impl Fn(L) -> L) {
    let (x, out) = (x.cast::<L::Item>(), out.cast::<L::Item>());
    let whole = n / L::LANES * L::LANES;
    // SAFETY: whole vectors within the `n` numbers that the caller promises, then what is left, if anything.
    unsafe {
        for i in (0..whole).step_by(L::LANES) {
            f(L::load(x.add(i))).store(out.add(i));
        }
        if whole < n {
            f(L::load_part(x.add(whole), n - whole)).store_part(out.add(whole), n - whole);
        }
    }
}

/// # Safety
/// As [`Two`] says, for numbers of these lanes.
#[inline(always)]
unsafe fn lanes2<L: Lanes>(n: usize, a: In, b: In, out: *mut u8, f: impl Fn(L, L) -> L) {
    let out = out.cast::<L::Item>();
    // SAFETY: an operand that stands for all is one number; others have `n`, of which these are read.
    let load = |x: In, i: usize, part: usize| unsafe {
        let at = x.at.cast::<L::Item>();
        match (x.one, part == L::LANES) {
            (true, _) => L::splat(at.read_unaligned()),
            (false, true) => L::load(at.add(i)),
            (false, false) => L::load_part(at.add(i), part),
        }
    };
    for i in (0..n).step_by(L::LANES) {
        let part = (n - i).min(L::LANES);
        // SAFETY: within the `n` numbers that there is room for.
        unsafe { f(load(a, i, part), load(b, i, part)).store_part(out.add(i), part) };
    }
}

/// A loop of a function of one number, for both types.
macro_rules! function {
    ($of:expr, $name:ident) => {{
        /// # Safety
        /// As [`One`] says.
        unsafe fn double(n: usize, x: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { lanes(n, x, out, F64s::$name) }
        }
        /// # Safety
        /// As [`One`] says.
        unsafe fn single(n: usize, x: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { lanes(n, x, out, F32s::$name) }
        }
        match $of {
            DType::F64 => Some(double as One),
            DType::F32 => Some(single as One),
            _ => None,
        }
    }};
}

/// Functions of one number.
pub(super) fn one(un: Un, of: DType) -> Option<One> {
    match un {
        Un::Signum => function!(of, signum),
        Un::Sqrt => function!(of, sqrt),
        Un::Cbrt => function!(of, cbrt),
        Un::Recip => function!(of, recip),
        Un::Exp => function!(of, exp),
        Un::Exp2 => function!(of, exp2),
        Un::ExpM1 => function!(of, exp_m1),
        Un::Ln => function!(of, ln),
        Un::Ln1p => function!(of, ln_1p),
        Un::Log2 => function!(of, log2),
        Un::Log10 => function!(of, log10),
        Un::Sin => function!(of, sin),
        Un::Cos => function!(of, cos),
        Un::Tan => function!(of, tan),
        Un::Asin => function!(of, asin),
        Un::Acos => function!(of, acos),
        Un::Atan => function!(of, atan),
        Un::Sinh => function!(of, sinh),
        Un::Cosh => function!(of, cosh),
        Un::Tanh => function!(of, tanh),
        Un::Floor => function!(of, floor),
        Un::Ceil => function!(of, ceil),
        Un::Round => function!(of, round),
        Un::Trunc => function!(of, trunc),
        _ => None,
    }
}

/// A loop of a function of two numbers, for both types.
macro_rules! function2 {
    ($of:expr, $name:ident) => {{
        /// # Safety
        /// As [`Two`] says.
        unsafe fn double(n: usize, a: In, b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { lanes2::<F64s>(n, a, b, out, |a, b| a.$name(b)) }
        }
        /// # Safety
        /// As [`Two`] says.
        unsafe fn single(n: usize, a: In, b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { lanes2::<F32s>(n, a, b, out, |a, b| a.$name(b)) }
        }
        match $of {
            DType::F64 => Some(double as Two),
            DType::F32 => Some(single as Two),
            _ => None,
        }
    }};
}

/// Functions of two numbers.
pub(super) fn two(bi: Bi, of: DType) -> Option<Two> {
    match bi {
        Bi::Pow => function2!(of, pow),
        Bi::Atan2 => function2!(of, atan2),
        _ => None,
    }
}

/// To a whole power.
pub(super) fn powi(of: DType) -> Option<unsafe fn(usize, *const u8, i32, *mut u8)> {
    /// # Safety
    /// As [`One`] says.
    unsafe fn double(n: usize, x: *const u8, power: i32, out: *mut u8) {
        // SAFETY: passed on.
        unsafe { lanes::<F64s>(n, x, out, |x| x.powi(power)) }
    }
    /// # Safety
    /// As [`One`] says.
    unsafe fn single(n: usize, x: *const u8, power: i32, out: *mut u8) {
        // SAFETY: passed on.
        unsafe { lanes::<F32s>(n, x, out, |x| x.powi(power)) }
    }
    /// # Safety
    /// As [`One`] says.
    unsafe fn whole<T: Copy>(n: usize, x: *const u8, out: *mut u8, f: impl Fn(T) -> T) {
        for i in 0..n {
            // SAFETY: within what the caller promises.
            unsafe { out.cast::<T>().add(i).write(f(x.cast::<T>().add(i).read())) }
        }
    }
    /// What a power of a whole number takes: not a negative one.
    fn natural(power: i32) -> u32 {
        assert!(power >= 0, "a whole number to the power {power} is no whole number: cast to f64 first");
        power.unsigned_abs()
    }
    macro_rules! integers {
        ($t:ty) => {{
            /// # Safety
            /// As [`One`] says.
            unsafe fn tile(n: usize, x: *const u8, power: i32, out: *mut u8) {
                let power = natural(power);
                // SAFETY: passed on.
                unsafe { whole::<$t>(n, x, out, |x| x.wrapping_pow(power)) }
            }
            tile
        }};
    }
    Some(match of {
        DType::F64 => double,
        DType::F32 => single,
        DType::I64 => integers!(i64),
        DType::I32 => integers!(i32),
        DType::U8 => integers!(u8),
        DType::Bool => return None,
    })
}
