//! Where arrays come from: numbers, positions, closures, memory and files.

use super::api::Array;
use super::buffer::{Buffer, Memory};
use super::element::{Arithmetic, DType, Element, Scalar};
use super::node::{Kind, Made, Node};
use super::place::Place;
use super::shape::told;
use crate::closure::{captures_nothing, conjure};
use crate::error::Error;
use crate::random::{DrawRange, Positions};
use ndarray::{ArrayD, ArrayRef, Dim, Dimension, IntoDimension, Ix1, IxDyn};
use std::path::Path;
use std::sync::Arc;

/// Makes arrays of a place: `threads().array()`.
///
/// ```
/// use ferrolab::prelude::*;
/// let here = threads().array();
/// assert_eq!(here.ones::<f64, _>([2, 3]).sum().compute()?, 6.0);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Arrays {
    on: Arc<dyn Place>,
}

fn lengths(shape: impl IntoDimension) -> Vec<usize> {
    shape.into_dimension().slice().to_vec()
}

impl Arrays {
    /// Those of a place.
    pub(crate) fn on(on: Arc<dyn Place>) -> Self {
        Self { on }
    }

    #[track_caller]
    fn of_kind<T: Element, D>(&self, kind: Kind, shape: Vec<usize>) -> Array<T, D> {
        Array::new(Node::new(kind, shape, T::DTYPE), &self.on)
    }

