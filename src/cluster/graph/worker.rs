//! A program of a graph on a worker: values are read, closures called, results left. It lets no panic out. Who calls it, and when, is
//! Python's business (`python/worker_graph.py`).

use super::program::{From, Program, Step};
use crate::cluster::array::worker as array;
use crate::cluster::batch::{BatchEnd, describe, ferrolab_worker_free, install_hook, unwritable};
use crate::graph::Inputs;
use crate::graph::node::{Kind, Value, address};
use crate::rt;
use crate::value::numbers::{Memory, Number};
use crate::value::{Fault, Written};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Instant;

/// One program: Python fills it in. The layout is `GraphCall` in `python/worker_graph.py`.
#[derive(Debug)]
#[repr(C)]
pub struct GraphCall {
    program: *const u8,
    program_len: usize,
    /// Code: functions that return kinds, or what an array's work was written with.
    kinds: *const *const (),
    kinds_len: usize,
    pieces: *const Piece,
    pieces_len: usize,
    /// Room for one at least, where a message goes.
    outputs: *mut Output,
    outputs_len: usize,
    /// Calls, nanoseconds and bytes of results for each kind.
    costs: *mut u64,
    done: *const AtomicU64,
    cancel: *const AtomicU8,
    /// Not 0 when numbers may be left as they are in memory.
    keep: u32,
}

/// A value that another program left: bytes, or so many numbers of this code.
#[derive(Debug)]
#[repr(C)]
pub struct Piece {
    data: *const u8,
    len: usize,
    number: u32,
}

impl Piece {
    /// What it is of, and its bytes.
    fn seen(&self) -> (Option<Number>, &[u8]) {
        let number = Number::from_code(self.number);
        let size = number.map_or(1, Number::size);
        // SAFETY: Python promises so many bytes or numbers, and holds them until the program has ended; empty ones may come with null.
        let bytes = unsafe { if self.len == 0 { &[][..] } else { slice::from_raw_parts(self.data, self.len * size) } };
        (number, bytes)
    }
}

/// A value that is left: the last fields of `Call`.
#[derive(Debug)]
#[repr(C)]
pub struct Output {
    output: *mut u8,
    output_len: usize,
    output_capacity: usize,
    output_align: usize,
    output_number: u32,
}

impl Output {
    fn of_memory(left: Memory) -> Self {
        Self {
            output: left.data,
            output_len: left.len,
            output_capacity: left.capacity,
            output_align: left.align,
            output_number: left.number as u32,
        }
    }

    fn of_bytes(bytes: Vec<u8>) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        Self {
            output: bytes.as_mut_ptr(),
            output_len: bytes.len(),
            output_capacity: bytes.capacity(),
            output_align: 1,
            output_number: 0,
        }
    }
}

/// Why a program has no results.
enum Stopped {
    Cancelled,
    Garbled(String),
    Panicked(Vec<u8>),
    Unwritable(Vec<u8>),
}

/// Runs a program. Python calls it.
///
/// # Safety
/// `call` points to a [`GraphCall`] whose pointers are valid for its lengths until this returns: kinds are those of the
/// notebook's table, in objects that stay loaded, and pieces are of the types that the program says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_worker_graph(call: *mut GraphCall) -> i32 {
    install_hook();
    // SAFETY: valid by the caller's promise, and the only reference to it.
    let call = unsafe { &mut *call };
    let mut running = Running { call, written: Written::default() };
    // Whatever panics outside of a task is no task's fault, and is told as what it is.
    let ran = catch_unwind(AssertUnwindSafe(|| running.run()));
    let (end, message) = match ran {
        Ok(Ok(())) => return BatchEnd::Done as i32,
        Ok(Err(Stopped::Cancelled)) => (BatchEnd::Cancelled, Vec::new()),
        Ok(Err(Stopped::Garbled(why))) => (BatchEnd::Garbled, why.into_bytes()),
        Ok(Err(Stopped::Panicked(told))) => (BatchEnd::Panicked, told),
        Ok(Err(Stopped::Unwritable(told))) => (BatchEnd::Unwritable, told),
        Err(payload) if payload.is::<rt::Interrupted>() => (BatchEnd::Cancelled, Vec::new()),
        Err(payload) => (BatchEnd::Garbled, crate::par::text_of_panic(&*payload).into_bytes()),
    };
    // SAFETY: there is room for one output, by the caller's promise; those that were written before are freed here.
    unsafe { running.call.replace_outputs(Output::of_bytes(message)) };
    end as i32
}

impl GraphCall {
    /// # Safety
    /// The promise of [`ferrolab_worker_graph`].
    unsafe fn replace_outputs(&mut self, message: Output) {
        for at in 0..self.outputs_len {
            // SAFETY: Python fills them with zeros, and each that is not was made by this program.
            unsafe {
                let old = self.outputs.add(at).replace(Output::of_bytes(Vec::new()));
                if old.output_capacity > 0 {
                    ferrolab_worker_free(old.output, old.output_capacity, old.output_align);
                }
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.outputs.write(message) };
    }
}

/// A program that runs.
struct Running<'c> {
    call: &'c mut GraphCall,
    /// What a result is written to; kept for what was learnt of its type.
    written: Written,
}

