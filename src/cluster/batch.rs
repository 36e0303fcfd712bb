//! One batch on a worker: what Python hands in, what generic code sees of it, what goes back. It lets
//! no panic out. Nothing here depends on the closure; [`super::shim`] does.

use super::protocol::Panic;
use crate::rt;
use crate::value::Numeric;
use crate::value::numbers::{self, Memory, Number};
use crate::value::{Fault, Written, read};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::alloc::{Layout, dealloc};
use std::any::Any;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// One batch: the worker's Python fills in the first fields, the shim the last ones. The layout is
/// `Call` in `python/worker.py`.
#[derive(Debug)]
#[repr(C)]
pub struct Call {
    input: *const u8,
    input_len: usize,
    params: *const u8,
    params_len: usize,
    /// Identity of the parameters, so that a worker reads them once.
    params_id: u64,
    /// Tasks done, for whoever looks while the batch runs.
    done: *const AtomicU64,
    /// Not 0 when the batch should stop.
    cancel: *const AtomicU8,
    /// Numbers that stand for the input, when it is a worker's array: where and how many.
    array: *const u8,
    array_len: usize,
    /// What they are: the code of a [`Number`], 0 when there are none.
    array_number: u32,
    /// Not 0 when the result stays on workers, so that numbers are left as they are in memory.
    keep: u32,
    output: *mut u8,
    output_len: usize,
    output_capacity: usize,
    output_align: usize,
    /// What the output is: the code of a [`Number`], 0 for values that were written.
    output_number: u32,
    /// Where code is that the shim calls besides its own.
    places: *const *const (),
    places_len: usize,
}

/// How a batch ended: what a shim returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum BatchEnd {
    Done = 0,
    Panicked = 1,
    Cancelled = 2,
    /// The bytes were not what the shim reads: the two sides disagree.
    Garbled = 3,
    /// A result that serde cannot write, or not read again.
    Unwritable = 4,
}

/// The running batch, as generic code sees it.
pub(crate) struct Batch<'a> {
    pub(super) input: &'a [u8],
    array: Option<(Number, *const u8, usize)>,
    pub(super) params: &'a [u8],
    pub(super) params_id: u64,
    /// Code that the shim calls besides its own.
    pub(super) code: &'a [*const ()],
    done: &'a AtomicU64,
    cancel: &'a AtomicU8,
    keep: bool,
    finished: u64,
    cancelled: bool,
    unwritable: bool,
    output: Written,
    /// A result that is not written, but left as it is in memory.
    left: Option<Memory>,
}

// What is not generic here is not inlined into cells either.
impl Batch<'_> {
    pub(super) fn result<T: Serialize + DeserializeOwned>(&mut self, value: &T) -> Result<(), Fault> {
        // Until it has been written: whoever asks sees it only when that failed.
        self.unwritable = true;
        self.output.write_result(value)?;
        self.unwritable = false;
        Ok(())
    }

    /// Results that are bytes already.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
    }

    /// The one result of a batch whose results stay on workers.
    pub(super) fn leave<T: Serialize + DeserializeOwned>(&mut self, value: T) -> Result<(), Fault> {
        if const { numbers::may_be_vector::<T>() }
            && self.keep
            && let Some(number) = numbers::vector::<T>()
        {
            let mut value = ManuallyDrop::new(value);
            // SAFETY: T is a vector of such numbers, and is not used or dropped after this.
            self.left = Some(unsafe { numbers::take_vector(number, (&raw mut value).cast()) });
            return Ok(());
        }
        self.result(&value)
    }

    /// The one argument of a batch.
    pub(super) fn argument<A: DeserializeOwned>(&mut self) -> Result<A, Fault> {
        if const { numbers::may_be_vector::<A>() }
            && let Some((number, bytes)) = self.array()
        {
            return numbers::vector_from(number, bytes).ok_or_else(|| Fault::new("an array of other numbers"));
        }
        read(&mut self.input)
    }

    /// The worker's array that stands for the input, as bytes.
    #[inline(never)]
    pub(super) fn array(&self) -> Option<(Number, &[u8])> {
        let (number, data, len) = self.array?;
        if len == 0 {
            return Some((number, number.nothing()));
        }
        // SAFETY: Python promises so many numbers, and holds the array until the shim returns; the
        // batch is gone by then.
        let bytes = unsafe { slice::from_raw_parts(data, len * number.size()) };
        Some((number, bytes))
    }

    /// The worker's array that stands for the input, where it is.
    pub(super) fn slice<N: Numeric>(&self) -> Option<&[N]> {
        let (_, bytes) = self.array().filter(|(number, _)| numbers::is::<N>(*number))?;
        // SAFETY: Python promises that the array is aligned, and any bytes are numbers.
        Some(unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<N>()) })
    }

    /// A task is done; should the batch end before the next one?
    #[inline(never)]
    pub(super) fn over(&mut self) -> bool {
        self.finished += 1;
        // Only this thread writes; others look.
        self.done.store(self.finished, Ordering::Relaxed);
        self.cancelled = self.cancel.load(Ordering::Relaxed) != 0;
        self.cancelled
    }
}

