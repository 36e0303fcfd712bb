//! A pass that reads nothing of the workers' and leaves nothing there: a few long batches, each of which covers many chunks. What
//! they leave comes back at once: partial results, or chunks of what is wanted here.

use super::worker;
use crate::array::plan::Pass;
use crate::array::task::Work;
use crate::array::wire::{Codes, Wire};
use crate::cluster::Cluster;
use crate::cluster::code;
use crate::cluster::run::Run;
use crate::executor::Error;
use crate::value::Fault;

/// Partial results of everything, at most, that come back.
const BLOCKS: usize = 4096;

/// Runs a pass, and hands over what is left by its tasks, in order.
pub(super) fn run(
    cluster: &Cluster,
    pass: &Pass,
    wire: &Wire,
    codes: &Codes,
    take: &mut dyn FnMut(Work) -> Result<(), Fault>,
) -> Result<(), Error> {
    let unsendable = |e: Fault| Error::unsendable(format!("the work of an array cannot be sent: {e}"));
    let params = wire.written().map_err(unsendable)?;
    let shim: unsafe extern "C" fn(*mut crate::cluster::batch::Call) -> i32 = worker::pass;
    let mut places = vec![shim as *const ()];
    places.extend(&codes.addresses);
    // Batches begin where a node of the tree of partial results does, and so each leaves few.
    let grain = pass.tasks().div_ceil(BLOCKS).next_power_of_two();
    let run = Run {
        cluster: &cluster.inner.id,
        appearance: &cluster.appearance,
        tasks: pass.tasks(),
        grain,
        code: code::at(&places)?,
        params,
    };
    let dtype = |sink: usize| pass.sinks.get(sink).map(|sink| sink.input.dtype);
    let done = run.go(
        &|tasks, out| {
            [tasks.start, tasks.end, grain].iter().for_each(|number| out.extend(&(*number as u64).to_le_bytes()));
            Ok(())
        },
        &mut |bytes| take(Work::read(bytes, &dtype)?),
    );
    done.map_err(|mut error| {
        // Tasks of a pass are nobody's but ours; the message says which element it was.
        error.task = None;
        error
    })
}
