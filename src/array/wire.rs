//! What is to be done elsewhere, as bytes: the nodes below a pass or a computation, with code by its place in a table and arrays
//! that lie elsewhere by number. It is read on the other side, and by the notebook itself, which asks the same program what
//! each task needs.

use super::blocks::BlockCode;
use super::buffer::{Buffer, FilePart, Memory};
use super::element::{DType, Scalar};
use super::neighbours::{Border, StencilCode};
use super::node::{Closure, Fill, Given, Kind, Line, Made, MakeBlock, Node, ReadParams, Stage};
use super::npy::TargetAt;
use super::ops::{Op, Tile};
use super::overlap::{Overlap, OverlapCode};
use super::parts::Parts;
use super::plan::{Pass, Plan, Sink, What, Work};
use super::reduce::Reduction;
use super::shape::{Affine, Chunked, View};
use super::which::{FoldPiece, MergeWords, Own, Which};
use super::whole::{MapBlocks, Stencil, Whole};
use crate::value::Fault;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// Addresses of code, each once, by their places in a table.
#[derive(Default)]
pub(crate) struct Codes {
    pub(crate) addresses: Vec<*const ()>,
    places: HashMap<*const (), u32>,
}

impl Codes {
    fn place(&mut self, code: *const ()) -> u32 {
        *self.places.entry(code).or_insert_with(|| {
            self.addresses.push(code);
            self.addresses.len() as u32 - 1
        })
    }
}

impl Codes {
    /// All code that the works of a plan call.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut codes = Self::default();
        let mut seen = HashSet::new();
        for work in &plan.work {
            match work {
                Work::Pass(pass) => {
                    for sink in &pass.sinks {
                        if let What::Reduce { reduction, .. } = &sink.what
                            && let Which::Own(own) = reduction.which()
                        {
                            codes.place(own.fold as *const ());
                            codes.place(own.merge as *const ());
                        }
                        codes.add(&sink.input, &mut seen);
                    }
                }
                Work::Whole(node) => {
                    if let Kind::Stage(Stage::Whole(whole), inputs) = &node.kind {
                        match whole {
                            Whole::Stencil(stencil) => _ = codes.place(stencil.code as *const ()),
                            Whole::MapBlocks(blocks) => _ = codes.place(blocks.code as *const ()),
                            Whole::Overlap(overlap) => _ = codes.place(overlap.code as *const ()),
                            Whole::MatMul(_) | Whole::CumSum { .. } => {}
                        }
                        inputs.iter().for_each(|input| codes.add(input, &mut seen));
                    }
                }
            }
        }
        codes
    }

    /// Adds code of nodes, up to stages, which are works of their own.
    fn add(&mut self, node: &Arc<Node>, seen: &mut HashSet<*const Node>) {
        let mut waiting = vec![node];
        while let Some(node) = waiting.pop() {
            if !seen.insert(Arc::as_ptr(node)) {
                continue;
            }
            match &node.kind {
                Kind::Made(Made::FromFn(fill)) => _ = self.place(*fill as *const ()),
                Kind::Blocks(make) => _ = self.place(*make as *const ()),
                Kind::Closure(closure, _) => {
                    self.place(closure.tile as *const ());
                    if let Some(travel) = closure.params.travel {
                        self.place(travel.read as *const ());
                    }
                }
                Kind::Stage(..) => continue,
                _ => {}
            }
            waiting.extend(node.inputs());
        }
    }
}

/// Something that is to be done.
#[derive(Serialize, Deserialize)]
pub(crate) struct Wire {
    nodes: Vec<WireNode>,
    buffers: Vec<(DType, Vec<u8>)>,
    job: WireJob,
}

#[derive(Serialize, Deserialize)]
struct WireNode {
    kind: WireKind,
    shape: Vec<usize>,
    dtype: DType,
    chunks: Option<Vec<usize>>,
    line: String,
}

/// [`Kind`], with inputs by their places among the nodes.
#[derive(Serialize, Deserialize)]
enum WireKind {
    Full(Scalar),
    Memory { buffer: usize, place: Affine },
    File { path: PathBuf, from: usize, stamp: (u64, i64), len: usize, place: Affine },
    Made(Made),
    FromFn(u32),
    Blocks(u32),
    Parts(usize),
    Op(Op, Vec<usize>),
    Closure { tile: u32, params: Option<(u32, Vec<u8>)>, name: String, inputs: Vec<usize> },
    View(View, usize),
}

