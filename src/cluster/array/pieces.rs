//! What tasks read of arrays that lie on workers: whole parts, or cuts of them where a task needs little of a large one. And the
//! description of their work, which short ones carry and long ones are sent.

use super::computation::{held, parts_of};
use super::held::Held;
use super::programs::Programs;
use super::task::{ArrayTask, Do, WireAt};
use crate::array::element::DType;
use crate::array::node::Node;
use crate::array::parts::{Parts, around, common};
use crate::array::shape::Region;
use crate::array::wire::Wire;
use crate::cluster::Cluster;
use crate::cluster::protocol::Source;
use crate::executor::Error;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Descriptions up to this size are in each task, larger ones go to each worker once.
const SHORT: usize = 4096;
/// Parts up to this size are read whole: a cut is a task of its own.
const SMALL: usize = 64 << 10;

/// An array that lies on workers.
struct Slot {
    parts: Arc<Parts>,
    held: Arc<Held>,
    dtype: DType,
}

/// The arrays that tasks read, and what was cut of them.
pub(super) struct Pieces {
    slots: Vec<Slot>,
    cuts: HashMap<(usize, usize, Region), u32>,
    /// Programs that cut.
    pub(super) made: Vec<u32>,
}

impl Pieces {
    /// # Errors
    /// When an array lies on another cluster.
    pub(super) fn new(cluster: &Cluster, slots: &[Arc<Node>]) -> Result<Self, Error> {
        let mut found = Vec::with_capacity(slots.len());
        for node in slots {
            let (Some(parts), Some(held)) = (parts_of(node), held(node)) else {
                return Err(Error::lost(format!("{} ({}) is nowhere", node.name(), node.line())));
            };
            if held.cluster.id != cluster.inner.id {
                return Err(Error::refused(format!(
                    "an array of shape {:?} ({}) was persisted on another cluster: compute it there, and give it to this one with \
                     `cluster.array().of(&array)`",
                    node.shape,
                    node.line()
                )));
            }
            found.push(Slot { parts, held, dtype: node.dtype });
        }
        Ok(Self { slots: found, cuts: HashMap::new(), made: Vec::new() })
    }

    /// A task with all parts that have something of these regions, each of an array; and where they come from.
    pub(super) fn bring(
        &mut self,
        programs: &mut Programs,
        needs: &[(usize, Region)],
        what: Do,
    ) -> Result<(ArrayTask, Vec<(Source, u32)>), Error> {
        let slots = self.slots.iter().map(|slot| (slot.dtype, slot.parts.in_row_order())).collect();
        let mut task = ArrayTask { what, slots, pieces: Vec::new() };
        let mut sources = Vec::new();
        for ((slot, number), common) in self.touched(needs) {
            let of = &self.slots[slot];
            let Some(part) = of.part(number) else { continue };
            if 2 * common.count() < part.count() && part.count() * of.dtype.size() > SMALL {
                let cut = self.cut(programs, slot, number, &part, &common)?;
                task.pieces.push((slot as u32, common));
                sources.push((Source::Program(cut), 0));
                continue;
            }
            sources.push(of.source(&programs.name, number)?);
            task.pieces.push((slot as u32, part));
        }
        Ok((task, sources))
    }

    /// The parts of arrays that have something of these regions: of each a box with all of it.
    fn touched(&self, needs: &[(usize, Region)]) -> BTreeMap<(usize, usize), Region> {
        let mut touched: BTreeMap<(usize, usize), Region> = BTreeMap::new();
        for (slot, region) in needs {
            let Some(Parts::Elsewhere { layout, .. }) = self.slots.get(*slot).map(|slot| &*slot.parts) else {
                continue;
            };
            for number in layout.overlapping(region) {
                let Some(common) = common(&layout.region(number), region) else { continue };
                touched.entry((*slot, number)).and_modify(|known| *known = around(known, &common)).or_insert(common);
            }
        }
        touched
    }

    /// The program that cuts a region of a part, where the part is.
    fn cut(
        &mut self,
        programs: &mut Programs,
        slot: usize,
        number: usize,
        part: &Region,
        region: &Region,
    ) -> Result<u32, Error> {
        if let Some(known) = self.cuts.get(&(slot, number, region.clone())) {
            return Ok(*known);
        }
        let of = &self.slots[slot];
        let slots = vec![(of.dtype, of.parts.in_row_order())];
        let task = ArrayTask { what: Do::Cut(region.clone()), slots, pieces: vec![(0, part.clone())] };
        let source = of.source(&programs.name, number)?;
        let cut = programs.task(&task, 1, &[source], 0)?;
        self.cuts.insert((slot, number, region.clone()), cut);
        self.made.push(cut);
        Ok(cut)
    }
}

impl Slot {
    /// Where a part is.
    fn part(&self, number: usize) -> Option<Region> {
        match &*self.parts {
            Parts::Elsewhere { layout, .. } => Some(layout.region(number)),
            Parts::Here { .. } => None,
        }
    }

    fn source(&self, run: &str, number: usize) -> Result<(Source, u32), Error> {
        let (program, slot) =
            self.held.parts.get(number).ok_or_else(|| Error::lost("a part of an array is nowhere"))?;
        Ok((self.held.source(run, *program), *slot))
    }
}

/// Bytes that a task gets of arrays.
pub(super) fn task_bytes(task: &ArrayTask) -> u64 {
    let of = |(slot, region): &(u32, Region)| {
        region.count() * task.slots.get(*slot as usize).map_or(8, |(dtype, _)| dtype.size())
    };
    task.pieces.iter().map(of).sum::<usize>() as u64
}

/// The description of work, as tasks find it.
pub(super) struct Description {
    short: Option<Vec<u8>>,
    /// The value that it is, when it is long.
    number: Option<u32>,
}

impl Description {
    pub(super) fn sent(programs: &mut Programs, wire: &Wire) -> Result<Self, Error> {
        let bytes = wire.written().map_err(super::computation::unsendable)?;
        if bytes.len() <= SHORT {
            return Ok(Self { short: Some(bytes), number: None });
        }
        Ok(Self { short: None, number: Some(programs.value(&bytes)?) })
    }

    pub(super) fn at(&self) -> WireAt {
        self.short.as_ref().map_or(WireAt::LastPiece, |bytes| WireAt::Here(bytes.clone()))
    }

    /// What a task gets besides parts of arrays.
    pub(super) fn piece(&self) -> Option<(Source, u32)> {
        self.number.map(|number| (Source::Program(number), 0))
    }

    /// Programs that are not needed when the work is done.
    pub(super) fn over(&self) -> Option<u32> {
        self.number
    }
}