/// Parameters that this process has read already, or reads now. The last few are kept.
pub(super) fn parameters<P: DeserializeOwned + Send + Sync + 'static>(bytes: &[u8], id: u64) -> Result<Arc<P>, Fault> {
    type Kept = Vec<(u64, Arc<dyn Any + Send + Sync>)>;
    static KEPT: Mutex<Kept> = Mutex::new(Vec::new());
    const MOST: usize = 4;
    // Held while reading, so that threads that start together read once.
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.iter().filter(|(known, _)| *known == id).find_map(|(_, value)| Arc::clone(value).downcast().ok());
    if let Some(value) = found {
        return Ok(value);
    }
    let value: Arc<P> = Arc::new(read(&mut &*bytes)?);
    if kept.len() == MOST {
        kept.remove(0);
    }
    kept.push((id, Arc::<P>::clone(&value)));
    Ok(value)
}

thread_local! {
    /// Where and why this thread panicked last.
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Remembers panics in batches; others go where they always go.
pub(super) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            let payload = info.payload();
            let message = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
            let place = info.location();
            let panic = Panic {
                task: 0,
                message: message.unwrap_or_else(|| "a value that is not text".to_owned()),
                file: place.map_or_else(String::new, |l| l.file().to_owned()),
                line: place.map_or(0, std::panic::Location::line),
                column: place.map_or(0, std::panic::Location::column),
                unwritable: false,
            };
            // A thread that is ending has no place to remember it.
            let _ = LAST.try_with(|last| *last.borrow_mut() = Some(panic));
        }));
    });
}

/// Everything of a batch that does not depend on its types.
///
/// # Safety
/// `call` points to a [`Call`] whose pointers are valid for its lengths until this returns.
pub(super) unsafe fn serve(call: *mut Call, body: &mut dyn FnMut(&mut Batch<'_>) -> Result<(), Fault>) -> i32 {
    install_hook();
    // SAFETY: valid by the caller's promise, and this is the only reference to it for now.
    let call = unsafe { &mut *call };
    // SAFETY: as above; empty slices may come with null, for which there is a stand-in.
    let (input, params, done, cancel, code) = unsafe {
        let code = if call.places_len == 0 { &[][..] } else { slice::from_raw_parts(call.places, call.places_len) };
        let bytes = |at: *const u8, len: usize| if len == 0 { &[][..] } else { slice::from_raw_parts(at, len) };
        (bytes(call.input, call.input_len), bytes(call.params, call.params_len), &*call.done, &*call.cancel, code)
    };
    let mut batch = Batch {
        input,
        array: Number::from_code(call.array_number).map(|number| (number, call.array, call.array_len)),
        params,
        params_id: call.params_id,
        code,
        done,
        cancel,
        keep: call.keep != 0,
        finished: 0,
        cancelled: false,
        unwritable: false,
        output: Written::default(),
        left: None,
    };
    let called = catch_unwind(AssertUnwindSafe(|| body(&mut batch)));
    let (ended, output) = match called {
        Ok(Ok(())) if batch.cancelled => (BatchEnd::Cancelled, Vec::new()),
        Ok(Ok(())) => (BatchEnd::Done, std::mem::take(&mut batch.output).into_bytes()),
        Ok(Err(error)) if batch.unwritable => (BatchEnd::Unwritable, unwritable(&error, batch.finished)),
        Ok(Err(error)) => (BatchEnd::Garbled, error.to_string().into_bytes()),
        Err(payload) if payload.is::<rt::Interrupted>() => (BatchEnd::Cancelled, Vec::new()),
        Err(payload) => (BatchEnd::Panicked, describe(&*payload, batch.finished, 1)),
    };
    let mut output = ManuallyDrop::new(output);
    (call.output, call.output_len, call.output_capacity) = (output.as_mut_ptr(), output.len(), output.capacity());
    (call.output_align, call.output_number) = (1, 0);
    if let Some(left) = batch.left.filter(|_| ended == BatchEnd::Done) {
        // Nothing was written then, so the empty vector holds no memory.
        (call.output, call.output_len, call.output_capacity) = (left.data, left.len, left.capacity);
        (call.output_align, call.output_number) = (left.align, left.number as u32);
    } else if let Some(left) = batch.left {
        // SAFETY: the memory of a vector, given back once.
        unsafe { ferrolab_worker_free(left.data, left.capacity, left.align) };
    }
    ended as i32
}

pub(super) fn describe(payload: &(dyn Any + Send), task: u64, tries: u32) -> Vec<u8> {
    let last = LAST.with(RefCell::take);
    let mut panic = last.unwrap_or_default();
    panic.task = task;
    // A parallel loop inside the task raises a panic of another thread again, with its number.
    if let Some(message) = payload.downcast_ref::<String>() {
        panic.message.clone_from(message);
    }
    if tries > 1 {
        panic.message += &format!(" (tried {tries} times)");
    }
    serde_json::to_vec(&panic).unwrap_or_default()
}

/// What a notebook is told of a result that cannot travel, and whose it is.
pub(super) fn unwritable(error: &Fault, task: u64) -> Vec<u8> {
    let told = Panic { task, message: error.to_string(), unwritable: true, ..Panic::default() };
    serde_json::to_vec(&told).unwrap_or_default()
}

/// Gives back what a shim wrote. Python calls it.
///
/// # Safety
/// The values are those that one shim left in one [`Call`], and are given back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_worker_free(output: *mut u8, capacity: usize, align: usize) {
    if let (1.., Ok(layout)) = (capacity, Layout::from_size_align(capacity, align)) {
        // SAFETY: the memory of a Vec with this capacity in bytes and this alignment.
        unsafe { dealloc(output, layout) };
    }
}

