//! In which order an array is computed: passes over its parts, each of which reads sources, runs a program over
//! tiles, and stores or reduces what comes out. Nothing runs here.

use super::node::{Kind, Node, Stage, stored};
use super::reduce::Reduction;
use super::shape::{Affine, Chunked, row_major};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Partial results of everything, at most: as in [`crate::par`].
const BLOCKS: usize = 4096;
/// Elements of a chunk that nobody chose: no fewer, for what a chunk costs by itself; and of one that is written to a
/// file, no more, since it is in memory until then.
const LEAST: usize = 1 << 15;
const MOST: usize = 1 << 20;
/// Bytes of accumulators that are kept for each chunk of its own; larger ones are for groups of chunks.
const SMALL: usize = 1 << 12;
/// Bytes of the accumulators of all groups together, unless that left fewer tasks than [`GROUPS`]: they are fresh memory, whose
/// first touch costs more than adding to it.
const ALL: usize = 4 << 20;
/// So many threads have a task at the same time, at least, where there are as many chunks.
const GROUPS: usize = 128;

/// What happens to what a program makes of the chunks.
pub(crate) struct Sink {
    /// Whose result it is.
    pub(crate) node: Arc<Node>,
    /// What the program computes for it.
    pub(crate) input: Arc<Node>,
    pub(crate) what: What,
}

impl Sink {
    /// The node whose name says what it is: what is stored says more than that it is, and what is seen more than how.
    pub(crate) fn named(&self) -> &Arc<Node> {
        let mut node = if matches!(self.node.kind, Kind::Stage(Stage::Store, _)) { &self.input } else { &self.node };
        while let Kind::View(_, below) = &node.kind {
            node = below;
        }
        node
    }
}

pub(crate) enum What {
    /// To the place of the result's memory that this says of an index.
    Store(Affine),
    /// Chunk by chunk, where it was computed: the input begins at this index of the result, or the result has another shape, and
    /// the chunks are stretches of row order.
    Keep(Option<Vec<usize>>),
    /// To a file.
    Write(Arc<super::npy::Target>),
    Reduce {
        reduction: Arc<dyn Reduction>,
        along: Vec<bool>,
        by_chunk: bool,
    },
}

impl What {
    /// Does it make few elements of many, and leave no chunks?
    pub(crate) fn reduces(&self) -> bool {
        matches!(self, Self::Reduce { .. })
    }
}

/// One way through a domain.
pub(crate) struct Pass {
    pub(crate) grid: Chunked,
    /// Axes whose chunks come one after the other in a task.
    pub(crate) along: Vec<bool>,
    /// So many of these are one task's.
    pub(crate) group: usize,
    pub(crate) sinks: Vec<Sink>,
}

/// What is done together: one after the other, in this order.
pub(crate) enum Work {
    Pass(Pass),
    /// What a node does by itself.
    Whole(Arc<Node>),
}

/// All that is to be done, and when results are not needed any more.
pub struct Plan {
    pub(crate) roots: Vec<Arc<Node>>,
    pub(crate) work: Vec<Work>,
    /// For each work, the nodes whose results are used by it for the last time.
    pub(crate) over: Vec<Vec<*const Node>>,
}

/// Where results are kept that are larger than a number or a row, when they do not lie in the memory of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart {
    /// Bytes of a chunk that nobody chose.
    pub(crate) bytes: usize,
    /// Chunks that there are of one, at least.
    pub(crate) least: usize,
    /// The nodes that are wanted stay there as well.
    pub(crate) wanted: bool,
}

impl Plan {
    /// What is to be done until these nodes are in memory.
    pub(crate) fn new(nodes: &[Arc<Node>]) -> Self {
        Self::made(nodes, None)
    }

    /// What is to be done where results lie apart.
    pub(crate) fn apart(nodes: &[Arc<Node>], apart: Apart) -> Self {
        Self::made(nodes, Some(apart))
    }

    fn made(nodes: &[Arc<Node>], apart: Option<Apart>) -> Self {
        let roots: Vec<Arc<Node>> = nodes.iter().map(stored).collect();
        let mut levels = Levels::default();
        for root in &roots {
            levels.visit(root);
        }
        let mut work = Vec::new();
        let mut used = Vec::new();
        levels
            .stages
            .iter()
            .flatten()
            .for_each(|node| node.inputs().iter().for_each(|input| results(input, &mut used)));
        let used: HashSet<*const Node> = used.into_iter().collect();
        let fetched = |node: &Arc<Node>| !used.contains(&Arc::as_ptr(node)) && apart.is_some_and(|apart| !apart.wanted);
        for nodes in levels.stages {
            work.extend(level(nodes, &|node| apart.filter(|_| !fetched(node))));
        }
        let over = over(&work, &roots);
        Self { roots, work, over }
    }
}

/// Stages by how many others have to be complete before.
#[derive(Default)]
struct Levels {
    depth: HashMap<*const Node, usize>,
    stages: Vec<Vec<Arc<Node>>>,
}

