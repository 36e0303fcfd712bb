//! What the parallel loops run over: indexed items that any thread can take by range.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Range, RangeInclusive};

mod sealed {
    /// The traits are sealed: the loops rely on exact lengths and disjoint takes.
    pub trait Sealed {}
}
use sealed::Sealed;

/// Something the functions of [`crate::par`] and [`crate::threads`] run over.
///
/// Integer ranges, slices and vectors by reference or by value, arrays, tuples of two or three of
/// these (zipped to the shortest), [`chunks`], [`chunks_mut`], [`enumerate`] and [`items`].
///
/// ```
/// let (a, b) = (vec![1, 2, 3], vec![10, 20, 30]);
/// assert_eq!(ferrolab::par::map((&a, &b), |(x, y)| x + y), [11, 22, 33]);
/// ```
pub trait IntoTasks {
    /// What the closure gets.
    type Item;
    /// The indexed form.
    type Tasks: Tasks<Item = Self::Item>;
    /// Turns the value into its indexed form.
    fn into_tasks(self) -> Self::Tasks;
}

/// Indexed items, taken by range from any thread. Not implementable outside this crate.
pub trait Tasks: Sync + Sealed {
    /// What the closure gets.
    type Item;

    /// How many.
    fn size(&self) -> usize;

    /// The items of a range, exactly as many as the range is long.
    ///
    /// # Safety
    /// The range lies within `0..self.size()`, and over the life of `self` no index is taken twice.
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = Self::Item>;
}

macro_rules! ranges {
    ($($t:ty)*) => {$(
        impl Sealed for Range<$t> {}
        impl Tasks for Range<$t> {
            type Item = $t;
            fn size(&self) -> usize {
                if self.is_empty() { return 0; }
                // Widening to i128 is exact for all types but i128 and u128, which wrap to the
                // right difference.
                let n = (self.end as i128).wrapping_sub(self.start as i128);
                usize::try_from(n).unwrap_or(usize::MAX)
            }
            #[inline]
            unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = $t> {
                let start = self.start;
                // Wrapping, because an index may not fit a small signed type although the sum does.
                range.map(move |i| start.wrapping_add(i as $t))
            }
        }
        impl IntoTasks for Range<$t> {
            type Item = $t;
            type Tasks = Self;
            fn into_tasks(self) -> Self { self }
        }
        impl IntoTasks for RangeInclusive<$t> {
            type Item = $t;
            type Tasks = Inclusive<$t>;
            fn into_tasks(self) -> Inclusive<$t> {
                let (start, end) = (*self.start(), *self.end());
                let len = if self.is_empty() { 0 } else {
                    let n = (end as i128).wrapping_sub(start as i128).wrapping_add(1);
                    usize::try_from(n).unwrap_or(usize::MAX)
                };
                Inclusive { start, len }
            }
        }
        impl Tasks for Inclusive<$t> {
            type Item = $t;
            fn size(&self) -> usize { self.len }
            #[inline]
            unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = $t> {
                let start = self.start;
                range.map(move |i| start.wrapping_add(i as $t))
            }
        }
    )*};
}

/// The indexed form of `a..=b`.
#[derive(Debug, Clone)]
pub struct Inclusive<T> {
    start: T,
    len: usize,
}
impl<T> Sealed for Inclusive<T> {}
ranges!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl<T: Sync> Sealed for &[T] {}
impl<'a, T: Sync> Tasks for &'a [T] {
    type Item = &'a T;
    fn size(&self) -> usize {
        (**self).len()
    }
    #[inline]
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = &'a T> {
        self[range].iter()
    }
}

/// Unique references to the items of a slice.
#[derive(Debug)]
pub struct SliceMut<'a, T> {
    start: *mut T,
    len: usize,
    life: PhantomData<&'a mut [T]>,
}
// SAFETY: shared use only hands out `&mut T` to disjoint items (the contract of `take`), each to
// one thread, which is what `T: Send` allows.
unsafe impl<T: Send> Sync for SliceMut<'_, T> {}
impl<'a, T> SliceMut<'a, T> {
    fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), life: PhantomData }
    }

    /// # Safety
    /// `range` is within the slice and no item of it is borrowed already.
    unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        debug_assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: within the slice that `self` borrows uniquely for 'a, and disjoint from every
        // other part handed out, by this function's contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
impl<T> Sealed for SliceMut<'_, T> {}
impl<'a, T: Send> Tasks for SliceMut<'a, T> {
    type Item = &'a mut T;
    fn size(&self) -> usize {
        self.len
    }
    #[inline]
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = &'a mut T> {
        // SAFETY: the caller takes every index once.
        unsafe { self.part(range) }.iter_mut()
    }
}

