//! The operations that are built in, by name, and for which types there are loops for them. The loops are in
//! `loops`, `functions` and `casts`.

use super::element::{DType, Scalar};
use super::{casts, functions, loops};
use serde::{Deserialize, Serialize};

/// A loop over a tile: `n` elements from `x`, as many results to `out`.
///
/// # Safety (of every call)
/// Elements of the right types are at `x`, there is room for as many at `out`, and the two do not overlap.
pub(crate) type One = unsafe fn(n: usize, x: *const u8, out: *mut u8);
/// As [`One`], with two operands.
pub(crate) type Two = unsafe fn(n: usize, a: In, b: In, out: *mut u8);
/// A choice of elements of `size` bytes: where `mask` holds, those of `a`, else of `b`.
pub(crate) type Three = unsafe fn(n: usize, mask: In, a: In, b: In, out: *mut u8);
/// What a closure was compiled into: a loop over a tile of its operands, with parameters.
///
/// # Safety (of every call)
/// As for [`One`], for each of the pointers at `inputs`; `params` is what the loop was made for.
pub(crate) type Tile = unsafe fn(n: usize, inputs: *const *const u8, params: *const u8, out: *mut u8);

/// An operand of a tile: one element after the other, or one that stands for all.
#[derive(Clone, Copy)]
pub(crate) struct In {
    pub(crate) at: *const u8,
    pub(crate) one: bool,
}

/// Operations of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Un {
    Neg,
    Abs,
    Signum,
    Sqrt,
    Cbrt,
    Recip,
    Exp,
    Exp2,
    ExpM1,
    Ln,
    Ln1p,
    Log2,
    Log10,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Floor,
    Ceil,
    Round,
    Trunc,
    IsNan,
    IsFinite,
    Not,
    Cast(DType),
}

/// Operations of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Bi {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Minimum,
    Maximum,
    Pow,
    Atan2,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
    Xor,
}

/// An elementwise operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Op {
    One(Un),
    Two(Bi),
    /// To a whole power.
    Powi(i32),
    /// By a mask.
    Select,
}

impl Op {
    /// As messages and plans call it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::One(Un::Cast(to)) => format!("cast to {to}"),
            Self::One(un) => format!("{un:?}").to_lowercase(),
            Self::Two(bi) => format!("{bi:?}").to_lowercase(),
            Self::Powi(n) => format!("powi({n})"),
            Self::Select => "select".to_owned(),
        }
    }

    /// What it gives for operands of a type.
    pub(crate) fn gives(self, of: DType) -> DType {
        match self {
            Self::One(Un::Cast(to)) => to,
            Self::One(Un::IsNan | Un::IsFinite) | Self::Two(Bi::Eq | Bi::Ne | Bi::Lt | Bi::Le | Bi::Gt | Bi::Ge) => {
                DType::Bool
            }
            _ => of,
        }
    }
}

/// The loop of an operation.
#[derive(Clone, Copy)]
pub(crate) enum Loop {
    One(One),
    Two(Two),
    Three(Three),
    /// With a word of parameters.
    Powi(unsafe fn(n: usize, x: *const u8, power: i32, out: *mut u8), i32),
}

/// The loop for operands of a type; `None` when the operation is not for it, which the types of
/// [`super::Array`]'s methods do not let happen.
pub(crate) fn loop_of(op: Op, of: DType) -> Option<Loop> {
    match op {
        Op::One(Un::Cast(to)) => casts::cast(of, to).map(Loop::One),
        Op::One(un) => loops::one(un, of).or_else(|| functions::one(un, of)).map(Loop::One),
        Op::Two(bi) => loops::two(bi, of).or_else(|| functions::two(bi, of)).map(Loop::Two),
        Op::Powi(n) => functions::powi(of).map(|f| Loop::Powi(f, n)),
        Op::Select => Some(Loop::Three(loops::select(of))),
    }
}

/// The operation on scalars, when all operands are: what a plan folds.
pub(crate) fn fold(found: Loop, operands: &[Scalar], gives: DType) -> Scalar {
    let mut word = 0u64;
    let out = (&raw mut word).cast();
    let one = |i: usize| In { at: operands[i].bytes(), one: false };
    // SAFETY: each operand's bytes are those of one element, the loop is for their type by the caller's
    // choice, and a word has room for any element.
    unsafe {
        match found {
            Loop::One(f) => f(1, operands[0].bytes(), out),
            Loop::Two(f) => f(1, one(0), one(1), out),
            Loop::Three(f) => f(1, one(0), one(1), one(2), out),
            Loop::Powi(f, n) => f(1, operands[0].bytes(), n, out),
        }
    }
    Scalar { word, dtype: gives }
}