impl Levels {
    /// Those below first; a chain may be longer than a stack is deep, so what is waited for is on a list.
    fn visit(&mut self, node: &Arc<Node>) {
        let mut waiting = vec![Arc::clone(node)];
        while let Some(node) = waiting.pop() {
            let key = Arc::as_ptr(&node);
            if self.depth.contains_key(&key) {
                continue;
            }
            let below: Option<Vec<usize>> =
                node.inputs().iter().map(|input| self.depth.get(&Arc::as_ptr(input)).copied()).collect();
            let Some(below) = below else {
                waiting.push(Arc::clone(&node));
                waiting.extend(node.inputs().iter().cloned());
                continue;
            };
            let mut depth = below.into_iter().max().unwrap_or(0);
            if matches!(node.kind, Kind::Stage(..)) {
                if self.stages.len() == depth {
                    self.stages.push(Vec::new());
                }
                self.stages[depth].push(node);
                depth += 1;
            }
            self.depth.insert(key, depth);
        }
    }
}

/// Works of one level, those over the same domain in one.
fn level(nodes: Vec<Arc<Node>>, apart: &dyn Fn(&Arc<Node>) -> Option<Apart>) -> Vec<Work> {
    let (mut passes, mut wholes): (Vec<Pass>, Vec<Work>) = (Vec::new(), Vec::new());
    for node in nodes {
        let Kind::Stage(stage, inputs) = &node.kind else { unreachable!("levels are of stages") };
        match stage {
            Stage::Whole(_) => wholes.push(Work::Whole(node)),
            Stage::Store if apart(&node).is_some() => {
                let what = What::Keep((inputs[0].shape == node.shape).then(|| vec![0; node.shape.len()]));
                place(&mut passes, Sink { input: Arc::clone(&inputs[0]), what, node: Arc::clone(&node) }, apart(&node));
            }
            Stage::Store => {
                let to = Affine { offset: 0, steps: row_major(&inputs[0].shape) };
                place(&mut passes, Sink { input: Arc::clone(&inputs[0]), what: What::Store(to), node }, None);
            }
            Stage::Write(target) => {
                let what = What::Write(Arc::clone(target));
                place(&mut passes, Sink { input: Arc::clone(&inputs[0]), what, node }, None);
            }
            Stage::Concatenate { axis } => {
                let (steps, mut before) = (row_major(&node.shape), 0);
                for input in inputs {
                    let apart = apart(&node);
                    let what = match apart {
                        Some(_) => {
                            What::Keep(Some((0..steps.len()).map(|k| if k == *axis { before } else { 0 }).collect()))
                        }
                        None => What::Store(Affine { offset: before as isize * steps[*axis], steps: steps.clone() }),
                    };
                    before += input.shape[*axis];
                    place(&mut passes, Sink { node: Arc::clone(&node), input: Arc::clone(input), what }, apart);
                }
            }
            Stage::Reduce { reduction, axes } => {
                let input = Arc::clone(&inputs[0]);
                let all = axes.is_empty();
                let along: Vec<bool> = (0..input.shape.len()).map(|axis| all || axes.contains(&axis)).collect();
                let by_chunk = all && reduction.words() * 8 <= SMALL;
                let what = What::Reduce { reduction: Arc::clone(reduction), along, by_chunk };
                place(&mut passes, Sink { node, input, what }, None);
            }
        }
    }
    passes.into_iter().map(Work::Pass).chain(wholes).collect()
}

/// Puts a sink where it can go along, or into a pass of its own.
fn place(passes: &mut Vec<Pass>, sink: Sink, apart: Option<Apart>) {
    let own = pass_of(&sink, apart);
    let fits = |pass: &&mut Pass| {
        let order = match &sink.what {
            // These do not depend on the order of chunks.
            What::Store(_) | What::Write(_) | What::Reduce { by_chunk: true, .. } => true,
            // Nor do these, but each is a result of its own.
            What::Keep(_) => pass.group == 1,
            What::Reduce { .. } => pass.along == own.along && pass.group == own.group,
        };
        order && pass.grid == own.grid
    };
    // What depends on the order decides it, so that it may come second.
    let free = |pass: &Pass| {
        let decided = |sink: &Sink| matches!(sink.what, What::Reduce { by_chunk: false, .. } | What::Keep(_));
        !pass.sinks.iter().any(decided)
    };
    if let Some(pass) = passes.iter_mut().find(fits) {
        return pass.sinks.push(sink);
    }
    if let Some(pass) = passes.iter_mut().find(|pass| pass.grid == own.grid && free(pass)) {
        (pass.along, pass.group) = (own.along, own.group);
        return pass.sinks.push(sink);
    }
    passes.push(Pass { sinks: vec![sink], ..own });
}