impl Running<'_> {
    fn run(&mut self) -> Result<(), Stopped> {
        // SAFETY: by the promise of `ferrolab_worker_graph`.
        let (bytes, pieces) = unsafe {
            (
                slice::from_raw_parts(self.call.program, self.call.program_len),
                slice::from_raw_parts(self.call.pieces, self.call.pieces_len),
            )
        };
        if let Some(ended) = self.array(bytes) {
            return ended;
        }
        // SAFETY: as above; the table of a graph is one of `Kind::here`.
        let here =
            unsafe { slice::from_raw_parts(self.call.kinds.cast::<fn() -> &'static Kind>(), self.call.kinds_len) };
        let kinds: Vec<&Kind> = here.iter().map(|here| here()).collect();
        let kinds = &kinds[..];
        let Some((program, data)) = Program::read(bytes) else { return Err(garbled("a program that is none")) };
        if program.outputs.len() != self.call.outputs_len {
            return Err(garbled("another number of results"));
        }
        let mut uses = uses(&program);
        let mut results: Vec<Option<Value>> = Vec::with_capacity(program.steps.len());
        let mut read: Vec<Option<Value>> = pieces.iter().map(|_| None).collect();
        for step in &program.steps {
            let kind = *kinds.get(step.kind as usize).ok_or_else(|| garbled("code that is not in the table"))?;
            for input in &step.inputs {
                if let From::Piece { at, kind } = input {
                    let place = read.get_mut(*at as usize).ok_or_else(|| garbled("a result that did not come"))?;
                    if place.is_none() {
                        *place = Some(piece(&pieces[*at as usize], kinds.get(*kind as usize).copied())?);
                    }
                }
            }
            let begun = Instant::now();
            let value = self.step(step, kind, &results, &read, data, kinds)?;
            self.add_cost(step.kind, 1, begun.elapsed().as_nanos() as u64, 0);
            results.push(Some(value));
            free_what_is_over(step, &mut uses, &mut results);
            // SAFETY: Python's counter and flag live until this returns.
            unsafe {
                (*self.call.done).store(results.len() as u64, Ordering::Relaxed);
                if (*self.call.cancel).load(Ordering::Relaxed) != 0 {
                    return Err(Stopped::Cancelled);
                }
            }
        }
        self.leave(&program, kinds, &mut results)
    }

    /// Runs a program that is an array's work; `None` when it is not.
    fn array(&mut self, program: &[u8]) -> Option<Result<(), Stopped>> {
        let call = &*self.call;
        // SAFETY: by the promise of `ferrolab_worker_graph`; the table of an array is the code that it was written with.
        let (code, pieces) = unsafe {
            (slice::from_raw_parts(call.kinds, call.kinds_len), slice::from_raw_parts(call.pieces, call.pieces_len))
        };
        let pieces: Vec<array::Piece<'_>> = pieces.iter().map(Piece::seen).collect();
        let mut steps = 0;
        let mut over = || {
            steps += 1;
            // SAFETY: Python's counter and flag live until this returns.
            unsafe {
                (*call.done).store(steps, Ordering::Relaxed);
                (*call.cancel).load(Ordering::Relaxed) != 0
            }
        };
        // SAFETY: as above.
        let ran = catch_unwind(AssertUnwindSafe(|| unsafe { array::run(program, code, &pieces, &mut over) }));
        let left = match ran {
            Ok(ran) => ran?.map_err(|why| Stopped::Panicked(describe(&why, 0, 1))),
            Err(payload) if payload.is::<rt::Interrupted>() => Err(Stopped::Cancelled),
            Err(payload) => Err(Stopped::Panicked(describe(&*payload, 0, 1))),
        };
        // SAFETY: as above.
        if unsafe { (*call.cancel).load(Ordering::Relaxed) } != 0 {
            return Some(Err(Stopped::Cancelled));
        }
        Some(left.and_then(|left| self.leave_array(left)))
    }

    fn leave_array(&mut self, left: Vec<array::LeftOver>) -> Result<(), Stopped> {
        if left.len() != self.call.outputs_len {
            return Err(garbled("another number of results"));
        }
        for (at, left) in left.into_iter().enumerate() {
            let output = match left {
                array::LeftOver::Bytes(bytes) => Output::of_bytes(bytes),
                array::LeftOver::Elements(elements) => {
                    Output::of_memory(array::left_memory(elements).ok_or_else(|| garbled("elements of nobody's"))?)
                }
            };
            // SAFETY: Python gives room for so many, which was compared.
            unsafe { self.call.outputs.add(at).write(output) };
        }
        Ok(())
    }

    fn add_cost(&mut self, kind: u32, calls: u64, time: u64, bytes: u64) {
        for (at, add) in [calls, time, bytes].into_iter().enumerate() {
            // SAFETY: Python gives room for three numbers of each kind, and kinds were looked up.
            unsafe { *self.call.costs.add(3 * kind as usize + at) += add };
        }
    }

    /// Calls one task, again while it may be tried again.
    fn step(
        &self,
        step: &Step,
        kind: &Kind,
        results: &[Option<Value>],
        read: &[Option<Value>],
        data: &[u8],
        kinds: &[&Kind],
    ) -> Result<Value, Stopped> {
        let mut own: Vec<Value> = Vec::new();
        for input in &step.inputs {
            if let From::Data { from, len, kind } = input {
                own.push(own_value(data, *from, *len, kinds.get(*kind as usize).copied())?);
            }
        }
        let mut next = own.iter();
        let found = step.inputs.iter().map(|input| match input {
            From::Step(at) => results.get(*at as usize).and_then(Option::as_ref).map(address),
            From::Piece { at, .. } => read.get(*at as usize).and_then(Option::as_ref).map(address),
            From::Data { .. } => next.next().map(address),
        });
        let at = found.collect::<Option<Vec<*const ()>>>().ok_or_else(|| garbled("a result that is not there yet"))?;
        let Some(call) = kind.call else { return Err(garbled("a value that is to be called")) };
        let mut tries = 0;
        loop {
            let inputs = Inputs { at: &at, lists: &step.lists };
            // SAFETY: values are of the types that the code was compiled for, as the notebook's handles say.
            let payload = match catch_unwind(AssertUnwindSafe(|| unsafe { call(inputs) })) {
                Ok(value) => return Ok(value),
                Err(payload) => payload,
            };
            tries += 1;
            if payload.is::<rt::Interrupted>() || rt::interrupted() {
                return Err(Stopped::Cancelled);
            }
            if tries > step.retries {
                return Err(Stopped::Panicked(describe(&*payload, u64::from(step.task), tries)));
            }
        }
    }

    /// Leaves the results that others need.
    fn leave(&mut self, program: &Program, kinds: &[&Kind], results: &mut [Option<Value>]) -> Result<(), Stopped> {
        for (at, output) in program.outputs.iter().enumerate() {
            let step = program.steps.get(*output as usize).ok_or_else(|| garbled("the result of no step"))?;
            let value = results[*output as usize].take().ok_or_else(|| garbled("a result that is left twice"))?;
            let kind = kinds[step.kind as usize];
            let left =
                self.output(kind, value).map_err(|e| Stopped::Unwritable(unwritable(&e, u64::from(step.task))))?;
            self.add_cost(step.kind, 0, 0, left.output_len as u64);
            // SAFETY: Python gives room for so many, which was compared.
            unsafe { self.call.outputs.add(at).write(left) };
        }
        Ok(())
    }

    fn output(&mut self, kind: &Kind, value: Value) -> Result<Output, Fault> {
        let Some(codec) = kind.result else { return Err(Fault::new("a result of threads")) };
        let mut value = value;
        if self.call.keep != 0 {
            // SAFETY: the box holds what this kind's code returned.
            match unsafe { (codec.memory)(value) } {
                Ok(left) => return Ok(Output::of_memory(left)),
                Err(same) => value = same,
            }
        }
        // SAFETY: as above.
        unsafe { (codec.write)(address(&value), &mut self.written)? };
        Ok(Output::of_bytes(self.written.take_bytes()))
    }
}

fn garbled(why: &str) -> Stopped {
    Stopped::Garbled(why.to_owned())
}

/// How often each step's result is needed, by other steps and by whoever comes later.
fn uses(program: &Program) -> Vec<u32> {
    let mut uses = vec![0; program.steps.len()];
    let inside = program.steps.iter().flat_map(|step| &step.inputs).filter_map(|input| match input {
        From::Step(at) => Some(*at),
        _ => None,
    });
    for at in inside.chain(program.outputs.iter().copied()) {
        if let Some(count) = uses.get_mut(at as usize) {
            *count += 1;
        }
    }
    uses
}

fn free_what_is_over(step: &Step, uses: &mut [u32], results: &mut [Option<Value>]) {
    for input in &step.inputs {
        let From::Step(at) = input else { continue };
        uses[*at as usize] -= 1;
        if uses[*at as usize] == 0 {
            results[*at as usize] = None;
        }
    }
}

/// A value that another program left.
fn piece(piece: &Piece, kind: Option<&Kind>) -> Result<Value, Stopped> {
    let codec = kind.and_then(|kind| kind.result).ok_or_else(|| garbled("a result of no known type"))?;
    let (number, bytes) = piece.seen();
    match number {
        Some(number) => (codec.from_array)(number, bytes).ok_or_else(|| garbled("an array of other numbers")),
        None => (codec.read)(bytes).map_err(|e| Stopped::Garbled(e.to_string())),
    }
}

/// A value that came with the program.
fn own_value(data: &[u8], from: u32, len: u32, kind: Option<&Kind>) -> Result<Value, Stopped> {
    let codec = kind.and_then(|kind| kind.argument).ok_or_else(|| garbled("an argument of no known type"))?;
    let end = (from as usize).saturating_add(len as usize);
    let bytes = data.get(from as usize..end).ok_or_else(|| garbled("an argument that did not come"))?;
    (codec.read)(bytes).map_err(|e| Stopped::Garbled(e.to_string()))
}

#[cfg(test)]
mod tests;
