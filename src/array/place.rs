//! Where arrays are computed: what a place does with nodes, and the place that is always there, the threads of this process. A
//! cluster is one, too, and is not known here.

use super::buffer::Memory;
use super::node::{Kind, Line, Node, Stage};
use super::plan::Plan;
use super::run;
use crate::error::Error;
use crate::par::Par;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// Where arrays are computed.
pub trait Place: Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Computes nodes together; their elements in memory here, rows one after the other. A node that writes leaves nothing.
    ///
    /// # Errors
    /// As for [`Array::compute`](super::Array::compute).
    ///
    /// # Panics
    /// With the payload [`crate::rt::Interrupted`] when the user interrupts.
    fn compute(&self, nodes: &[Arc<Node>]) -> Result<Vec<Memory>, Error>;

    /// Computes a node; one that has its elements where they were computed.
    ///
    /// # Errors
    /// As for [`Place::compute`].
    fn persist(&self, node: &Arc<Node>, line: Line) -> Result<Arc<Node>, Error>;

    /// What will be done for a node.
    fn plan(&self, node: &Arc<Node>) -> Plan;

    /// The place, showing no progress bar.
    fn quiet(&self) -> Arc<dyn Place>;

    /// The place, with a name for its work.
    fn message(&self, text: &str) -> Arc<dyn Place>;

    /// As cards call it.
    fn name(&self) -> &'static str;
}

/// The threads of this process.
#[derive(Debug, Clone)]
pub(crate) struct OnThreads {
    pub(crate) par: Par,
}

impl Place for OnThreads {
    fn compute(&self, nodes: &[Arc<Node>]) -> Result<Vec<Memory>, Error> {
        run::compute(nodes, &self.par)
    }

    fn persist(&self, node: &Arc<Node>, line: Line) -> Result<Arc<Node>, Error> {
        let mut memories = run::compute(std::slice::from_ref(node), &self.par)?;
        let memory = memories.pop().ok_or_else(|| Error::lost("nothing was computed"))?;
        Ok(persisted(node, Kind::Memory(memory), line))
    }

    fn plan(&self, node: &Arc<Node>) -> Plan {
        Plan::new(std::slice::from_ref(node))
    }

    fn quiet(&self) -> Arc<dyn Place> {
        Arc::new(Self { par: self.par.clone().quiet() })
    }

    fn message(&self, text: &str) -> Arc<dyn Place> {
        Arc::new(Self { par: self.par.clone().message(text) })
    }

    fn name(&self) -> &'static str {
        "threads"
    }
}

/// A node that stands for another one, which was computed.
pub(crate) fn persisted(node: &Node, kind: Kind, line: Line) -> Arc<Node> {
    let (shape, dtype, chunks) = (node.shape.clone(), node.dtype, node.chunks.clone());
    Arc::new(Node { kind, shape, dtype, chunks, line })
}

/// Refuses nodes that are made of what lies with workers of a cluster, where there is no way to it.
pub(super) fn only_here(nodes: &[Arc<Node>]) -> Result<(), Error> {
    let (mut waiting, mut seen) = (nodes.to_vec(), std::collections::HashSet::new());
    while let Some(node) = waiting.pop() {
        if !seen.insert(Arc::as_ptr(&node)) {
            continue;
        }
        if let Kind::Parts(_) = node.kind {
            let line = node.line();
            return Err(Error::refused(format!(
                "an array of shape {:?} was persisted on a cluster ({line}), and threads have no way to it: begin with the \
                 cluster's array (`there + here`, not `here + there`), or take it here with `.compute()`",
                node.shape
            )));
        }
        waiting.extend(node.inputs().iter().cloned());
    }
    Ok(())
}

/// A node that writes another one to a file.
pub(super) fn writing(node: &Arc<Node>, target: Arc<super::npy::Target>, line: Line) -> Arc<Node> {
    let kind = Kind::Stage(Stage::Write(target), vec![Arc::clone(node)]);
    Arc::new(Node { kind, shape: vec![0], dtype: super::element::DType::U8, chunks: None, line })
}
