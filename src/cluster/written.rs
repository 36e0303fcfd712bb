//! Values as bytes and back, with postcard, in pieces that are small where they are generic: what
//! is generic here is compiled with each cell, and a growing `Vec` alone is a tenth of one.

use super::numbers;
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::alloc::{Layout, alloc, handle_alloc_error};
use std::mem::MaybeUninit;

/// Bytes that values are written to, one after the other.
#[derive(Debug, Default)]
pub struct Written {
    bytes: Vec<u8>,
}

// None of these is inlined into cells: a call costs less than compiling it.
impl Written {
    #[inline(never)]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    #[inline(never)]
    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    #[inline(never)]
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Writes a length as postcard does.
    pub(crate) fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.push(length as u8);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a value.
    pub(crate) fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> postcard::Result<()> {
        postcard::serialize_with_flavor(value, self)
    }

    /// Writes a value that may be a vector of numbers, which is then copied at once.
    pub(crate) fn write_result<T: Serialize>(&mut self, value: &T) -> postcard::Result<()> {
        if const { numbers::may_be_vector::<T>() }
            && let Some(number) = numbers::vector::<T>()
        {
            // SAFETY: T is a vector of such numbers.
            if unsafe { numbers::write_vector(number, std::ptr::from_ref(value).cast(), self) } {
                return Ok(());
            }
        }
        self.write(value)
    }

    /// Writes a slice, which is copied at once when it is of numbers.
    pub(crate) fn write_slice<T: Serialize>(&mut self, slice: &[T]) -> postcard::Result<()> {
        let Some(bytes) = numbers::verbatim(slice) else { return self.write(slice) };
        self.reserve(bytes.len() + 10);
        self.length(slice.len());
        self.extend(bytes);
        Ok(())
    }
}

impl Flavor for &mut Written {
    type Output = ();
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.extend(data);
        Ok(())
    }
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.push(data);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// A value as bytes.
pub(crate) fn bytes_of<T: Serialize + ?Sized>(value: &T) -> postcard::Result<Vec<u8>> {
    let mut out = Written::default();
    out.write(value)?;
    Ok(out.into_bytes())
}

/// Reads a value off the front of `bytes`.
pub(crate) fn read<T: DeserializeOwned>(bytes: &mut &[u8]) -> postcard::Result<T> {
    if const { numbers::may_be_vector::<T>() }
        && let Some(number) = numbers::vector::<T>()
    {
        let mut made = MaybeUninit::<T>::uninit();
        // SAFETY: T is a vector of such numbers, and has been written whole when this is true.
        if unsafe { numbers::read_vector(number, bytes, made.as_mut_ptr().cast())? } {
            // SAFETY: see above.
            return Ok(unsafe { made.assume_init() });
        }
    }
    let (value, rest) = postcard::take_from_bytes(bytes)?;
    *bytes = rest;
    Ok(value)
}

/// An empty vector with room for `count` items.
pub(crate) fn room<T>(count: usize) -> Vec<T> {
    // SAFETY: the memory has the layout of `count` values of T from the allocator that Vec uses;
    // where nothing was allocated, the pointer is aligned and capacity or size is 0.
    unsafe { Vec::from_raw_parts(allocate(count, size_of::<T>(), align_of::<T>()).cast(), 0, count) }
}

#[inline(never)]
fn allocate(count: usize, size: usize, align: usize) -> *mut u8 {
    let layout = count.checked_mul(size).and_then(|size| Layout::from_size_align(size, align).ok());
    let Some(layout) = layout else { panic!("more results than memory has addresses") };
    if layout.size() == 0 {
        return std::ptr::without_provenance_mut(align);
    }
    // SAFETY: the layout is not empty.
    let memory = unsafe { alloc(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    memory
}

/// Adds to a vector from [`room`], which does not grow.
pub(crate) fn add<T>(to: &mut Vec<T>, value: T) {
    let at = to.len();
    if at == to.capacity() {
        full();
    }
    // SAFETY: there is room for one more behind the last item.
    unsafe {
        to.as_mut_ptr().add(at).write(value);
        to.set_len(at + 1);
    }
}

#[cold]
#[inline(never)]
fn full() -> ! {
    panic!("more results than tasks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let mut out = Written::default();
        out.write_result(&vec![1.5f64, 2.5]).unwrap();
        out.write_result(&"text".to_owned()).unwrap();
        out.write_result(&vec![300u32, 4]).unwrap();
        out.write_slice(&[7i8, -7]).unwrap();
        let bytes = out.into_bytes();
        let mut rest = &bytes[..];
        assert_eq!(read::<Vec<f64>>(&mut rest).unwrap(), [1.5, 2.5]);
        assert_eq!(read::<String>(&mut rest).unwrap(), "text");
        assert_eq!(read::<Vec<u32>>(&mut rest).unwrap(), [300, 4]);
        assert_eq!(read::<Vec<i8>>(&mut rest).unwrap(), [7, -7]);
        assert!(rest.is_empty() && read::<u64>(&mut rest).is_err());
    }

    #[test]
    fn lengths_are_postcards() {
        for length in [0, 1, 127, 128, 300, 1 << 20, usize::MAX] {
            let mut out = Written::default();
            out.length(length);
            assert_eq!(out.as_bytes(), postcard::to_allocvec(&length).unwrap());
        }
    }

    #[test]
    fn room_is_room() {
        let mut some = room::<String>(2);
        add(&mut some, "a".to_owned());
        add(&mut some, "b".to_owned());
        assert_eq!(some, ["a", "b"]);
        assert!(room::<u64>(0).is_empty() && room::<()>(5).is_empty());
        let mut units = room::<()>(3);
        add(&mut units, ());
        assert_eq!(units.len(), 1);
        let full = std::panic::catch_unwind(|| add(&mut room::<u8>(0), 1));
        assert!(full.is_err());
    }
}
