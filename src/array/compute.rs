//! Asking for results: of one array, of several at once, and of what stays in memory for later.

use super::api::Array;
use super::buffer::{Buffer, Memory};
use super::element::Element;
use super::node::{Line, Node};
use super::place::Place;
use super::run;
use crate::error::Error;
use ndarray::{ArrayD, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};
use std::sync::Arc;

/// What an array of so many axes is when it is computed: a number when there are none, so that the result of a
/// reduction can be computed with at once; else `ndarray`'s array of that many axes.
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::ndarray::{Array2, Ix2};
/// let table: Array2<f64> = threads().array().zeros([2, 2]).compute()?;
/// let total: f64 = threads().array().of(&table).sum().compute()?;
/// assert_eq!(total, 0.0);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Computed: Dimension {
    /// A number, or an array.
    type Result<T: Element>;
    #[doc(hidden)]
    fn result<T: Element>(memory: Memory, shape: &[usize]) -> Self::Result<T>;
}

impl Computed for Ix0 {
    type Result<T: Element> = T;
    fn result<T: Element>(memory: Memory, _: &[usize]) -> T {
        T::from_word(run::word(&memory, T::DTYPE))
    }
}

macro_rules! axes {
    ($($dim:ident)*) => {$(
        impl Computed for $dim {
            type Result<T: Element> = ndarray::Array<T, $dim>;
            fn result<T: Element>(memory: Memory, shape: &[usize]) -> ndarray::Array<T, $dim> {
                match array::<T>(memory, shape).into_dimensionality() {
                    Ok(array) => array,
                    Err(e) => unreachable!("an array of shape {shape:?} has its number of axes as a type: {e}"),
                }
            }
        }
    )*};
}
axes!(Ix1 Ix2 Ix3 Ix4 Ix5 Ix6 IxDyn);

/// The elements of a result: those that were just made, or a copy of those that others have, too.
fn array<T: Element>(memory: Memory, shape: &[usize]) -> ArrayD<T> {
    let first = memory.place.offset == 0 && memory.buffer.len == shape.iter().product::<usize>();
    let elements = match (first, Arc::try_unwrap(memory.buffer)) {
        (true, Ok(buffer)) => buffer.into_vec::<T>(),
        (_, Ok(buffer)) => Some(Memory { buffer: Arc::new(buffer), place: memory.place }.slice(shape).to_vec()),
        (_, Err(buffer)) => Some(Memory { buffer, place: memory.place }.slice(shape).to_vec()),
    };
    match elements.and_then(|elements| ArrayD::from_shape_vec(shape, elements).ok()) {
        Some(array) => array,
        None => unreachable!("a result of shape {shape:?} is a vector of so many elements"),
    }
}

impl<T: Element, D: Dimension> Array<T, D> {
    /// Computes it: a number when it has no axes, else `ndarray`'s array.
    ///
    /// # Errors
    /// When a closure panics, with the index of the element and the line that made the array, and when memory does not
    /// suffice, which is asked before anything runs.
    ///
    /// # Panics
    /// When the user interrupts, as the loops of [`crate::par`] do.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().linspace(0.0, 1.0, 1001);
    /// assert!(((&x * &x).mean().compute()? - 1.0 / 3.0).abs() < 1e-3);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn compute(&self) -> Result<D::Result<T>, Error>
    where
        D: Computed,
    {
        let memory = self.memory()?;
        Ok(D::result(memory, &self.node.shape))
    }

    fn memory(&self) -> Result<Memory, Error> {
        let mut memories = self.on.compute(std::slice::from_ref(&self.node))?;
        memories.pop().ok_or_else(|| Error::lost("nothing was computed"))
    }

    /// Computes it and keeps the elements where they were computed, on a cluster with its workers: an array that stands for this one,
    /// and is not computed again.
    ///
    /// # Errors
    /// As for [`compute`](Array::compute).
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().random().seed(7).normal([1000]).persist()?;
    /// let mean = x.mean().compute()?;
    /// assert!((&x - mean).mean().compute()?.abs() < 1e-15);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[track_caller]
    pub fn persist(&self) -> Result<Self, Error> {
        Ok(self.with(self.on.persist(&self.node, Line::of_caller())?))
    }
}

/// Arrays that are computed together: a tuple of references to up to six.
///
/// ```
/// use ferrolab::prelude::*;
/// fn both<A: array::Several>(arrays: A) -> A::Results { array::compute(arrays).unwrap() }
/// let x = threads().array().arange(4.0);
/// assert_eq!(both((&x.sum(), &x.max())), (6.0, 3.0));
/// ```
pub trait Several {
    /// Their results.
    type Results;
    #[doc(hidden)]
    fn nodes(&self) -> (Vec<Arc<Node>>, Arc<dyn Place>);
    #[doc(hidden)]
    fn results(&self, memories: Vec<Memory>) -> Self::Results;
}

macro_rules! several {
    ($(($($t:ident $d:ident $i:tt),*);)*) => {$(
        impl<$($t: Element, $d: Computed),*> Several for ($(&Array<$t, $d>,)*) {
            type Results = ($($d::Result<$t>,)*);
            fn nodes(&self) -> (Vec<Arc<Node>>, Arc<dyn Place>) {
                (vec![$(self.$i.node.clone()),*], Arc::clone(&self.0.on))
            }
            fn results(&self, memories: Vec<Memory>) -> Self::Results {
                let mut memories = memories.into_iter();
                ($($d::result::<$t>(
                    memories.next().unwrap_or_else(|| Memory::whole(Arc::new(Buffer::of(Vec::<$t>::new())), &[0])),
                    &self.$i.node.shape,
                ),)*)
            }
        }
    )*};
}
several! {
    (A D 0);
    (A D 0, B E 1);
    (A D 0, B E 1, C F 2);
    (A D 0, B E 1, C F 2, G J 3);
    (A D 0, B E 1, C F 2, G J 3, H K 4);
    (A D 0, B E 1, C F 2, G J 3, H K 4, I L 5);
}

/// Computes several arrays at once: what they have in common is read and computed once, and what goes over the same elements
/// does so in one pass.
///
/// # Errors
/// As for [`Array::compute`].
///
/// ```
/// use ferrolab::prelude::*;
/// let x = threads().array().random().seed(7).normal([1000, 10]);
/// let (mean, std, greatest) = array::compute((&x.mean(), &x.std(0), &x.max_axis(0)))?;
/// assert!(mean.abs() < 0.1 && (std - 1.0).abs() < 0.1 && greatest.len() == 10);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub fn compute<A: Several>(arrays: A) -> Result<A::Results, Error> {
    let (nodes, on) = arrays.nodes();
    let memories = on.compute(&nodes)?;
    Ok(arrays.results(memories))
}
