//! Closures over elements: each becomes a loop over a tile, which is all that a cell compiles of an array's work.

use super::api::{Array, Operand, Wider};
use super::element::{DType, Element, Scalar};
use super::node::{Address, Closure, Given, Kind, Node, Params, Travel};
use super::ops::Tile;
use super::reduce::{Piece, Reduction, Sums};
use super::shape::broadcast;
use super::which::Own;
use crate::closure::{captures_nothing, conjure};
use crate::simd;
use crate::value;
use ndarray::{DimMax, Dimension, Ix0, RemoveAxis};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::mem::MaybeUninit;
use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::Arc;

#[track_caller]
#[inline(never)]
fn called(name: &'static str, tile: Tile, params: Given, inputs: Vec<Arc<Node>>, dtype: DType) -> Arc<Node> {
    let shapes: Vec<&[usize]> = inputs.iter().map(|input| &input.shape[..]).collect();
    let shape = broadcast(name, &shapes);
    Node::new(Kind::Closure(Closure { tile, params, name: name.into() }, inputs), shape, dtype)
}

/// Parameters, as a loop over them wants them.
fn given<P: Serialize + DeserializeOwned + Send + Sync + 'static>(params: P) -> Given {
    let params: Arc<P> = Arc::new(params);
    let at = Address(Arc::as_ptr(&params).cast());
    let write = |params: &Params| match params.downcast_ref::<P>() {
        Some(params) => value::bytes_of(params),
        None => Err(value::Fault::new("parameters of another type")),
    };
    let read = |mut bytes: &[u8]| Ok(given(value::read::<P>(&mut bytes)?));
    Given { params, at, travel: Some(Travel { write, read }) }
}

/// A slice of an operand, and one for the results.
///
/// # Safety
/// As [`Tile`] says, with operand `i` of type `T`.
#[inline(always)]
unsafe fn operand<'a, T>(n: usize, inputs: *const *const u8, i: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    unsafe { from_raw_parts((*inputs.add(i)).cast(), n) }
}

/// # Safety
/// As [`Tile`] says.
#[inline(always)]
unsafe fn results<'a, U>(n: usize, out: *mut u8) -> &'a mut [MaybeUninit<U>] {
    // SAFETY: room for `n` results, apart from the operands.
    unsafe { from_raw_parts_mut(out.cast(), n) }
}

/// # Safety
/// As [`Tile`] says.
unsafe fn map_tile<T: Copy, U, F: Fn(T) -> U + Copy + 'static>(
    n: usize,
    inputs: *const *const u8,
    _: *const u8,
    out: *mut u8,
) {
    let f: F = conjure();
    // SAFETY: passed on.
    let (x, out) = unsafe { (operand::<T>(n, inputs, 0), results::<U>(n, out)) };
    out.iter_mut().zip(x).for_each(|(out, x)| _ = out.write(f(*x)));
}

/// # Safety
/// As [`Tile`] says; `params` is a `P`.
unsafe fn with_tile<P, T: Copy, U, F: Fn(&P, T) -> U + Copy + 'static>(
    n: usize,
    inputs: *const *const u8,
    params: *const u8,
    out: *mut u8,
) {
    let f: F = conjure();
    // SAFETY: passed on; the node holds the parameters.
    let (x, out, params) = unsafe { (operand::<T>(n, inputs, 0), results::<U>(n, out), &*params.cast::<P>()) };
    out.iter_mut().zip(x).for_each(|(out, x)| _ = out.write(f(params, *x)));
}

/// # Safety
/// As [`Tile`] says.
unsafe fn zip_tile<T: Copy, S: Copy, U, F: Fn(T, S) -> U + Copy + 'static>(
    n: usize,
    inputs: *const *const u8,
    _: *const u8,
    out: *mut u8,
) {
    let f: F = conjure();
    // SAFETY: passed on.
    let (x, y, out) = unsafe { (operand::<T>(n, inputs, 0), operand::<S>(n, inputs, 1), results::<U>(n, out)) };
    out.iter_mut().zip(x).zip(y).for_each(|((out, x), y)| _ = out.write(f(*x, *y)));
}

