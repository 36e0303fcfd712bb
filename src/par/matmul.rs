//! Products of matrices on all threads. A task has a block of the result; it copies its parts of both matrices into
//! panels that stay in the caches, and sums small tiles of the block in registers. Threads and interrupts are [`Par`]'s.
//!
//! The order of loops is that of K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM
//! Transactions on Mathematical Software 34 (2008), article 12.

use super::collect::Par;
use super::drive::Stop;
use crate::rt;
use crate::simd::{F32s, F64s, LaneNumber, Lanes};
use ndarray::{Array2, ArrayBase, ArrayView2, Axis, Data, Ix2, s};

/// A tile of the result is so many rows, and so many vectors wide: what the registers of the processor hold.
#[cfg(target_feature = "avx512f")]
const TILE: (usize, usize) = (8, 3);
#[cfg(all(target_feature = "avx", not(target_feature = "avx512f")))]
const TILE: (usize, usize) = (6, 1);
#[cfg(not(target_feature = "avx"))]
const TILE: (usize, usize) = (3, 1);

const ROWS: usize = TILE.0;
const VECTORS: usize = TILE.1;
/// Products that are summed between two copies into panels: a strip of the right one is in the first cache.
const DEPTH: usize = 192;
/// Rows of the left panel, which is in the second cache.
const TALL: usize = 16 * ROWS;
/// Rows and columns of a task's block at most: the larger it is, the less of both matrices is copied for it.
const BLOCK: [usize; 2] = [12 * TALL, 1536];
/// So many blocks are wanted for each thread.
const SHARE: usize = 2;

/// A number that [`matmul`] multiplies: `f64` or `f32`.
///
/// ```
/// fn twice<T: ferrolab::par::Multiply>(a: &ndarray::Array2<T>) -> ndarray::Array2<T> { ferrolab::par::matmul(a, a) }
/// # use ferrolab::ndarray;
/// assert_eq!(twice(&ndarray::array![[0.0, 1.0], [1.0, 0.0]]), ndarray::array![[1.0, 0.0], [0.0, 1.0]]);
/// ```
pub trait Multiply: LaneNumber {
    #[doc(hidden)]
    const ONE: Self;
    #[doc(hidden)]
    fn add_product(sum: Self::Lanes, a: Self::Lanes, b: Self::Lanes) -> Self::Lanes;
}
impl Multiply for f64 {
    const ONE: Self = 1.0;
    #[inline(always)]
    fn add_product(sum: F64s, a: F64s, b: F64s) -> F64s {
        a.mul_add(b, sum)
    }
}
impl Multiply for f32 {
    const ONE: Self = 1.0;
    #[inline(always)]
    fn add_product(sum: F32s, a: F32s, b: F32s) -> F32s {
        a.mul_add(b, sum)
    }
}

/// The product of two matrices, on all threads: `ndarray`'s `dot`, many times faster.
///
/// Each number of the result is a sum in an order that the shapes alone decide, so that it is the same to the last bit on any number of
/// threads. Transposed and sliced operands cost nothing more: both are copied in parts as they are used.
///
/// # Panics
/// When `a` has not as many columns as `b` has rows.
///
/// ```
/// use ferrolab::{ndarray::array, par};
/// let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[0.0, 1.0], [1.0, 0.0]]);
/// assert_eq!(par::matmul(&a, &b), array![[2.0, 1.0], [4.0, 3.0]]);
/// assert_eq!(par::matmul(&a.t(), &a), a.t().dot(&a));
/// ```
#[track_caller]
pub fn matmul<T: Multiply>(
    a: &ArrayBase<impl Data<Elem = T>, Ix2>,
    b: &ArrayBase<impl Data<Elem = T>, Ix2>,
) -> Array2<T> {
    let ((rows, inner), (meets, columns)) = (a.dim(), b.dim());
    assert!(
        inner == meets,
        "matmul: {rows} × {inner} and {meets} × {columns} do not go together: {inner} columns meet {meets} rows"
    );
    let mut result = Array2::<T>::uninit((rows, columns));
    // SAFETY: there is room for the result there, and nobody else has it.
    if let Err(stop) = unsafe { matmul_to(a.view(), b.view(), result.as_mut_ptr().cast()) } {
        stop.resume();
    }
    // SAFETY: all of it was written.
    unsafe { result.assume_init() }
}

