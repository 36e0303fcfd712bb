//! What runs over tiles: a list of steps, each a loop over a tile, that a part of an array's graph is compiled
//! into. It is linear, shares what is equal, folds scalars, and uses few buffers. `tiles` runs it.

use super::buffer::Memory;
use super::element::{DType, Scalar};
use super::node::{Closure, Kind, Line, Made, Node};
use super::ops::{Bi, Loop, Op, fold, loop_of};
use super::pairs::{Pair, pair};
use super::parts::Parts;
use super::shape::{Affine, View, row_major};
use std::collections::HashMap;
use std::sync::Arc;

/// Elements of a tile: with some buffers of this length the work stays in the nearest caches, and a step's call costs
/// little beside its loop (`docs/decisions.md` has what was measured).
pub(crate) const TILE: usize = 1024;

/// A value of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// What a step makes.
    Step(usize),
    /// A scalar.
    Const(usize),
}

/// A program, and what it reads.
#[derive(Default)]
pub(crate) struct Program {
    pub(crate) loads: Vec<Load>,
    pub(crate) consts: Vec<Scalar>,
    pub(crate) steps: Vec<Step>,
    /// How many buffers it takes.
    pub(crate) slots: usize,
    pub(crate) outputs: Vec<Value>,
}

/// What a step does.
pub(crate) enum Call {
    Load(usize),
    /// Repeats a scalar.
    Repeat(usize),
    Loop(Loop),
    /// Two operations of arithmetic at once.
    Pair(Pair),
    Closure(Closure),
}

pub(crate) struct Step {
    pub(crate) call: Call,
    pub(crate) inputs: Vec<Value>,
    /// The operation of two operands that it is, and their type: what two of may be done at once.
    arithmetic: Option<(Bi, DType)>,
    /// The buffer that it writes to.
    pub(crate) slot: usize,
    /// For messages.
    pub(crate) name: String,
    pub(crate) line: Line,
}

/// An operand that is read or made.
pub(crate) struct Load {
    pub(crate) from: From,
    /// The numbers that say where: one, the place in memory or in row order, or the index along each axis.
    pub(crate) numbers: Vec<Affine>,
    pub(crate) dtype: DType,
}

/// Where a [`Load`]'s elements come from.
pub(crate) enum From {
    Memory(Memory),
    Made(Made),
    /// Blocks of a node, through a view.
    Blocks(Arc<Node>),
    /// Parts of an array, through a view.
    Parts(Arc<Parts>),
    /// What an earlier pass leaves of a node, through a view; only in programs that are told of, not run.
    Later(Arc<Node>),
}

/// What tells a step from others: steps with equal keys make the same.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Op(Op, DType, Vec<Value>),
    Closure(usize, usize, Vec<Value>),
    Repeat(usize),
}

/// Finds what an earlier pass left of a node.
pub(crate) type Found<'a> = &'a dyn Fn(&Arc<Node>) -> Option<Memory>;

struct Compiler<'a> {
    program: Program,
    found: Found<'a>,
    seen: HashMap<(*const Node, View), Value>,
    known: HashMap<Key, Value>,
    scalars: HashMap<Scalar, usize>,
}

/// Compiles what the nodes are made of, all of one shape, up to where results of earlier passes are.
pub(crate) fn compile(nodes: &[Arc<Node>], found: Found<'_>) -> Program {
    let (seen, known, scalars) = (HashMap::new(), HashMap::new(), HashMap::new());
    let mut compiler = Compiler { program: Program::default(), found, seen, known, scalars };
    for node in nodes {
        let value = compiler.node(node, &View::identity(node.shape.len()));
        let value = compiler.repeated(node, value);
        compiler.program.outputs.push(value);
    }
    compiler.program.join_pairs();
    compiler.program.assign_slots();
    compiler.program
}

/// What a node is computed from, and how that is seen.
fn operands(node: &Node, view: &View) -> Vec<(Arc<Node>, View)> {
    match &node.kind {
        Kind::View(inner, below) => vec![(Arc::clone(below), inner.after(view))],
        Kind::Op(_, inputs) | Kind::Closure(_, inputs) => {
            let each = inputs.iter().map(|input| match input.shape == node.shape {
                true => (Arc::clone(input), view.clone()),
                false => (Arc::clone(input), View::broadcast(&input.shape, &node.shape).after(view)),
            });
            each.collect()
        }
        _ => Vec::new(),
    }
}

