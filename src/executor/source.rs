//! What tasks that can be sent are made of: ranges, slices, vectors, tuples of these, chunks and
//! numbered tasks, each able to write a part of itself. It knows nothing of where parts go.
//!
//! [`Source`] is the notebook's side, [`Received`] the worker's: a worker knows a part only by its
//! type, so `Received` has no values. Items that are references borrow from the part, for the time of
//! one call: that is the `'w` of [`Received::Item`].

use crate::par::{Chunks, Enumerate, Mapped, TextBlocks, TextLines};
use crate::value::{Fault, Written, read};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};

/// What a closure gets from the tasks of `S`.
pub type Item<'w, S> = <<S as Source>::Received as Received>::Item<'w>;

/// The worker's side of a [`Source`].
pub trait Received: 'static {
    /// What the closure gets.
    type Item<'w>;
    /// A part of the source, as it arrived.
    type Part;
    /// Reads a part off the front of `bytes`.
    ///
    /// # Errors
    /// When the bytes are not what [`Source::write`] wrote.
    fn read(bytes: &mut &[u8]) -> Result<Self::Part, Fault>;
    /// The items of a part, in order.
    fn items<'w>(part: &'w mut Self::Part) -> impl Iterator<Item = Self::Item<'w>>;
}

/// Tasks that can be sent to a cluster: the same inputs that [`crate::par`] takes, with items that
/// serde can write.
///
/// ```
/// use ferrolab::cluster::Source;
/// assert_eq!((0..10u64).tasks(), 10);
/// assert_eq!((&[1.0, 2.0]).tasks(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that can be sent to a cluster",
    label = "not tasks that can be sent",
    note = "ranges of integers, slices, vectors, arrays, tuples of these, par::chunks and par::enumerate are, of types that serde can write (`#[derive(Serialize, Deserialize)]`)"
)]
pub trait Source {
    /// How a worker sees it.
    type Received: Received;
    /// How many tasks there are.
    fn tasks(&self) -> usize;
    /// Writes the part of these tasks.
    ///
    /// # Errors
    /// When serde cannot write an item.
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault>;
}

/// Items that go by value.
#[derive(Debug)]
pub struct Owned<T>(PhantomData<T>);
impl<T: Serialize + DeserializeOwned + 'static> Received for Owned<T> {
    type Item<'w> = T;
    type Part = Vec<T>;
    fn read(bytes: &mut &[u8]) -> Result<Vec<T>, Fault> {
        read(bytes)
    }
    fn items(part: &mut Vec<T>) -> impl Iterator<Item = T> {
        part.drain(..)
    }
}

/// Items that the closure borrows.
#[derive(Debug)]
pub struct Borrowed<T>(PhantomData<T>);
impl<T: Serialize + DeserializeOwned + 'static> Received for Borrowed<T> {
    type Item<'w> = &'w T;
    type Part = Vec<T>;
    fn read(bytes: &mut &[u8]) -> Result<Vec<T>, Fault> {
        read(bytes)
    }
    fn items(part: &mut Vec<T>) -> impl Iterator<Item = &T> {
        part.iter()
    }
}

macro_rules! slices {
    ($([$($g:tt)*] $from:ty => $received:ident;)*) => {$(
        impl<T: Serialize + DeserializeOwned + 'static, $($g)*> Source for $from {
            type Received = $received<T>;
            fn tasks(&self) -> usize {
                self.len()
            }
            fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
                out.write_slice(&self[tasks])
            }
        }
    )*};
}
slices! {
    [] &[T] => Borrowed;
    [] &Vec<T> => Borrowed;
    [const N: usize] &[T; N] => Borrowed;
    [] Vec<T> => Owned;
    [const N: usize] [T; N] => Owned;
}

/// Integers in a row: only the first one and their number travel.
#[derive(Debug)]
pub struct Integers<T>(PhantomData<T>);

// The same code for all integers, compiled once.
#[inline(never)]
fn read_row(bytes: &mut &[u8]) -> Result<(i128, usize), Fault> {
    read(bytes)
}

#[inline(never)]
fn write_row(first: i128, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
    out.write(&(first + tasks.start as i128, tasks.len()))
}