#[derive(Serialize, Deserialize)]
enum WireJob {
    Pass { grid: Chunked, along: Vec<bool>, group: usize, sinks: Vec<(usize, WireWhat)> },
    Whole { whole: WireWhole, inputs: Vec<usize>, dtype: DType },
}

#[derive(Serialize, Deserialize)]
enum WireWhat {
    /// Chunks, wherever they go.
    Chunks,
    File(TargetAt),
    Reduce {
        which: Which,
        along: Vec<bool>,
        by_chunk: bool,
    },
}

#[derive(Serialize, Deserialize)]
enum WireWhole {
    MatMul(DType),
    CumSum { axis: usize, dtype: DType, alone: bool },
    Stencil { border: Border, code: u32 },
    MapBlocks { chunk: Vec<usize>, code: u32 },
    Overlap { chunk: Vec<usize>, depth: Vec<usize>, border: Border, code: u32 },
}

/// Finds what stands for a node whose result is there already, or lies elsewhere.
pub(crate) type Standing<'a> = &'a dyn Fn(&Arc<Node>) -> Option<Arc<Node>>;

/// Writes what is to be done.
pub(crate) struct Writer<'a> {
    codes: &'a mut Codes,
    standing: Standing<'a>,
    nodes: Vec<WireNode>,
    placed: HashMap<*const Node, usize>,
    buffers: Vec<(DType, Vec<u8>)>,
    known: HashMap<*const Buffer, usize>,
    /// Arrays that lie elsewhere, by number.
    pub(crate) slots: Vec<Arc<Node>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(codes: &'a mut Codes, standing: Standing<'a>) -> Self {
        let (nodes, buffers, slots) = (Vec::new(), Vec::new(), Vec::new());
        Self { codes, standing, nodes, placed: HashMap::new(), buffers, known: HashMap::new(), slots }
    }

    /// A pass, and the arrays that it reads which lie elsewhere.
    pub(crate) fn pass(mut self, pass: &Pass) -> Result<(Wire, Vec<Arc<Node>>), Fault> {
        let mut sinks = Vec::with_capacity(pass.sinks.len());
        for sink in &pass.sinks {
            let what = match &sink.what {
                What::Store(_) | What::Keep(_) => WireWhat::Chunks,
                What::Write(target) => target.told().map_or(WireWhat::Chunks, WireWhat::File),
                What::Reduce { reduction, along, by_chunk } => {
                    let which = match reduction.which() {
                        Which::Own(Own { init, takes, fold, merge }) => Which::OwnAt {
                            init,
                            takes,
                            fold: self.codes.place(fold as *const ()),
                            merge: self.codes.place(merge as *const ()),
                        },
                        which => which,
                    };
                    WireWhat::Reduce { which, along: along.clone(), by_chunk: *by_chunk }
                }
            };
            sinks.push((self.node(&sink.input)?, what));
        }
        let (grid, along) = (pass.grid.clone(), pass.along.clone());
        let job = WireJob::Pass { grid, along, group: pass.group, sinks };
        Ok((Wire { nodes: self.nodes, buffers: self.buffers, job }, self.slots))
    }

    /// A computation on parts, and the operands that lie elsewhere.
    pub(crate) fn whole(mut self, whole: &Whole, node: &Node) -> Result<(Wire, Vec<Arc<Node>>), Fault> {
        let inputs = node.inputs().iter().map(|input| self.node(input)).collect::<Result<Vec<_>, _>>()?;
        let whole = match whole {
            Whole::MatMul(dtype) => WireWhole::MatMul(*dtype),
            Whole::CumSum { axis, dtype, alone } => WireWhole::CumSum { axis: *axis, dtype: *dtype, alone: *alone },
            Whole::Stencil(Stencil { border, code }) => {
                WireWhole::Stencil { border: *border, code: self.codes.place(*code as *const ()) }
            }
            Whole::MapBlocks(MapBlocks { chunk, code }) => {
                WireWhole::MapBlocks { chunk: chunk.clone(), code: self.codes.place(*code as *const ()) }
            }
            Whole::Overlap(Overlap { chunk, depth, border, code }) => WireWhole::Overlap {
                chunk: chunk.clone(),
                depth: depth.clone(),
                border: *border,
                code: self.codes.place(*code as *const ()),
            },
        };
        let job = WireJob::Whole { whole, inputs, dtype: node.dtype };
        Ok((Wire { nodes: self.nodes, buffers: self.buffers, job }, self.slots))
    }

    /// Writes a node and those below it; a chain may be longer than a stack is deep.
    fn node(&mut self, node: &Arc<Node>) -> Result<usize, Fault> {
        let mut waiting = vec![Arc::clone(node)];
        while let Some(own) = waiting.pop() {
            if self.placed.contains_key(&Arc::as_ptr(&own)) {
                continue;
            }
            let standing = (self.standing)(&own).unwrap_or_else(|| Arc::clone(&own));
            let inputs: Option<Vec<usize>> =
                standing.inputs().iter().map(|input| self.placed.get(&Arc::as_ptr(input)).copied()).collect();
            let Some(inputs) = inputs else {
                waiting.push(own);
                waiting.extend(standing.inputs().iter().cloned());
                continue;
            };
            let kind = self.kind(&standing, inputs)?;
            let (shape, dtype, chunks) = (standing.shape.clone(), standing.dtype, standing.chunks.clone());
            self.nodes.push(WireNode { kind, shape, dtype, chunks, line: own.line() });
            self.placed.insert(Arc::as_ptr(&own), self.nodes.len() - 1);
        }
        self.placed.get(&Arc::as_ptr(node)).copied().ok_or_else(|| Fault::new("a node that is nowhere"))
    }

    fn kind(&mut self, node: &Arc<Node>, inputs: Vec<usize>) -> Result<WireKind, Fault> {
        Ok(match &node.kind {
            Kind::Full(scalar) => WireKind::Full(*scalar),
            Kind::Memory(memory) => self.memory(memory),
            Kind::Made(Made::FromFn(fill)) => WireKind::FromFn(self.codes.place(*fill as *const ())),
            Kind::Made(made) => WireKind::Made(made.clone()),
            Kind::Blocks(make) => WireKind::Blocks(self.codes.place(*make as *const ())),
            Kind::Parts(_) => {
                self.slots.push(Arc::clone(node));
                WireKind::Parts(self.slots.len() - 1)
            }
            Kind::Op(op, _) => WireKind::Op(*op, inputs),
            Kind::Closure(closure, _) => {
                let tile = self.codes.place(closure.tile as *const ());
                let params = match closure.params.travel {
                    None => None,
                    Some(travel) => {
                        let bytes = (travel.write)(&closure.params.params);
                        let bytes = bytes.map_err(|e| {
                            Fault::new(format!("the parameters of {} ({}): {e}", node.name(), node.line()))
                        })?;
                        Some((self.codes.place(travel.read as *const ()), bytes))
                    }
                };
                WireKind::Closure { tile, params, name: closure.name.clone().into_owned(), inputs }
            }
            Kind::View(view, _) => WireKind::View(view.clone(), inputs[0]),
            Kind::Stage(..) => unreachable!("{} is used before it is complete", node.name()),
        })
    }

    fn memory(&mut self, memory: &Memory) -> WireKind {
        let (buffer, place) = (&memory.buffer, memory.place.clone());
        if let Some(FilePart { path, from, stamp }) = buffer.file() {
            return WireKind::File { path: path.clone(), from: *from, stamp: *stamp, len: buffer.len, place };
        }
        let buffers = &mut self.buffers;
        let at = *self.known.entry(Arc::as_ptr(buffer)).or_insert_with(|| {
            buffers.push((buffer.dtype, buffer.bytes().to_vec()));
            buffers.len() - 1
        });
        WireKind::Memory { buffer: at, place }
    }
}