/// Writes the product of matrices that go together to `to`, row by row.
///
/// # Safety
/// `to` is valid for writing as many numbers as the product has, and lies apart from both matrices.
pub(crate) unsafe fn matmul_to<T: Multiply>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    to: *mut T,
) -> Result<(), Stop> {
    let (rows, columns) = (a.nrows(), b.ncols());
    let [tall, wide] = block_for(rows, columns, rayon::current_num_threads());
    let across = columns.div_ceil(wide);
    let to = Target(to);
    Par::new().message("matmul").try_for_each(0..rows.div_ceil(tall) * across, |task| {
        let (y, x) = (task / across * tall, task % across * wide);
        let (h, w) = (tall.min(rows - y), wide.min(columns - x));
        // SAFETY: this block is within the result, and this task's alone.
        let block = unsafe { Block { at: to.offset(y * columns + x), stride: columns, first: true } };
        multiply(a.slice(s![y..y + h, ..]), b.slice(s![.., x..x + w]), block);
    })
}

/// Rows and columns of a block, so that each thread has some.
fn block_for(rows: usize, columns: usize, threads: usize) -> [usize; 2] {
    let [mut tall, mut wide] = BLOCK;
    let blocks = |tall: usize, wide: usize| rows.div_ceil(tall) * columns.div_ceil(wide);
    while blocks(tall, wide) < SHARE * threads && (tall > TALL || wide > BLOCK[1] / 8) {
        if tall > wide && tall > TALL || wide == BLOCK[1] / 8 { tall -= TALL } else { wide -= BLOCK[1] / 8 }
    }
    [tall, wide]
}

/// Where the result is, for tasks that write to parts of it.
#[derive(Clone, Copy)]
struct Target<T>(*mut T);
// SAFETY: tasks write to parts that do not overlap.
unsafe impl<T: Send> Sync for Target<T> {}
impl<T> Target<T> {
    /// # Safety
    /// There are more than `n` numbers.
    unsafe fn offset(self, n: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(n) }
    }
}

/// Where a block of the result is, and how far it is from a row to the next.
struct Block<T> {
    at: *mut T,
    stride: usize,
    /// Nothing was written yet.
    first: bool,
}

/// One block of the result.
fn multiply<T: Multiply>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>, mut block: Block<T>) {
    let ((rows, inner), columns, strip) = (a.dim(), b.ncols(), VECTORS * T::Lanes::LANES);
    let mut right = Panel::new(columns.next_multiple_of(strip) * DEPTH.min(inner));
    let mut left = Panel::new(TALL.min(rows).next_multiple_of(ROWS) * DEPTH.min(inner));
    let mut edge = Panel::new(ROWS * strip);
    let (right, left, edge) = (right.numbers(), left.numbers(), edge.numbers());
    // once also when there is nothing to sum: the result is written
    for k in (0..inner.max(1)).step_by(DEPTH) {
        rt::check_interrupt();
        let depth = DEPTH.min(inner - k);
        pack(b.slice(s![k..k + depth, ..]), strip, right);
        for y in (0..rows).step_by(TALL) {
            let tall = TALL.min(rows - y);
            pack(a.slice(s![y..y + tall, k..k + depth]).reversed_axes(), ROWS, left);
            for x in (0..columns).step_by(strip) {
                let panel = right[x * depth..].as_ptr();
                for row in (0..tall).step_by(ROWS) {
                    let size = (ROWS.min(tall - row), strip.min(columns - x));
                    // SAFETY: the tile is within the block; the panels have `depth` times `ROWS` and `strip` numbers there.
                    unsafe { tile(depth, left[row * depth..].as_ptr(), panel, &block, (y + row, x), size, edge) };
                }
            }
        }
        block.first = false;
    }
}

/// Numbers that begin where a vector may, so that none is in two lines of a cache.
struct Panel<T: Multiply>(Vec<T::Lanes>);
impl<T: Multiply> Panel<T> {
    fn new(len: usize) -> Self {
        Self(vec![T::Lanes::splat(T::default()); len.div_ceil(T::Lanes::LANES)])
    }

    fn numbers(&mut self) -> &mut [T] {
        const { assert!(size_of::<T::Lanes>() == T::Lanes::LANES * size_of::<T>()) };
        // SAFETY: a vector is its numbers, one after the other, and borrowed for as long.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * T::Lanes::LANES) }
    }
}

