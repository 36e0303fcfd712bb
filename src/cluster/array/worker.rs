//! Arrays' work on a worker: tasks of a pass whose results go back at once, as batches of a run, and tasks of a graph that read
//! and leave parts of arrays. Who calls them, and when, is Python's business.

use super::task::{ArrayTask, Do, WireAt};
use crate::array::buffer::{Buffer, Memory};
use crate::array::parts::Parts;
use crate::array::shape::Region;
use crate::array::task::Ready;
use crate::array::wire::{Job, Wire};
use crate::array::{FARTHER, Failed};
use crate::cluster::batch::{Batch, Call, serve};
use crate::value::Fault;
use crate::value::numbers::Number;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

/// Runs tasks of a pass, which is the parameters.
///
/// # Safety
/// As for [`shim::map`](crate::cluster::shim::map); places are the code that the pass was written with.
pub(super) unsafe extern "C" fn pass(call: *mut Call) -> i32 {
    let mut body = |batch: &mut Batch<'_>| {
        // SAFETY: the caller's promise.
        let ready = unsafe { ready(batch.params, batch.params_id, batch.code) }.unwrap_or_else(|why| fail(why));
        let input = batch.input.as_chunks::<8>().0;
        let [start, end, grain] = input else { return Err(Fault::new("tasks that are none")) };
        let [start, end, grain] = [start, end, grain].map(|bytes| u64::from_le_bytes(*bytes) as usize);
        let mut out = Vec::new();
        for from in (start..end).step_by(grain.max(1)) {
            let mut stopped = false;
            let mut over = || {
                stopped = batch.over();
                stopped
            };
            let work = ready.run(from..(from + grain).min(end), &mut over).unwrap_or_else(|why| fail(why));
            if stopped {
                break;
            }
            work.write(&mut out);
        }
        batch.bytes(&out);
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// What cannot be done, as what is told of a panic: it is not the other side's fault.
fn fail(why: String) -> ! {
    resume_unwind(Box::new(why))
}

/// The pass that parameters are; the last few are kept.
///
/// # Safety
/// As for [`pass`].
unsafe fn ready(bytes: &[u8], id: u64, code: &[*const ()]) -> Result<Arc<Ready>, String> {
    static KEPT: Mutex<Vec<(u64, Arc<Ready>)>> = Mutex::new(Vec::new());
    const MOST: usize = 4;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, ready)) = kept.iter().find(|(known, _)| *known == id) {
        return Ok(Arc::clone(ready));
    }
    // SAFETY: passed on.
    let job = Wire::read(bytes).and_then(|wire| unsafe { wire.job(code, &[]) }).map_err(|e| e.to_string())?;
    let Job::Pass(pass, files) = job else { return Err("a pass that is none".to_owned()) };
    let ready = Arc::new(Ready::new(pass, files));
    if kept.len() == MOST {
        kept.remove(0);
    }
    kept.push((id, Arc::clone(&ready)));
    Ok(ready)
}

/// A value that a program takes: numbers of a kind, or bytes.
pub(in crate::cluster) type Piece<'a> = (Option<Number>, &'a [u8]);

/// A value that it leaves.
pub(in crate::cluster) enum LeftOver {
    Elements(Buffer),
    Bytes(Vec<u8>),
}