/// What was read, and can be done.
pub(crate) enum Job {
    Pass(Pass, Vec<Option<TargetAt>>),
    Whole { whole: Whole, operands: Vec<(Arc<Parts>, DType, Vec<usize>)>, dtype: DType },
}

impl Wire {
    pub(crate) fn written(&self) -> Result<Vec<u8>, Fault> {
        postcard::to_allocvec(self).map_err(Fault::from)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        postcard::from_bytes(bytes).map_err(Fault::from)
    }

    /// What is to be done, with code at these addresses, and arrays that lie elsewhere in these parts.
    ///
    /// # Safety
    /// The addresses are those of the code that was placed in the table, in objects that stay loaded.
    pub(crate) unsafe fn job(&self, code: &[*const ()], slots: &[Arc<Parts>]) -> Result<Job, Fault> {
        // SAFETY: passed on.
        let nodes = unsafe { self.read_nodes(code, slots)? };
        let node = |at: usize| nodes.get(at).cloned().ok_or_else(|| Fault::new("a node that is not there"));
        match &self.job {
            WireJob::Pass { grid, along, group, sinks } => {
                let (mut made, mut files) = (Vec::new(), Vec::new());
                for (input, what) in sinks {
                    let input = node(*input)?;
                    files.push(match what {
                        WireWhat::File(target) => Some(target.clone()),
                        _ => None,
                    });
                    let what = match what {
                        WireWhat::Chunks | WireWhat::File(_) => What::Keep(None),
                        WireWhat::Reduce { which, along, by_chunk } => {
                            // SAFETY: passed on.
                            let reduction = unsafe { reduction(which.clone(), code)? };
                            What::Reduce { reduction, along: along.clone(), by_chunk: *by_chunk }
                        }
                    };
                    made.push(Sink { node: Arc::clone(&input), input, what });
                }
                let pass = Pass { grid: grid.clone(), along: along.clone(), group: *group, sinks: made };
                Ok(Job::Pass(pass, files))
            }
            WireJob::Whole { whole, inputs, dtype } => {
                let mut operands = Vec::new();
                for input in inputs {
                    let input = node(*input)?;
                    operands.push((parts_of(&input)?, input.dtype, input.shape.clone()));
                }
                // SAFETY: passed on.
                Ok(Job::Whole { whole: unsafe { read_whole(whole, code)? }, operands, dtype: *dtype })
            }
        }
    }