macro_rules! ranges {
    ($($t:ty)*) => {$(
        impl Received for Integers<$t> {
            type Item<'w> = $t;
            type Part = ($t, usize);
            fn read(bytes: &mut &[u8]) -> Result<($t, usize), Fault> {
                read_row(bytes).map(|(first, count)| (first as $t, count))
            }
            fn items(part: &mut ($t, usize)) -> impl Iterator<Item = $t> {
                let first = part.0;
                // What wraps is the cast alone: the sum is within the range that was sent.
                (0..part.1).map(move |index| first.wrapping_add(index as $t))
            }
        }
        impl Source for Range<$t> {
            type Received = Integers<$t>;
            fn tasks(&self) -> usize {
                count(self.start as i128, self.end as i128)
            }
            fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
                write_row(self.start as i128, tasks, out)
            }
        }
        impl Source for RangeInclusive<$t> {
            type Received = Integers<$t>;
            fn tasks(&self) -> usize {
                count(*self.start() as i128, *self.end() as i128 + 1)
            }
            fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
                write_row(*self.start() as i128, tasks, out)
            }
        }
    )*};
}
ranges!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

fn count(start: i128, end: i128) -> usize {
    // More than fits is refused where the run starts.
    usize::try_from((end - start).max(0)).unwrap_or(usize::MAX)
}

/// Pieces of a slice.
#[derive(Debug)]
pub struct Pieces<T>(PhantomData<T>);
impl<T: Serialize + DeserializeOwned + 'static> Received for Pieces<T> {
    type Item<'w> = &'w [T];
    type Part = (Vec<T>, usize);
    fn read(bytes: &mut &[u8]) -> Result<(Vec<T>, usize), Fault> {
        Ok((read(bytes)?, read(bytes)?))
    }
    fn items(part: &mut (Vec<T>, usize)) -> impl Iterator<Item = &[T]> {
        part.0.chunks(part.1.max(1))
    }
}
impl<T: Serialize + DeserializeOwned + 'static> Source for Chunks<'_, T> {
    type Received = Pieces<T>;
    fn tasks(&self) -> usize {
        self.slice().len().div_ceil(self.size())
    }
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
        let (slice, size) = (self.slice(), self.size());
        out.write_slice(&slice[tasks.start * size..(tasks.end * size).min(slice.len())])?;
        out.write(&size)
    }
}

/// Lines, or blocks of lines, of a text file, which is read where they go.
#[derive(Debug)]
pub struct Texts;

/// Parts of a text file, as they are found there.
#[derive(Debug)]
pub struct TextPart {
    file: Mapped,
    /// Where blocks begin, and where the last one ends; two numbers when they are lines.
    starts: Vec<usize>,
    lines: bool,
}
impl Received for Texts {
    type Item<'w> = &'w str;
    type Part = TextPart;
    fn read(bytes: &mut &[u8]) -> Result<TextPart, Fault> {
        let (path, stamp, starts, lines): (String, (u64, i64), Vec<usize>, bool) = read(bytes)?;
        let file = Mapped::open(path.as_ref()).map_err(Fault::new)?;
        if file.stamp != stamp {
            return Err(Fault::new(format!(
                "{path} is another file here than where the work was begun, or was changed"
            )));
        }
        Ok(TextPart { file, starts, lines })
    }
    fn items(part: &mut TextPart) -> impl Iterator<Item = &str> {
        let (part, mut block, mut at) = (&*part, 0, part.starts.first().copied().unwrap_or(0));
        std::iter::from_fn(move || {
            let own = if part.lines {
                let end = *part.starts.last()?;
                let (line, next) = (at < end).then(|| part.file.line(at))?;
                at = next;
                line
            } else {
                block += 1;
                part.starts[block - 1]..*part.starts.get(block)?
            };
            Some(part.file.text(own))
        })
    }
}

#[inline(never)]
fn write_texts(file: &Mapped, starts: &[usize], lines: bool, out: &mut Written) -> Result<(), Fault> {
    let path =
        file.path.to_str().ok_or_else(|| Fault::new(format!("{:?} is no text, so it cannot be sent", file.path)))?;
    out.write(&(path.to_owned(), file.stamp, starts.to_vec(), lines))
}

impl Source for &TextLines {
    type Received = Texts;
    fn tasks(&self) -> usize {
        self.len()
    }
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
        self.mapped.check().map_err(Fault::new)?;
        write_texts(&self.mapped, &[self.begin(tasks.start), self.begin(tasks.end)], true, out)
    }
}
impl Source for &TextBlocks {
    type Received = Texts;
    fn tasks(&self) -> usize {
        self.len()
    }
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
        self.mapped.check().map_err(Fault::new)?;
        write_texts(&self.mapped, &self.starts[tasks.start..=tasks.end], false, out)
    }
}

/// Tasks with their number.
#[derive(Debug)]
pub struct Numbered<K>(PhantomData<K>);
impl<K: Received> Received for Numbered<K> {
    type Item<'w> = (usize, K::Item<'w>);
    type Part = (usize, K::Part);
    fn read(bytes: &mut &[u8]) -> Result<(usize, K::Part), Fault> {
        Ok((read(bytes)?, K::read(bytes)?))
    }
    fn items<'w>(part: &'w mut (usize, K::Part)) -> impl Iterator<Item = Self::Item<'w>> {
        (part.0..).zip(K::items(&mut part.1))
    }
}
impl<S: Source> Source for Enumerate<S> {
    type Received = Numbered<S::Received>;
    fn tasks(&self) -> usize {
        self.inner().tasks()
    }
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
        out.write(&tasks.start)?;
        self.inner().write(tasks, out)
    }
}

