//! Operators between arrays and numbers, on either side, by value and by reference.

use super::api::{Array, Operand, Wider, operation};
use super::element::{Arithmetic, Element};
use super::ops::{Bi, Op, Un};
use ndarray::{DimMax, Dimension};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Rem, Sub};

macro_rules! operators {
    ($($operator:ident $method:ident $element:ident;)*) => {$(
        impl<T: $element, D: Dimension + DimMax<R::Dim>, R: Operand<T>> $operator<R> for Array<T, D> {
            type Output = Array<T, Wider<D, R::Dim>>;
            #[track_caller]
            fn $method(self, other: R) -> Self::Output {
                self.with(operation(Op::Two(Bi::$operator), vec![self.node.clone(), other.into_node()]))
            }
        }
        impl<T: $element, D: Dimension + DimMax<R::Dim>, R: Operand<T>> $operator<R> for &Array<T, D> {
            type Output = Array<T, Wider<D, R::Dim>>;
            #[track_caller]
            fn $method(self, other: R) -> Self::Output {
                self.with(operation(Op::Two(Bi::$operator), vec![self.node.clone(), other.into_node()]))
            }
        }
    )*};
}

macro_rules! on_the_left {
    ($t:ty: $($operator:ident $method:ident)*) => {$(
        impl<D: Dimension> $operator<Array<$t, D>> for $t {
            type Output = Array<$t, D>;
            #[track_caller]
            fn $method(self, other: Array<$t, D>) -> Array<$t, D> {
                other.with(operation(Op::Two(Bi::$operator), vec![Operand::<$t>::into_node(self), other.node.clone()]))
            }
        }
        impl<D: Dimension> $operator<&Array<$t, D>> for $t {
            type Output = Array<$t, D>;
            #[track_caller]
            fn $method(self, other: &Array<$t, D>) -> Array<$t, D> {
                other.with(operation(Op::Two(Bi::$operator), vec![Operand::<$t>::into_node(self), other.node.clone()]))
            }
        }
    )*};
}

operators! {
    Add add Arithmetic;
    Sub sub Arithmetic;
    Mul mul Arithmetic;
    Div div Arithmetic;
    Rem rem Arithmetic;
}
on_the_left!(f64: Add add Sub sub Mul mul Div div Rem rem);
on_the_left!(f32: Add add Sub sub Mul mul Div div Rem rem);
on_the_left!(i64: Add add Sub sub Mul mul Div div Rem rem);
on_the_left!(i32: Add add Sub sub Mul mul Div div Rem rem);
on_the_left!(u8: Add add Sub sub Mul mul Div div Rem rem);

/// An element with bits: whole numbers and `bool`.
///
/// ```
/// use ferrolab::prelude::*;
/// let x = threads().array().arange(6i64);
/// let (low, odd) = (x.lt(4), (&x & 1).eq(1));
/// assert_eq!((low & !odd).compute()?.to_vec(), [true, false, true, false, false, false]);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Bits: Element {}
impl Bits for i64 {}
impl Bits for i32 {}
impl Bits for u8 {}
impl Bits for bool {}

macro_rules! bits {
    ($($operator:ident $method:ident $op:ident;)*) => {$(
        impl<T: Bits, D: Dimension + DimMax<R::Dim>, R: Operand<T>> $operator<R> for Array<T, D> {
            type Output = Array<T, Wider<D, R::Dim>>;
            #[track_caller]
            fn $method(self, other: R) -> Self::Output {
                self.with(operation(Op::Two(Bi::$op), vec![self.node.clone(), other.into_node()]))
            }
        }
        impl<T: Bits, D: Dimension + DimMax<R::Dim>, R: Operand<T>> $operator<R> for &Array<T, D> {
            type Output = Array<T, Wider<D, R::Dim>>;
            #[track_caller]
            fn $method(self, other: R) -> Self::Output {
                self.with(operation(Op::Two(Bi::$op), vec![self.node.clone(), other.into_node()]))
            }
        }
    )*};
}
bits! {
    BitAnd bitand And;
    BitOr bitor Or;
    BitXor bitxor Xor;
}

macro_rules! prefixes {
    ($($operator:ident $method:ident [$($generics:tt)*] $t:ty, $un:ident;)*) => {$(
        impl<$($generics)* D> $operator for Array<$t, D> {
            type Output = Self;
            #[track_caller]
            fn $method(self) -> Self {
                self.with(operation(Op::One(Un::$un), vec![self.node.clone()]))
            }
        }
        impl<$($generics)* D> $operator for &Array<$t, D> {
            type Output = Array<$t, D>;
            #[track_caller]
            fn $method(self) -> Array<$t, D> {
                self.with(operation(Op::One(Un::$un), vec![self.node.clone()]))
            }
        }
    )*};
}
prefixes! {
    Neg neg [T: Arithmetic,] T, Neg;
    Not not [] bool, Not;
}
