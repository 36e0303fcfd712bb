//! Vectors of numbers, whose memory travels as it is: to a worker's numpy array and back, past
//! serde. It knows types and memory; who keeps what where is its callers' business.

use super::{Fault, Written};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Numbers that numpy has too. The codes are `NUMBERS` in `python/worker.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Number {
    I8 = 1,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

mod sealed {
    pub trait Sealed {
        /// Its code.
        const CODE: u32;
    }
}

/// Numbers that tasks see as slices of a worker's arrays: all integers up to 64 bits, `f32`, `f64`.
///
/// ```
/// fn sum<N: ferrolab::cluster::Numeric + Into<f64>>(part: &[N]) -> f64 {
///     part.iter().map(|x| (*x).into()).sum()
/// }
/// assert_eq!(sum(&[1.5f32, 2.0]), 3.5);
/// ```
pub trait Numeric: sealed::Sealed + Serialize + DeserializeOwned + Copy + Send + Sync + 'static {}

macro_rules! numbers {
    ($($t:ty = $kind:ident $name:literal;)*) => {
        $(
            impl sealed::Sealed for $t {
                const CODE: u32 = Number::$kind as u32;
            }
            impl Numeric for $t {}
        )*

        /// What items of this type are, when they are numbers.
        #[inline(never)]
        fn item_of(id: TypeId) -> Option<Number> {
            $(if id == TypeId::of::<$t>() { return Some(Number::$kind) })*
            None
        }

        /// What vectors of this type hold, when they hold numbers.
        #[inline(never)]
        fn vector_of(id: TypeId) -> Option<Number> {
            $(if id == TypeId::of::<Vec<$t>>() { return Some(Number::$kind) })*
            None
        }

        impl Number {
            /// numpy's name of what `name` is; sizes of `isize` and `usize` are those of this machine.
            pub(crate) fn from_numpy(name: &str) -> Option<Self> {
                $(if name == $name { return Some(Self::$kind) })*
                None
            }

            /// Bytes of one.
            pub(crate) fn size(self) -> usize {
                match self {
                    Self::I8 | Self::U8 => 1,
                    Self::I16 | Self::U16 => 2,
                    Self::I32 | Self::U32 | Self::F32 => 4,
                    Self::I64 | Self::U64 | Self::F64 => 8,
                }
            }
        }
    };
}
numbers! {
    i8 = I8 "|i1"; u8 = U8 "|u1"; i16 = I16 "<i2"; u16 = U16 "<u2"; i32 = I32 "<i4"; u32 = U32 "<u4";
    i64 = I64 "<i8"; u64 = U64 "<u8"; f32 = F32 "<f4"; f64 = F64 "<f8"; isize = I64 "<i8"; usize = U64 "<u8";
}
const _: () =
    assert!(size_of::<usize>() == 8 && cfg!(target_endian = "little"), "workers' arrays are of such machines");

/// Calls a macro-like body with the Rust type of a number.
macro_rules! with_type {
    ($number:expr, $T:ident => $body:expr) => {
        match $number {
            Number::I8 => {
                type $T = i8;
                $body
            }
            Number::U8 => {
                type $T = u8;
                $body
            }
            Number::I16 => {
                type $T = i16;
                $body
            }
            Number::U16 => {
                type $T = u16;
                $body
            }
            Number::I32 => {
                type $T = i32;
                $body
            }
            Number::U32 => {
                type $T = u32;
                $body
            }
            Number::I64 => {
                type $T = i64;
                $body
            }
            Number::U64 => {
                type $T = u64;
                $body
            }
            Number::F32 => {
                type $T = f32;
                $body
            }
            Number::F64 => {
                type $T = f64;
                $body
            }
        }
    };
}

impl Number {
    /// The number of this code, as Python says it.
    pub(crate) fn from_code(code: u32) -> Option<Self> {
        const ALL: [Number; 10] = [
            Number::I8,
            Number::U8,
            Number::I16,
            Number::U16,
            Number::I32,
            Number::U32,
            Number::I64,
            Number::U64,
            Number::F32,
            Number::F64,
        ];
        ALL.get((code as usize).wrapping_sub(1)).copied()
    }

    /// No numbers of this kind: an empty slice that is aligned for them.
    pub(crate) fn nothing(self) -> &'static [u8] {
        const NOTHING: &[u64] = &[];
        // SAFETY: empty, and the pointer is aligned for the largest of them.
        unsafe { std::slice::from_raw_parts(NOTHING.as_ptr().cast(), 0) }
    }

    /// Does postcard write it as it is in memory? Other integers become shorter there.
    fn verbatim(self) -> bool {
        matches!(self, Self::I8 | Self::U8 | Self::F32 | Self::F64)
    }
}