/// # Safety
/// As [`Tile`] says.
unsafe fn lanes_tile<L: simd::Lanes, F: Fn(L) -> L + Copy + 'static>(
    n: usize,
    inputs: *const *const u8,
    _: *const u8,
    out: *mut u8,
) {
    let f: F = conjure();
    // SAFETY: vectors within `n` numbers, the last one being a part.
    unsafe {
        let (x, out) = ((*inputs).cast::<L::Item>(), out.cast::<L::Item>());
        for i in (0..n).step_by(L::LANES) {
            match n - i {
                left if left < L::LANES => f(L::load_part(x.add(i), left)).store_part(out.add(i), left),
                _ => f(L::load(x.add(i))).store(out.add(i)),
            }
        }
    }
}

/// Closures of users. They capture nothing, as those for a cluster; what they need goes through
/// [`map_with`](Array::map_with).
impl<T: Element, D: Dimension> Array<T, D> {
    /// Calls `f` on every element.
    ///
    /// A panic of `f` is an error of what is computed, which names the index.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().arange(4.0);
    /// assert_eq!(x.map(|x| x as u8 % 2 == 0).compute()?.to_vec(), [true, false, true, false]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn map<U: Element, F: Fn(T) -> U + Copy + Send + Sync + 'static>(&self, f: F) -> Array<U, D> {
        captures_nothing!(f: F);
        self.with(called("map", map_tile::<T, U, F>, Given::nothing(), vec![self.node.clone()], U::DTYPE))
    }

    /// Calls `f` on the parameters and every element.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let table = vec![10.0, 20.0];
    /// let x = threads().array().arange(2i64).map_with(&table, |table, i| table[i as usize]);
    /// assert_eq!(x.compute()?.to_vec(), table);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn map_with<P, U, F>(&self, params: &P, f: F) -> Array<U, D>
    where
        P: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
        U: Element,
        F: Fn(&P, T) -> U + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        let params = given(params.clone());
        self.with(called("map_with", with_tile::<P, T, U, F>, params, vec![self.node.clone()], U::DTYPE))
    }

    /// Calls `f` on every element and the one of another array, or a number, that it meets by NumPy's rule.
    ///
    /// # Panics
    /// When shapes do not broadcast.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let (x, y) = (threads().array().arange(3.0), threads().array().ones::<i64, _>([3]));
    /// assert_eq!(x.zip(&y, |x, y| x + y as f64).compute()?.to_vec(), [1.0, 2.0, 3.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn zip<S, R, U, F>(&self, other: R, f: F) -> Array<U, Wider<D, R::Dim>>
    where
        S: Element,
        R: Operand<S>,
        D: DimMax<R::Dim>,
        U: Element,
        F: Fn(T, S) -> U + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        let inputs = vec![self.node.clone(), other.into_node()];
        self.with(called("zip", zip_tile::<T, S, U, F>, Given::nothing(), inputs, U::DTYPE))
    }

    /// Calls `f` on several numbers at once: eight `f64` as [`F64s`](crate::simd::F64s), sixteen `f32` as
    /// [`F32s`](crate::simd::F32s). A closure of [`map`](Array::map) that calls a function such as `exp` takes one number after the
    /// other; this one does not.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().arange(4f64).map_simd(|x| x.gt(1.0).select(x.sqrt(), 0.0));
    /// assert_eq!(x.compute()?.to_vec(), [0.0, 0.0, 2f64.sqrt(), 3f64.sqrt()]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn map_simd<F: Fn(T::Lanes) -> T::Lanes + Copy + Send + Sync + 'static>(&self, f: F) -> Self
    where
        T: simd::LaneNumber,
    {
        captures_nothing!(f: F);
        let tile = lanes_tile::<T::Lanes, F>;
        self.with(called("map_simd", tile, Given::nothing(), vec![self.node.clone()], T::DTYPE))
    }

    /// Folds all elements into accumulators that begin as `init`, and merges these: a reduction of your own. Each
    /// chunk has an accumulator, and neighbours are merged in order; so `init` must be neutral.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().arange(1000.0);
    /// let largest_sine = x.reduce(f64::NEG_INFINITY, |m, x| m.max(x.sin()), f64::max);
    /// assert!(largest_sine.compute()? > 0.9999);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn reduce<A, F, M>(&self, init: A, fold: F, merge: M) -> Array<A, Ix0>
    where
        A: Element,
        F: Fn(A, T) -> A + Copy + Send + Sync + 'static,
        M: Fn(A, A) -> A + Copy + Send + Sync + 'static,
    {
        captures_nothing!(fold: F);
        captures_nothing!(merge: M);
        self.with(super::reducing::all(&self.node, own::<A, T, F, M>(init)))
    }

    /// As [`reduce`](Array::reduce), along an axis, which goes.
    ///
    /// # Panics
    /// When there is no such axis.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().arange(6i64).reshape([2, 3]);
    /// let all = x.reduce_axis(1, -1, |a, x| a & x, |a, b| a & b);
    /// assert_eq!(all.compute()?.to_vec(), [0 & 1 & 2, 3 & 4 & 5]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn reduce_axis<A, F, M>(&self, axis: impl super::AxisIndex, init: A, fold: F, merge: M) -> Array<A, D::Smaller>
    where
        A: Element,
        D: RemoveAxis,
        F: Fn(A, T) -> A + Copy + Send + Sync + 'static,
        M: Fn(A, A) -> A + Copy + Send + Sync + 'static,
    {
        captures_nothing!(fold: F);
        captures_nothing!(merge: M);
        let axis = super::api::axis_of("reduce_axis", axis, self.shape());
        self.with(super::reducing::along(&self.node, axis, own::<A, T, F, M>(init)))
    }
}

