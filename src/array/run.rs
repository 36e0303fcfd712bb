//! Runs plans on the threads of the session: hands tasks out, keeps partial results, and frees what is not needed
//! any more. What a task does with tiles is in `tiles`; when memory suffices is asked before anything runs.

use super::buffer::{Buffer, Memory, Room};
use super::element::DType;
use super::generate;
use super::merge::Merging;
use super::node::{Kind, Node, Stage};
use super::npy;
use super::ops::In;
use super::plan::{Pass, Plan, Sink, What, Work};
use super::program::{Program, compile};
use super::reduce::{Part, Piece, Reduction, Sums};
use super::shape::{Affine, Region, row_major};
use super::tiles::Tiles;
use super::walk::Walk;
use super::whole::Operand;
use crate::error::{Error, ErrorKind};
use crate::par::{self, Par, Stop};
use crate::progress::called;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Results of nodes.
type Results = HashMap<*const Node, Memory>;
/// Results that are being written: those of several passes for longer than one.
type Rooms = HashMap<*const Node, Room>;

/// Computes nodes; their elements in memory, rows one after the other.
///
/// # Errors
/// When a closure panics, or memory does not suffice.
///
/// # Panics
/// With the payload [`crate::rt::Interrupted`] when the user interrupts.
pub(crate) fn compute(nodes: &[Arc<Node>], par: &Par) -> Result<Vec<Memory>, Error> {
    super::place::only_here(nodes)?;
    let plan = Plan::new(nodes);
    super::explain::affordable(&plan)?;
    let (mut results, mut rooms) = (Results::new(), Rooms::new());
    for (at, (work, over)) in plan.work.iter().zip(&plan.over).enumerate() {
        match work {
            Work::Pass(pass) => run_pass(pass, &plan.work[at + 1..], &mut results, &mut rooms, par)?,
            Work::Whole(node) => run_whole(node, &mut results)?,
        }
        for node in over {
            results.remove(node);
        }
    }
    Ok(plan.roots.iter().map(|root| result(root, &results)).collect())
}

/// What a node that is complete has.
fn result(node: &Arc<Node>, results: &Results) -> Memory {
    match &node.kind {
        Kind::Memory(memory) => memory.clone(),
        _ => match results.get(&Arc::as_ptr(node)) {
            Some(memory) => memory.clone(),
            None => unreachable!("{} is used before it is complete", node.name()),
        },
    }
}

fn run_whole(node: &Arc<Node>, results: &mut Results) -> Result<(), Error> {
    let Kind::Stage(Stage::Whole(whole), inputs) = &node.kind else { unreachable!("a work of its own") };
    let memories: Vec<Memory> = inputs.iter().map(|input| result(input, results)).collect();
    let operands: Vec<Operand<'_>> =
        memories.iter().zip(inputs).map(|(memory, input)| Operand { memory, shape: &input.shape }).collect();
    let buffer = whole.run(&operands, &node.shape, node.dtype)?;
    results.insert(Arc::as_ptr(node), Memory::whole(Arc::new(buffer), &node.shape));
    Ok(())
}

/// What a task leaves of a sink.
pub(super) enum Left {
    Nothing,
    /// For the group.
    Group(Part),
    /// For each chunk, with its number.
    Chunks(Vec<(usize, Part)>),
    /// The elements of each chunk, with its number.
    Elements(Vec<(usize, Buffer)>),
}

fn run_pass(pass: &Pass, later: &[Work], results: &mut Results, rooms: &mut Rooms, par: &Par) -> Result<(), Error> {
    let inputs: Vec<Arc<Node>> = pass.sinks.iter().map(|sink| Arc::clone(&sink.input)).collect();
    let program = compile(&inputs, &|node| results.get(&Arc::as_ptr(node)).cloned());
    let mut targets = Vec::with_capacity(pass.sinks.len());
    let mut goals = Vec::with_capacity(pass.sinks.len());
    for sink in &pass.sinks {
        let key = Arc::as_ptr(&sink.node);
        let room = match rooms.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(room(&sink.node)?),
        };
        targets.push(Target(room.at()));
        goals.push(match &sink.what {
            What::Write(file) => Goal::File(file),
            _ if room.is_fresh() => Goal::Fresh(Target(room.at())),
            _ => Goal::Memory(Target(room.at())),
        });
    }
    let tasks = || par.try_map(0..pass.tasks(), |task| run_task(pass, &program, &goals, task));
    let parts = called(&pass.names(), tasks).map_err(failed)?;
    finish(pass, parts, &targets, par)?;
    for sink in &pass.sinks {
        let key = Arc::as_ptr(&sink.node);
        let more = later.iter().any(|work| match work {
            Work::Pass(pass) => pass.sinks.iter().any(|sink| Arc::as_ptr(&sink.node) == key),
            Work::Whole(_) => false,
        });
        if more {
            continue;
        }
        let Some(room) = rooms.remove(&key) else { continue };
        // SAFETY: stores have written each chunk of their input, which together are the result, and no later pass has
        // one of them; reductions have written all of their results.
        let buffer = unsafe { room.filled() };
        results.insert(key, Memory::whole(Arc::new(buffer), &sink.node.shape));
    }
    Ok(())
}

