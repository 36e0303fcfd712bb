//! What an array is before it is computed: a node of a small program, with its shape, and the line of the
//! user's that made it. Not generic; what it computes is for `plan` and `program`.

use super::buffer::Memory;
use super::element::{DType, Scalar};
use super::ops::{Op, Tile};
use super::parts::Parts;
use super::reduce::Reduction;
use super::shape::{View, count, told};
use super::whole::Whole;
use crate::random::Positions;
use crate::rt;
use crate::value::Fault;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

/// Parameters that closures are called with, whatever they are.
pub(crate) type Params = Arc<dyn Any + Send + Sync>;

/// A node: shared by all arrays that are computed from it.
pub struct Node {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    /// How the user wants it cut; `None` when nobody said.
    pub(crate) chunks: Option<Vec<usize>>,
    /// The line that made it.
    pub(crate) line: Line,
}

/// A line of the user's: in code of this process, or as another process told it.
#[derive(Debug, Clone)]
pub enum Line {
    Own(&'static Location<'static>),
    Told(Arc<str>),
}

impl Line {
    /// The line that called who calls this.
    #[track_caller]
    pub(crate) fn of_caller() -> Self {
        Self::Own(Location::caller())
    }

    /// As the user knows it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Own(place) => rt::place(place),
            Self::Told(text) => text.to_string(),
        }
    }
}

impl Drop for Node {
    /// A chain may be longer than a stack is deep, so nodes that end with this one are dropped from a list.
    fn drop(&mut self) {
        fn below(kind: &mut Kind) -> Vec<Arc<Node>> {
            match kind {
                Kind::Op(_, inputs) | Kind::Closure(_, inputs) | Kind::Stage(_, inputs) => std::mem::take(inputs),
                Kind::View(_, input) => vec![Arc::clone(input)],
                _ => Vec::new(),
            }
        }
        let mut ending = below(&mut self.kind);
        if matches!(self.kind, Kind::View(..)) {
            self.kind = Kind::Full(Scalar::of(0u8));
        }
        while let Some(node) = ending.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                ending.extend(below(&mut node.kind));
                if matches!(node.kind, Kind::View(..)) {
                    node.kind = Kind::Full(Scalar::of(0u8));
                }
            }
        }
    }
}

// Nothing in a node changes once it is made, so a panic leaves none half changed.
impl std::panic::UnwindSafe for Node {}
impl std::panic::RefUnwindSafe for Node {}

/// How the elements of a node come about.
pub(crate) enum Kind {
    /// The same everywhere.
    Full(Scalar),
    Memory(Memory),
    /// From where they are.
    Made(Made),
    /// A block at a time, by a user's closure.
    Blocks(MakeBlock),
    /// Computed already, in parts that lie somewhere.
    Parts(Arc<Parts>),
    Op(Op, Vec<Arc<Node>>),
    Closure(Closure, Vec<Arc<Node>>),
    View(View, Arc<Node>),
    /// What has to be complete before anything of it is used.
    Stage(Stage, Vec<Arc<Node>>),
}

/// Elements that depend on their index alone.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Made {
    /// `start + step · place`; in floats when `start` is one.
    Arange { start: Scalar, step: Scalar },
    /// From `start` to `stop`, `n` numbers.
    Linspace { start: f64, stop: f64, n: usize },
    /// `mean + std · z`.
    Normal { from: Positions, mean: f64, std: f64 },
    /// From `low` to `high`.
    Uniform { from: Positions, low: f64, high: f64 },
    /// Whole numbers: `span` of them from `low` on.
    Integers { from: Positions, low: i64, span: u64 },
    /// What a closure says of the index. Code travels by itself, and what does not travel comes last.
    #[serde(skip)]
    FromFn(Fill),
}

/// A closure over indices, compiled into a loop: `n` elements from the index `at`, in steps of `step` for each axis.
///
/// # Safety (of every call)
/// `at` and `step` have as many numbers as the closure's array has axes; there is room for `n` elements at `out`.
pub(crate) type Fill = unsafe fn(n: usize, at: *const isize, step: *const isize, out: *mut u8);

/// A closure over elements, compiled into a loop, and its parameters.
#[derive(Clone)]
pub(crate) struct Closure {
    pub(crate) tile: Tile,
    pub(crate) params: Given,
    pub(crate) name: Cow<'static, str>,
}

/// Parameters of a closure, where they are, and how they travel.
#[derive(Clone)]
pub(crate) struct Given {
    /// Held for `at`, which points into it.
    pub(crate) params: Params,
    /// Where the parameters are: as the loop wants them.
    pub(crate) at: Address,
    /// None of a closure without parameters.
    pub(crate) travel: Option<Travel>,
}

impl Given {
    /// No parameters.
    pub(crate) fn nothing() -> Self {
        Self { params: Arc::new(()), at: Address(std::ptr::null()), travel: None }
    }
}

/// How parameters of one type become bytes, and parameters again.
#[derive(Clone, Copy)]
pub(crate) struct Travel {
    pub(crate) write: fn(&Params) -> Result<Vec<u8>, Fault>,
    pub(crate) read: ReadParams,
}