/// Items moved out of a vector. Those not taken because a task panicked are leaked, not dropped.
#[derive(Debug)]
pub struct Owned<T> {
    items: ManuallyDrop<Vec<T>>,
}
// SAFETY: shared use only moves items out, each to one thread (the contract of `take`), which is
// what `T: Send` allows.
unsafe impl<T: Send> Sync for Owned<T> {}
impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: not used afterwards. The items were moved out, or are leaked; setting the length
        // first keeps them from being dropped again with the buffer.
        unsafe {
            self.items.set_len(0);
            ManuallyDrop::drop(&mut self.items);
        }
    }
}
struct OwnedPart<T> {
    next: *const T,
    left: usize,
}
impl<T> Iterator for OwnedPart<T> {
    type Item = T;
    #[inline]
    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `left` items from `next` on are initialised and belong to this part alone; each
        // is read once, because `next` moves on.
        unsafe {
            let item = self.next.read();
            self.next = self.next.add(1);
            Some(item)
        }
    }
}
impl<T> Drop for OwnedPart<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
impl<T> Sealed for Owned<T> {}
impl<T: Send> Tasks for Owned<T> {
    type Item = T;
    fn size(&self) -> usize {
        self.items.len()
    }
    #[inline]
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = T> {
        let part = &self.items[range];
        OwnedPart { next: part.as_ptr(), left: part.len() }
    }
}

