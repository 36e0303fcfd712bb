//! What an elementwise function takes: numbers, slices, arrays; and what it gives back for them.

use super::broadcast::View;
use crate::simd::LaneNumber;
use ndarray::{Array, ArrayBase, Data, DimMax, Dimension, Ix1, IxDyn};
use std::marker::PhantomData;

/// Numbers of type `T`: one, a slice, vector or array by reference, or an ndarray array of any shape and order by
/// reference.
///
/// ```
/// use ferrolab::{ndarray::array, par};
/// let add = par::ufunc2(|x, y| x + y);
/// assert_eq!(add.call(1.0, 2.0)?, 3.0);
/// assert_eq!(add.call(&[1.0, 2.0], 0.5)?, [1.5, 2.5]);
/// assert_eq!(add.call(&array![[1.0], [2.0]], &[10.0, 20.0])?, array![[11.0, 21.0], [12.0, 22.0]]);
/// # Ok::<(), par::ShapeError>(())
/// ```
pub trait Operand<T: LaneNumber> {
    /// What kind of operand it is, which decides what the result is.
    type Kind: Kind;
    /// Where its numbers lie.
    #[doc(hidden)]
    fn view(&self) -> View;
}

/// A single number: the result of single numbers is one.
#[derive(Debug, Clone, Copy)]
pub enum Scalar {}
/// One row: the result with numbers and other rows is a vector.
#[derive(Debug, Clone, Copy)]
pub enum Flat {}
/// An ndarray array: the result with anything is one.
#[derive(Debug, Clone, Copy)]
pub struct Nd<D>(PhantomData<D>);

/// Kinds of operands, and what a result of the kind is.
pub trait Kind {
    /// The result.
    type Output<T>;
    /// Makes the result of numbers in row order.
    #[doc(hidden)]
    fn output<T>(shape: &[usize], numbers: Vec<T>) -> Self::Output<T>;
}

impl Kind for Scalar {
    type Output<T> = T;
    fn output<T>(_: &[usize], numbers: Vec<T>) -> T {
        numbers.into_iter().next().expect("single numbers have one result")
    }
}
impl Kind for Flat {
    type Output<T> = Vec<T>;
    fn output<T>(_: &[usize], numbers: Vec<T>) -> Vec<T> {
        numbers
    }
}
impl<D: Dimension> Kind for Nd<D> {
    type Output<T> = Array<T, D>;
    fn output<T>(shape: &[usize], numbers: Vec<T>) -> Array<T, D> {
        let shape = D::from_dimension(&IxDyn(shape)).expect("broadcasting gives the larger number of axes");
        assert_eq!(shape.size(), numbers.len(), "there is one number for each place");
        // SAFETY: the numbers fill the shape, in row order. The checked form is more to compile.
        unsafe { Array::from_shape_vec_unchecked(shape, numbers) }
    }
}

/// Which kind two operands make together.
pub trait Join<Other> {
    /// The kind of the result.
    type Kind: Kind;
}
macro_rules! join {
    ($([$($bound:tt)*] $a:ty, $b:ty => $kind:ty;)*) => {$(
        impl<$($bound)*> Join<$b> for $a {
            type Kind = $kind;
        }
    )*};
}
join! {
    [] Scalar, Scalar => Scalar;
    [] Scalar, Flat => Flat;
    [] Flat, Scalar => Flat;
    [] Flat, Flat => Flat;
    [D: Dimension] Scalar, Nd<D> => Nd<D>;
    [D: Dimension] Nd<D>, Scalar => Nd<D>;
    [D: Dimension + DimMax<Ix1>] Nd<D>, Flat => Nd<<D as DimMax<Ix1>>::Output>;
}
impl<D: Dimension> Join<Nd<D>> for Flat
where
    Ix1: DimMax<D>,
{
    type Kind = Nd<<Ix1 as DimMax<D>>::Output>;
}
impl<D: Dimension + DimMax<E>, E: Dimension> Join<Nd<E>> for Nd<D> {
    type Kind = Nd<<D as DimMax<E>>::Output>;
}

macro_rules! scalars {
    ($($t:ty)*) => {$(
        impl Operand<$t> for $t {
            type Kind = Scalar;
            fn view(&self) -> View {
                View::new(std::ptr::from_ref(self).cast(), &[], &[])
            }
        }
    )*};
}
scalars!(f64 f32);

macro_rules! slices {
    ($([$($more:tt)*] $t:ty;)*) => {$(
        impl<T: LaneNumber, $($more)*> Operand<T> for &$t {
            type Kind = Flat;
            fn view(&self) -> View {
                View::new(self.as_ptr().cast(), &[self.len()], &[1])
            }
        }
    )*};
}
slices!([] [T]; [] Vec<T>; [const N: usize] [T; N];);

impl<T: LaneNumber, D: Dimension, S: Data<Elem = T>> Operand<T> for &ArrayBase<S, D> {
    type Kind = Nd<D>;
    fn view(&self) -> View {
        View::new(self.as_ptr().cast(), self.shape(), self.strides())
    }
}
