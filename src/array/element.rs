//! What arrays are made of: the types of elements, and a number whose type is known only at run time.
//! Nothing here computes.

use crate::par;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of an array's elements, at run time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DType {
    F64,
    F32,
    I64,
    I32,
    U8,
    Bool,
}

impl DType {
    /// Bytes of an element.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::U8 | Self::Bool => 1,
        }
    }

    /// As Rust calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::U8 => "u8",
            Self::Bool => "bool",
        }
    }

    /// As NumPy's files call it, on a little-endian machine.
    pub(crate) fn numpy(self) -> &'static str {
        match self {
            Self::F64 => "<f8",
            Self::F32 => "<f4",
            Self::I64 => "<i8",
            Self::I32 => "<i4",
            Self::U8 => "|u1",
            Self::Bool => "|b1",
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One element of a type that is known at run time: its bytes are the first of the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scalar {
    pub(crate) word: u64,
    pub(crate) dtype: DType,
}

impl Scalar {
    pub(crate) fn of<T: Element>(x: T) -> Self {
        Self { word: x.word(), dtype: T::DTYPE }
    }

    /// Where its bytes are.
    pub(crate) fn bytes(&self) -> *const u8 {
        (&raw const self.word).cast()
    }
}

pub(crate) mod sealed {
    /// Kernels exist for the types of this crate.
    pub trait Sealed {}
}

/// An element of an [`Array`](super::Array): `f64`, `f32`, `i64`, `i32`, `u8` or `bool`.
///
/// ```
/// use ferrolab::prelude::*;
/// fn threes<T: array::Element>(three: T) -> Vec<T> {
///     threads().array().full([2], three).compute().unwrap().to_vec()
/// }
/// assert_eq!(threes(3u8), [3, 3]);
/// ```
pub trait Element: Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static + sealed::Sealed {
    /// What a sum of them is: NumPy's rule, `i64` for whole numbers and for counting what is true.
    type Sum: Arithmetic;
    /// What their mean is: `f32` for `f32`, else `f64`.
    type Mean: Float;
    #[doc(hidden)]
    const DTYPE: DType;
    #[doc(hidden)]
    fn word(self) -> u64;
    #[doc(hidden)]
    fn from_word(word: u64) -> Self;
}

/// An element that can be computed with: all but `bool`.
///
/// ```
/// use ferrolab::prelude::*;
/// fn doubled<T: array::Arithmetic>(x: &array::Array<T, ferrolab::ndarray::Ix1>) -> Vec<T> {
///     (x + x).compute().unwrap().to_vec()
/// }
/// assert_eq!(doubled(&threads().array().arange(3).cast::<i32>()), [0, 2, 4]);
/// ```
pub trait Arithmetic: Element {
    #[doc(hidden)]
    const ONE: Self;
}

/// An element with a fraction: `f64` or `f32`.
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::ndarray::Ix1;
/// fn waves<T: array::Float>(x: &array::Array<T, Ix1>) -> array::Array<T, Ix1> { x.sin() }
/// assert_eq!(waves(&threads().array().zeros::<f32, _>([1])).compute()?[0], 0.0);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Float: Arithmetic<Mean = Self> + par::Multiply {}
impl Float for f64 {}
impl Float for f32 {}

macro_rules! elements {
    ($($t:ty, $dtype:ident, $sum:ty, $mean:ty, |$x:ident| $word:expr, |$w:ident| $from:expr;)*) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            type Sum = $sum;
            type Mean = $mean;
            const DTYPE: DType = DType::$dtype;
            #[inline]
            fn word(self) -> u64 {
                let $x = self;
                $word
            }
            #[inline]
            fn from_word($w: u64) -> Self {
                $from
            }
        }
    )*};
}
// Words are little-endian in memory as numbers are, on all machines that this crate is for.
const _: () = assert!(cfg!(target_endian = "little"), "arrays are laid out for little-endian machines");
elements! {
    f64, F64, f64, f64, |x| x.to_bits(), |w| Self::from_bits(w);
    f32, F32, f32, f32, |x| u64::from(x.to_bits()), |w| Self::from_bits(w as u32);
    i64, I64, i64, f64, |x| x as u64, |w| w as Self;
    i32, I32, i64, f64, |x| u64::from(x as u32), |w| w as u32 as Self;
    u8, U8, i64, f64, |x| u64::from(x), |w| w as Self;
    bool, Bool, i64, f64, |x| u64::from(x), |w| w as u8 != 0;
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Arithmetic for $t {
            const ONE: Self = 1 as $t;
        }
    )*};
}
numbers!(f64 f32 i64 i32 u8);