/// Writes a worker's array as a vector is written, into the output fields of `call`. Python
/// calls it when numbers are part of a larger argument. Not 0 when it could not.
///
/// # Safety
/// `call` points to a [`Call`] whose `array` fields describe aligned numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_worker_write(call: *mut Call) -> i32 {
    // SAFETY: valid by the caller's promise, and the only reference to it.
    let call = unsafe { &mut *call };
    let mut out = Written::default();
    let Some(number) = Number::from_code(call.array_number) else { return 1 };
    // SAFETY: the caller's promise.
    if unsafe { numbers::write_numbers(number, call.array, call.array_len, &mut out) }.is_err() {
        return 1;
    }
    let mut output = ManuallyDrop::new(out.into_bytes());
    (call.output, call.output_len, call.output_capacity) = (output.as_mut_ptr(), output.len(), output.capacity());
    (call.output_align, call.output_number) = (1, 0);
    0
}

/// Sets or clears the flag that helpers in tasks look at. Python calls it when all running
/// batches of its process should stop.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_worker_interrupt(stop: i32) {
    rt::signals::set_interrupted(stop != 0);
}

/// A call as Python makes it, for tests.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Trial<'a> {
    pub(super) input: &'a [u8],
    pub(super) array: Option<(u32, *const u8, usize)>,
    pub(super) keep: bool,
    pub(super) cancel: u8,
}

#[cfg(test)]
pub(super) struct Tried {
    pub(super) status: i32,
    pub(super) number: u32,
    pub(super) output: Vec<u8>,
    pub(super) done: u64,
}

#[cfg(test)]
impl Trial<'_> {
    pub(super) fn run(&self, shim: super::shim::Shim) -> Tried {
        let (done, cancel) = (AtomicU64::new(0), AtomicU8::new(self.cancel));
        let (array_number, array, array_len) = self.array.unwrap_or((0, std::ptr::null(), 0));
        let mut call = Call {
            input: self.input.as_ptr(),
            input_len: self.input.len(),
            params: std::ptr::null(),
            params_len: 0,
            params_id: 0,
            done: &done,
            cancel: &cancel,
            array,
            array_len,
            array_number,
            keep: u32::from(self.keep),
            output: std::ptr::null_mut(),
            output_len: 0,
            output_capacity: 0,
            output_align: 0,
            output_number: 0,
            places: std::ptr::null(),
            places_len: 0,
        };
        // SAFETY: all pointers live until the end of this function.
        let status = unsafe { shim(&mut call) };
        // SAFETY: written by the shim just now.
        let output = unsafe { slice::from_raw_parts(call.output, call.output_len).to_vec() };
        // SAFETY: given back once.
        unsafe { ferrolab_worker_free(call.output, call.output_capacity, call.output_align) };
        Tried { status, number: call.output_number, output, done: done.into_inner() }
    }
}
