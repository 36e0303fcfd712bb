//! Arrays on a cluster. What is made or read from files and reduced, or comes to the notebook, goes through batches that cover many
//! chunks each (`stream`); what stays on the workers, or is read there, is tasks of Dask's that need each other's results
//! (`programs`). Which it is, pass by pass, is `computation`'s business; what workers do is in `worker`.

mod computation;
mod held;
mod memory;
mod passes;
mod pieces;
mod programs;
mod results;
mod shared;
mod stream;
mod task;
mod upload;
mod wholes;
pub(super) mod worker;

use super::Cluster;
use crate::array::buffer::Memory;
use crate::array::node::{Kind, Line, Node, Stage};
use crate::array::plan::Plan;
use crate::array::{Arrays, Place, persisted};
use crate::executor::Error;
use computation::Computation;
use memory::Workers;
use std::sync::Arc;

/// A cluster, as a place for arrays.
#[derive(Debug)]
struct OnCluster {
    cluster: Cluster,
}

impl Cluster {
    /// Arrays that are computed on the workers: what [`Threads::array`](crate::threads::Threads::array) has, with one word changed.
    /// Results that are wanted come to the notebook; what is persisted stays on the workers, as arrays of numpy's.
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(2)?;
    /// let a = cluster.array().random().seed(7).normal([20_000, 20_000]);
    /// let b = (&a * &a + a.sin()).persist()?;
    /// println!("{} {}", b.sum().compute()?, b.mean_axis(0).compute()?.len());
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn array(&self) -> Arrays {
        Arrays::on(Arc::new(OnCluster { cluster: self.clone() }))
    }
}

impl Place for OnCluster {
    fn compute(&self, nodes: &[Arc<Node>]) -> Result<Vec<Memory>, Error> {
        let workers = Workers::of(&self.cluster)?;
        let plan = Plan::apart(nodes, workers.apart(false));
        let mut computation = Computation::new(&self.cluster, &plan, &workers, true);
        computation.ended(|computation| {
            computation.run()?;
            plan.roots.iter().map(|root| computation.taken(root)).collect()
        })
    }

    fn persist(&self, node: &Arc<Node>, line: Line) -> Result<Arc<Node>, Error> {
        let workers = Workers::of(&self.cluster)?;
        let wanted = [kept(node)];
        let plan = Plan::apart(&wanted, workers.apart(true));
        let mut computation = Computation::new(&self.cluster, &plan, &workers, false);
        let kind = computation.ended(|computation| {
            computation.run()?;
            computation.stays(&plan.roots[0])
        })?;
        Ok(persisted(node, kind, line))
    }

    fn plan(&self, node: &Arc<Node>) -> Plan {
        // A cluster that is gone is an error of what is computed; what would be done is known without it.
        let apart = Workers::of(&self.cluster).unwrap_or_default().apart(false);
        Plan::apart(std::slice::from_ref(node), apart)
    }

    fn quiet(&self) -> Arc<dyn Place> {
        Arc::new(Self { cluster: self.cluster.quiet() })
    }

    fn message(&self, text: &str) -> Arc<dyn Place> {
        Arc::new(Self { cluster: self.cluster.message(text) })
    }

    fn name(&self) -> &'static str {
        "cluster"
    }
}

/// A node whose elements will be with the workers, also when the notebook has them in memory already.
fn kept(node: &Arc<Node>) -> Arc<Node> {
    if !matches!(node.kind, Kind::Memory(_)) {
        return Arc::clone(node);
    }
    let kind = Kind::Stage(Stage::Store, vec![Arc::clone(node)]);
    let (shape, dtype, chunks, line) = (node.shape.clone(), node.dtype, node.chunks.clone(), node.line.clone());
    Arc::new(Node { kind, shape, dtype, chunks, line })
}
