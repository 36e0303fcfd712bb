//! Computations that want their operands complete, in memory: products of matrices, running sums, stencils, and
//! closures over blocks.

use super::api::{Array, AxisIndex, axis_of, operation};
use super::buffer::{Buffer, Room};
use super::element::{Arithmetic, DType, Element, Float};
use super::node::{Kind, Node, Operand, Stage, Whole, stored};
use super::ops::{Bi, Op, Un};
use super::reductions::Word;
use super::shape::{Chunked, told};
use crate::executor::{Error, ErrorKind, captures_nothing, conjure};
use crate::par::{self, Around, Around3, Edge};
use ndarray::{ArrayD, ArrayView2, ArrayViewD, Dimension, Ix0, Ix1, Ix2, Ix3};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

#[track_caller]
fn whole(work: impl Whole + 'static, inputs: &[&Arc<Node>], shape: Vec<usize>, dtype: DType) -> Arc<Node> {
    let inputs = inputs.iter().map(|input| stored(input)).collect();
    Node::new(Kind::Stage(Stage::Whole(Arc::new(work)), inputs), shape, dtype)
}

/// Runs a loop of [`crate::par`]; a panic of its closure is an error.
fn guarded<R>(name: &str, work: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        if payload.is::<crate::rt::Interrupted>() {
            resume_unwind(payload);
        }
        Error::new(ErrorKind::Panicked, format!("{name}: {}", par::text_of_panic(&*payload)))
    })
}

fn room(name: &str, dtype: DType, len: usize) -> Result<Room, Error> {
    Room::new(dtype, len).map_err(|e| Error::refused(format!("{name}: the system has no memory for its result: {e}")))
}

/// A product of matrices, both in memory.
struct MatMul<T>(PhantomData<fn() -> T>);

impl<T: Float> Whole for MatMul<T> {
    fn name(&self) -> String {
        "matmul".to_owned()
    }
    fn extra(&self, _: &[&[usize]]) -> u64 {
        0
    }
    fn run(&self, operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
        let view = |i: usize| {
            let Operand { memory, shape } = &operands[i];
            ArrayView2::from_shape((shape[0], shape[1]), memory.slice::<T>(shape))
        };
        let (Ok(a), Ok(b)) = (view(0), view(1)) else { unreachable!("slices are as long as their shapes say") };
        let room = room("matmul", T::DTYPE, shape.iter().product())?;
        // SAFETY: the room has as many numbers as the product, and nobody else has it.
        unsafe { par::matmul_to(a, b, room.at().cast()) }.map_err(|stop| match stop {
            par::Stop::Panicked { message, .. } => Error::new(ErrorKind::Panicked, format!("matmul: {message}")),
            par::Stop::Interrupted => stop.resume(),
        })?;
        // SAFETY: all of it was written.
        Ok(unsafe { room.filled() })
    }
}

/// Which products there are: of vectors and matrices, as `ndarray`'s `dot`.
///
/// ```
/// use ferrolab::prelude::*;
/// let here = threads().array();
/// let (a, x) = (here.ones::<f64, _>([2, 3]), here.arange(3.0));
/// assert_eq!(a.dot(&x).compute()?.to_vec(), [3.0, 3.0]);
/// assert_eq!(x.dot(&x).compute()?, 5.0);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Product<E>: Dimension {
    /// The axes of the product.
    type Output: Dimension;
    #[doc(hidden)]
    #[track_caller]
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node>;
}

#[track_caller]
fn meet(a: &Node, b: &Node, last: usize, first: usize) {
    assert!(
        a.shape[last] == b.shape[first],
        "dot: shapes {} and {} do not go together: {} columns meet {} rows",
        told(&a.shape),
        told(&b.shape),
        a.shape[last],
        b.shape[first]
    );
}

impl Product<Ix2> for Ix2 {
    type Output = Ix2;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 1, 0);
        whole(MatMul::<T>(PhantomData), &[a, b], vec![a.shape[0], b.shape[1]], T::DTYPE)
    }
}

/// Products with a vector are sums, which need no operand in memory.
#[track_caller]
fn summed<T: Float>(a: &Arc<Node>, b: &Arc<Node>, axis: Option<usize>) -> Arc<Node> {
    let products = operation(Op::Two(Bi::Mul), vec![Arc::clone(a), Arc::clone(b)]);
    super::reducing::sum_of(&products, axis, T::DTYPE)
}

impl Product<Ix1> for Ix2 {
    type Output = Ix1;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 1, 0);
        summed::<T>(a, b, Some(1))
    }
}
impl Product<Ix2> for Ix1 {
    type Output = Ix1;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 0, 0);
        let column = super::views::column(a);
        summed::<T>(&column, b, Some(0))
    }
}
impl Product<Self> for Ix1 {
    type Output = Ix0;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 0, 0);
        summed::<T>(a, b, None)
    }
}

