//! Values as bytes and back. What postcard's format carries goes in it; what has to be told what it is
//! (`serde_json::Value`, untagged and tagged enums, flattened structs, fields that are left out) goes
//! in CBOR. A byte in front of each value says which. Batches and runs are nobody's business here.
//!
//! Nobody says of a type which of the two it needs, and a type may need CBOR for some values only. So
//! a value is written in postcard's format, together with a [`trace`] of what was written, and read
//! again where it was written: if reading asks for anything else than was written, even once, postcard's
//! format would shift or change values, and CBOR is taken for this one. Traces that were found to agree are
//! remembered, so numbers and plain structs are read again once in a batch.

mod fault;
mod heads;
pub(crate) mod numbers;
mod reader;
mod room;
mod trace;
mod writer;

#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use numbers::Numeric;
pub(crate) use room::{add, room};

use postcard::ser_flavors::Flavor;
use reader::Reader;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::any::{TypeId, type_name};
use std::mem::MaybeUninit;
use trace::Trace;

/// postcard's format.
const COMPACT: u8 = 0;
/// CBOR.
const DESCRIBED: u8 = 1;
/// A length as postcard writes it, then so many values, each with its own format: what several tasks
/// left, as one list.
const JOINED: u8 = 2;

/// Traces that are remembered.
const REMEMBERED: usize = 16;
/// Writing that takes more stack than this is of values that are nested deeply: reading takes more.
const SHALLOW: usize = 64 << 10;
/// Stack for reading those again, where a worker's threads have 8 MB; committed only as it is used.
const DEEP_STACK: usize = 512 << 20;

/// Bytes that values are written to, one after the other.
#[derive(Debug)]
pub struct Written {
    bytes: Vec<u8>,
    /// In CBOR now.
    described: bool,
    /// `Some`s whose content has not begun.
    somes: u32,
    /// Names count by their letters.
    spelt: bool,
    /// postcard's format cannot hold what was written.
    unfit: bool,
    trace: Trace,
    /// The deepest place of the stack where something was written.
    deepest: usize,
    /// Types and traces whose values are read as they are written.
    agreed: Vec<(TypeId, Trace)>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            described: false,
            somes: 0,
            spelt: false,
            unfit: false,
            trace: Trace::START,
            deepest: usize::MAX,
            agreed: Vec::new(),
        }
    }
}

/// How a value is written, and read for a look at it.
struct Value<'a> {
    id: TypeId,
    name: &'static str,
    /// Numbers, which are read as they are written.
    known: bool,
    write: &'a dyn Fn(&mut Written) -> Result<(), Fault>,
    read: fn(&mut Reader<'_>) -> Result<(), Fault>,
}