    /// The same number everywhere.
    ///
    /// # Panics
    /// When the shape has more elements than can be counted, as for all sources.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().full([2], 7u8).compute()?.to_vec(), [7, 7]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn full<T: Element, S: IntoDimension>(&self, shape: S, x: T) -> Array<T, S::Dim> {
        self.of_kind(Kind::Full(Scalar::of(x)), lengths(shape))
    }

    /// 0 everywhere, `false` for `bool`.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().zeros::<i32, _>([2]).compute()?.to_vec(), [0, 0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn zeros<T: Element, S: IntoDimension>(&self, shape: S) -> Array<T, S::Dim> {
        self.full(shape, T::default())
    }

    /// 1 everywhere.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().ones::<f32, _>([2]).compute()?.to_vec(), [1.0, 1.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn ones<T: Arithmetic, S: IntoDimension>(&self, shape: S) -> Array<T, S::Dim> {
        self.full(shape, T::ONE)
    }

    /// The numbers from 0 up to `end`, `end` excluded, in steps of 1: whole ones for a whole `end`. Other types and
    /// steps are made of these: `arange(4).cast::<u8>()`, `arange(4.0) * 0.5`.
    ///
    /// # Panics
    /// When a float `end` is not finite.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let here = threads().array();
    /// assert_eq!(here.arange(3).compute()?.to_vec(), [0, 1, 2]);
    /// assert_eq!(here.arange(2.5).compute()?.to_vec(), [0.0, 1.0, 2.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn arange<E: End>(&self, end: E) -> Array<E, Ix1> {
        let (start, step, n) = end.steps();
        self.of_kind(Kind::Made(Made::Arange { start, step }), vec![n])
    }

    /// `n` numbers from `start` to `stop`, both included.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().linspace(0.0, 1.0, 3).compute()?.to_vec(), [0.0, 0.5, 1.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn linspace(&self, start: f64, stop: f64, n: usize) -> Array<f64, Ix1> {
        self.of_kind(Kind::Made(Made::Linspace { start, stop, n }), vec![n])
    }

    /// What `f` says of each index. It captures nothing, as closures for a cluster.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let table = threads().array().from_fn([3, 4], |[i, j]| (10 * i + j) as f64);
    /// assert_eq!(table.compute()?[[2, 3]], 23.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn from_fn<T, F, const N: usize>(&self, shape: [usize; N], f: F) -> Array<T, Dim<[usize; N]>>
    where
        T: Element,
        Dim<[usize; N]>: Dimension,
        F: Fn([usize; N]) -> T + Copy + Send + Sync + 'static,
    {
        /// # Safety
        /// As [`Fill`](super::node::Fill) says.
        unsafe fn fill<T, F: Fn([usize; N]) -> T + Copy + 'static, const N: usize>(
            n: usize,
            at: *const isize,
            step: *const isize,
            out: *mut u8,
        ) {
            let f: F = conjure();
            for i in 0..n {
                // SAFETY: `N` numbers at each, and room for `n` elements.
                unsafe {
                    let index =
                        std::array::from_fn(|axis| (at.add(axis).read() + i as isize * step.add(axis).read()) as usize);
                    out.cast::<T>().add(i).write(f(index));
                }
            }
        }
        captures_nothing!(f: F);
        self.of_kind(Kind::Made(Made::FromFn(fill::<T, F, N>)), shape.to_vec())
    }

    /// Random numbers, which depend on the seed and on where they are, and on nothing else: not on chunks, and not on
    /// threads.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let random = threads().array().random().seed(7);
    /// let die = random.integers([1000], 1..=6);
    /// assert!((die.mean().compute()? - 3.5).abs() < 0.3);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn random(&self) -> Random {
        Random { on: self.on.clone(), seed: 0 }
    }

    /// The elements of an array in memory, which are copied: what is computed later must not see changes.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// use ferrolab::ndarray::array;
    /// let a = threads().array().of(&array![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.t().compute()?, array![[1.0, 3.0], [2.0, 4.0]]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn of<T: Element, D: Dimension>(&self, array: &ArrayRef<T, D>) -> Array<T, D> {
        let elements: Vec<T> = match array.as_slice() {
            Some(slice) => slice.to_vec(),
            None => array.iter().copied().collect(),
        };
        let shape = array.shape().to_vec();
        self.of_kind(Kind::Memory(Memory::whole(Arc::new(Buffer::of(elements)), &shape)), shape)
    }

    /// An array whose blocks a closure makes: for whatever can be read by parts. `f` is told where a block begins and how long it
    /// is along each axis, and gives its elements, in that shape. Only blocks that are worked on are in memory. A panic
    /// of `f` is an error of what is computed.
    ///
    /// # Panics
    /// When a block has no length along an axis.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// use ferrolab::ndarray::ArrayD;
    /// let a = threads().array().from_blocks([100, 3], [10, 3], |start, shape| {
    ///     ArrayD::from_elem(shape, start[0] as f64)
    /// });
    /// assert_eq!(a.max().compute()?, 90.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn from_blocks<T, S, F>(&self, shape: S, block: S, f: F) -> Array<T, S::Dim>
    where
        T: Element,
        S: IntoDimension,
        F: Fn(&[usize], &[usize]) -> ArrayD<T> + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        let (shape, block) = (lengths(shape), lengths(block));
        assert!(
            shape.len() == block.len() && !block.contains(&0),
            "from_blocks: blocks of {} are none for an array of shape {}: each axis wants a length of at least 1",
            told(&block),
            told(&shape)
        );
        let make = |start: &[usize], shape: &[usize]| memory_of(conjure::<F>()(start, shape), shape);
        Array::new(Node::chunked(Kind::Blocks(make), shape, T::DTYPE, Some(block)), &self.on)
    }

    /// The array of a NumPy file, which is mapped into memory: read where it is used, and not before.
    ///
    /// # Errors
    /// When the file cannot be read, is no `.npy` file, is of another type or number of axes, or shorter than it says.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// use ferrolab::ndarray::Ix1;
    /// let path = std::env::temp_dir().join(format!("ferrolab-doc-{}.npy", std::process::id()));
    /// threads().array().arange(5i64).to_npy(&path)?;
    /// let back = threads().array().npy::<i64, Ix1>(&path)?;
    /// assert_eq!(back.sum().compute()?, 10);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn npy<T: Element, D: Dimension>(&self, path: impl AsRef<Path>) -> Result<Array<T, D>, Error> {
        let (memory, shape) = super::npy::open(path.as_ref(), T::DTYPE, D::NDIM)?;
        Ok(self.of_kind(Kind::Memory(memory), shape))
    }
}

/// Where an [`Arrays::arange`] ends: `f64` and `i64`, and no other, so that a number written without its type is one of
/// these at once.
///
/// ```
/// use ferrolab::prelude::*;
/// fn triangle<E: array::End>(end: E) -> <E as array::Element>::Sum {
///     threads().array().arange(end).sum().compute().unwrap()
/// }
/// assert_eq!((triangle(5), triangle(5.0)), (10, 10.0));
/// ```
pub trait End: Arithmetic {
    #[doc(hidden)]
    #[track_caller]
    fn steps(self) -> (Scalar, Scalar, usize);
}
impl End for f64 {
    fn steps(self) -> (Scalar, Scalar, usize) {
        assert!(self.is_finite(), "arange: there is no number of steps from 0 to {self}");
        (Scalar::of(0.0), Scalar::of(1.0), self.ceil().max(0.0) as usize)
    }
}
impl End for i64 {
    fn steps(self) -> (Scalar, Scalar, usize) {
        (Scalar::of(0i64), Scalar::of(1i64), self.max(0) as usize)
    }
}