impl<T: Float, D: Dimension> Array<T, D> {
    /// The product with a vector or a matrix, as `ndarray`'s `dot`. Of two matrices it is computed by blocks of the result, with
    /// both in memory; with a vector it is a sum, and what is made or read from a file need not fit.
    ///
    /// # Panics
    /// When the lengths that meet differ.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(4.0).reshape([2, 2]);
    /// assert_eq!(a.dot(&a).compute()?, ferrolab::ndarray::array![[2.0, 3.0], [6.0, 11.0]]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn dot<E>(&self, other: &Array<T, E>) -> Array<T, <D as Product<E>>::Output>
    where
        D: Product<E>,
    {
        self.with(D::product::<T>(&self.node, &other.node))
    }
}

/// A room's address for the tasks that write to it.
#[derive(Clone, Copy)]
struct Shared(*mut u8);
// SAFETY: tasks write to parts that do not overlap.
unsafe impl Sync for Shared {}
impl Shared {
    fn of<T>(&self, index: usize) -> *mut T {
        self.0.cast::<T>().wrapping_add(index)
    }
}

/// Running sums along an axis.
struct CumSum<T> {
    axis: usize,
    what: PhantomData<fn() -> T>,
}

impl<T: Arithmetic + Word + par::Number> Whole for CumSum<T>
where
    for<'a> &'a T: par::Numeric<Number = T>,
{
    fn name(&self) -> String {
        format!("cumsum along {}", self.axis)
    }
    fn extra(&self, _: &[&[usize]]) -> u64 {
        0
    }
    fn run(&self, operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
        let from = operands[0].memory.slice::<T>(shape);
        let (outer, n) = (shape[..self.axis].iter().product::<usize>(), shape[self.axis]);
        let inner: usize = shape[self.axis + 1..].iter().product();
        if outer * inner == 1 {
            return guarded("cumsum", || Buffer::of(par::message("cumsum").around(|| par::cumsum(from))));
        }
        let room = room("cumsum", <T as Element>::DTYPE, from.len())?;
        let at = Shared(room.at());
        // Columns go down together: as many as are read from memory at once, or more.
        let width = inner.clamp(1, 64);
        let columns = inner.div_ceil(width);
        guarded("cumsum", || {
            par::message("cumsum").for_each(0..outer * columns, |task| {
                let (start, first) = (task / columns * n * inner, task % columns * width);
                let width = width.min(inner - first);
                let mut sums = [T::default(); 64];
                for i in 0..n {
                    let row = start + i * inner + first;
                    for (k, sum) in sums[..width].iter_mut().enumerate() {
                        *sum = sum.plus(from[row + k]);
                        // SAFETY: within the room, and in this task's columns.
                        unsafe { at.of::<T>(row + k).write(*sum) };
                    }
                }
            });
        })?;
        // SAFETY: tasks cover all columns, and each wrote all of its own.
        Ok(unsafe { room.filled() })
    }
}

impl<T: Arithmetic, D: Dimension> Array<T, D> {
    /// The running sum along an axis; `i64` for whole numbers.
    ///
    /// # Panics
    /// When there is no such axis.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().arange(4).cast::<i32>().cumsum(0).compute()?.to_vec(), [0, 1, 3, 6]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cumsum(&self, axis: impl AxisIndex) -> Array<T::Sum, D> {
        let (axis, shape) = (axis_of("cumsum", axis, self.shape()), self.node.shape.clone());
        let cast = |node: &Arc<Node>, to: DType| match node.dtype == to {
            true => Arc::clone(node),
            false => operation(Op::One(Un::Cast(to)), vec![Arc::clone(node)]),
        };
        let sums = match T::DTYPE.is_float() {
            true => {
                whole(CumSum::<f64> { axis, what: PhantomData }, &[&cast(&self.node, DType::F64)], shape, DType::F64)
            }
            false => {
                whole(CumSum::<i64> { axis, what: PhantomData }, &[&cast(&self.node, DType::I64)], shape, DType::I64)
            }
        };
        self.with(cast(&sums, T::Sum::DTYPE))
    }
}

/// What a closure says of each element's surroundings.
struct Stencil<T, U, F> {
    edge: Edge<T>,
    what: PhantomData<fn() -> (U, F)>,
}

