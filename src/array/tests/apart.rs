//! Passes that travel as bytes, run in pieces and come back: the same bits as here. What workers keep is tested on a cluster.

use super::{get, here};
use crate::array::buffer::Memory;
use crate::array::gather::{Gathered, Rooms};
use crate::array::node::{Kind, Node};
use crate::array::plan::{Apart, Plan, Work};
use crate::array::task::{Ready, Work as Left};
use crate::array::wire::{Codes, Job, Wire, Writer};
use crate::array::{Array, Computed, Element};
use std::collections::HashMap;
use std::sync::Arc;

/// Computes an array as a cluster does whose workers leave nothing: passes by so many tasks at once.
fn apart<T: Element, D: Computed>(array: &Array<T, D>, at_once: usize) -> D::Result<T> {
    let node = Arc::clone(array.node());
    let plan = Plan::apart(std::slice::from_ref(&node), Apart { bytes: 1 << 20, least: 4, wanted: false });
    let mut codes = Codes::of(&plan);
    let known = codes.addresses.len();
    let (mut standing, mut rooms) = (HashMap::<*const Node, Arc<Node>>::new(), Rooms::default());
    for (at, work) in plan.work.iter().enumerate() {
        let Work::Pass(pass) = work else { panic!("a pass") };
        let found = |node: &Arc<Node>| standing.get(&Arc::as_ptr(node)).cloned();
        let (wire, slots) = Writer::new(&mut codes, &found).pass(pass).unwrap();
        assert!(slots.is_empty());
        let wire = Wire::read(&wire.written().unwrap()).unwrap();
        // SAFETY: the code is of this process.
        let Job::Pass(read, files) = unsafe { wire.job(&codes.addresses, &[]) }.unwrap() else { panic!("a pass") };
        let (ready, mut gathered) = (Ready::new(read, files), Gathered::new(pass, &mut rooms).unwrap());
        for start in (0..pass.tasks()).step_by(at_once) {
            let mut bytes = Vec::new();
            ready.run(start..(start + at_once).min(pass.tasks()), &mut || false).unwrap().write(&mut bytes);
            let mut rest = &bytes[..];
            gathered.take(pass, Left::read(&mut rest, &|sink| pass.sinks.get(sink).map(|s| s.input.dtype)).unwrap());
            assert!(rest.is_empty());
        }
        gathered.finish(pass).unwrap();
        for sink in &pass.sinks {
            let again =
                |work: &Work| matches!(work, Work::Pass(p) if p.sinks.iter().any(|s| Arc::ptr_eq(&s.node, &sink.node)));
            if plan.work[at + 1..].iter().any(again) {
                continue;
            }
            // SAFETY: no later pass writes to it, and all before have.
            if let Some(done) = unsafe { rooms.complete(&sink.node) } {
                standing.insert(Arc::as_ptr(&sink.node), done);
            }
        }
    }
    assert_eq!(codes.addresses.len(), known, "all code was known before");
    let root = &plan.roots[0];
    let memory = match &standing.remove(&Arc::as_ptr(root)).unwrap_or_else(|| Arc::clone(root)).kind {
        Kind::Memory(memory) => Memory::clone(memory),
        _ => panic!("it was computed"),
    };
    D::result(memory, &node.shape)
}

#[track_caller]
fn check<T: Element, D: Computed>(array: &Array<T, D>)
where
    D::Result<T>: std::fmt::Debug,
{
    for at_once in [1, 3, 64] {
        assert_eq!(format!("{:?}", apart(array, at_once)), format!("{:?}", get(array)));
    }
}

#[test]
fn passes_travel_with_closures_parameters_and_memory() {
    let x = here().array().random().seed(7).normal([500, 300]);
    let table = vec![0.5, -1.0, 2.0];
    let y = x.map(|x| x * 2.0).zip(&x, |a, b| a - b).map_with(&table, |t, x| x + t[(x.abs() * 7.0) as usize % 3]);
    check(&y.sum());
    check(&y.rechunk([7, 300]).sum());
    check(&y.rechunk([7, 31]).std_axis(0, 1));
    check(&y.argmax_axis(1));
    check(&y.slice(ndarray::s![..20, 5..;7]));
    check(&y.reduce(f64::INFINITY, |a, x| a.min(x * x), f64::min));
    check(&(&x - x.mean()).std(0));
    check(&y.histogram(-2.0, 2.0, 9));
    check(&(&y * &here().array().of(&ndarray::Array1::linspace(0.0, 1.0, 300))).sum_axis(1));
    check(&here().array().from_fn([40, 50], |[i, j]| (i * 50 + j) as i64).t().sum_axis(0));
    let blocks = |start: &[usize], shape: &[usize]| ndarray::ArrayD::from_elem(shape, start[0] as u8);
    check(&here().array().from_blocks([90, 10], [20, 10], blocks).cast::<f32>().sum_axis(1));
    check(&Array::concatenate(0, &[y.slice(ndarray::s![..3, ..]), x.slice(ndarray::s![1..2, ..])]));
}