    /// # Safety
    /// As for [`Wire::job`].
    unsafe fn read_nodes(&self, code: &[*const ()], slots: &[Arc<Parts>]) -> Result<Vec<Arc<Node>>, Fault> {
        let buffers: Vec<Arc<Buffer>> =
            self.buffers.iter().map(|(dtype, bytes)| Arc::new(Buffer::of_bytes(bytes, *dtype))).collect();
        let mut nodes: Vec<Arc<Node>> = Vec::with_capacity(self.nodes.len());
        for wire in &self.nodes {
            let inputs = |places: &[usize]| -> Result<Vec<Arc<Node>>, Fault> {
                places
                    .iter()
                    .map(|at| nodes.get(*at).cloned().ok_or_else(|| Fault::new("an operand that is not there")))
                    .collect()
            };
            let kind = match &wire.kind {
                WireKind::Full(scalar) => Kind::Full(*scalar),
                WireKind::Memory { buffer, place } => {
                    let buffer = buffers.get(*buffer).ok_or_else(|| Fault::new("memory that did not come"))?;
                    Kind::Memory(Memory { buffer: Arc::clone(buffer), place: place.clone() })
                }
                WireKind::File { path, from, stamp, len, place } => {
                    let part = FilePart { path: path.clone(), from: *from, stamp: *stamp };
                    let buffer = mapped(part, *len, wire.dtype)?;
                    Kind::Memory(Memory { buffer: Arc::new(buffer), place: place.clone() })
                }
                WireKind::Made(made) => Kind::Made(made.clone()),
                WireKind::FromFn(at) => {
                    // SAFETY: by the caller's promise, here and below: it is the code that was placed there, which was of this type.
                    let fill = unsafe { std::mem::transmute::<*const (), Fill>(address(code, *at)?) };
                    Kind::Made(Made::FromFn(fill))
                }
                WireKind::Blocks(at) => {
                    // SAFETY: as above.
                    Kind::Blocks(unsafe { std::mem::transmute::<*const (), MakeBlock>(address(code, *at)?) })
                }
                WireKind::Parts(slot) => {
                    let parts = slots.get(*slot).ok_or_else(|| Fault::new("an array that did not come"))?;
                    Kind::Parts(Arc::clone(parts))
                }
                WireKind::Op(op, places) => Kind::Op(*op, inputs(places)?),
                WireKind::Closure { tile, params, name, inputs: places } => {
                    let params = match params {
                        None => Given::nothing(),
                        Some((read, bytes)) => {
                            // SAFETY: as above.
                            let read = unsafe { std::mem::transmute::<*const (), ReadParams>(address(code, *read)?) };
                            read(bytes)?
                        }
                    };
                    // SAFETY: as above.
                    let tile = unsafe { std::mem::transmute::<*const (), Tile>(address(code, *tile)?) };
                    Kind::Closure(Closure { tile, params, name: name.clone().into() }, inputs(places)?)
                }
                WireKind::View(view, at) => Kind::View(view.clone(), inputs(&[*at])?.swap_remove(0)),
            };
            let (shape, dtype, chunks) = (wire.shape.clone(), wire.dtype, wire.chunks.clone());
            nodes.push(Arc::new(Node { kind, shape, dtype, chunks, line: Line::Told(wire.line.as_str().into()) }));
        }
        Ok(nodes)
    }
}