impl Compiler<'_> {
    /// The value of a node seen through a view. A chain may be longer than a stack is deep, so what is waited for is
    /// on a list.
    fn node(&mut self, node: &Arc<Node>, view: &View) -> Value {
        let mut waiting = vec![(Arc::clone(node), view.clone())];
        while let Some((node, view)) = waiting.pop() {
            let key = (Arc::as_ptr(&node), view);
            if self.seen.contains_key(&key) {
                continue;
            }
            let below = operands(&node, &key.1);
            let values: Vec<Option<Value>> =
                below.iter().map(|(node, view)| self.seen.get(&(Arc::as_ptr(node), view.clone())).copied()).collect();
            let values: Result<Vec<Value>, _> = values.into_iter().map(|value| value.ok_or(())).collect();
            match values {
                Ok(values) => {
                    let value = self.fresh(&node, &key.1, values);
                    self.seen.insert(key, value);
                }
                Err(()) => {
                    waiting.push((node, key.1));
                    waiting.extend(below);
                }
            }
        }
        self.seen[&(Arc::as_ptr(node), view.clone())]
    }

    fn fresh(&mut self, node: &Arc<Node>, view: &View, values: Vec<Value>) -> Value {
        match &node.kind {
            Kind::Full(scalar) => self.scalar(*scalar),
            Kind::Memory(memory) => self.memory(node, memory, view),
            Kind::Made(made) => {
                let numbers = match made {
                    Made::FromFn(_) => view.to.clone(),
                    _ => vec![Affine { offset: 0, steps: row_major(&node.shape) }.after(view)],
                };
                self.load(node, From::Made(made.clone()), numbers)
            }
            Kind::Blocks(_) => self.load(node, From::Blocks(Arc::clone(node)), view.to.clone()),
            Kind::Parts(parts) => {
                let numbers = match parts.in_row_order() {
                    true => vec![Affine { offset: 0, steps: row_major(&node.shape) }.after(view)],
                    false => view.to.clone(),
                };
                self.load(node, From::Parts(Arc::clone(parts)), numbers)
            }
            Kind::View(..) => values[0],
            Kind::Op(op, inputs) => self.op(node, *op, inputs, values),
            Kind::Closure(closure, _) => {
                let mut values = values;
                for value in &mut values {
                    *value = self.repeated(node, *value);
                }
                let key = Key::Closure(closure.tile as usize, closure.params.at.0.addr(), values.clone());
                self.step(node, key, Call::Closure(closure.clone()), values)
            }
            Kind::Stage(..) => match (self.found)(node) {
                Some(memory) => self.memory(node, &memory, view),
                None => self.load(node, From::Later(Arc::clone(node)), view.to.clone()),
            },
        }
    }

    fn op(&mut self, node: &Node, op: Op, inputs: &[Arc<Node>], values: Vec<Value>) -> Value {
        // A choice is for the type of what is chosen.
        let of = inputs[if op == Op::Select { 1 } else { 0 }].dtype;
        let Some(found) = loop_of(op, of) else { unreachable!("{} of {of}", op.name()) };
        let scalars: Option<Vec<Scalar>> = values.iter().map(|value| self.constant(*value)).collect();
        // Whole numbers can panic, which is to be told with the index.
        if let Some(scalars) = scalars
            && of.is_float()
        {
            return self.scalar(fold(found, &scalars, node.dtype));
        }
        let mut values = values;
        if values.len() == 1 {
            values[0] = self.repeated(node, values[0]);
        }
        let value = self.step(node, Key::Op(op, of, values.clone()), Call::Loop(found), values);
        if let (Value::Step(step), Op::Two(bi)) = (value, op) {
            self.program.steps[step].arithmetic = Some((bi, of));
        }
        value
    }

    fn memory(&mut self, node: &Node, memory: &Memory, view: &View) -> Value {
        let place = memory.place.after(view);
        let still = place.steps.iter().all(|step| *step == 0);
        let within = usize::try_from(place.offset).is_ok_and(|at| at < memory.buffer.len);
        if still && within && memory.is_aligned() {
            let (size, mut word) = (memory.buffer.dtype.size(), 0u64);
            // SAFETY: one element within the buffer, and a word has room for it.
            unsafe {
                let from = memory.buffer.at().offset(place.offset * size as isize);
                from.copy_to_nonoverlapping((&raw mut word).cast(), size);
            }
            return self.scalar(Scalar { word, dtype: memory.buffer.dtype });
        }
        self.load(node, From::Memory(memory.clone()), vec![place])
    }

    fn scalar(&mut self, scalar: Scalar) -> Value {
        let consts = &mut self.program.consts;
        let index = *self.scalars.entry(scalar).or_insert_with(|| {
            consts.push(scalar);
            consts.len() - 1
        });
        Value::Const(index)
    }

    fn constant(&self, value: Value) -> Option<Scalar> {
        match value {
            Value::Const(index) => Some(self.program.consts[index]),
            Value::Step(_) => None,
        }
    }

    /// For loops that want one element after the other.
    fn repeated(&mut self, node: &Node, value: Value) -> Value {
        match value {
            Value::Const(index) => self.step(node, Key::Repeat(index), Call::Repeat(index), Vec::new()),
            Value::Step(_) => value,
        }
    }

    fn load(&mut self, node: &Node, from: From, numbers: Vec<Affine>) -> Value {
        self.program.loads.push(Load { from, numbers, dtype: node.dtype });
        let call = Call::Load(self.program.loads.len() - 1);
        self.push(node, call, Vec::new())
    }

    fn step(&mut self, node: &Node, key: Key, call: Call, inputs: Vec<Value>) -> Value {
        if let Some(value) = self.known.get(&key) {
            return *value;
        }
        let value = self.push(node, call, inputs);
        self.known.insert(key, value);
        value
    }

    fn push(&mut self, node: &Node, call: Call, inputs: Vec<Value>) -> Value {
        self.program.steps.push(Step {
            call,
            inputs,
            arithmetic: None,
            slot: 0,
            name: node.name(),
            line: node.line.clone(),
        });
        Value::Step(self.program.steps.len() - 1)
    }
}

