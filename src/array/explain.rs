//! What computing an array will take: operations, chunks, bytes, memory; and whether there is so much. It runs
//! nothing.

use super::api::Array;
use super::node::{Kind, Node, Stage};
use super::plan::{Pass, Plan, What, Work};
use super::program::{From, Program, TILE, compile};
use super::shape::told;
use crate::display::{Display, MimeBundle, Table, escape, table};
use crate::error::Error;
use crate::rt;
use ferrolab_base::text::bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What computing an array will take: [`Array::explain`].
///
/// As the last expression of a cell it is a table; its text is what `{}` writes.
///
/// ```
/// use ferrolab::prelude::*;
/// let x = threads().array().random().normal([1000, 1000]);
/// let plan = (&x * &x).sum().explain();
/// assert_eq!((plan.passes(), plan.bytes_read(), plan.bytes_written()), (1, 0, 8));
/// assert!(plan.to_string().contains("sum"));
/// ```
#[derive(Debug, Clone)]
pub struct Explanation {
    passes: Vec<Told>,
    peak: u64,
    thread: u64,
}

/// One pass.
#[derive(Debug, Clone)]
struct Told {
    what: String,
    lines: String,
    operations: usize,
    shape: Vec<usize>,
    chunk: Vec<usize>,
    chunks: usize,
    tasks: usize,
    read: u64,
    written: u64,
}

impl Explanation {
    /// How often the program goes over elements.
    #[must_use]
    pub fn passes(&self) -> usize {
        self.passes.len()
    }

    /// Bytes that are read from memory and files.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.passes.iter().map(|pass| pass.read).sum()
    }

    /// Bytes that are written, of results and of what has to be complete between passes.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.passes.iter().map(|pass| pass.written).sum()
    }

    /// Bytes of memory for results and between passes, at the same time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Bytes of memory that each thread has besides: tiles and accumulators.
    #[must_use]
    pub fn peak_of_thread(&self) -> u64 {
        self.thread
    }

    pub(crate) fn of(plan: &Plan) -> Self {
        let passes = plan.work.iter().map(|work| match work {
            Work::Pass(pass) => told_pass(pass),
            Work::Whole(node) => told_whole(node),
        });
        let thread = plan.work.iter().map(|work| match work {
            Work::Pass(pass) => thread_bytes(pass, &program_of(pass)),
            Work::Whole(_) => 0,
        });
        Self { passes: passes.collect(), peak: peak(plan).0, thread: thread.max().unwrap_or(0) }
    }

    fn table(&self) -> Table {
        let head = ["pass", "of", "operations", "shape", "chunks", "tasks", "read", "written", "line"];
        let rows = self.passes.iter().enumerate().map(|(i, pass)| {
            vec![
                (i + 1).to_string(),
                pass.what.clone(),
                pass.operations.to_string(),
                told(&pass.shape),
                format!("{} of {}", pass.chunks, told(&pass.chunk)),
                pass.tasks.to_string(),
                bytes(pass.read),
                bytes(pass.written),
                pass.lines.clone(),
            ]
        });
        table(head, rows)
    }

    fn last_line(&self) -> String {
        format!("memory: {} for results and between passes, {} for each thread", bytes(self.peak), bytes(self.thread))
    }
}

impl std::fmt::Display for Explanation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.table(), self.last_line())
    }
}

impl Display for Explanation {
    fn mime_bundle(&self) -> MimeBundle {
        let html = self.table().html_with(&format!("<caption>{}</caption>", escape(&self.last_line())));
        vec![("text/html".to_owned(), html.into_bytes()), ("text/plain".to_owned(), self.to_string().into_bytes())]
    }
}

/// A pass's program as it will be, but for what earlier passes leave.
fn program_of(pass: &Pass) -> Program {
    let inputs: Vec<Arc<Node>> = pass.sinks.iter().map(|sink| Arc::clone(&sink.input)).collect();
    compile(&inputs, &|_| None)
}

fn told_pass(pass: &Pass) -> Told {
    let program = program_of(pass);
    let mut lines: Vec<String> = pass.sinks.iter().map(|sink| sink.node.line()).collect();
    lines.dedup();
    let shape = &pass.grid.shape;
    let elements: u64 = shape.iter().map(|n| *n as u64).product();
    let read = program.loads.iter().filter(|load| !matches!(load.from, From::Made(_)));
    let read = read.map(|load| elements * load.dtype.size() as u64).sum();
    let mut nodes = HashSet::new();
    let results = pass.sinks.iter().filter(|sink| nodes.insert(Arc::as_ptr(&sink.node)));
    let written = results.map(|sink| sink.node.bytes()).sum();
    let names: Vec<String> = pass.sinks.iter().map(|sink| sink.node.name()).collect();
    Told {
        what: names.join(", "),
        lines: lines.join(", "),
        operations: program.operations(),
        shape: shape.clone(),
        chunk: pass.grid.chunk.clone(),
        chunks: pass.grid.len(),
        tasks: pass.tasks(),
        read,
        written,
    }
}

