//! Computations that want their operands in memory, on a cluster: by regions of the result, each with the parts of operands that it
//! is made of.

use super::computation::{Computation, parts_of};
use super::pieces::{Description, Pieces};
use super::task::Do;
use crate::array::node::{Kind, Node, Stage};
use crate::array::parts::Layout;
use crate::array::plan::{Plan, Work};
use crate::array::shape::{Chunked, Region, View};
use crate::array::whole::Whole;
use crate::array::wire::Wire;
use crate::array::{FARTHER, persisted};
use crate::executor::Error;
use std::sync::Arc;

/// How far a stencil's surroundings reach at first.
const REACH: usize = 2;

impl Computation<'_> {
    /// A computation that wants its operands complete, by regions of its result.
    pub(super) fn whole(&mut self, node: &Arc<Node>) -> Result<(), Error> {
        let Kind::Stage(Stage::Whole(whole), inputs) = &node.kind else { unreachable!("a work of its own") };
        for input in inputs {
            self.boxed(input)?;
        }
        let (wire, slots) = self.write(|writer| writer.whole(whole, node))?;
        let shapes: Vec<&[usize]> = inputs.iter().map(|input| &input.shape[..]).collect();
        let sizes: Vec<usize> = inputs.iter().map(|input| input.dtype.size()).collect();
        let mut reach = REACH;
        loop {
            let takes = |region: &Region| {
                let needs = whole.needs(region, &shapes, reach);
                let of = |(needs, size): (&Vec<Region>, &usize)| needs.iter().map(Region::count).sum::<usize>() * size;
                // What is brought may be copied once more, to lie in one piece.
                let operands: usize = needs.iter().zip(&sizes).map(of).sum();
                (2 * operands + region.count() * node.dtype.size()) as u64
            };
            let grid = self.cut(whole, node, &takes);
            if grid.len() > 0 {
                self.workers.affords_task(node, takes(&grid.region(0)), &grid.chunk)?;
            }
            match self.regions(node, whole, &wire, &slots, &grid, &shapes, reach) {
                Ok(parts) => {
                    let standing = self.parts(node, Layout::of(grid), parts)?;
                    self.standing.insert(Arc::as_ptr(node), standing);
                    return Ok(());
                }
                Err(error) => {
                    let far = error.message.strip_prefix(FARTHER).and_then(|far| far.parse::<usize>().ok());
                    let Some(far) = far.filter(|far| *far > reach) else { return Err(error) };
                    reach = far;
                }
            }
        }
    }

    /// Regions of a result that are tasks: as many elements as are kept in a chunk, or fewer, so that operands fit.
    fn cut(&self, whole: &Whole, node: &Node, takes: &dyn Fn(&Region) -> u64) -> Chunked {
        let apart = self.workers.apart(true);
        let most = (apart.bytes / node.dtype.size()).max(1);
        let mut elements = (node.len() / apart.least).clamp((1 << 16).min(most), most);
        loop {
            let grid = whole.cut(node, elements);
            let fits = |most: u64| grid.len() == 0 || takes(&grid.region(0)) <= most;
            if elements <= 1024 || self.workers.for_task().is_none_or(fits) {
                return grid;
            }
            elements /= 2;
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one attempt is made of")]
    fn regions(
        &mut self,
        node: &Arc<Node>,
        whole: &Whole,
        wire: &Wire,
        slots: &[Arc<Node>],
        grid: &Chunked,
        shapes: &[&[usize]],
        reach: usize,
    ) -> Result<Vec<(u32, u32)>, Error> {
        // Operands that came with the work are no slots.
        let own: Vec<Option<usize>> = self.operand_slots(node, slots);
        let cluster = self.cluster;
        let mut pieces = Pieces::new(cluster, slots)?;
        let programs = self.programs()?;
        programs.begin(cluster, format!("{} ({})", node.name(), node.line()), grid.len() as u64);
        let description = Description::sent(programs, wire)?;
        let mut parts = Vec::with_capacity(grid.len());
        for number in 0..grid.len() {
            let region = grid.region(number);
            let mut needs = Vec::new();
            for (slot, regions) in own.iter().zip(whole.needs(&region, shapes, reach)) {
                needs.extend(slot.iter().flat_map(|slot| regions.iter().map(|region| (*slot, region.clone()))));
            }
            let what = Do::Part { region, reach, wire: description.at() };
            let (task, mut sources) = pieces.bring(programs, &needs, what)?;
            sources.extend(description.piece());
            parts.push((programs.task(&task, 1, &sources, 1)?, 0));
        }
        let finished = programs.finish();
        let mut over = pieces.made;
        over.extend(description.over());
        if finished.is_err() {
            over.extend(parts.iter().map(|(number, _)| *number));
            programs.abandon();
        }
        programs.free(over)?;
        finished.map(|()| parts)
    }

    /// For each operand of a computation the array that lies elsewhere which it is.
    fn operand_slots(&self, node: &Node, slots: &[Arc<Node>]) -> Vec<Option<usize>> {
        let standing = |input: &Arc<Node>| self.standing.get(&Arc::as_ptr(input)).unwrap_or(input).clone();
        let slot = |input: &Arc<Node>| {
            let own = standing(input);
            slots.iter().position(|slot| Arc::ptr_eq(slot, &own))
        };
        node.inputs().iter().map(slot).collect()
    }

    /// Has an operand in parts that are boxes.
    fn boxed(&mut self, input: &Arc<Node>) -> Result<(), Error> {
        let standing = self.standing.get(&Arc::as_ptr(input)).unwrap_or(input).clone();
        if !parts_of(&standing).is_some_and(|parts| parts.in_row_order()) {
            return Ok(());
        }
        let view = Kind::View(View::identity(input.shape.len()), Arc::clone(&standing));
        let seen = persisted(input, view, input.line.clone());
        let store = persisted(input, Kind::Stage(Stage::Store, vec![seen]), input.line.clone());
        let plan = Plan::apart(std::slice::from_ref(&store), self.workers.apart(true));
        self.made.push(Arc::clone(&store));
        for work in &plan.work {
            if let Work::Pass(pass) = work {
                self.pass(pass, &[])?;
            }
        }
        if let Some(made) = self.standing.get(&Arc::as_ptr(&store)).cloned() {
            self.standing.insert(Arc::as_ptr(input), made);
        }
        Ok(())
    }
}