pub(super) fn room(node: &Node) -> Result<Room, Error> {
    Room::new(node.dtype, node.len()).map_err(|e| {
        Error::refused(format!(
            "{} ({}): the system has no {} bytes of memory for its result: {e}",
            node.name(),
            node.line(),
            node.bytes()
        ))
    })
}

/// What becomes of a sink's chunks.
pub(super) enum Goal<'a> {
    /// Their place in the memory of the result.
    Memory(Target),
    /// The same, of memory that nobody has written to.
    Fresh(Target),
    File(&'a npy::Target),
    /// They are left as they are.
    Chunk,
}

/// Where a sink writes.
#[derive(Clone, Copy)]
pub(super) struct Target(pub(super) *mut u8);
// SAFETY: chunks do not overlap, and each is one task's.
unsafe impl Sync for Target {}
// SAFETY: as above.
unsafe impl Send for Target {}

/// A sink in a chunk.
enum Bound<'a> {
    Store {
        walk: Walk,
        target: Target,
        size: usize,
    },
    /// A chunk's elements one after the other.
    Write {
        to: *mut u8,
        size: usize,
    },
    Reduce {
        walk: Walk,
        reduction: &'a dyn Reduction,
        sums: Sums,
        size: usize,
    },
}

/// Runs a task of a pass: what it leaves of each sink.
///
/// # Panics
/// When a closure does, and when there is no memory for a chunk.
pub(super) fn run_task(pass: &Pass, program: &Program, goals: &[Goal<'_>], task: usize) -> Vec<Left> {
    let mut left: Vec<Left> = pass.sinks.iter().map(|_| Left::Nothing).collect();
    for number in pass.chunks(task) {
        let region = pass.grid.region(number);
        let mut rooms: Vec<Option<Room>> = Vec::with_capacity(pass.sinks.len());
        let mut bound = Vec::with_capacity(pass.sinks.len());
        for ((sink, left), goal) in pass.sinks.iter().zip(&mut left).zip(goals) {
            let (one, room) = bind(sink, left, goal, &region, number);
            bound.push(one);
            rooms.push(room);
        }
        let failed = |goal: &Goal<'_>| matches!(goal, Goal::File(file) if file.has_failed());
        if goals.iter().any(failed) {
            continue;
        }
        let direct = |i: usize, start: usize, n: usize| match &bound[i] {
            Bound::Store { walk, target, size } if walk.inner()[0] == 1 && walk.is_one_piece(start, n) => {
                let mut at = [0];
                walk.at(start, &mut at);
                Some(target.0.wrapping_offset(at[0] * *size as isize))
            }
            Bound::Write { to, size } => Some(to.wrapping_add(start * size)),
            _ => None,
        };
        let mut done = |start: usize, n: usize, outputs: &[In]| {
            for (bound, output) in bound.iter().zip(outputs) {
                // SAFETY: a tile's output has `n` elements, and this chunk's places are this task's alone.
                unsafe { take(bound, start, n, output.at) };
            }
        };
        Tiles::new(program, region.clone()).run(&mut { direct }, &mut done);
        for (((goal, room), left), sink) in goals.iter().zip(rooms).zip(&mut left).zip(&pass.sinks) {
            let Some(room) = room else { continue };
            // SAFETY: the tiles of the region, which have all been written, are all of it.
            let buffer = unsafe { room.filled() };
            match goal {
                Goal::File(file) => file.write(&region, sink.input.dtype.size(), buffer.bytes()),
                _ => match left {
                    Left::Elements(chunks) => chunks.push((number, buffer)),
                    _ => *left = Left::Elements(vec![(number, buffer)]),
                },
            }
        }
    }
    left
}

/// A sink for the next chunk of a task, and room for the chunk when it is put together by itself.
fn bind<'a>(
    sink: &'a Sink,
    left: &mut Left,
    goal: &Goal<'_>,
    region: &Region,
    number: usize,
) -> (Bound<'a>, Option<Room>) {
    let size = sink.input.dtype.size();
    match (&sink.what, goal) {
        (What::Store(to), Goal::Memory(target) | Goal::Fresh(target)) => {
            let walk = Walk::new(region, std::slice::from_ref(to));
            if matches!(goal, Goal::Fresh(_)) && walk.inner()[0] == 1 && walk.is_one_piece(0, region.count()) {
                let mut at = [0];
                walk.at(0, &mut at);
                par::ready_memory(target.0.addr() + at[0] as usize * size, region.count() * size);
            }
            (Bound::Store { walk, target: *target, size }, None)
        }
        (What::Store(_) | What::Keep(_) | What::Write(_), _) => {
            let room = Room::new(sink.input.dtype, region.count());
            let room =
                room.unwrap_or_else(|e| panic!("there is no memory for a chunk of {} elements: {e}", region.count()));
            (Bound::Write { to: room.at(), size }, Some(room))
        }
        (What::Reduce { reduction, along, by_chunk }, _) => {
            let (kept, index) = numbers(along, region, &sink.input.shape);
            let walk = Walk::new(region, &[kept, index]);
            let n = (0..along.len()).filter(|axis| !along[*axis]).map(|axis| region.shape[axis]).product();
            let fresh = || Part::new(reduction.as_ref(), n);
            if *by_chunk {
                if let Left::Nothing = left {
                    *left = Left::Chunks(Vec::new());
                }
                if let Left::Chunks(parts) = left {
                    parts.push((number, fresh()));
                }
            } else if let Left::Nothing = left {
                *left = Left::Group(fresh());
            }
            let part = match left {
                Left::Group(part) => part,
                Left::Chunks(parts) => match parts.last_mut() {
                    Some((_, part)) => part,
                    None => unreachable!("one was added"),
                },
                Left::Nothing | Left::Elements(_) => unreachable!("one was made"),
            };
            // The words stay where they are until the task is over.
            (Bound::Reduce { walk, reduction: reduction.as_ref(), sums: part.sums(), size }, None)
        }
    }
}