impl<A: Received, B: Received> Received for (A, B) {
    type Item<'w> = (A::Item<'w>, B::Item<'w>);
    type Part = (A::Part, B::Part);
    fn read(bytes: &mut &[u8]) -> Result<Self::Part, Fault> {
        Ok((A::read(bytes)?, B::read(bytes)?))
    }
    fn items<'w>(part: &'w mut Self::Part) -> impl Iterator<Item = Self::Item<'w>> {
        A::items(&mut part.0).zip(B::items(&mut part.1))
    }
}
impl<A: Source, B: Source> Source for (A, B) {
    type Received = (A::Received, B::Received);
    fn tasks(&self) -> usize {
        self.0.tasks().min(self.1.tasks())
    }
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
        self.0.write(tasks.clone(), out)?;
        self.1.write(tasks, out)
    }
}
impl<A: Received, B: Received, C: Received> Received for (A, B, C) {
    type Item<'w> = (A::Item<'w>, B::Item<'w>, C::Item<'w>);
    type Part = (A::Part, B::Part, C::Part);
    fn read(bytes: &mut &[u8]) -> Result<Self::Part, Fault> {
        Ok((A::read(bytes)?, B::read(bytes)?, C::read(bytes)?))
    }
    fn items<'w>(part: &'w mut Self::Part) -> impl Iterator<Item = Self::Item<'w>> {
        A::items(&mut part.0).zip(B::items(&mut part.1)).zip(C::items(&mut part.2)).map(|((a, b), c)| (a, b, c))
    }
}
impl<A: Source, B: Source, C: Source> Source for (A, B, C) {
    type Received = (A::Received, B::Received, C::Received);
    fn tasks(&self) -> usize {
        self.0.tasks().min(self.1.tasks()).min(self.2.tasks())
    }
    fn write(&self, tasks: Range<usize>, out: &mut Written) -> Result<(), Fault> {
        self.0.write(tasks.clone(), out)?;
        self.1.write(tasks.clone(), out)?;
        self.2.write(tasks, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a worker sees of some tasks of a source.
    fn there<S: Source, T>(
        source: &S,
        tasks: Range<usize>,
        see: impl for<'w> Fn(<S::Received as Received>::Item<'w>) -> T,
    ) -> Vec<T> {
        let mut bytes = Written::default();
        source.write(tasks, &mut bytes).unwrap();
        let mut bytes = bytes.as_bytes();
        let mut part = <S::Received as Received>::read(&mut bytes).unwrap();
        assert!(bytes.is_empty());
        <S::Received as Received>::items(&mut part).map(see).collect()
    }

    #[test]
    fn parts_arrive_as_they_were() {
        assert_eq!(there(&(10..20u64), 3..5, |x| x), [13, 14]);
        assert_eq!(there(&(-3..=3i8), 5..7, |x| x), [2, 3]);
        assert_eq!(there(&(0..=u8::MAX), 255..256, |x| x), [255]);
        let words = vec!["a".to_owned(), "bc".to_owned(), "déf".to_owned()];
        assert_eq!(there(&&words, 1..3, |w| w.len()), [2, 4]);
        assert_eq!(there(&words, 0..1, |w: String| w), ["a"]);
        assert_eq!(there(&[1.5, f64::NAN], 1..2, |x: f64| x.is_nan()), [true]);
        let numbers = [1, 2, 3, 4, 5, 6, 7];
        assert_eq!(there(&crate::par::chunks(&numbers, 3), 1..3, |c| c.len()), [3, 1]);
        assert_eq!(there(&crate::par::enumerate(&numbers), 5..7, |(i, x)| (i, *x)), [(5, 6), (6, 7)]);
        assert_eq!(there(&(0..7u8, &numbers), 2..3, |(a, b)| (a, *b)), [(2, 3)]);
        assert_eq!(there(&(0..9u8, vec![true; 4], &numbers), 3..4, |(a, b, c)| (a, b, *c)), [(3, true, 4)]);
    }

    #[test]
    fn tasks_are_counted() {
        #[allow(clippy::reversed_empty_ranges)]
        let nothing = 5..3u64;
        assert_eq!((nothing.tasks(), (i64::MIN..i64::MAX).tasks()), (0, usize::MAX));
        assert_eq!((0..9u8, &[1u8, 2]).tasks(), 2);
    }
}
