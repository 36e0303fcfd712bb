//! Runs a program over a region, tile by tile. One call here is one thread's work; who hands out regions and
//! what becomes of the tiles is `passes`' business.

use super::buffer::Memory;
use super::generate;
use super::node::{Kind, Made};
use super::ops::{In, Loop};
use super::program::{Call, From, Program, TILE, Value};
use super::shape::{Affine, Region, row_major};
use super::walk::Walk;
use crate::rt;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes of a buffer.
const SLOT: usize = TILE * 8;

/// A line of a cache.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line(#[expect(dead_code, reason = "memory that is used by its address")] [u8; 64]);

thread_local! {
    /// The buffers of the region before, for the next one.
    static BUFFERS: Cell<Vec<MaybeUninit<Line>>> = const { Cell::new(Vec::new()) };
}

/// Buffers of a thread, given back to it at the end.
struct Buffers(Vec<MaybeUninit<Line>>);
impl Buffers {
    fn new(slots: usize) -> Self {
        let mut lines = BUFFERS.take();
        lines.resize(lines.len().max(slots * SLOT / size_of::<Line>()), MaybeUninit::uninit());
        Self(lines)
    }
}
impl Drop for Buffers {
    fn drop(&mut self) {
        BUFFERS.set(std::mem::take(&mut self.0));
    }
}

/// A load, in a region.
struct Bound<'a> {
    walk: Walk,
    from: Source<'a>,
    size: usize,
}

enum Source<'a> {
    /// Elements from an address on; those of bools in a file are looked at.
    Memory {
        at: *const u8,
        aligned: bool,
        truths: bool,
    },
    Made(&'a Made),
}

/// A program in a region, with the buffers of a thread.
pub(crate) struct Tiles<'a> {
    program: &'a Program,
    region: Region,
    bound: Vec<Bound<'a>>,
    /// What bound loads read from, when it was made for this region.
    _blocks: Vec<Memory>,
    /// Where each step writes, and where its result is.
    to: Vec<*mut u8>,
    at: Vec<*const u8>,
    slots: Vec<*mut u8>,
    numbers: Vec<isize>,
    /// The tile and the step that run.
    now: (usize, usize, usize),
    _buffers: Buffers,
}

impl<'a> Tiles<'a> {
    /// # Panics
    /// When a user's closure for a block does, or gives another one than it was asked for.
    pub(crate) fn new(program: &'a Program, region: Region) -> Self {
        let mut buffers = Buffers::new(program.slots);
        let base: *mut u8 = buffers.0.as_mut_ptr().cast();
        let slots = program.steps.iter().map(|step| base.wrapping_add(step.slot * SLOT)).collect::<Vec<_>>();
        let (mut bound, mut blocks) = (Vec::new(), Vec::new());
        for load in &program.loads {
            let (numbers, from) = match &load.from {
                From::Memory(memory) => (load.numbers.clone(), memory_source(memory)),
                From::Made(made) => (load.numbers.clone(), Source::Made(made)),
                From::Blocks(node) => {
                    let Kind::Blocks(made_by) = node.kind else { unreachable!("blocks are made by closures") };
                    let (needed, numbers) = needed(&load.numbers, &region);
                    bound_to(generate::blocks(node, made_by, &needed), numbers, &region, &mut blocks)
                }
                From::Parts(parts) => {
                    let (needed, numbers) = needed(&load.numbers, &region);
                    bound_to(parts.brought(&needed, load.dtype), numbers, &region, &mut blocks)
                }
                From::Later(_) => unreachable!("this program is only to be told of"),
            };
            bound.push(Bound { walk: Walk::new(&region, &numbers), from, size: load.dtype.size() });
        }
        let most = program.loads.iter().map(|load| load.numbers.len()).max().unwrap_or(0).max(1);
        Self {
            program,
            region,
            bound,
            _blocks: blocks,
            to: slots.clone(),
            at: vec![std::ptr::null(); program.steps.len()],
            slots,
            numbers: vec![0; most],
            now: (0, 0, 0),
            _buffers: buffers,
        }
    }