fn told_whole(node: &Arc<Node>) -> Told {
    Told {
        what: node.name(),
        lines: node.line(),
        operations: 1,
        shape: node.shape.clone(),
        chunk: node.shape.clone(),
        chunks: 1,
        tasks: 1,
        read: node.inputs().iter().map(|input| input.bytes()).sum(),
        written: node.bytes(),
    }
}

/// Tiles, and accumulators of a task.
pub(super) fn thread_bytes(pass: &Pass, program: &Program) -> u64 {
    let sums: usize = pass.sinks.iter().map(|sink| accumulators(pass, &sink.what)).sum();
    let blocks: usize = program.loads.iter().filter(|load| matches!(load.from, From::Blocks(_))).count();
    let chunk: usize = pass.grid.chunk.iter().product();
    (program.slots * TILE * 8 + sums + blocks * chunk * 8) as u64
}

/// Bytes of a sink's accumulators in a chunk.
fn accumulators(pass: &Pass, what: &What) -> usize {
    let What::Reduce { reduction, along, .. } = what else { return 0 };
    let kept = along.iter().zip(&pass.grid.chunk).filter(|(along, _)| !**along).map(|(_, n)| *n).product::<usize>();
    kept * reduction.words() * 8
}

/// The most memory that results and what lies between take together, and the work that takes it.
fn peak(plan: &Plan) -> (u64, usize) {
    let mut held: HashMap<*const Node, u64> = HashMap::new();
    let (mut most, mut worst) = (0, 0);
    for (at, work) in plan.work.iter().enumerate() {
        let extra = match work {
            Work::Pass(pass) => {
                held.extend(pass.sinks.iter().map(|sink| (Arc::as_ptr(&sink.node), sink.node.bytes())));
                let (groups, across) = pass.counts();
                let each = pass.sinks.iter().map(|sink| accumulators(pass, &sink.what));
                each.sum::<usize>() as u64 * (groups * across) as u64
            }
            Work::Whole(node) => {
                held.insert(Arc::as_ptr(node), node.bytes());
                match &node.kind {
                    Kind::Stage(Stage::Whole(whole), _) => whole.extra(node.dtype),
                    _ => 0,
                }
            }
        };
        let now = held.values().sum::<u64>() + extra;
        if now > most {
            (most, worst) = (now, at);
        }
        for node in &plan.over[at] {
            held.remove(node);
        }
    }
    (most, worst)
}

/// Is there so much memory? Asked before anything runs.
///
/// # Errors
/// When there is not: with the operation that takes most, and what would fit.
pub(super) fn affordable(plan: &Plan) -> Result<(), Error> {
    let (most, worst) = peak(plan);
    // What is small needs no look at the system.
    const SMALL: u64 = 64 << 20;
    if most <= SMALL {
        return Ok(());
    }
    let Some(free) = rt::memory_available() else { return Ok(()) };
    if most <= free {
        return Ok(());
    }
    let (name, line, shape) = match &plan.work[worst] {
        Work::Pass(pass) => {
            let sink = &pass.sinks[0];
            let node = sink.named();
            (node.name(), node.line(), &sink.node.shape)
        }
        Work::Whole(node) => (node.name(), node.line(), &node.shape),
    };
    Err(Error::refused(format!(
        "{name} ({line}) of shape {} would take {} of memory with what it is computed from, and {} is free: compute a part \
         of it (`.slice(s![..])`), {}, reduce it (`.sum_axis(0)`), or write it to a file (`.to_npy(path)`)",
        told(shape),
        bytes(most),
        bytes(free),
        fitting(shape, free, most)
    )))
}

/// How much of a shape fits, in words.
fn fitting(shape: &[usize], free: u64, most: u64) -> String {
    let rows = shape.first().copied().unwrap_or(1);
    match (rows as f64 * free as f64 / most as f64) as usize {
        0 => "not one row of which fits".to_owned(),
        some => format!("at most {some} of its {rows} rows"),
    }
}

impl<T, D> Array<T, D> {
    /// What computing it will take: passes, operations, chunks, bytes read and written, memory. Nothing is computed.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().ones::<f64, _>([1000, 1000]);
    /// let plan = (&x - x.mean()).std(0).explain();
    /// // The mean, the variance of what differs from it, and its root.
    /// assert_eq!(plan.passes(), 3);
    /// ```
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation::of(&self.on.plan(&self.node))
    }
}
