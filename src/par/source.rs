//! What the parallel loops run over: indexed items that any thread can take.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Range, RangeInclusive};

mod sealed {
    /// The traits are sealed: the loops rely on exact lengths and on items that are not handed out twice.
    pub trait Sealed {}
}
pub(super) use sealed::Sealed;

/// Something the functions of [`crate::par`] and [`crate::threads`] run over.
///
/// Integer ranges, slices and vectors by reference or by value, arrays (also those of `ndarray`),
/// tuples of two or three of these (zipped to the shortest), [`chunks`](super::chunks),
/// [`chunks_mut`](super::chunks_mut), [`enumerate`](super::enumerate), [`grid`](super::grid),
/// [`rows`](super::rows) and [`items`](super::items).
///
/// ```
/// let (a, b) = (vec![1, 2, 3], vec![10, 20, 30]);
/// assert_eq!(ferrolab::par::map((&a, &b), |(x, y)| x + y), [11, 22, 33]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that a parallel loop can run over",
    label = "not tasks",
    note = "ranges, slices, vectors, arrays, tuples of these, par::grid and par::chunks are; wrap another iterator in par::items(…)"
)]
pub trait IntoTasks {
    /// What the closure gets.
    type Item;
    /// The indexed form.
    type Tasks: Tasks<Item = Self::Item>;
    /// Turns the value into its indexed form.
    fn into_tasks(self) -> Self::Tasks;
}

/// Indexed items, taken from any thread. Not implementable outside this crate.
///
/// Items come in stretches, within which the place of an item is a linear function of its index, so
/// that a loop over a stretch has no division and no branch and can be vectorised: the whole of a
/// slice, one row of a grid.
pub trait Tasks: Sync + Sealed {
    /// What the closure gets.
    type Item;
    /// Where a stretch begins.
    type Base: Copy;

    /// How many.
    fn size(&self) -> usize;

    /// The end of the stretch that begins at `range.start`, at most `range.end`.
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        range.end
    }

    /// The stretch that begins at index `start`.
    ///
    /// # Safety
    /// `start < self.size()`.
    unsafe fn base(&self, start: usize) -> Self::Base;

    /// Item `k` of a stretch.
    ///
    /// # Safety
    /// `k` is within the stretch of `base`, and over the life of `self` no item is taken twice.
    unsafe fn item(&self, base: Self::Base, k: usize) -> Self::Item;

    /// Calls `f` with each number `k` below `len` and item `k` of the stretch that `base` begins.
    ///
    /// Where a stretch is of one of several sorts, tasks have a loop for each here, in which the sort is a constant.
    ///
    /// # Safety
    /// As for [`Tasks::item`], for all numbers below `len`.
    #[inline(always)]
    unsafe fn walk(&self, base: Self::Base, len: usize, mut f: impl FnMut(usize, Self::Item)) {
        for k in 0..len {
            // SAFETY: the caller's promise.
            f(k, unsafe { self.item(base, k) });
        }
    }

    /// Drops items that will not be taken; `range` may end beyond the last.
    ///
    /// # Safety
    /// None of them was taken, and none will be, nor is any discarded twice.
    unsafe fn discard(&self, _range: Range<usize>) {}
}

/// An integer that ranges count with.
///
/// One implementation of [`IntoTasks`] for ranges of all of them lets the compiler see the type of
/// the items before that of the numbers, so `par::map(0..10, …)` counts in `i32` as `for` does.
pub trait Index: Copy + Sync + Sealed {
    /// `self + i`, which the caller knows to be in range.
    fn plus(self, i: usize) -> Self;
    /// How many from `self` up to `end`, without it.
    fn until(self, end: Self) -> usize;
    /// How many from `self` up to `end` and with it.
    fn through(self, end: Self) -> usize;
}

macro_rules! indices {
    ($($t:ty)*) => {$(
        impl Sealed for $t {}
        impl Index for $t {
            #[inline]
            fn plus(self, i: usize) -> Self {
                // Wrapping, because an index may not fit a small signed type although the sum does.
                self.wrapping_add(i as $t)
            }
            #[inline]
            fn until(self, end: Self) -> usize {
                if self >= end { return 0; }
                // Widening to i128 is exact for all types but i128 and u128, which wrap to the
                // right difference.
                usize::try_from((end as i128).wrapping_sub(self as i128)).unwrap_or(usize::MAX)
            }
            #[inline]
            fn through(self, end: Self) -> usize {
                if self > end { return 0; }
                usize::try_from((end as i128).wrapping_sub(self as i128).wrapping_add(1)).unwrap_or(usize::MAX)
            }
        }
    )*};
}
indices!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