    /// Runs all tiles of the region; `direct` may say where an output of a tile should be written at once, `done`
    /// gets the outputs of each.
    ///
    /// # Panics
    /// When a closure does, with the index of the element and the user's line in the message; when the user
    /// interrupts.
    pub(crate) fn run(
        &mut self,
        direct: &mut dyn FnMut(usize, usize, usize) -> Option<*mut u8>,
        done: &mut dyn FnMut(usize, usize, &[In]),
    ) {
        let called = catch_unwind(AssertUnwindSafe(|| self.all(direct, done)));
        let Err(payload) = called else { return };
        if payload.is::<rt::Interrupted>() {
            resume_unwind(payload);
        }
        let message = crate::par::text_of_panic(&*payload);
        resume_unwind(Box::new(self.explained(&message)));
    }

    fn all(
        &mut self,
        direct: &mut dyn FnMut(usize, usize, usize) -> Option<*mut u8>,
        done: &mut dyn FnMut(usize, usize, &[In]),
    ) {
        let len = self.region.count();
        let mut outputs = Vec::with_capacity(self.program.outputs.len());
        for start in (0..len).step_by(TILE) {
            let n = TILE.min(len - start);
            if start % (64 * TILE) == 0 {
                rt::check_interrupt();
            }
            for (i, output) in self.program.outputs.iter().enumerate() {
                if let Value::Step(step) = output {
                    self.to[*step] = direct(i, start, n).unwrap_or(self.slots[*step]);
                }
            }
            self.tile(start, n);
            outputs.clear();
            outputs.extend(self.program.outputs.iter().map(|output| self.operand(*output)));
            done(start, n, &outputs);
        }
    }

    fn operand(&self, value: Value) -> In {
        match value {
            Value::Step(step) => In { at: self.at[step], one: false },
            Value::Const(index) => In { at: self.program.consts[index].bytes(), one: true },
        }
    }

    fn tile(&mut self, start: usize, n: usize) {
        let program = self.program;
        for (k, step) in program.steps.iter().enumerate() {
            self.now = (start, n, k);
            let out = self.to[k];
            self.at[k] = out;
            let input = |i: usize| self.operand(step.inputs[i]);
            // SAFETY: operands of steps have been made by steps before, of the types that the compiler of
            // programs has looked at, `n` of each; `out` has room for a tile, and no operand that is still
            // needed has it; single operands are no constants (`repeated`).
            unsafe {
                match &step.call {
                    Call::Load(load) => self.at[k] = self.load(*load, start, n, out),
                    Call::Repeat(index) => generate::repeat(&program.consts[*index], n, out),
                    Call::Loop(Loop::One(f)) => f(n, input(0).at, out),
                    Call::Loop(Loop::Two(f)) => f(n, input(0), input(1), out),
                    Call::Loop(Loop::Three(f)) => f(n, input(0), input(1), input(2), out),
                    Call::Loop(Loop::Powi(f, power)) => f(n, input(0).at, *power, out),
                    Call::Pair(f) => f(n, input(0), input(1), input(2), out),
                    Call::Closure(closure) => {
                        let inputs: [*const u8; 4] =
                            std::array::from_fn(|i| if i < step.inputs.len() { input(i).at } else { std::ptr::null() });
                        (closure.tile)(n, inputs.as_ptr(), closure.params.at.0, out);
                    }
                }
            }
        }
    }

