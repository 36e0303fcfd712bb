//! Loops over tiles that turn elements of one type into those of another, as Rust's `as` does.

use super::element::DType;
use super::ops::One;
use std::mem::MaybeUninit;
use std::slice::{from_raw_parts, from_raw_parts_mut};

/// How an element becomes one of another type.
trait Into_<T> {
    fn into_(self) -> T;
}

macro_rules! numbers {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        impl Into_<$to> for $from {
            #[inline(always)]
            fn into_(self) -> $to {
                self as $to
            }
        }
    )*)*};
}
numbers! {
    f64 => f64 f32 i64 i32 u8;
    f32 => f64 f32 i64 i32 u8;
    i64 => f64 f32 i64 i32 u8;
    i32 => f64 f32 i64 i32 u8;
    u8 => f64 f32 i64 i32 u8;
}

macro_rules! truths {
    ($($t:ty)*) => {$(
        impl Into_<$t> for bool {
            #[inline(always)]
            fn into_(self) -> $t {
                self as u8 as $t
            }
        }
        impl Into_<bool> for $t {
            #[inline(always)]
            fn into_(self) -> bool {
                self != 0 as $t
            }
        }
    )*};
}
truths!(f64 f32 i64 i32 u8);
impl Into_<Self> for bool {
    #[inline(always)]
    fn into_(self) -> Self {
        self
    }
}

/// # Safety
/// As [`One`] says.
unsafe fn tile<A: Copy + Into_<B>, B>(n: usize, x: *const u8, out: *mut u8) {
    // SAFETY: the caller's promise.
    let (x, out) = unsafe { (from_raw_parts(x.cast::<A>(), n), from_raw_parts_mut(out.cast::<MaybeUninit<B>>(), n)) };
    for (out, x) in out.iter_mut().zip(x) {
        out.write(x.into_());
    }
}

fn to<A>(to: DType) -> One
where
    A: Copy + Into_<f64> + Into_<f32> + Into_<i64> + Into_<i32> + Into_<u8> + Into_<bool>,
{
    match to {
        DType::F64 => tile::<A, f64>,
        DType::F32 => tile::<A, f32>,
        DType::I64 => tile::<A, i64>,
        DType::I32 => tile::<A, i32>,
        DType::U8 => tile::<A, u8>,
        DType::Bool => tile::<A, bool>,
    }
}

/// The loop from one type to another.
pub(super) fn cast(from: DType, into: DType) -> Option<One> {
    Some(match from {
        DType::F64 => to::<f64>(into),
        DType::F32 => to::<f32>(into),
        DType::I64 => to::<i64>(into),
        DType::I32 => to::<i32>(into),
        DType::U8 => to::<u8>(into),
        DType::Bool => to::<bool>(into),
    })
}