/// The indexed form of a range.
#[derive(Debug, Clone)]
pub struct Counted<T> {
    start: T,
    len: usize,
}
impl<T> Sealed for Counted<T> {}
impl<T: Index> Tasks for Counted<T> {
    type Item = T;
    type Base = T;
    fn size(&self) -> usize {
        self.len
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> T {
        self.start.plus(start)
    }
    #[inline]
    unsafe fn item(&self, base: T, k: usize) -> T {
        base.plus(k)
    }
}
impl<T: Index> IntoTasks for Range<T> {
    type Item = T;
    type Tasks = Counted<T>;
    fn into_tasks(self) -> Counted<T> {
        Counted { start: self.start, len: self.start.until(self.end) }
    }
}
impl<T: Index> IntoTasks for RangeInclusive<T> {
    type Item = T;
    type Tasks = Counted<T>;
    fn into_tasks(self) -> Counted<T> {
        // An inclusive range that an iterator has used up says that it is empty in no other way.
        let len = match std::ops::RangeBounds::end_bound(&self) {
            std::ops::Bound::Excluded(_) => 0,
            _ => self.start().through(*self.end()),
        };
        Counted { start: *self.start(), len }
    }
}

impl<T: Sync> Sealed for &[T] {}
impl<'a, T: Sync> Tasks for &'a [T] {
    type Item = &'a T;
    type Base = *const T;
    fn size(&self) -> usize {
        (**self).len()
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *const T {
        // SAFETY: an index of this slice, by the contract.
        unsafe { self.as_ptr().add(start) }
    }
    #[inline]
    unsafe fn item(&self, base: *const T, k: usize) -> &'a T {
        // SAFETY: an item of this slice, by the contract.
        unsafe { &*base.add(k) }
    }
}

/// Unique references to the items of a slice.
#[derive(Debug)]
pub struct SliceMut<'a, T> {
    start: *mut T,
    len: usize,
    life: PhantomData<&'a mut [T]>,
}
// SAFETY: shared use only hands out `&mut T` to disjoint items (the contract of `item`), each to
// one thread, which is what `T: Send` allows.
unsafe impl<T: Send> Sync for SliceMut<'_, T> {}
impl<'a, T> SliceMut<'a, T> {
    pub(super) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), life: PhantomData }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// # Safety
    /// `range` is within the slice and no item of it is borrowed already.
    #[inline]
    pub(super) unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        debug_assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: within the slice that `self` borrows uniquely for 'a, and disjoint from every
        // other part handed out, by this function's contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
impl<T> Sealed for SliceMut<'_, T> {}
impl<'a, T: Send> Tasks for SliceMut<'a, T> {
    type Item = &'a mut T;
    type Base = *mut T;
    fn size(&self) -> usize {
        self.len
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *mut T {
        // SAFETY: an index of this slice, by the contract.
        unsafe { self.start.add(start) }
    }
    #[inline]
    unsafe fn item(&self, base: *mut T, k: usize) -> &'a mut T {
        // SAFETY: an item of this slice, and taken once, by the contract.
        unsafe { &mut *base.add(k) }
    }
}

/// Items moved out of a vector.
#[derive(Debug)]
pub struct Owned<T> {
    items: ManuallyDrop<Vec<T>>,
}
// SAFETY: shared use only moves items out, each to one thread (the contract of `item`), which is
// what `T: Send` allows.
unsafe impl<T: Send> Sync for Owned<T> {}
impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: not used afterwards. The items were moved out or discarded; setting the length
        // first keeps them from being dropped again with the buffer.
        unsafe {
            self.items.set_len(0);
            ManuallyDrop::drop(&mut self.items);
        }
    }
}
impl<T> Sealed for Owned<T> {}
impl<T: Send> Tasks for Owned<T> {
    type Item = T;
    type Base = *const T;
    fn size(&self) -> usize {
        self.items.len()
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *const T {
        // SAFETY: an index of the vector, by the contract.
        unsafe { self.items.as_ptr().add(start) }
    }
    #[inline]
    unsafe fn item(&self, base: *const T, k: usize) -> T {
        // SAFETY: an initialised item, which is read once, by the contract.
        unsafe { base.add(k).read() }
    }
    unsafe fn discard(&self, range: Range<usize>) {
        if !std::mem::needs_drop::<T>() {
            return;
        }
        for index in range.start..range.end.min(self.items.len()) {
            // SAFETY: nobody else takes this item, by the contract.
            drop(unsafe { self.items.as_ptr().add(index).read() });
        }
    }
}

macro_rules! into_tasks {
    ($([$($g:tt)*] $from:ty => $item:ty, $tasks:ty, |$me:ident| $make:expr;)*) => {$(
        impl<$($g)*> $crate::par::source::IntoTasks for $from {
            type Item = $item;
            type Tasks = $tasks;
            fn into_tasks(self) -> $tasks { let $me = self; $make }
        }
    )*};
}
pub(super) use into_tasks;
into_tasks! {
    ['a, T: Sync] &'a [T] => &'a T, &'a [T], |s| s;
    ['a, T: Sync] &'a Vec<T> => &'a T, &'a [T], |s| s.as_slice();
    ['a, T: Sync, const N: usize] &'a [T; N] => &'a T, &'a [T], |s| s.as_slice();
    ['a, T: Send] &'a mut [T] => &'a mut T, SliceMut<'a, T>, |s| SliceMut::new(s);
    ['a, T: Send] &'a mut Vec<T> => &'a mut T, SliceMut<'a, T>, |s| SliceMut::new(s);
    ['a, T: Send, const N: usize] &'a mut [T; N] => &'a mut T, SliceMut<'a, T>, |s| SliceMut::new(s);
    [T: Send] Vec<T> => T, Owned<T>, |s| Owned { items: ManuallyDrop::new(s) };
    [T: Send, const N: usize] [T; N] => T, Owned<T>, |s| Owned { items: ManuallyDrop::new(s.into()) };
}