    /// The elements of a load: where they are, or written to `out`.
    ///
    /// # Safety
    /// `out` has room for a tile, and the tile is within the region.
    unsafe fn load(&mut self, load: usize, start: usize, n: usize, out: *mut u8) -> *const u8 {
        let Bound { walk, from, size } = &self.bound[load];
        let (size, count) = (*size, self.program.loads[load].numbers.len());
        match from {
            Source::Memory { at, aligned, truths } => {
                let step = walk.inner()[0];
                if step == 1 && *aligned && !truths && walk.is_one_piece(start, n) {
                    walk.at(start, &mut self.numbers[..1]);
                    return at.wrapping_offset(self.numbers[0] * size as isize);
                }
                walk.pieces(start, n, &mut self.numbers[..1], |before, take, numbers| {
                    let from = at.wrapping_offset(numbers[0] * size as isize);
                    // SAFETY: views are within their arrays, so the piece is; `out` has room.
                    unsafe { generate::gather(size, from, step, take, out.add(before * size)) };
                });
                if *truths {
                    // SAFETY: `n` bytes were just written.
                    unsafe { std::slice::from_raw_parts_mut(out, n) }.iter_mut().for_each(|b| *b = u8::from(*b != 0));
                }
            }
            Source::Made(made) => {
                let count = if matches!(made, Made::FromFn(_)) { count } else { 1 };
                walk.pieces(start, n, &mut self.numbers[..count], |before, take, numbers| {
                    // SAFETY: `out` has room for `n` elements, of which these are some.
                    unsafe { generate::made(made, numbers, walk.inner(), take, out.add(before * size)) };
                });
            }
        }
        out
    }

    /// The panic of the tile that runs, told with the element: runs it again, one by one.
    #[cold]
    fn explained(&mut self, message: &str) -> String {
        let (start, n, step) = self.now;
        let told = |step: usize| {
            let step = &self.program.steps[step];
            format!("{} ({})", step.name, step.line.text())
        };
        if step >= self.program.steps.len() {
            return message.to_owned();
        }
        let first = told(step);
        self.to.copy_from_slice(&self.slots);
        for place in start..start + n {
            if catch_unwind(AssertUnwindSafe(|| self.tile(place, 1))).is_err() {
                let index = self.index(place);
                return format!("{} panicked at index {index:?}: {message}", told(self.now.2));
            }
        }
        format!("{first} panicked near index {:?}, but not when it was called again: {message}", self.index(start))
    }

    fn index(&self, place: usize) -> Vec<usize> {
        let steps = row_major(&self.region.shape);
        let mut left = place;
        let each = steps.iter().zip(&self.region.start).map(|(step, start)| {
            let index = left / *step as usize;
            left %= *step as usize;
            start + index
        });
        each.collect()
    }
}

/// A load from what was made for a region: how its elements are seen there.
fn bound_to(
    memory: Memory,
    numbers: Vec<Affine>,
    region: &Region,
    held: &mut Vec<Memory>,
) -> (Vec<Affine>, Source<'static>) {
    let from = memory_source(&memory);
    let place = memory.place.after(&super::shape::View { axes: region.shape.len(), to: numbers });
    held.push(memory);
    (vec![place], from)
}

fn memory_source(memory: &Memory) -> Source<'static> {
    let dtype = memory.buffer.dtype;
    let truths = memory.buffer.is_file() && dtype == super::element::DType::Bool;
    Source::Memory { at: memory.buffer.at(), aligned: memory.buffer.at().addr().is_multiple_of(dtype.size()), truths }
}

/// What a region sees of an array through a view: the part of it, and where in that part.
pub(crate) fn needed(view: &[Affine], region: &Region) -> (Region, Vec<Affine>) {
    let mut part = Region { start: Vec::new(), shape: Vec::new() };
    let mut within = view.to_vec();
    for number in &mut within {
        let reach = |forward: bool| -> isize {
            let far = number.steps.iter().zip(&region.shape).map(|(step, length)| step * (*length as isize - 1));
            far.filter(|far| (*far > 0) == forward).sum()
        };
        let here = number.at(&region.start);
        let (low, high) = (here + reach(false), here + reach(true));
        part.start.push(low as usize);
        part.shape.push((high - low + 1) as usize);
        number.offset -= low;
    }
    (part, within)
}