/// Runs the task that a program is, if it is one of an array's; what it leaves, or why nothing.
///
/// # Safety
/// As for [`pass`], and pieces stay where they are until what was left has been taken.
///
/// # Panics
/// When a closure does.
pub(in crate::cluster) unsafe fn run(
    program: &[u8],
    code: &[*const ()],
    pieces: &[Piece<'_>],
    over: &mut dyn FnMut() -> bool,
) -> Option<Result<Vec<LeftOver>, String>> {
    let task = match ArrayTask::read(program)? {
        Ok(task) => task,
        Err(e) => return Some(Err(format!("a part of an array's work that is none: {e}"))),
    };
    // SAFETY: passed on.
    Some(unsafe { work(&task, code, pieces, over) })
}

/// # Safety
/// As for [`run`].
unsafe fn work(
    task: &ArrayTask,
    code: &[*const ()],
    pieces: &[Piece<'_>],
    over: &mut dyn FnMut() -> bool,
) -> Result<Vec<LeftOver>, String> {
    // SAFETY: passed on.
    let slots = unsafe { brought(task, pieces)? };
    let job = |wire: &WireAt| {
        let bytes = match wire {
            WireAt::Here(bytes) => bytes,
            WireAt::LastPiece => pieces.last().map(|(_, bytes)| *bytes).unwrap_or_default(),
        };
        // SAFETY: passed on.
        Wire::read(bytes).and_then(|wire| unsafe { wire.job(code, &slots) }).map_err(|e| e.to_string())
    };
    match &task.what {
        Do::Cut(region) => {
            let (parts, dtype) = slots.first().zip(task.slots.first()).ok_or("a cut of nothing")?;
            let elements = parts.brought(region, dtype.0).copied(&region.shape);
            Ok(vec![LeftOver::Elements(elements)])
        }
        Do::Tasks { start, end, wire } => {
            let Job::Pass(pass, files) = job(wire)? else { return Err("a pass that is none".to_owned()) };
            let ready = Ready::new(pass, files);
            let mut work = ready.run(*start..*end, over)?;
            let mut left: Vec<LeftOver> = Vec::new();
            // One for each chunk of each sink that leaves some, in order; what was written to a file is not left.
            let mut reduces = false;
            for (at, sink) in ready.pass.sinks.iter().enumerate() {
                if sink.what.reduces() {
                    reduces = true;
                    continue;
                }
                for number in (*start..*end).flat_map(|task| ready.pass.chunks(task)) {
                    let place = work.chunks.iter().position(|chunk| (chunk.0, chunk.1) == (at, number));
                    left.push(match place {
                        Some(place) => LeftOver::Elements(work.chunks.swap_remove(place).2),
                        None => LeftOver::Bytes(Vec::new()),
                    });
                }
            }
            if reduces {
                let mut bytes = Vec::new();
                work.write(&mut bytes);
                left.push(LeftOver::Bytes(bytes));
            }
            Ok(left)
        }
        Do::Part { region, reach, wire } => {
            let Job::Whole { whole, operands, dtype } = job(wire)? else {
                return Err("a computation that is none".to_owned());
            };
            match whole.part(&operands, region, *reach, dtype) {
                Ok(elements) => {
                    over();
                    Ok(vec![LeftOver::Elements(elements)])
                }
                Err(Failed::Error(error)) => Err(error.message),
                Err(Failed::Farther(far)) => Err(format!("{FARTHER}{far}")),
            }
        }
    }
}

/// The arrays of a task, in the pieces that came.
///
/// # Safety
/// As for [`run`].
unsafe fn brought(task: &ArrayTask, pieces: &[Piece<'_>]) -> Result<Vec<Arc<Parts>>, String> {
    let mut all: Vec<Vec<(Region, Memory)>> = task.slots.iter().map(|_| Vec::new()).collect();
    for ((slot, region), (number, bytes)) in task.pieces.iter().zip(pieces) {
        let (dtype, _) = *task.slots.get(*slot as usize).ok_or("a piece of no array")?;
        let len = region.count();
        if bytes.len() != len * dtype.size() || number.is_some_and(|number| number.size() != dtype.size()) {
            return Err(format!("a piece of {} bytes came for {len} elements of {dtype}", bytes.len()));
        }
        let buffer = match bytes.as_ptr().addr().is_multiple_of(dtype.size()) {
            // SAFETY: passed on; bools are bytes that a worker's array has had as bools before.
            true => unsafe { Buffer::borrowed(bytes.as_ptr(), len, dtype) },
            false => Buffer::of_bytes(bytes, dtype),
        };
        all[*slot as usize].push((region.clone(), Memory::whole(Arc::new(buffer), &region.shape)));
    }
    let parts = all.into_iter().zip(&task.slots);
    Ok(parts.map(|(parts, (_, row_order))| Arc::new(Parts::Here { row_order: *row_order, parts })).collect())
}

/// Elements as Python keeps them.
pub(in crate::cluster) fn left_memory(elements: Buffer) -> Option<crate::value::numbers::Memory> {
    elements.into_left()
}