/// Which accumulator an element of a region has, counted within the region, and its index along what is reduced.
fn numbers(along: &[bool], region: &Region, shape: &[usize]) -> (Affine, Affine) {
    let only = |wanted: bool, lengths: &[usize]| -> Vec<isize> {
        let chosen: Vec<usize> =
            (0..along.len()).map(|axis| if along[axis] == wanted { lengths[axis] } else { 1 }).collect();
        let steps = row_major(&chosen);
        (0..along.len()).map(|axis| if along[axis] == wanted { steps[axis] } else { 0 }).collect()
    };
    let (kept, index) = (only(false, &region.shape), only(true, shape));
    let before: isize = kept.iter().zip(&region.start).map(|(step, start)| step * *start as isize).sum();
    (Affine { offset: -before, steps: kept }, Affine { offset: 0, steps: index })
}

/// Takes a tile's output in.
///
/// # Safety
/// `from` has `n` elements; the bound sink's target or accumulators are this thread's.
unsafe fn take(bound: &Bound<'_>, start: usize, n: usize, from: *const u8) {
    match bound {
        Bound::Store { walk, target, size } => {
            let (mut at, step) = ([0], walk.inner()[0]);
            walk.pieces(start, n, &mut at, |before, take, at| {
                let (from, to) = (from.wrapping_add(before * size), target.0.wrapping_offset(at[0] * *size as isize));
                if std::ptr::eq(from, to) {
                    return;
                }
                // SAFETY: within the tile, and within the result's memory; a tile's buffer is not in it.
                unsafe {
                    match step {
                        1 => to.copy_from_nonoverlapping(from, take * size),
                        _ => generate::scatter(*size, from, step, take, to),
                    }
                }
            });
        }
        Bound::Write { to, size } => {
            let to = to.wrapping_add(start * size);
            if !std::ptr::eq(from, to) {
                // SAFETY: the chunk has room for all of its tiles.
                unsafe { to.copy_from_nonoverlapping(from, n * size) };
            }
        }
        Bound::Reduce { walk, reduction, sums, size } => {
            let (mut at, inner) = ([0; 2], walk.inner());
            walk.pieces(start, n, &mut at, |before, take, at| {
                let piece = Piece { n: take, at: from.wrapping_add(before * size), index: at[1], index_step: inner[1] };
                let sums = Sums { at: sums.at.wrapping_offset(at[0]), stride: sums.stride, step: inner[0] };
                // SAFETY: the piece is within the tile, and its accumulators within those of the chunk.
                unsafe { reduction.fold(piece, sums) };
            });
        }
    }
}