/// Makes arrays of random numbers: [`Arrays::random`].
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::ndarray::s;
/// let random = threads().array().random().seed(7);
/// let whole = random.uniform([100]);
/// let part = whole.slice(s![40..50]).compute()?;
/// assert_eq!(part, whole.compute()?.slice(s![40..50]));
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    on: Arc<dyn Place>,
    seed: u64,
}

impl Random {
    /// Other numbers.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let random = threads().array().random();
    /// let (a, b) = (random.seed(1).uniform([1]), random.seed(2).uniform([1]));
    /// assert_ne!(a.compute()?, b.compute()?);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn seed(&self, seed: u64) -> Self {
        Self { on: self.on.clone(), seed }
    }

    #[track_caller]
    fn made<D>(&self, shape: Vec<usize>, made: Made) -> Array<f64, D> {
        Array::new(Node::new(Kind::Made(made), shape, DType::F64), &self.on)
    }

    /// Numbers of the normal distribution with mean 0 and standard deviation 1, none beyond 8.5.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let z = threads().array().random().seed(7).normal([300, 300]);
    /// assert!(z.mean().compute()?.abs() < 0.02 && (z.std(0).compute()? - 1.0).abs() < 0.02);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn normal<S: IntoDimension>(&self, shape: S) -> Array<f64, S::Dim> {
        self.made(lengths(shape), Made::Normal { from: Positions::new(self.seed), mean: 0.0, std: 1.0 })
    }

    /// Numbers from 0 to 1, 1 excluded.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let u = threads().array().random().seed(7).uniform([1000]);
    /// assert!(u.min().compute()? >= 0.0 && u.max().compute()? < 1.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn uniform<S: IntoDimension>(&self, shape: S) -> Array<f64, S::Dim> {
        self.made(lengths(shape), Made::Uniform { from: Positions::new(self.seed), low: 0.0, high: 1.0 })
    }

    /// Whole numbers of a range, all equally likely: `1..=6`, or `0..6`.
    ///
    /// # Panics
    /// When there is no number in the range.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let dice = threads().array().random().seed(7).integers([1000], 1..=6);
    /// assert_eq!((dice.min().compute()?, dice.max().compute()?), (1, 6));
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn integers<S: IntoDimension>(&self, shape: S, range: impl WholeRange) -> Array<i64, S::Dim> {
        let (low, span) = range.whole();
        let made = Made::Integers { from: Positions::new(self.seed), low, span };
        Array::new(Node::new(Kind::Made(made), lengths(shape), DType::I64), &self.on)
    }
}

/// A range of whole numbers: `a..b` or `a..=b`.
///
/// ```
/// use ferrolab::prelude::*;
/// fn roll(range: impl array::WholeRange) -> i64 {
///     threads().array().random().integers([100], range).max().compute().unwrap()
/// }
/// assert_eq!((roll(0..2), roll(0..=2)), (1, 2));
/// ```
pub trait WholeRange: DrawRange<i64> {
    #[doc(hidden)]
    fn whole(self) -> (i64, u64);
}
impl WholeRange for std::ops::Range<i64> {
    #[track_caller]
    fn whole(self) -> (i64, u64) {
        assert!(self.start < self.end, "there is no number in the range {self:?}");
        (self.start, self.end.wrapping_sub(self.start) as u64)
    }
}
impl WholeRange for std::ops::RangeInclusive<i64> {
    #[track_caller]
    fn whole(self) -> (i64, u64) {
        assert!(self.start() <= self.end(), "there is no number in the range {self:?}");
        // All of them are 2⁶⁴, which is 0 and means just that.
        (*self.start(), (self.end().wrapping_sub(*self.start()) as u64).wrapping_add(1))
    }
}

/// An array of the shape that was asked for, as memory.
pub(super) fn memory_of<T: Element>(array: ArrayD<T>, shape: &[usize]) -> Result<Memory, String> {
    if array.shape() != shape {
        return Err(format!("has shape {}, not {}", told(array.shape()), told(shape)));
    }
    let array: ndarray::Array<T, IxDyn> = array.as_standard_layout().into_owned();
    let (elements, offset) = array.into_raw_vec_and_offset();
    let mut memory = Memory::whole(Arc::new(Buffer::of(elements)), shape);
    memory.place.offset = offset.unwrap_or(0) as isize;
    Ok(memory)
}
