//! One computation of arrays on a cluster: the works of its plan, one after the other. What a work leaves stands for its node in the
//! next ones: memory of the notebook, or parts that lie on workers.

use super::held::Held;
use super::memory::Workers;
use super::programs::Programs;
use crate::array::gather::Rooms;
use crate::array::node::{Kind, Node};
use crate::array::parts::{Layout, Parts};
use crate::array::persisted;
use crate::array::plan::{Plan, What, Work};
use crate::array::shape::Chunked;
use crate::array::wire::{Codes, Wire, Writer};
use crate::cluster::Cluster;
use crate::executor::Error;
use crate::rt;
use crate::value::Fault;
use ferrolab_base::text::bytes;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Grids and where they begin, and for each of their chunks who has it.
type Joining = (Vec<(Vec<usize>, Chunked)>, Vec<(u32, u32)>);

/// A computation on its way.
pub(super) struct Computation<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) plan: &'a Plan,
    pub(super) workers: &'a Workers,
    pub(super) codes: Codes,
    /// What stands for nodes that are complete.
    pub(super) standing: HashMap<*const Node, Arc<Node>>,
    /// Nodes that are made here, which the map above knows by their addresses.
    pub(super) made: Vec<Arc<Node>>,
    pub(super) rooms: Rooms,
    /// Arrays that are put together, as far as they are.
    pub(super) joining: HashMap<*const Node, Joining>,
    pub(super) programs: Option<Programs>,
    /// What is wanted comes to the notebook.
    here: bool,
    /// Programs whose results stay when all is over.
    pub(super) stays: Vec<u32>,
}

pub(super) fn unsendable(fault: Fault) -> Error {
    Error::unsendable(format!("the work of an array cannot be sent: {fault}"))
}

impl<'a> Computation<'a> {
    pub(super) fn new(cluster: &'a Cluster, plan: &'a Plan, workers: &'a Workers, here: bool) -> Self {
        Self {
            cluster,
            plan,
            workers,
            codes: Codes::of(plan),
            standing: HashMap::new(),
            made: Vec::new(),
            rooms: Rooms::default(),
            joining: HashMap::new(),
            programs: None,
            here,
            stays: Vec::new(),
        }
    }

    /// Does work, and lets go of all that does not stay, whatever came of it.
    pub(super) fn ended<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        let ran = catch_unwind(AssertUnwindSafe(|| work(self)));
        let stays = std::mem::take(&mut self.stays);
        if let Some(programs) = &mut self.programs {
            programs.leave(if matches!(ran, Ok(Ok(_))) { stays } else { Vec::new() });
        }
        ran.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Does all works.
    ///
    /// # Panics
    /// With the payload [`rt::Interrupted`] when the user interrupts.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        self.affordable()?;
        self.upload()?;
        let plan = self.plan;
        for (at, (work, over)) in plan.work.iter().zip(&plan.over).enumerate() {
            match work {
                Work::Pass(pass) => self.pass(pass, &plan.work[at + 1..])?,
                Work::Whole(node) => self.whole(node)?,
            }
            for node in over {
                self.forget(*node)?;
            }
        }
        Ok(())
    }

    /// Is there memory for what stays on workers, and here for what is wanted?
    fn affordable(&self) -> Result<(), Error> {
        let mut held: HashMap<*const Node, u64> = HashMap::new();
        for (work, over) in self.plan.work.iter().zip(&self.plan.over) {
            let kept: Vec<&Arc<Node>> = match work {
                Work::Pass(pass) => {
                    pass.sinks.iter().filter(|sink| matches!(sink.what, What::Keep(_))).map(|sink| &sink.node).collect()
                }
                Work::Whole(node) => vec![node],
            };
            for node in kept {
                held.insert(Arc::as_ptr(node), node.bytes());
                self.workers.affords_all(node, held.values().sum())?;
            }
            over.iter().for_each(|node| _ = held.remove(node));
        }
        let wanted: u64 = self.plan.roots.iter().map(|root| root.bytes()).sum();
        let root = self.plan.roots.first().filter(|_| self.here);
        let (Some(root), Some(free)) = (root, rt::memory_available()) else { return Ok(()) };
        if wanted <= free {
            return Ok(());
        }
        Err(Error::refused(format!(
            "{} ({}) of shape {:?} would take {} of the notebook's memory, and {} is free: keep it on the workers \
             (`.persist()`), compute a part of it (`.slice(s![..])`), reduce it, or write it to a file (`.to_npy(path)`)",
            root.name(),
            root.line(),
            root.shape,
            bytes(wanted),
            bytes(free)
        )))
    }

    pub(super) fn programs(&mut self) -> Result<&mut Programs, Error> {
        if self.programs.is_none() {
            self.programs = Some(Programs::open(self.cluster, &self.codes)?);
        }
        self.programs.as_mut().ok_or_else(|| Error::lost("there is no way to the cluster"))
    }

    /// A node in parts that programs have left.
    pub(super) fn parts(
        &mut self,
        node: &Arc<Node>,
        layout: Layout,
        parts: Vec<(u32, u32)>,
    ) -> Result<Arc<Node>, Error> {
        let (cluster, run) = (Arc::clone(&self.cluster.inner), Arc::clone(&self.programs()?.name));
        let handle = Arc::new(Held { cluster, run, parts, stays: AtomicBool::new(false) });
        Ok(persisted(node, Kind::Parts(Arc::new(Parts::Elsewhere { layout, handle })), node.line.clone()))
    }

    pub(super) fn write(
        &mut self,
        write: impl FnOnce(Writer<'_>) -> Result<(Wire, Vec<Arc<Node>>), Fault>,
    ) -> Result<(Wire, Vec<Arc<Node>>), Error> {
        let standing = &self.standing;
        let found = |node: &Arc<Node>| standing.get(&Arc::as_ptr(node)).cloned();
        write(Writer::new(&mut self.codes, &found)).map_err(unsendable)
    }

    /// Nobody reads a node's result any more.
    fn forget(&mut self, node: *const Node) -> Result<(), Error> {
        self.joining.remove(&node);
        let Some(standing) = self.standing.remove(&node) else { return Ok(()) };
        let (Some(own), Some(programs)) = (held(&standing), &mut self.programs) else { return Ok(()) };
        if *own.run != *programs.name {
            return Ok(());
        }
        // A program may have left something of several arrays.
        let others = self.standing.values().filter_map(held).filter(|other| other.run == own.run);
        let used: HashSet<u32> = others.flat_map(|other| other.programs()).collect();
        programs.free(own.programs().into_iter().filter(|program| !used.contains(program)).collect())
    }
}

pub(super) fn parts_of(node: &Arc<Node>) -> Option<Arc<Parts>> {
    match &node.kind {
        Kind::Parts(parts) => Some(Arc::clone(parts)),
        _ => None,
    }
}

/// Who holds a node's parts.
pub(super) fn held(node: &Arc<Node>) -> Option<Arc<Held>> {
    match &node.kind {
        Kind::Parts(parts) => match &**parts {
            Parts::Elsewhere { handle, .. } => Arc::clone(handle).downcast().ok(),
            Parts::Here { .. } => None,
        },
        _ => None,
    }
}
