//! Loops over tiles for functions of floats, several numbers at once: those of [`crate::simd`], whose
//! accuracy is told there. Arithmetic is in `loops`.

use super::element::DType;
use super::ops::{Bi, In, One, Two, Un};
use super::vectors::{self, Stream};
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

/// How many numbers become `f64` at a time: whole vectors, so that they have the neighbours they would have in lanes of
/// `f32`.
const BLOCK: usize = 128;

/// A function of `f32` by way of its `f64` one, as [`F32s`]'s are: the same bits, and its code is there once.
///
/// # Safety
/// As [`Two`] says, for `f32`; `function` is for `f64` and as many operands.
unsafe fn by_way_of_f64<const K: usize>(
    function: unsafe fn(usize, [In; K], *mut u8),
    n: usize,
    inputs: [In; K],
    out: *mut u8,
) {
    let (mut wide, mut results) = ([[0f64; BLOCK]; K], [0f64; BLOCK]);
    for start in (0..n).step_by(BLOCK) {
        let take = BLOCK.min(n - start);
        for (wide, x) in wide.iter_mut().zip(inputs) {
            let (from, count) =
                if x.one { (x.at.cast::<f32>(), 1) } else { (x.at.cast::<f32>().wrapping_add(start), take) };
            for (i, wide) in wide[..count].iter_mut().enumerate() {
                // SAFETY: one of the caller's numbers.
                *wide = f64::from(unsafe { from.add(i).read_unaligned() });
            }
        }
        // SAFETY: as many numbers were just written, and there is room for as many; then the caller's promise.
        unsafe {
            let inputs = std::array::from_fn(|k| In { at: wide[k].as_ptr().cast(), one: inputs[k].one });
            function(take, inputs, results.as_mut_ptr().cast());
            results[..take].iter().enumerate().for_each(|(i, x)| out.cast::<f32>().add(start + i).write(*x as f32));
        }
    }
}

/// The loop of a function of `f64`.
macro_rules! double {
    ($count:literal, $each:ident, $name:ident, |$($x:ident),+| $f:expr) => {
        /// # Safety
        /// As [`Two`] says.
        unsafe fn $name(n: usize, inputs: [In; $count], out: *mut u8) {
            /// # Safety
            /// As [`Kernel`](vectors::Kernel) says.
            unsafe fn kernel(n: usize, from: [Stream; $count], out: *mut u8) {
                // SAFETY: passed on.
                unsafe { vectors::$each::<F64s>(n, from, out, |$($x),+| $f) }
            }
            // SAFETY: passed on.
            unsafe { vectors::run(kernel, size_of::<f64>(), n, inputs, out) }
        }
    };
}

/// A loop of a function of one number, for both types.
macro_rules! function {
    ($of:expr, $name:ident) => {{
        double!(1, each, all, |x| x.$name());
        /// # Safety
        /// As [`One`] says.
        unsafe fn double(n: usize, x: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { all(n, [In { at: x, one: false }], out) }
        }
        /// # Safety
        /// As [`One`] says.
        unsafe fn single(n: usize, x: *const u8, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { by_way_of_f64(all, n, [In { at: x, one: false }], out) }
        }
        match $of {
            DType::F64 => Some(double as One),
            DType::F32 => Some(single as One),
            _ => None,
        }
    }};
}

/// As [`function`], for what is little work, done in lanes of its type.
macro_rules! light {
    ($of:expr, $name:ident) => {{
        light!(double, F64s, $name);
        light!(single, F32s, $name);
        match $of {
            DType::F64 => Some(double as One),
            DType::F32 => Some(single as One),
            _ => None,
        }
    }};
    ($tile:ident, $lanes:ty, $name:ident) => {
        /// # Safety
        /// As [`One`] says.
        unsafe fn $tile(n: usize, x: *const u8, out: *mut u8) {
            /// # Safety
            /// As [`Kernel`](vectors::Kernel) says.
            unsafe fn kernel(n: usize, from: [Stream; 1], out: *mut u8) {
                // SAFETY: passed on.
                unsafe { vectors::each::<$lanes>(n, from, out, <$lanes>::$name) }
            }
            let size = size_of::<<$lanes as Lanes>::Item>();
            // SAFETY: passed on.
            unsafe { vectors::run(kernel, size, n, [In { at: x, one: false }], out) }
        }
    };
}

/// Functions of one number.
pub(super) fn one(un: Un, of: DType) -> Option<One> {
    match un {
        Un::Signum => light!(of, signum),
        Un::Sqrt => light!(of, sqrt),
        Un::Cbrt => function!(of, cbrt),
        Un::Recip => light!(of, recip),
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
        Un::Floor => light!(of, floor),
        Un::Ceil => light!(of, ceil),
        Un::Round => light!(of, round),
        Un::Trunc => light!(of, trunc),
        _ => None,
    }
}

/// A loop of a function of two numbers, for both types.
macro_rules! function2 {
    ($of:expr, $name:ident) => {{
        double!(2, each2, all, |x, y| x.$name(y));
        /// # Safety
        /// As [`Two`] says.
        unsafe fn double(n: usize, a: In, b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { all(n, [a, b], out) }
        }
        /// # Safety
        /// As [`Two`] says.
        unsafe fn single(n: usize, a: In, b: In, out: *mut u8) {
            // SAFETY: passed on.
            unsafe { by_way_of_f64(all, n, [a, b], out) }
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
