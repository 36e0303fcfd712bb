//! Tasks made of other tasks: pieces of slices, tasks with their index, several zipped together.

use super::source::{IntoTasks, Sealed, SliceMut, Tasks, into_tasks};
use std::ops::Range;

into_tasks! {
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
    type Base = usize;
    fn size(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> usize {
        start
    }
    #[inline]
    unsafe fn item(&self, base: usize, k: usize) -> &'a [T] {
        let start = (base + k) * self.size;
        &self.slice[start..start.saturating_add(self.size).min(self.slice.len())]
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
    type Base = usize;
    fn size(&self) -> usize {
        self.slice.len().div_ceil(self.size)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> usize {
        start
    }
    #[inline]
    unsafe fn item(&self, base: usize, k: usize) -> &'a mut [T] {
        let start = (base + k) * self.size;
        let end = start.saturating_add(self.size).min(self.slice.len());
        // SAFETY: chunks are disjoint, and the caller takes every chunk once.
        unsafe { self.slice.part(start..end) }
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
    type Base = (usize, T::Base);
    fn size(&self) -> usize {
        self.0.size()
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        self.0.stretch(range)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> Self::Base {
        // SAFETY: the caller's promise, passed on.
        (start, unsafe { self.0.base(start) })
    }
    #[inline]
    unsafe fn item(&self, (start, base): Self::Base, k: usize) -> Self::Item {
        // SAFETY: the caller's promise, passed on.
        (start + k, unsafe { self.0.item(base, k) })
    }
    unsafe fn discard(&self, range: Range<usize>) {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.0.discard(range) }
    }
}

/// The indexed form of a tuple of tasks.
#[derive(Debug)]
pub struct Zipped<T>(T);
macro_rules! tuples {
    ($($name:ident $at:tt),*) => {
        impl<$($name: IntoTasks),*> IntoTasks for ($($name,)*) {
            type Item = ($($name::Item,)*);
            type Tasks = Zipped<($($name::Tasks,)*)>;
            fn into_tasks(self) -> Self::Tasks {
                Zipped(($(self.$at.into_tasks(),)*))
            }
        }
        impl<$($name: Tasks),*> Sealed for Zipped<($($name,)*)> {}
        impl<$($name: Tasks),*> Tasks for Zipped<($($name,)*)> {
            type Item = ($($name::Item,)*);
            type Base = ($($name::Base,)*);
            fn size(&self) -> usize {
                usize::MAX$(.min(self.0.$at.size()))*
            }
            #[inline]
            fn stretch(&self, range: Range<usize>) -> usize {
                let end = range.end;
                $(let end = self.0.$at.stretch(range.start..end);)*
                end
            }
            #[inline]
            unsafe fn base(&self, start: usize) -> Self::Base {
                // SAFETY: the caller's promise, passed on; `start` is within the shortest.
                unsafe { ($(self.0.$at.base(start),)*) }
            }
            #[inline]
            unsafe fn item(&self, base: Self::Base, k: usize) -> Self::Item {
                // SAFETY: the caller's promise, passed on; the stretch is the shortest of all.
                unsafe { ($(self.0.$at.item(base.$at, k),)*) }
            }
            unsafe fn discard(&self, range: Range<usize>) {
                // SAFETY: the caller's promise, passed on.
                unsafe { $(self.0.$at.discard(range.clone());)* }
            }
        }
    };
}
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