impl Program {
    /// Joins a step of arithmetic with the one before whose result nothing else uses: what lies between need not be
    /// written.
    fn join_pairs(&mut self) {
        let mut uses = vec![0usize; self.steps.len()];
        let inputs = self.steps.iter().flat_map(|step| &step.inputs).chain(&self.outputs);
        for value in inputs {
            if let Value::Step(step) = value {
                uses[*step] += 1;
            }
        }
        let mut gone = vec![false; self.steps.len()];
        for at in 0..self.steps.len() {
            let Some((second, of)) = self.steps[at].arithmetic else { continue };
            let inputs = self.steps[at].inputs.clone();
            let joined = [false, true].into_iter().find_map(|swapped| {
                let Value::Step(before) = inputs[usize::from(swapped)] else { return None };
                let (first, own) = self.steps[before].arithmetic.filter(|_| uses[before] == 1)?;
                let found = pair(first, second, swapped, of).filter(|_| own == of)?;
                Some((before, inputs[usize::from(!swapped)], found))
            });
            if let Some((before, other, found)) = joined {
                gone[before] = true;
                let mut inputs = std::mem::take(&mut self.steps[before].inputs);
                inputs.push(other);
                let step = &mut self.steps[at];
                // It is not joined again: there are no loops for three.
                (step.call, step.inputs, step.arithmetic) = (Call::Pair(found), inputs, None);
            }
        }
        self.leave_out(&gone);
    }

    /// Leaves out steps, whose results nobody uses.
    fn leave_out(&mut self, gone: &[bool]) {
        let mut place = 0;
        let places: Vec<usize> = gone.iter().map(|gone| (place, place += usize::from(!gone)).0).collect();
        let moved = |value: &mut Value| {
            if let Value::Step(step) = value {
                *step = places[*step];
            }
        };
        self.steps.iter_mut().flat_map(|step| &mut step.inputs).for_each(moved);
        self.outputs.iter_mut().for_each(moved);
        let mut gone = gone.iter();
        self.steps.retain(|_| gone.next() != Some(&true));
    }

    /// Gives each step a buffer that nobody needs any more.
    fn assign_slots(&mut self) {
        let mut last: Vec<usize> = (0..self.steps.len()).collect();
        for (at, step) in self.steps.iter().enumerate() {
            for input in &step.inputs {
                if let Value::Step(input) = input {
                    last[*input] = at;
                }
            }
        }
        for output in &self.outputs {
            if let Value::Step(output) = output {
                last[*output] = usize::MAX;
            }
        }
        let mut free: Vec<usize> = Vec::new();
        for at in 0..self.steps.len() {
            self.steps[at].slot = free.pop().unwrap_or_else(|| {
                self.slots += 1;
                self.slots - 1
            });
            // A loop's result must not lie where its operands do, so they are free after it.
            let mut over: Vec<usize> = self.steps[at]
                .inputs
                .iter()
                .filter_map(|input| match input {
                    Value::Step(input) if last[*input] == at => Some(self.steps[*input].slot),
                    _ => None,
                })
                .collect();
            over.sort_unstable();
            over.dedup();
            free.extend(over);
            if last[at] == at {
                free.push(self.steps[at].slot);
            }
        }
    }

    /// Operations that are done with each element: what is neither read nor repeated.
    pub(crate) fn operations(&self) -> usize {
        let each = self.steps.iter().map(|step| match step.call {
            Call::Loop(_) | Call::Closure(_) => 1,
            Call::Pair(_) => 2,
            Call::Load(_) | Call::Repeat(_) => 0,
        });
        each.sum()
    }
}