/// Merges what the tasks have left, and writes the results.
fn finish(pass: &Pass, parts: Vec<Vec<Left>>, targets: &[Target], par: &Par) -> Result<(), Error> {
    let mut merging: Vec<Merging> = pass.sinks.iter().map(|_| Merging::default()).collect();
    for (task, left) in parts.into_iter().enumerate() {
        for (merging, left) in merging.iter_mut().zip(left) {
            merging.keep(pass, task, left);
        }
    }
    for ((sink, merging), target) in pass.sinks.iter().zip(merging).zip(targets) {
        finish_sink(pass, sink, merging, *target, par)?;
    }
    Ok(())
}

/// Merges what was left of a reduction, and writes its result.
///
/// # Errors
/// When a closure panics.
pub(super) fn finish_sink(pass: &Pass, sink: &Sink, merging: Merging, target: Target, par: &Par) -> Result<(), Error> {
    let What::Reduce { reduction, along, by_chunk } = &sink.what else { return Ok(()) };
    let reduction = reduction.as_ref();
    if *by_chunk {
        let part =
            par.try_map(vec![merging], |merging| merging.into_tree(reduction, 0, pass.grid.len())).map_err(failed)?;
        let mut part = part.into_iter().flatten().next().unwrap_or_else(|| Part::new(reduction, 1));
        // SAFETY: one accumulator, and the result has room for what it gives.
        unsafe { reduction.finish(1, part.sums(), target.0) };
        return Ok(());
    }
    let (groups, across) = pass.counts();
    let merged = par.try_map(merging.into_places(across), |(place, merging)| {
        let region = across_region(pass, along, place);
        let n = region.count();
        let mut part = merging.into_tree(reduction, place, groups).unwrap_or_else(|| Part::new(reduction, n));
        // SAFETY: the place's part of the result is this call's alone.
        unsafe { write(reduction, &mut part, &region, &sink.node, target) };
    });
    merged.map(drop).map_err(failed)
}

/// The region of a result that a place across has: of the axes that are kept.
fn across_region(pass: &Pass, along: &[bool], place: usize) -> Region {
    let kept: Vec<usize> = (0..along.len()).filter(|axis| !along[*axis]).collect();
    let pick = |lengths: &[usize]| kept.iter().map(|axis| lengths[*axis]).collect::<Vec<_>>();
    super::shape::Chunked::new(&pick(&pass.grid.shape), &pick(&pass.grid.chunk)).region(place)
}

/// # Safety
/// The part is of this reduction and region, and nobody else writes to the region of the result.
unsafe fn write(reduction: &dyn Reduction, part: &mut Part, region: &Region, node: &Node, target: Target) {
    let (n, size) = (region.count(), node.dtype.size());
    let mut results = vec![0u64; (n * reduction.results() * size).div_ceil(8).max(1)];
    // SAFETY: room for the results of `n` accumulators.
    unsafe { reduction.finish(n, part.sums(), results.as_mut_ptr().cast()) };
    let from: *const u8 = results.as_ptr().cast();
    if reduction.results() > 1 || region.shape.is_empty() {
        // SAFETY: a reduction of everything has all of the result.
        return unsafe { target.0.copy_from_nonoverlapping(from, reduction.results() * size) };
    }
    let walk = Walk::new(region, &[Affine { offset: 0, steps: row_major(&node.shape) }]);
    let (mut at, step) = ([0], walk.inner()[0]);
    walk.pieces(0, n, &mut at, |before, take, at| {
        let to = target.0.wrapping_offset(at[0] * size as isize);
        // SAFETY: the region is within the result.
        unsafe { generate::scatter(size, from.wrapping_add(before * size), step, take, to) };
    });
}

/// An interrupt is not an error to handle: it ends the cell.
fn failed(stop: Stop) -> Error {
    match stop {
        Stop::Panicked { message, .. } => Error::new(ErrorKind::Panicked, message),
        Stop::Interrupted => stop.resume(),
    }
}

/// The one element of a result without axes.
pub(crate) fn word(memory: &Memory, dtype: DType) -> u64 {
    let mut word = 0u64;
    assert!(memory.buffer.len > 0 && memory.buffer.dtype == dtype, "a result has an element");
    let at = memory.buffer.at().wrapping_offset(memory.place.offset * dtype.size() as isize);
    // SAFETY: an element of the buffer, and a word has room for it.
    unsafe { at.copy_to_nonoverlapping((&raw mut word).cast(), dtype.size()) };
    word
}