/// Reads parameters of one type.
pub(crate) type ReadParams = fn(&[u8]) -> Result<Given, Fault>;

/// An address within parameters that are shared, and so do not move.
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) *const u8);
// SAFETY: what it points to can be shared, by the bounds of those who make one.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

/// A closure that makes a block, compiled: the elements of a region, rows one after the other; or what is wrong with them.
pub(crate) type MakeBlock = fn(start: &[usize], shape: &[usize]) -> Result<Memory, String>;

/// What is computed as a whole.
pub(crate) enum Stage {
    /// Along axes; of everything when there are all of them.
    Reduce { reduction: Arc<dyn Reduction>, axes: Vec<usize> },
    /// All elements in memory, rows one after the other; the shape may be another one.
    Store,
    /// One after the other along an axis.
    Concatenate { axis: usize },
    /// To a file; nothing is left in memory.
    Write(Arc<super::npy::Target>),
    /// By a function of its own.
    Whole(Whole),
}

impl Node {
    /// A node of this shape.
    ///
    /// # Panics
    /// When it has more elements than can be counted.
    #[track_caller]
    pub(crate) fn new(kind: Kind, shape: Vec<usize>, dtype: DType) -> Arc<Self> {
        let chunks = chunks_of(&kind, &shape);
        Self::chunked(kind, shape, dtype, chunks)
    }

    /// A node that is cut like this.
    ///
    /// # Panics
    /// As [`Self::new`].
    #[track_caller]
    pub(crate) fn chunked(kind: Kind, shape: Vec<usize>, dtype: DType, chunks: Option<Vec<usize>>) -> Arc<Self> {
        let counted = count(&shape).and_then(|n| n.checked_mul(dtype.size()));
        assert!(counted.is_some(), "an array of shape {} has more elements than can be counted", told(&shape));
        Arc::new(Self { kind, shape, dtype, chunks, line: Line::of_caller() })
    }

    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub(crate) fn bytes(&self) -> u64 {
        (self.len() * self.dtype.size()) as u64
    }

    /// What it is computed from.
    pub(crate) fn inputs(&self) -> &[Arc<Self>] {
        match &self.kind {
            Kind::Op(_, inputs) | Kind::Closure(_, inputs) | Kind::Stage(_, inputs) => inputs,
            Kind::View(_, input) => std::slice::from_ref(input),
            Kind::Full(_) | Kind::Memory(_) | Kind::Made(_) | Kind::Blocks(_) | Kind::Parts(_) => &[],
        }
    }

    /// As plans call it.
    pub(crate) fn name(&self) -> String {
        match &self.kind {
            Kind::Full(_) => "full".to_owned(),
            Kind::Memory(memory) if memory.buffer.is_file() => "file".to_owned(),
            Kind::Memory(_) => "memory".to_owned(),
            Kind::Made(made) => match made {
                Made::Arange { .. } => "arange",
                Made::Linspace { .. } => "linspace",
                Made::Normal { .. } => "normal",
                Made::Uniform { .. } => "uniform",
                Made::Integers { .. } => "integers",
                Made::FromFn(_) => "from_fn",
            }
            .to_owned(),
            Kind::Blocks(_) => "from_blocks".to_owned(),
            Kind::Parts(_) => "persisted".to_owned(),
            Kind::Op(op, _) => op.name(),
            Kind::Closure(closure, _) => closure.name.clone().into_owned(),
            Kind::View(..) => "view".to_owned(),
            Kind::Stage(stage, _) => match stage {
                Stage::Reduce { reduction, axes } if axes.is_empty() => reduction.name(),
                Stage::Reduce { reduction, axes } => format!("{} along {}", reduction.name(), told(axes)),
                Stage::Store => "store".to_owned(),
                Stage::Concatenate { .. } => "concatenate".to_owned(),
                Stage::Write(_) => "to_npy".to_owned(),
                Stage::Whole(whole) => whole.name(),
            },
        }
    }

    /// The user's line.
    pub(crate) fn line(&self) -> String {
        self.line.text()
    }
}

/// A node whose elements are in memory when its pass is over: this one, if that is so, else one that stores it.
pub(crate) fn stored(node: &Arc<Node>) -> Arc<Node> {
    let there = match &node.kind {
        Kind::Memory(memory) => memory.is_whole(&node.shape) && memory.is_aligned(),
        Kind::Stage(..) => true,
        Kind::Parts(_) => true,
        _ => false,
    };
    if there {
        return Arc::clone(node);
    }
    let kind = Kind::Stage(Stage::Store, vec![Arc::clone(node)]);
    let (shape, dtype, chunks, line) = (node.shape.clone(), node.dtype, node.chunks.clone(), node.line.clone());
    Arc::new(Node { kind, shape, dtype, chunks, line })
}

/// The chunks that operands of the same shape were given.
fn chunks_of(kind: &Kind, shape: &[usize]) -> Option<Vec<usize>> {
    match kind {
        Kind::Op(_, inputs) | Kind::Closure(_, inputs) => {
            inputs.iter().filter(|input| input.shape == shape).find_map(|input| input.chunks.clone())
        }
        _ => None,
    }
}