/// The way of a sink alone. It depends on shapes and chunks only, and for what is kept on how large chunks may be.
fn pass_of(sink: &Sink, apart: Option<Apart>) -> Pass {
    let shape = &sink.input.shape;
    let grid = match &sink.input.chunks {
        Some(chunk) if matches!(sink.what, What::Keep(None)) => Chunked::rows(shape, chunk.iter().product()),
        Some(chunk) => Chunked::new(shape, chunk),
        None if apart.is_some() => kept(sink, apart),
        None => {
            let most = if matches!(sink.what, What::Write(_)) { MOST } else { usize::MAX };
            Chunked::rows(shape, (sink.input.len() / BLOCKS).clamp(LEAST, most))
        }
    };
    let every = vec![true; shape.len()];
    let (along, group) = match &sink.what {
        What::Reduce { reduction, along, by_chunk: false } => {
            let many = (0..shape.len()).filter(|axis| along[*axis]).map(|axis| grid.counts[axis]).product::<usize>();
            let kept = (0..shape.len()).filter(|axis| !along[*axis]).map(|axis| shape[axis]).product::<usize>();
            let across = (0..shape.len()).filter(|axis| !along[*axis]).map(|axis| grid.counts[axis]).product::<usize>();
            let bytes = (kept * reduction.words() * 8).max(1);
            let least = (GROUPS / across.max(1)).max(1);
            (along.clone(), many.div_ceil((ALL / bytes).clamp(least, BLOCKS)).max(1))
        }
        _ => (every, 1),
    };
    Pass { grid, along, group, sinks: Vec::new() }
}

/// Chunks of what is kept: some of those that a reduction of it would have, so that each of these lies in one.
fn kept(sink: &Sink, apart: Option<Apart>) -> Chunked {
    let shape = &sink.input.shape;
    let fine = Chunked::rows(shape, (sink.input.len() / BLOCKS).max(LEAST));
    let Some(apart) = apart else { return fine };
    let most = (apart.bytes / sink.input.dtype.size()).max(1);
    let wanted = (sink.input.len() / apart.least.max(1)).clamp(1 << 16, most.max(1 << 16));
    let mut chunk = fine.chunk.clone();
    let mut room = (wanted / chunk.iter().product::<usize>().max(1)).max(1);
    for axis in (0..shape.len()).rev() {
        let grow = room.min(fine.counts[axis].max(1));
        chunk[axis] = (chunk[axis] * grow).clamp(1, shape[axis].max(1));
        room /= grow;
        if grow < fine.counts[axis] {
            break;
        }
    }
    Chunked::new(shape, &chunk)
}

/// Which results are used last where.
fn over(work: &[Work], roots: &[Arc<Node>]) -> Vec<Vec<*const Node>> {
    let mut last: HashMap<*const Node, usize> = HashMap::new();
    for (at, work) in work.iter().enumerate() {
        let mut uses = Vec::new();
        match work {
            Work::Whole(node) => node.inputs().iter().for_each(|input| results(input, &mut uses)),
            Work::Pass(pass) => pass.sinks.iter().for_each(|sink| results(&sink.input, &mut uses)),
        }
        last.extend(uses.into_iter().map(|node| (node, at)));
    }
    let mut over = vec![Vec::new(); work.len()];
    for (node, at) in last {
        if !roots.iter().any(|root| Arc::as_ptr(root) == node) {
            over[at].push(node);
        }
    }
    over
}

/// The stages whose results are read when a node is computed.
pub(crate) fn results(node: &Arc<Node>, found: &mut Vec<*const Node>) {
    let (mut waiting, mut seen) = (vec![node], HashSet::new());
    while let Some(node) = waiting.pop() {
        if !seen.insert(Arc::as_ptr(node)) {
            continue;
        }
        match node.kind {
            Kind::Stage(..) => found.push(Arc::as_ptr(node)),
            _ => waiting.extend(node.inputs()),
        }
    }
}

impl Pass {
    /// How many axes' chunks along and across there are: tasks for each place across, places across.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let product = |along: bool| {
            let axes = self.along.iter().zip(&self.grid.counts).filter(|(own, _)| **own == along);
            axes.map(|(_, count)| *count).product::<usize>()
        };
        (product(true).div_ceil(self.group), product(false))
    }

    /// What it is called: its results, with the lines that want them.
    pub(crate) fn names(&self) -> String {
        let name = |sink: &Sink| format!("{} ({})", sink.named().name(), sink.node.line());
        self.sinks.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Tasks, each of one or several chunks.
    pub(crate) fn tasks(&self) -> usize {
        let (groups, across) = self.counts();
        groups * across
    }

    /// The chunks of a task, by their numbers in the grid.
    pub(crate) fn chunks(&self, task: usize) -> impl Iterator<Item = usize> {
        let (groups, _) = self.counts();
        let all: usize =
            self.along.iter().zip(&self.grid.counts).filter(|(along, _)| **along).map(|(_, n)| *n).product();
        let (across, first) = (task / groups, task % groups * self.group);
        (first..(first + self.group).min(all)).map(move |along| self.number(across, along))
    }

    /// The number of the chunk at a place across and along.
    fn number(&self, across: usize, along: usize) -> usize {
        let (mut across, mut along) = (across, along);
        let steps = row_major(&self.grid.counts);
        let mut number = 0;
        for axis in (0..self.along.len()).rev() {
            let left = if self.along[axis] { &mut along } else { &mut across };
            number += *left % self.grid.counts[axis] * steps[axis] as usize;
            *left /= self.grid.counts[axis];
        }
        number
    }
}
