//! Memory that arrays are read from and computed into: vectors, and files that are mapped. It does not
//! know what is computed.

use super::element::{DType, Element};
use super::shape::{Affine, Region, row_major};
use super::walk::Walk;
use crate::value::numbers::Number;
use memmap2::Mmap;
use std::any::Any;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
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

    /// A copy of elements' bytes.
    pub(crate) fn of_bytes(bytes: &[u8], dtype: DType) -> Self {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        // SAFETY: room for all of the bytes, which lie apart.
        unsafe { words.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Self::of_words(words, bytes.len() / dtype.size(), dtype)
    }

    /// A part of a file: `len` elements from byte `from` on.
    ///
    /// The caller has looked that they are within the file. Elements need not be aligned: see [`Memory::is_aligned`].
    pub(crate) fn of_file(map: Mmap, file: FilePart, len: usize, dtype: DType) -> Self {
        let at = map.as_ptr().wrapping_add(file.from);
        Self { at, len, dtype, owner: Box::new((map, file)) }
    }

    /// Elements in memory of somebody else's.
    ///
    /// # Safety
    /// They stay there, and nobody writes to them, as long as this or what was made of it exists.
    pub(crate) unsafe fn borrowed(at: *const u8, len: usize, dtype: DType) -> Self {
        Self { at, len, dtype, owner: Box::new(()) }
    }

    /// Is it a file's?
    pub(crate) fn is_file(&self) -> bool {
        self.file().is_some()
    }

    /// Which part of which file it is.
    pub(crate) fn file(&self) -> Option<&FilePart> {
        self.owner.downcast_ref::<(Mmap, FilePart)>().map(|(_, file)| file)
    }

    /// All of its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self.len {
            0 => &[],
            // SAFETY: so many elements are there, and any memory may be read as bytes.
            _ => unsafe { std::slice::from_raw_parts(self.at, self.len * self.dtype.size()) },
        }
    }

    /// The memory of the vector that it was made of, for whoever frees it; NumPy has no vectors of bools in Rust's sense, so
    /// these are bytes. `None` of memory that was no vector's.
    pub(crate) fn into_left(self) -> Option<Left> {
        fn of<T: Element>(
            owner: Box<dyn Any + Send + Sync>,
        ) -> Result<(*mut u8, usize, usize), Box<dyn Any + Send + Sync>> {
            let mut vector = ManuallyDrop::new(*owner.downcast::<Vec<T>>()?);
            Ok((vector.as_mut_ptr().cast(), vector.capacity() * size_of::<T>(), align_of::<T>()))
        }
        let number = match self.dtype {
            DType::F64 => Number::F64,
            DType::F32 => Number::F32,
            DType::I64 => Number::I64,
            DType::I32 => Number::I32,
            DType::U8 | DType::Bool => Number::U8,
        };
        let len = self.len * self.dtype.size();
        let owner = match self.owner.downcast::<Vec<u64>>() {
            Ok(words) => {
                let mut words = ManuallyDrop::new(*words);
                let (data, capacity) = (words.as_mut_ptr().cast(), words.capacity() * 8);
                return Some(Left { number, data, len, capacity, align: 8 });
            }
            Err(owner) => owner,
        };
        let taken = match self.dtype {
            DType::F64 => of::<f64>(owner),
            DType::F32 => of::<f32>(owner),
            DType::I64 => of::<i64>(owner),
            DType::I32 => of::<i32>(owner),
            DType::U8 => of::<u8>(owner),
            DType::Bool => of::<bool>(owner),
        };
        let (data, capacity, align) = taken.ok()?;
        Some(Left { number, data, len, capacity, align })
    }

    pub(crate) fn at(&self) -> *const u8 {
        self.at
    }

    /// The vector that it was made of.
    pub(crate) fn into_vec<T: Element>(self) -> Option<Vec<T>> {
        self.owner.downcast().ok().map(|vector| *vector)
    }
}

/// A vector's memory that is handed over.
pub(crate) use crate::value::numbers::Memory as Left;

/// A part of a file: elements from a byte on.
#[derive(Debug, Clone)]
pub(crate) struct FilePart {
    pub(crate) path: PathBuf,
    pub(crate) from: usize,
    /// Its size in bytes, and when it was changed: by which another process knows that it sees the same file.
    pub(crate) stamp: (u64, i64),
}

impl FilePart {
    /// Size and time of change of an open file.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn stamp(file: &std::fs::File) -> std::io::Result<(u64, i64)> {
        use std::os::unix::fs::MetadataExt;
        let found = file.metadata()?;
        Ok((found.len(), found.mtime().wrapping_mul(1_000_000_000).wrapping_add(found.mtime_nsec())))
    }

    pub(crate) fn new(path: &Path, from: usize, stamp: (u64, i64)) -> Self {
        // Elsewhere, another folder may be the current one.
        Self { path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), from, stamp }
    }
}

/// Bytes from which on room is memory that nobody has written to.
const FRESH: usize = 8 << 20;

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

    /// Is it so large that the system hands its pages out as they are written? Smaller rooms come from memory that the process has.
    pub(crate) fn is_fresh(&self) -> bool {
        self.len * self.dtype.size() >= FRESH
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

    /// The elements of a shape in a vector of their own, rows one after the other: this memory, if it is one.
    pub(crate) fn packed(self, shape: &[usize]) -> Self {
        let count: usize = shape.iter().product();
        if self.place.offset == 0 && self.buffer.len == count && self.is_whole(shape) && self.is_aligned() {
            return self;
        }
        let size = self.buffer.dtype.size();
        let mut words = vec![0u64; (count * size).div_ceil(8)];
        let out: *mut u8 = words.as_mut_ptr().cast();
        let region = Region { start: vec![0; shape.len()], shape: shape.to_vec() };
        let walk = Walk::new(&region, std::slice::from_ref(&self.place));
        let step = walk.inner()[0];
        walk.pieces(0, count, &mut [0], |before, n, at| {
            let from = self.buffer.at().wrapping_offset(at[0] * size as isize);
            // SAFETY: views are within their memory, and there is room for `count` elements.
            unsafe { super::generate::gather(size, from, step, n, out.add(before * size)) };
        });
        if self.buffer.is_file() && self.buffer.dtype == DType::Bool {
            // SAFETY: `count` bytes, which were just written.
            unsafe { std::slice::from_raw_parts_mut(out, count) }.iter_mut().for_each(|b| *b = u8::from(*b != 0));
        }
        Self::whole(Arc::new(Buffer::of_words(words, count, self.buffer.dtype)), shape)
    }

    /// The elements of a shape, copied to a vector of their own.
    pub(crate) fn copied(&self, shape: &[usize]) -> Buffer {
        let packed = self.clone().packed(shape);
        match Arc::ptr_eq(&packed.buffer, &self.buffer) {
            true => Buffer::of_bytes(packed.buffer.bytes(), packed.buffer.dtype),
            false => {
                Arc::try_unwrap(packed.buffer).unwrap_or_else(|shared| Buffer::of_bytes(shared.bytes(), shared.dtype))
            }
        }
    }

    /// Can elements be used where they are? Those of a file may lie at any byte, and its bools be no bools.
    pub(crate) fn is_aligned(&self) -> bool {
        let size = self.buffer.dtype.size();
        self.buffer.at().addr().is_multiple_of(size) && !(self.buffer.is_file() && self.buffer.dtype == DType::Bool)
    }
}
