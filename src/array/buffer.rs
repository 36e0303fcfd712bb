//! Memory that arrays are read from and computed into: vectors, and files that are mapped. It does not
//! know what is computed.

use super::element::{DType, Element};
use super::shape::{Affine, row_major};
use memmap2::Mmap;
use std::any::Any;
use std::sync::Arc;

/// Elements one after the other in memory that stays where it is.
pub(crate) struct Buffer {
    at: *const u8,
    pub(crate) len: usize,
    pub(crate) dtype: DType,
    owner: Box<dyn Any + Send + Sync>,
}
// SAFETY: nobody writes to it any more, and the owner can be sent and shared.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}", self.len, self.dtype)
    }
}

impl Buffer {
    pub(crate) fn of<T: Element>(elements: Vec<T>) -> Self {
        Self { at: elements.as_ptr().cast(), len: elements.len(), dtype: T::DTYPE, owner: Box::new(elements) }
    }

    /// Elements of a type in memory that was taken as words, as many as there is room for.
    pub(crate) fn of_words(words: Vec<u64>, len: usize, dtype: DType) -> Self {
        assert!(len * dtype.size() <= words.len() * size_of::<u64>(), "fewer words than elements");
        Self { at: words.as_ptr().cast(), len, dtype, owner: Box::new(words) }
    }

    /// A part of a file: `len` elements from byte `from` on.
    ///
    /// The caller has looked that they are within the file. Elements need not be aligned: see [`Memory::is_aligned`].
    pub(crate) fn of_file(file: Mmap, from: usize, len: usize, dtype: DType) -> Self {
        let at = file.as_ptr().wrapping_add(from);
        Self { at, len, dtype, owner: Box::new(file) }
    }

    /// Is it a file's?
    pub(crate) fn is_file(&self) -> bool {
        self.owner.is::<Mmap>()
    }

    pub(crate) fn at(&self) -> *const u8 {
        self.at
    }

    /// The vector that it was made of.
    pub(crate) fn into_vec<T: Element>(self) -> Option<Vec<T>> {
        self.owner.downcast().ok().map(|vector| *vector)
    }
}

/// Room for so many elements, which is a [`Buffer`] when all are written.
pub(crate) struct Room {
    at: *mut u8,
    len: usize,
    dtype: DType,
    owner: Box<dyn Any + Send + Sync>,
}
// SAFETY: writers are given parts that do not overlap, by whoever hands out `at`.
unsafe impl Sync for Room {}

impl Room {
    /// # Errors
    /// When the system has no such room.
    pub(crate) fn new(dtype: DType, len: usize) -> Result<Self, std::collections::TryReserveError> {
        fn of<T: Element>(len: usize) -> Result<Room, std::collections::TryReserveError> {
            let mut vector = Vec::<T>::new();
            vector.try_reserve_exact(len)?;
            Ok(Room { at: vector.as_mut_ptr().cast(), len, dtype: T::DTYPE, owner: Box::new(vector) })
        }
        match dtype {
            DType::F64 => of::<f64>(len),
            DType::F32 => of::<f32>(len),
            DType::I64 => of::<i64>(len),
            DType::I32 => of::<i32>(len),
            DType::U8 => of::<u8>(len),
            DType::Bool => of::<bool>(len),
        }
    }

    pub(crate) fn at(&self) -> *mut u8 {
        self.at
    }

    /// What was written.
    ///
    /// # Safety
    /// All of the elements were.
    pub(crate) unsafe fn filled(mut self) -> Buffer {
        fn set<T: Element>(owner: &mut Box<dyn Any + Send + Sync>, len: usize) {
            if let Some(vector) = owner.downcast_mut::<Vec<T>>() {
                // SAFETY: there is room for `len`, and the caller of `filled` promises that they are written.
                unsafe { vector.set_len(len) };
            }
        }
        match self.dtype {
            DType::F64 => set::<f64>(&mut self.owner, self.len),
            DType::F32 => set::<f32>(&mut self.owner, self.len),
            DType::I64 => set::<i64>(&mut self.owner, self.len),
            DType::I32 => set::<i32>(&mut self.owner, self.len),
            DType::U8 => set::<u8>(&mut self.owner, self.len),
            DType::Bool => set::<bool>(&mut self.owner, self.len),
        }
        Buffer { at: self.at, len: self.len, dtype: self.dtype, owner: self.owner }
    }
}

/// An array in memory: where the element at an index is, counted in elements.
#[derive(Debug, Clone)]
pub struct Memory {
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) place: Affine,
}

impl Memory {
    /// Rows one after the other, from the beginning.
    pub(crate) fn whole(buffer: Arc<Buffer>, shape: &[usize]) -> Self {
        Self { buffer, place: Affine { offset: 0, steps: row_major(shape) } }
    }

    /// Are the rows of this shape one after the other?
    pub(crate) fn is_whole(&self, shape: &[usize]) -> bool {
        let pairs = self.place.steps.iter().zip(row_major(shape)).zip(shape);
        pairs.into_iter().all(|((own, step), length)| *length <= 1 || *own == step)
    }

    /// The elements of a shape whose rows are one after the other.
    ///
    /// # Panics
    /// Never, when [`Self::is_whole`] and the type is right.
    pub(crate) fn slice<T: Element>(&self, shape: &[usize]) -> &[T] {
        let len: usize = shape.iter().product();
        assert!(self.buffer.dtype == T::DTYPE && self.is_whole(shape) && self.is_aligned(), "another kind of memory");
        if len == 0 {
            return &[];
        }
        let start = usize::try_from(self.place.offset).unwrap_or(usize::MAX);
        assert!(start.checked_add(len).is_some_and(|end| end <= self.buffer.len), "beyond the memory");
        // SAFETY: within the buffer, of its type, and aligned; bits that are no bool never get here, since
        // files of bools are not used in place.
        unsafe { std::slice::from_raw_parts(self.buffer.at().cast::<T>().add(start), len) }
    }

    /// Can elements be used where they are? Those of a file may lie at any byte, and its bools be no bools.
    pub(crate) fn is_aligned(&self) -> bool {
        let size = self.buffer.dtype.size();
        self.buffer.at().addr().is_multiple_of(size) && !(self.buffer.is_file() && self.buffer.dtype == DType::Bool)
    }
}