/// The identity of a type, whose lifetimes do not count.
pub(crate) fn id<T>() -> TypeId {
    trait Typed {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T> Typed for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let typed: &dyn Typed = &PhantomData::<T>;
    // SAFETY: only the lifetime of a trait object without data changes. Its one method reads
    // nothing of the value; types that differ in lifetimes alone get the same identity, which is
    // compared with those of types that have no lifetimes.
    unsafe { std::mem::transmute::<&dyn Typed, &(dyn Typed + 'static)>(typed) }.id()
}

/// What a `T` holds, when it is a vector of numbers.
pub(crate) fn vector<T>() -> Option<Number> {
    vector_of(id::<T>())
}

/// What a `T` is, when it is a number.
pub(crate) fn item<T>() -> Option<Number> {
    item_of(id::<T>())
}

/// Could a `T` be a vector? Asked in a `const` before [`vector`], this is decided before code is
/// generated, so that what follows is not compiled with cells for most types.
pub(crate) const fn may_be_vector<T>() -> bool {
    size_of::<T>() == size_of::<Vec<u8>>()
}

/// A slice as postcard writes its items, when that is its memory.
pub(crate) fn verbatim<T>(slice: &[T]) -> Option<&[u8]> {
    item::<T>().filter(|n| n.verbatim())?;
    // SAFETY: numbers have no padding, and any memory may be read as bytes.
    Some(unsafe { std::slice::from_raw_parts(slice.as_ptr().cast(), size_of_val(slice)) })
}

/// Writes a vector of these numbers as [`super`] would, when that is a copy; was it?
///
/// # Safety
/// `vector` points to a `Vec` of what `number` says.
pub(crate) unsafe fn write_vector(number: Number, vector: *const (), out: &mut Written) -> bool {
    if !number.verbatim() {
        return false;
    }
    // SAFETY: the caller's promise; the bytes of numbers may be read.
    let (len, bytes) = with_type!(number, T => unsafe {
        let vector = &*vector.cast::<Vec<T>>();
        (vector.len(), std::slice::from_raw_parts(vector.as_ptr().cast::<u8>(), vector.len() * size_of::<T>()))
    });
    out.reserve(bytes.len() + 11);
    out.begin_list(len);
    out.extend(bytes);
    true
}

/// Reads a vector that [`write_vector`] wrote, from its length on, off the front of `bytes`; was it one?
///
/// # Safety
/// `into` points to room for a `Vec` of what `number` says.
pub(crate) unsafe fn read_vector(number: Number, bytes: &mut &[u8], into: *mut ()) -> Result<bool, Fault> {
    if !number.verbatim() {
        return Ok(false);
    }
    let (len, rest) = postcard::take_from_bytes::<usize>(bytes)?;
    let whole = len.checked_mul(number.size()).and_then(|size| rest.split_at_checked(size));
    let (mine, rest) = whole.ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
    *bytes = rest;
    // SAFETY: the caller's promise.
    unsafe { copy_vector(number, mine, into) };
    Ok(true)
}

/// Makes a vector of numbers of a copy of their memory.
///
/// # Safety
/// As for [`read_vector`].
pub(crate) unsafe fn copy_vector(number: Number, bytes: &[u8], into: *mut ()) {
    with_type!(number, T => {
        let len = bytes.len() / size_of::<T>();
        let mut vector = Vec::<T>::with_capacity(len);
        // SAFETY: there is room for `len` numbers, whose bytes are all written here; the two do
        // not overlap, as one was just allocated; the last line is the caller's promise.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), vector.as_mut_ptr().cast::<u8>(), len * size_of::<T>());
            vector.set_len(len);
            into.cast::<Vec<T>>().write(vector);
        }
    });
}

/// Makes a `T` of a copy of numbers' memory, when it is a vector of such numbers.
pub(crate) fn vector_from<T>(number: Number, bytes: &[u8]) -> Option<T> {
    if const { !may_be_vector::<T>() } || vector::<T>() != Some(number) {
        return None;
    }
    let mut made = MaybeUninit::<T>::uninit();
    // SAFETY: T is a vector of such numbers, and is written whole.
    unsafe {
        copy_vector(number, bytes, made.as_mut_ptr().cast());
        Some(made.assume_init())
    }
}

/// Memory that was a vector's: where, bytes in use, bytes in all, alignment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) number: Number,
    pub(crate) data: *mut u8,
    pub(crate) len: usize,
    pub(crate) capacity: usize,
    pub(crate) align: usize,
}

/// Takes a vector's memory; whoever has it now frees it.
///
/// # Safety
/// `vector` points to a `Vec` of what `number` says, which is not used or dropped afterwards.
pub(crate) unsafe fn take_vector(number: Number, vector: *mut ()) -> Memory {
    with_type!(number, T => {
        // SAFETY: the caller's promise.
        let mut vector = std::mem::ManuallyDrop::new(unsafe { vector.cast::<Vec<T>>().read() });
        let size = size_of::<T>();
        let (len, capacity) = (vector.len() * size, vector.capacity() * size);
        Memory { number, data: vector.as_mut_ptr().cast(), len, capacity, align: align_of::<T>() }
    })
}

/// Writes numbers as a vector of them is written.
///
/// # Safety
/// `data` points to `len` aligned numbers of this kind.
pub(crate) unsafe fn write_numbers(
    number: Number,
    data: *const u8,
    len: usize,
    out: &mut Written,
) -> Result<(), Fault> {
    with_type!(number, T => {
        // SAFETY: the caller's promise; an empty slice may come with any pointer.
        let slice = if len == 0 { &[][..] } else { unsafe { std::slice::from_raw_parts(data.cast::<T>(), len) } };
        out.write_slice(slice)
    })
}

/// Are they numbers of this type?
pub(crate) fn is<N: Numeric>(number: Number) -> bool {
    number as u32 == <N as sealed::Sealed>::CODE
}

#[cfg(test)]
mod tests {
    use super::super::bytes_of;
    use super::*;

    #[test]
    fn vectors_of_numbers_are_known_by_their_type() {
        assert_eq!((vector::<Vec<f64>>(), vector::<Vec<usize>>()), (Some(Number::F64), Some(Number::U64)));
        assert_eq!((vector::<Vec<bool>>(), vector::<f64>(), vector::<Vec<&str>>()), (None, None, None));
        assert_eq!(verbatim(&[1.0f32]).unwrap(), 1.0f32.to_le_bytes());
        assert!(verbatim(&[1u32]).is_none(), "postcard writes it shorter");
        for code in 1..=10 {
            assert_eq!(Number::from_code(code).unwrap() as u32, code);
        }
        assert_eq!((Number::from_code(0), Number::from_code(11)), (None, None));
        assert_eq!(Number::from_numpy("<u2"), Some(Number::U16));
    }

    #[test]
    fn what_is_copied_is_what_postcard_writes() {
        let vector = vec![1.5f64, -0.0, f64::NAN];
        let mut out = Written::default();
        // SAFETY: a vector of f64.
        assert!(unsafe { write_vector(Number::F64, (&raw const vector).cast(), &mut out) });
        assert_eq!(out.as_bytes()[1..], postcard::to_allocvec(&vector).unwrap());
        let mut bytes = &out.as_bytes()[1..];
        let mut back = MaybeUninit::<Vec<f64>>::uninit();
        // SAFETY: room for a vector of f64, which is written.
        let back = unsafe {
            assert!(read_vector(Number::F64, &mut bytes, back.as_mut_ptr().cast()).unwrap());
            back.assume_init()
        };
        assert_eq!(
            back.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
            vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        );
        let mut short = &[200u8, 1, 2][..];
        let mut room = MaybeUninit::<Vec<f64>>::uninit();
        // SAFETY: room for a vector of f64; nothing is written.
        assert!(unsafe { read_vector(Number::F64, &mut short, room.as_mut_ptr().cast()) }.is_err());
    }

    #[test]
    fn memory_is_taken_and_copied() {
        let vector = vec![3i64, -4];
        let mut vector = std::mem::ManuallyDrop::new(vector);
        // SAFETY: a vector of i64, not used or dropped afterwards.
        let memory = unsafe { take_vector(Number::I64, (&raw mut vector).cast()) };
        assert_eq!((memory.len, memory.align), (16, 8));
        // SAFETY: the memory just taken.
        let bytes = unsafe { std::slice::from_raw_parts(memory.data, memory.len) };
        assert_eq!(vector_from::<Vec<i64>>(Number::I64, bytes), Some(vec![3, -4]));
        assert_eq!(vector_from::<Vec<u64>>(Number::I64, bytes), None);
        let mut out = Written::default();
        // SAFETY: two aligned numbers.
        unsafe { write_numbers(Number::I64, memory.data, 2, &mut out) }.unwrap();
        assert_eq!(out.as_bytes(), bytes_of(&vec![3i64, -4]).unwrap());
        // SAFETY: the parts of a Vec<i64>.
        drop(unsafe { Vec::from_raw_parts(memory.data.cast::<i64>(), 2, memory.capacity / 8) });
    }
}