fn address(code: &[*const ()], at: u32) -> Result<*const (), Fault> {
    code.get(at as usize)
        .copied()
        .filter(|code| !code.is_null())
        .ok_or_else(|| Fault::new("code that is not in the table"))
}

/// # Safety
/// As for [`Wire::job`].
unsafe fn reduction(which: Which, code: &[*const ()]) -> Result<Arc<dyn Reduction>, Fault> {
    let which = match which {
        Which::OwnAt { init, takes, fold, merge } => {
            let (fold, merge) = (address(code, fold)?, address(code, merge)?);
            // SAFETY: the caller's promise.
            let (fold, merge) = unsafe {
                (std::mem::transmute::<*const (), FoldPiece>(fold), std::mem::transmute::<*const (), MergeWords>(merge))
            };
            Which::Own(Own { init, takes, fold, merge })
        }
        which => which,
    };
    which.reduction().ok_or_else(|| Fault::new("a reduction of code that is not here"))
}

/// # Safety
/// As for [`Wire::job`].
unsafe fn read_whole(whole: &WireWhole, code: &[*const ()]) -> Result<Whole, Fault> {
    Ok(match whole {
        WireWhole::MatMul(dtype) => Whole::MatMul(*dtype),
        WireWhole::CumSum { axis, dtype, alone } => Whole::CumSum { axis: *axis, dtype: *dtype, alone: *alone },
        WireWhole::Stencil { border, code: at } => {
            // SAFETY: the caller's promise.
            let code = unsafe { std::mem::transmute::<*const (), StencilCode>(address(code, *at)?) };
            Whole::Stencil(Stencil { border: *border, code })
        }
        WireWhole::MapBlocks { chunk, code: at } => {
            // SAFETY: the caller's promise.
            let code = unsafe { std::mem::transmute::<*const (), BlockCode>(address(code, *at)?) };
            Whole::MapBlocks(MapBlocks { chunk: chunk.clone(), code })
        }
        WireWhole::Overlap { chunk, depth, border, code: at } => {
            // SAFETY: the caller's promise.
            let code = unsafe { std::mem::transmute::<*const (), OverlapCode>(address(code, *at)?) };
            Whole::Overlap(Overlap { chunk: chunk.clone(), depth: depth.clone(), border: *border, code })
        }
    })
}

/// An operand as parts: all of it, when it came with what is to be done.
fn parts_of(node: &Node) -> Result<Arc<Parts>, Fault> {
    match &node.kind {
        Kind::Parts(parts) => Ok(Arc::clone(parts)),
        Kind::Memory(memory) => {
            let all = super::shape::Region { start: vec![0; node.shape.len()], shape: node.shape.clone() };
            Ok(Arc::new(Parts::Here { row_order: false, parts: vec![(all, memory.clone())] }))
        }
        _ => Err(Fault::new("an operand that is not computed")),
    }
}

/// Maps a part of a file that another process has mapped, too.
fn mapped(part: FilePart, len: usize, dtype: DType) -> Result<Buffer, Fault> {
    let told = |what: &dyn std::fmt::Display| Fault::new(format!("{}: {what}", part.path.display()));
    let file = File::open(&part.path)
        .map_err(|e| told(&format_args!("the worker cannot read it: {e}; files have to be where workers see them")))?;
    if FilePart::stamp(&file).map_err(|e| told(&e))? != part.stamp {
        return Err(told(&"it is another file for the worker, or was changed since the array was made of it"));
    }
    // SAFETY: as when the notebook mapped it: the map is read as plain bytes.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| told(&format_args!("the worker cannot map it: {e}")))?;
    if part.from + len * dtype.size() > map.len() {
        return Err(told(&"it ends early"));
    }
    Ok(Buffer::of_file(map, part, len, dtype))
}