macro_rules! into_tasks {
    ($([$($g:tt)*] $from:ty => $item:ty, $tasks:ty, |$me:ident| $make:expr;)*) => {$(
        impl<$($g)*> IntoTasks for $from {
            type Item = $item;
            type Tasks = $tasks;
            fn into_tasks(self) -> $tasks { let $me = self; $make }
        }
    )*};
}
into_tasks! {
    ['a, T: Sync] &'a [T] => &'a T, &'a [T], |s| s;
    ['a, T: Sync] &'a Vec<T> => &'a T, &'a [T], |s| s.as_slice();
    ['a, T: Sync, const N: usize] &'a [T; N] => &'a T, &'a [T], |s| s.as_slice();
    ['a, T: Send] &'a mut [T] => &'a mut T, SliceMut<'a, T>, |s| SliceMut::new(s);
    ['a, T: Send] &'a mut Vec<T> => &'a mut T, SliceMut<'a, T>, |s| SliceMut::new(s);
    ['a, T: Send, const N: usize] &'a mut [T; N] => &'a mut T, SliceMut<'a, T>, |s| SliceMut::new(s);
    [T: Send] Vec<T> => T, Owned<T>, |s| Owned { items: ManuallyDrop::new(s) };
    [T: Send, const N: usize] [T; N] => T, Owned<T>, |s| Owned { items: ManuallyDrop::new(s.into()) };
    ['a, T: Sync] Chunks<'a, T> => &'a [T], Self, |s| s;
    ['a, T: Send] ChunksMut<'a, T> => &'a mut [T], Self, |s| s;
    [S: IntoTasks] Enumerate<S> => (usize, S::Item), Enumerated<S::Tasks>, |s| Enumerated(s.0.into_tasks());
}

/// Any iterator's items, collected first (a parallel loop needs to know how many there are).
///
/// ```
/// let lengths = ferrolab::par::map(ferrolab::par::items("a bc d".split(' ')), |w| w.len());
/// assert_eq!(lengths, [1, 2, 1]);
/// ```
pub fn items<I: IntoIterator>(iterator: I) -> Vec<I::Item> {
    iterator.into_iter().collect()
}

/// Pieces of a slice; see [`chunks`].
#[derive(Debug, Clone, Copy)]
pub struct Chunks<'a, T> {
    slice: &'a [T],
    size: usize,
}

/// Pieces of `size` items (the last may be shorter), each one task.
///
/// # Panics
/// When `size` is 0.
///
/// ```
/// let sums = ferrolab::par::map(ferrolab::par::chunks(&[1, 2, 3], 2), |c| c.iter().sum::<i32>());
/// assert_eq!(sums, [3, 3]);
/// ```
#[must_use]
pub fn chunks<T>(slice: &[T], size: usize) -> Chunks<'_, T> {
    assert!(size > 0, "a chunk needs at least one item");
    Chunks { slice, size }
}
impl<'a, T> Chunks<'a, T> {
    pub(crate) fn slice(&self) -> &'a [T] {
        self.slice
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }
}
impl<T> Sealed for Chunks<'_, T> {}
impl<'a, T: Sync> Tasks for Chunks<'a, T> {
    type Item = &'a [T];
    fn size(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }
    #[inline]
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = &'a [T]> {
        let end = (range.end * self.size).min(self.slice.len());
        self.slice[range.start * self.size..end].chunks(self.size)
    }
}

/// Writable pieces of a slice; see [`chunks_mut`].
#[derive(Debug)]
pub struct ChunksMut<'a, T> {
    slice: SliceMut<'a, T>,
    size: usize,
}

/// Writable pieces of `size` items (the last may be shorter), each one task.
///
/// # Panics
/// When `size` is 0.
///
/// ```
/// let mut image = vec![0; 6];
/// let rows = ferrolab::par::enumerate(ferrolab::par::chunks_mut(&mut image, 3));
/// ferrolab::par::for_each(rows, |(y, row)| row.fill(y));
/// assert_eq!(image, [0, 0, 0, 1, 1, 1]);
/// ```
#[must_use]
pub fn chunks_mut<T>(slice: &mut [T], size: usize) -> ChunksMut<'_, T> {
    assert!(size > 0, "a chunk needs at least one item");
    ChunksMut { slice: SliceMut::new(slice), size }
}
impl<T> Sealed for ChunksMut<'_, T> {}
impl<'a, T: Send> Tasks for ChunksMut<'a, T> {
    type Item = &'a mut [T];
    fn size(&self) -> usize {
        self.slice.len.div_ceil(self.size)
    }
    #[inline]
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = &'a mut [T]> {
        let items = range.start * self.size..(range.end * self.size).min(self.slice.len);
        // SAFETY: ranges of chunks that are disjoint are disjoint ranges of items, and the caller
        // takes every chunk once.
        unsafe { self.slice.part(items) }.chunks_mut(self.size)
    }
}

/// Tasks with their index; see [`enumerate`].
#[derive(Debug, Clone)]
pub struct Enumerate<S>(S);

impl<S> Enumerate<S> {
    pub(crate) fn inner(&self) -> &S {
        &self.0
    }
}

/// Gives each task its index: the closure gets `(index, item)`.
///
/// ```
/// let a = ferrolab::par::map(ferrolab::par::enumerate(&[5, 5]), |(i, x)| i as i32 * x);
/// assert_eq!(a, [0, 5]);
/// ```
pub fn enumerate<S: IntoTasks>(tasks: S) -> Enumerate<S> {
    Enumerate(tasks)
}

/// The indexed form of [`Enumerate`].
#[derive(Debug)]
pub struct Enumerated<T>(T);
impl<T: Tasks> Sealed for Enumerated<T> {}
impl<T: Tasks> Tasks for Enumerated<T> {
    type Item = (usize, T::Item);
    fn size(&self) -> usize {
        self.0.size()
    }
    #[inline]
    unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = Self::Item> {
        // SAFETY: the caller's promise, passed on.
        range.clone().zip(unsafe { self.0.take(range) })
    }
}

/// The indexed form of a tuple of tasks.
#[derive(Debug)]
pub struct Zipped<T>(T);
macro_rules! tuples {
    ($($name:ident $short:ident),*; $zip:expr; $pattern:pat => $out:expr) => {
        impl<$($name: IntoTasks),*> IntoTasks for ($($name,)*) {
            type Item = ($($name::Item,)*);
            type Tasks = Zipped<($($name::Tasks,)*)>;
            fn into_tasks(self) -> Self::Tasks {
                let ($($short,)*) = self;
                Zipped(($($short.into_tasks(),)*))
            }
        }
        impl<$($name: Tasks),*> Sealed for Zipped<($($name,)*)> {}
        impl<$($name: Tasks),*> Tasks for Zipped<($($name,)*)> {
            type Item = ($($name::Item,)*);
            fn size(&self) -> usize {
                let ($($short,)*) = &self.0;
                usize::MAX$(.min($short.size()))*
            }
            #[inline]
            unsafe fn take(&self, range: Range<usize>) -> impl Iterator<Item = Self::Item> {
                let ($($short,)*) = &self.0;
                // SAFETY: the caller's promise, passed on; the range is within the shortest.
                let ($($short,)*) = unsafe { ($($short.take(range.clone()),)*) };
                #[allow(clippy::redundant_closure_call)]
                ($zip)($($short),*).map(|$pattern| $out)
            }
        }
    };
}
tuples!(A a, B b; Iterator::zip; (a, b) => (a, b));
tuples!(A a, B b, C c; |a, b, c| Iterator::zip(Iterator::zip(a, b), c); ((a, b), c) => (a, b, c));