/// The loops of users' closures that fold and merge.
fn own<A, T, F, M>(init: A) -> Arc<dyn Reduction>
where
    A: Element,
    T: Element,
    F: Fn(A, T) -> A + Copy + Send + Sync + 'static,
    M: Fn(A, A) -> A + Copy + Send + Sync + 'static,
{
    let (fold, merge) = (fold_piece::<A, T, F>, merge_words::<A, M>);
    Arc::new(Own { init: Scalar::of(init), takes: T::DTYPE, fold, merge })
}

/// # Safety
/// As [`Reduction::fold`] says: elements are `T`.
unsafe fn fold_piece<A: Element, T: Element, F: Fn(A, T) -> A + Copy + 'static>(piece: Piece, sums: Sums) {
    let f: F = conjure();
    // SAFETY: the caller's promise.
    let elements = unsafe { from_raw_parts(piece.at.cast::<T>(), piece.n) };
    if sums.step == 0 {
        // SAFETY: there is one accumulator.
        let word = unsafe { &mut *sums.word::<u64>(0, 0) };
        *word = elements.iter().fold(A::from_word(*word), |a, x| f(a, *x)).word();
        return;
    }
    for (i, x) in elements.iter().enumerate() {
        // SAFETY: there is an accumulator for each element.
        let word = unsafe { &mut *sums.word::<u64>(i, 0) };
        *word = f(A::from_word(*word), *x).word();
    }
}

/// # Safety
/// As [`Reduction::merge`] says.
unsafe fn merge_words<A: Element, M: Fn(A, A) -> A + Copy + 'static>(n: usize, into: Sums, other: Sums) {
    let f: M = conjure();
    for i in 0..n {
        // SAFETY: both have `n`.
        let (word, other) = unsafe { (&mut *into.word::<u64>(i, 0), other.word::<u64>(i, 0).read()) };
        *word = f(A::from_word(*word), A::from_word(other)).word();
    }
}
