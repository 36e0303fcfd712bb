//! How values of tasks travel when a graph runs elsewhere: as bytes and back, without their types. What carries them is
//! the place's business.

use super::node::Value;
use crate::value::numbers::{self, Memory, Number};
use crate::value::{self, Fault, Written};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::mem::ManuallyDrop;

/// How values of one type travel.
#[derive(Debug)]
#[repr(C)]
pub struct Codec {
    /// Writes a value of the type.
    pub(crate) write: unsafe fn(*const (), &mut Written) -> Result<(), Fault>,
    /// Reads one.
    pub(crate) read: fn(&[u8]) -> Result<Value, Fault>,
    /// Makes one of a worker's array, when it is a vector of such numbers.
    pub(crate) from_array: fn(Number, &[u8]) -> Option<Value>,
    /// Takes the memory of a vector of numbers out of its box; anything else comes back.
    pub(crate) memory: unsafe fn(Value) -> Result<Memory, Value>,
}

impl Codec {
    pub(super) const fn of<T: Serialize + DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self { write: write::<T>, read: read::<T>, from_array: from_array::<T>, memory: memory::<T> }
    }
}

/// # Safety
/// `value` points to a `T`.
unsafe fn write<T: Serialize + DeserializeOwned>(value: *const (), out: &mut Written) -> Result<(), Fault> {
    // SAFETY: the caller's promise.
    out.write_result(unsafe { &*value.cast::<T>() })
}

fn read<T: DeserializeOwned + Send + Sync + 'static>(mut bytes: &[u8]) -> Result<Value, Fault> {
    Ok(Box::new(value::read::<T>(&mut bytes)?))
}

fn from_array<T: Send + Sync + 'static>(number: Number, bytes: &[u8]) -> Option<Value> {
    Some(Box::new(numbers::vector_from::<T>(number, bytes)?))
}

/// # Safety
/// The box holds a `T`.
unsafe fn memory<T: Send + Sync + 'static>(value: Value) -> Result<Memory, Value> {
    if const { !numbers::may_be_vector::<T>() } {
        return Err(value);
    }
    let Some(number) = numbers::vector::<T>() else { return Err(value) };
    // SAFETY: the caller's promise.
    let mut value = ManuallyDrop::new(*unsafe { unbox::<T>(value) });
    // SAFETY: T is a vector of such numbers, and is not used or dropped after this.
    Ok(unsafe { numbers::take_vector(number, (&raw mut value).cast()) })
}

/// The value of a box. Type identities are not asked: those of cells' types do not tell one definition from the next,
/// and the types of handles do.
///
/// # Safety
/// The box holds a `T`.
pub(super) unsafe fn unbox<T>(value: Value) -> Box<T> {
    // SAFETY: the caller's promise; the layout is that of the T that was boxed.
    unsafe { Box::from_raw(Box::into_raw(value).cast::<T>()) }
}