// None of these is inlined into cells: a call costs less than compiling it.
impl Written {
    #[inline(never)]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    #[inline(never)]
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Writes a length as postcard does.
    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
    }

    /// Begins a list of so many items, which are copied or written next.
    #[inline(never)]
    pub(crate) fn begin_list(&mut self, length: usize) {
        self.bytes.push(COMPACT);
        self.length(length);
    }

    /// Begins a list of values that were or will be written one by one.
    pub(crate) fn begin_joined(&mut self, length: usize) {
        self.bytes.push(JOINED);
        self.length(length);
    }

    /// Forgets the bytes, not what was learnt.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The bytes, which begin anew; what was learnt stays.
    pub(crate) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a value.
    pub(crate) fn write<T: Serialize + DeserializeOwned>(&mut self, value: &T) -> Result<(), Fault> {
        self.checked(&Value {
            id: numbers::id::<T>(),
            name: type_name::<T>(),
            known: const { numbers::may_be_vector::<T>() } && numbers::vector::<T>().is_some(),
            write: &|to| value.serialize(to),
            read: |from| T::deserialize(from).map(drop),
        })
    }

    /// Writes a value that may be a vector of numbers, which is then copied at once.
    pub(crate) fn write_result<T: Serialize + DeserializeOwned>(&mut self, value: &T) -> Result<(), Fault> {
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

    /// Writes a slice, which is copied at once when it is of numbers. It is read as a vector.
    pub(crate) fn write_slice<T: Serialize + DeserializeOwned>(&mut self, slice: &[T]) -> Result<(), Fault> {
        if let Some(bytes) = numbers::verbatim(slice) {
            self.reserve(bytes.len() + 10);
            self.begin_list(slice.len());
            self.extend(bytes);
            return Ok(());
        }
        self.checked(&Value {
            id: numbers::id::<Vec<T>>(),
            name: type_name::<T>(),
            known: numbers::item::<T>().is_some(),
            write: &|to| slice.serialize(to),
            read: |from| Vec::<T>::deserialize(from).map(drop),
        })
    }

    #[inline(never)]
    fn checked(&mut self, value: &Value<'_>) -> Result<(), Fault> {
        let start = self.bytes.len();
        let compact = match self.attempt(COMPACT, false, value) {
            Ok(()) if value.known || self.agreed.contains(&(value.id, self.trace)) => return Ok(()),
            Ok(()) => self.agrees(start, value)?,
            // The type's own complaint, which the other format would hear too.
            Err(fault) if !self.unfit => return Err(fault),
            Err(_) => Agreed::Not,
        };
        if compact == Agreed::Whole {
            return Ok(());
        }
        let kept = self.bytes.split_off(start);
        self.attempt(DESCRIBED, true, value)?;
        let mut back = Reader::new(&self.bytes[start..]);
        let read = self.look(value, &mut back);
        if compact == Agreed::ButForNames && (read.is_err() || back.ignored) {
            // Fields that have one name when written and another one when read: they are in order.
            self.bytes.truncate(start);
            self.bytes.extend(kept);
            return Ok(());
        }
        match read {
            Ok(()) if back.rest().is_empty() => Ok(()),
            Ok(()) => Err(unreadable(value, &Fault::new("not all of it is read"))),
            Err(fault) => Err(unreadable(value, &fault)),
        }
    }

    fn attempt(&mut self, format: u8, spelt: bool, value: &Value<'_>) -> Result<(), Fault> {
        self.bytes.push(format);
        (self.described, self.somes, self.unfit, self.trace) = (format == DESCRIBED, 0, false, Trace::START);
        (self.spelt, self.deepest) = (spelt, usize::MAX);
        (value.write)(self)?;
        if self.unfit { Err(Fault::new("a list whose length is not what it said")) } else { Ok(()) }
    }

    /// Reads a value again, with as much stack as it may need.
    fn look(&self, value: &Value<'_>, from: &mut Reader<'_>) -> Result<(), Fault> {
        let read = value.read;
        if stack_here().saturating_sub(self.deepest) < SHALLOW {
            return read(from);
        }
        std::thread::scope(|scope| {
            let deep = std::thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, || read(from));
            let deep = deep.map_err(|e| Fault::new(format!("no thread to look at a deep value: {e}")))?;
            deep.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Is what was written last read as it was written?
    fn agrees(&mut self, start: usize, value: &Value<'_>) -> Result<Agreed, Fault> {
        let quick = self.trace;
        self.bytes.truncate(start);
        self.attempt(COMPACT, true, value)?;
        let mut back = Reader::new(&self.bytes[start..]);
        back.checking = true;
        let read = self.look(value, &mut back);
        if read.is_err() || back.unfit || back.trace.pieces != self.trace.pieces || !back.rest().is_empty() {
            return Ok(Agreed::Not);
        }
        if back.trace.names != self.trace.names {
            return Ok(Agreed::ButForNames);
        }
        if self.agreed.len() == REMEMBERED {
            self.agreed.remove(0);
        }
        self.agreed.push((value.id, quick));
        Ok(Agreed::Whole)
    }
}

/// About where the stack ends now; it grows downwards.
#[inline(always)]
fn stack_here() -> usize {
    let here = 0u8;
    (&raw const here).addr()
}

/// How far reading and writing agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreed {
    Whole,
    ButForNames,
    Not,
}

#[cold]
#[inline(never)]
fn unreadable(value: &Value<'_>, fault: &Fault) -> Fault {
    let name = value.name.replace("cells::", "");
    Fault::new(format!(
        "serde writes a `{name}`, but cannot read it again: {fault}; send what it is made of, a `String` or a `Vec<u8>`"
    ))
}

impl Flavor for &mut Written {
    type Output = ();
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.bytes.extend_from_slice(data);
        Ok(())
    }
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.bytes.push(data);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// A value as bytes.
pub(crate) fn bytes_of<T: Serialize + DeserializeOwned>(value: &T) -> Result<Vec<u8>, Fault> {
    let mut out = Written::default();
    out.write_result(value)?;
    Ok(out.into_bytes())
}

/// Reads a value off the front of `bytes`.
pub(crate) fn read<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, Fault> {
    if const { numbers::may_be_vector::<T>() }
        && let Some(number) = numbers::vector::<T>()
        && let Some(mut list) = list_of(bytes)
    {
        let mut made = MaybeUninit::<T>::uninit();
        // SAFETY: T is a vector of such numbers, and has been written whole when this is true.
        if unsafe { numbers::read_vector(number, &mut list, made.as_mut_ptr().cast())? } {
            *bytes = list;
            // SAFETY: see above.
            return Ok(unsafe { made.assume_init() });
        }
    }
    let mut from = Reader::new(bytes);
    let value = T::deserialize(&mut from)?;
    *bytes = from.rest();
    Ok(value)
}

/// What follows the format, when that is postcard's.
#[inline(never)]
fn list_of<'a>(bytes: &&'a [u8]) -> Option<&'a [u8]> {
    bytes.strip_prefix(&[COMPACT])
}
