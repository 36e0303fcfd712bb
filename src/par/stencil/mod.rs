//! Stencils on arrays of one, two and three dimensions: what is near an edge is found by a rule, what
//! is inside by plain arithmetic, in loops without branches. Here is one dimension; `places` has two and three.

mod places;

pub use places::{Around, Around3, stencil2, stencil3};
pub(crate) use places::{stencil2_within, stencil3_within};

use super::collect::Par;
use super::source::{IntoTasks, Sealed, Tasks};
use std::ops::Range;

/// What a stencil sees beyond the edge of its array.
///
/// ```
/// use ferrolab::par::{Edge, stencil};
/// let a = [1.0, 2.0, 4.0];
/// let left = |edge| stencil(&a, 1, edge, |w| w[0]);
/// assert_eq!(left(Edge::Wrap), [4.0, 1.0, 2.0]);
/// assert_eq!(left(Edge::Clamp), [1.0, 1.0, 2.0]);
/// assert_eq!(left(Edge::Reflect), [1.0, 1.0, 2.0]);
/// assert_eq!(left(Edge::Fill(0.0)), [0.0, 1.0, 2.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge<T> {
    /// The value at the edge.
    Clamp,
    /// The other side: the array is a ring, or a torus.
    Wrap,
    /// The array as in a mirror at its edge, whose value comes twice: `b a | a b c | c b`.
    Reflect,
    /// This value.
    Fill(T),
}

/// Which of `len` elements is seen at an index in mirrors at both ends.
pub(crate) fn mirrored(at: isize, len: usize) -> usize {
    let at = at.rem_euclid(2 * len as isize) as usize;
    at.min(2 * len - 1 - at)
}

impl<T: Copy> Edge<T> {
    /// Index into `0..len`, or the fill value.
    #[inline]
    fn resolve(self, at: isize, len: usize) -> Result<usize, T> {
        match (usize::try_from(at), self) {
            (Ok(at), _) if at < len => Ok(at),
            (_, Self::Clamp) => Ok(at.clamp(0, len as isize - 1) as usize),
            (_, Self::Wrap) => Ok(at.rem_euclid(len as isize) as usize),
            (_, Self::Reflect) => Ok(mirrored(at, len)),
            (_, Self::Fill(value)) => Err(value),
        }
    }
}

/// Calls `f` with the window of `2·radius + 1` values around each item; results in order.
///
/// # Panics
/// When `f` panics, with the index of the item in the message.
///
/// ```
/// use ferrolab::par::{Edge, stencil};
/// let smooth = stencil(&[0.0, 3.0, 0.0], 1, Edge::Fill(0.0), |w| w.iter().sum::<f64>() / 3.0);
/// assert_eq!(smooth, [1.0, 1.0, 1.0]);
/// ```
pub fn stencil<T, U>(input: &[T], radius: usize, edge: Edge<T>, f: impl Fn(&[T]) -> U + Sync) -> Vec<U>
where
    T: Copy + Send + Sync,
    U: Send,
{
    let n = input.len();
    // Copies of what the windows at the two ends see, so that every window is a slice of something.
    let seen = |at: usize| {
        let at = edge.resolve(at as isize - radius as isize, n);
        at.map_or_else(|fill| fill, |at| input[at])
    };
    let (head, tail) = match radius >= n.div_ceil(2) {
        true => (0..n, n..n),
        false => (0..radius, n - radius..n),
    };
    let padded = |places: &Range<usize>| -> Vec<T> {
        if places.is_empty() { Vec::new() } else { (places.start..places.end + 2 * radius).map(seen).collect() }
    };
    let (first, last) = (padded(&head), padded(&tail));
    Par::new().map(Windows { input, first, last, inside: head.end..tail.start, radius }, f)
}

/// Windows around the items of a slice, as tasks.
struct Windows<'a, T> {
    input: &'a [T],
    first: Vec<T>,
    last: Vec<T>,
    inside: Range<usize>,
    radius: usize,
}
impl<T> Sealed for Windows<'_, T> {}
impl<'a, T: Sync> IntoTasks for Windows<'a, T> {
    type Item = &'a [T];
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}
impl<'a, T: Sync> Tasks for Windows<'a, T> {
    type Item = &'a [T];
    type Base = *const T;
    fn size(&self) -> usize {
        self.input.len()
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        let Range { start, end } = self.inside;
        let border = if range.start < start {
            start
        } else if range.start < end {
            end
        } else {
            range.end
        };
        range.end.min(border)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *const T {
        let from = match start {
            s if s < self.inside.start => &self.first[s..],
            s if s < self.inside.end => &self.input[s - self.radius..],
            s => &self.last[s - self.inside.end..],
        };
        from.as_ptr()
    }
    #[inline]
    unsafe fn item(&self, base: *const T, k: usize) -> &'a [T] {
        // SAFETY: the slices that `base` points into are as long as their part's windows reach, and
        // closures that take any `&[T]` cannot keep it beyond this loop, over which `self` lives.
        unsafe { std::slice::from_raw_parts(base.add(k), 2 * self.radius + 1) }
    }
    #[inline(always)]
    unsafe fn walk(&self, base: *const T, len: usize, mut f: impl FnMut(usize, &'a [T])) {
        // The usual radius has a loop in which windows have a known length, so that nothing checks `w[2]`.
        if self.radius != 1 {
            // SAFETY: the caller's promise.
            return (0..len).for_each(|k| f(k, unsafe { self.item(base, k) }));
        }
        for k in 0..len {
            // SAFETY: as in `item`, with a radius of 1.
            f(k, unsafe { std::slice::from_raw_parts(base.add(k), 3) });
        }
    }
}