macro_rules! stencils {
    ($($dim:ident $around:ident $function:ident $axes:literal $example:literal)*) => {$(
        impl<T, U, F> Whole for Stencil<T, U, (F, $dim)>
        where
            T: Element,
            U: Element,
            F: Fn($around<'_, T>) -> U + Copy + Send + Sync + 'static,
        {
            fn name(&self) -> String {
                "stencil".to_owned()
            }
            fn extra(&self, _: &[&[usize]]) -> u64 {
                0
            }
            fn run(&self, operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
                let from = operands[0].memory.slice::<T>(shape);
                let Ok(lengths) = <[usize; $axes]>::try_from(shape) else { unreachable!("as the type says") };
                let f: F = conjure();
                guarded("stencil", || Buffer::of(par::message("stencil").around(|| par::$function(from, lengths, self.edge, f))))
            }
        }

        impl<T: Element> Array<T, $dim> {
            /// Calls `f` with the surroundings of each element, as
            #[doc = concat!("[`par::", stringify!($function), "`](crate::par::", stringify!($function), "());")]
            /// `edge` says what is seen beyond the edges. Dask's `map_overlap`, for one element at a time: chunks need not be
            /// thought of.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// use ferrolab::par::Edge;
            #[doc = concat!("let a = threads().array().ones::<f64, _>([4; ", stringify!($axes), "]);")]
            #[doc = $example]
            /// assert_eq!(b.sum().compute()?, b.len() as f64 * 0.75);
            /// # Ok::<(), ferrolab::cluster::Error>(())
            /// ```
            #[must_use]
            #[track_caller]
            #[doc(alias = "map_overlap")]
            pub fn stencil<U, F>(&self, edge: Edge<T>, f: F) -> Array<U, $dim>
            where
                U: Element,
                F: Fn($around<'_, T>) -> U + Copy + Send + Sync + 'static,
            {
                captures_nothing!(f: F);
                let work = Stencil::<T, U, (F, $dim)> { edge, what: PhantomData };
                self.with(whole(work, &[&self.node], self.node.shape.clone(), U::DTYPE))
            }
        }
    )*};
}
stencils! {
    Ix2 Around stencil2 2 "let b = a.stencil(Edge::Fill(0.0), |around| around.at(0, 1));"
    Ix3 Around3 stencil3 3 "let b = a.stencil(Edge::Fill(0.0), |around| around.at(0, 0, 1));"
}

/// A closure over blocks.
struct MapBlocks<T, U, F> {
    chunk: Vec<usize>,
    what: PhantomData<fn(T, U, F)>,
}

impl<T, U, F> Whole for MapBlocks<T, U, F>
where
    T: Element,
    U: Element,
    F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Copy + Send + Sync + 'static,
{
    fn name(&self) -> String {
        "map_blocks".to_owned()
    }
    fn extra(&self, _: &[&[usize]]) -> u64 {
        // A block of each thread's.
        (self.chunk.iter().product::<usize>() * size_of::<U>() * crate::rt::threads()) as u64
    }
    fn run(&self, operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
        let Ok(from) = ArrayViewD::from_shape(shape, operands[0].memory.slice::<T>(shape)) else {
            unreachable!("a slice is as long as its shape says")
        };
        let (room, grid) = (room("map_blocks", U::DTYPE, from.len())?, Chunked::new(shape, &self.chunk));
        let at = Shared(room.at());
        guarded("map_blocks", || {
            par::message("map_blocks").for_each(0..grid.len(), |i| {
                let (f, region): (F, _) = (conjure(), grid.region(i));
                let block = from.slice_each_axis(|axis| {
                    let start = region.start[axis.axis.index()] as isize;
                    ndarray::Slice::new(start, Some(start + axis_len(&region.shape, axis.axis.index())), 1)
                });
                let made = f(block);
                let memory = super::sources::memory_of(made, &region.shape)
                    .unwrap_or_else(|wrong| panic!("the block at {} {wrong}", told(&region.start)));
                let steps = super::shape::row_major(shape);
                let walk = super::walk::Walk::new(&region, &[super::shape::Affine { offset: 0, steps }]);
                let elements = memory.slice::<U>(&region.shape);
                walk.pieces(0, elements.len(), &mut [0], |before, n, place| {
                    let to = at.of::<U>(place[0] as usize);
                    // SAFETY: within the room, in this task's region, whose rows lie one after the other.
                    unsafe { to.copy_from_nonoverlapping(elements[before..].as_ptr(), n) };
                });
            });
        })?;
        // SAFETY: regions cover the result, and each was written.
        Ok(unsafe { room.filled() })
    }
}

fn axis_len(shape: &[usize], axis: usize) -> isize {
    shape[axis] as isize
}

impl<T: Element, D: Dimension> Array<T, D> {
    /// Calls `f` on each chunk, which gives one of the same shape. Without [`rechunk`](Array::rechunk), chunks are whole rows.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(6.0).rechunk([3]);
    /// let from_first = a.map_blocks(|block| &block - block[0]);
    /// assert_eq!(from_first.compute()?.to_vec(), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn map_blocks<U, F>(&self, f: F) -> Array<U, D>
    where
        U: Element,
        F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        let shape = self.node.shape.clone();
        let chunk = self.node.chunks.clone().unwrap_or_else(|| Chunked::rows(&shape, 1 << 17).chunk);
        let work = MapBlocks::<T, U, F> { chunk, what: PhantomData };
        self.with(whole(work, &[&self.node], shape, U::DTYPE))
    }
}