/// Copies a matrix so that `strip` columns follow each other row by row, then the next ones; what is missing of the last
/// strip is whatever number was there.
fn pack<T: Copy>(from: ArrayView2<'_, T>, strip: usize, to: &mut [T]) {
    let depth = from.nrows();
    if depth == 0 {
        return;
    }
    if from.strides()[1] == 1 || from.ncols() == 1 {
        for (k, row) in from.rows().into_iter().enumerate() {
            let Some(row) = row.to_slice() else { unreachable!("numbers of a row are side by side") };
            for (part, to) in row.chunks(strip).zip(to.chunks_mut(strip * depth)) {
                to[k * strip..k * strip + part.len()].copy_from_slice(part);
            }
        }
        return;
    }
    // several columns at once, so that what is written is side by side
    for (columns, to) in from.axis_chunks_iter(Axis(1), strip).zip(to.chunks_mut(strip * depth)) {
        for (row, to) in columns.rows().into_iter().zip(to.chunks_mut(strip)) {
            row.iter().zip(to).for_each(|(from, to)| *to = *from);
        }
    }
}

/// Adds `depth` products to a tile of a block, of which `size` is there; the rest of the tile is in `edge`.
///
/// # Safety
/// `left` has `depth * ROWS` numbers, `right` `depth` times a strip's; the tile at `place` is within the block by `size`.
#[inline(always)]
unsafe fn tile<T: Multiply>(
    depth: usize,
    left: *const T,
    right: *const T,
    block: &Block<T>,
    place: (usize, usize),
    size: (usize, usize),
    edge: &mut [T],
) {
    let strip = VECTORS * T::Lanes::LANES;
    // SAFETY: the caller's promise.
    let at = unsafe { block.at.add(place.0 * block.stride + place.1) };
    if size == (ROWS, strip) {
        // SAFETY: all of the tile is within the block.
        unsafe { sum(depth, left, right, at, block.stride, block.first) };
        return;
    }
    for row in 0..size.0 {
        // SAFETY: this part of the row is within the block; `edge` has as much and is apart; before the first sum there
        // is nothing to read.
        unsafe {
            if !block.first {
                edge.as_mut_ptr().add(row * strip).copy_from_nonoverlapping(at.add(row * block.stride), size.1);
            }
        }
    }
    // SAFETY: `edge` holds a whole tile.
    unsafe { sum(depth, left, right, edge.as_mut_ptr(), strip, block.first) };
    for row in 0..size.0 {
        // SAFETY: as above.
        unsafe { at.add(row * block.stride).copy_from_nonoverlapping(edge.as_ptr().add(row * strip), size.1) };
    }
}

/// Adds `depth` products to a whole tile, or writes them.
///
/// # Safety
/// As [`tile`], and all of the tile can be read and written; when it is the first sum, written.
#[inline(never)]
unsafe fn sum<T: Multiply>(depth: usize, left: *const T, right: *const T, at: *mut T, stride: usize, first: bool) {
    let lanes = T::Lanes::LANES;
    let mut sums = [[T::Lanes::splat(T::default()); VECTORS]; ROWS];
    if !first {
        // what the products are added to comes into the cache meanwhile
        for row in 0..ROWS {
            (0..VECTORS).for_each(|v| prefetch(at.wrapping_add(row * stride + v * lanes)));
        }
    }
    for k in 0..depth {
        // SAFETY: the panels have `depth` times so many numbers, by the caller's promise.
        unsafe {
            let mut across = [T::Lanes::splat(T::default()); VECTORS];
            for (v, across) in across.iter_mut().enumerate() {
                *across = T::Lanes::load(right.add((k * VECTORS + v) * lanes));
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let down = T::Lanes::splat(*left.add(k * ROWS + row));
                for (sum, across) in sums.iter_mut().zip(across) {
                    *sum = T::add_product(*sum, down, across);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                let to = at.add(row * stride + v * lanes);
                let all = if first { *sum } else { T::add_product(T::Lanes::load(to), T::Lanes::splat(T::ONE), *sum) };
                all.store(to);
            }
        }
    }
}

/// Says that what is there will be wanted soon.
#[inline(always)]
fn prefetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
