//! Programs as Python calls them, and what they leave.

use super::*;
use crate::cluster::protocol::Panic;
use crate::graph::{Anywhere, Graph, Task};
use crate::threads::threads;
use crate::value::{bytes_of, read};

/// What a program left, by value, and what its kinds cost; or how it ended and why.
type Ended = Result<(Vec<Vec<u8>>, Vec<u64>), (i32, Vec<u8>)>;

/// A program as Python calls it.
fn called(program: &Program, kinds: &[&'static Kind], pieces: &[Piece], cancel: u8) -> Ended {
    let bytes = program.written().unwrap();
    let room = program.outputs.len().max(1);
    let nothing = || Output {
        output: std::ptr::null_mut(),
        output_len: 0,
        output_capacity: 0,
        output_align: 0,
        output_number: 0,
    };
    let mut outputs: Vec<Output> = (0..room).map(|_| nothing()).collect();
    let here: Vec<fn() -> &'static Kind> = kinds.iter().map(|kind| kind.here).collect();
    let mut costs = vec![0u64; 3 * kinds.len()];
    let (done, cancel) = (AtomicU64::new(0), AtomicU8::new(cancel));
    let mut call = GraphCall {
        program: bytes.as_ptr(),
        program_len: bytes.len(),
        kinds: here.as_ptr().cast(),
        kinds_len: kinds.len(),
        pieces: pieces.as_ptr(),
        pieces_len: pieces.len(),
        outputs: outputs.as_mut_ptr(),
        outputs_len: program.outputs.len(),
        costs: costs.as_mut_ptr(),
        done: &done,
        cancel: &cancel,
        keep: 1,
    };
    // SAFETY: all pointers live until the end of this function, and pieces are of the types that tests say.
    let status = unsafe { ferrolab_worker_graph(&mut call) };
    let take = |output: &Output| {
        // SAFETY: written by the program just now, and given back once.
        unsafe {
            let bytes = slice::from_raw_parts(output.output, output.output_len).to_vec();
            ferrolab_worker_free(output.output, output.output_capacity, output.output_align);
            bytes
        }
    };
    match status {
        0 => Ok((outputs.iter().map(take).collect(), costs)),
        _ => Err((status, take(&outputs[0]))),
    }
}

fn graph() -> Graph {
    threads().quiet().graph().anywhere()
}

fn kinds<const N: usize>(tasks: [&Task<u64, Anywhere>; N]) -> [&'static Kind; N] {
    tasks.map(|task| task.node().kind)
}

fn step(task: u32, kind: u32, inputs: Vec<From>) -> Step {
    Step { task, kind, retries: 0, inputs, lists: Vec::new() }
}

#[test]
fn steps_are_called_on_values_steps_and_pieces() {
    let g = graph();
    let (base, list) = (g.task(1u64, |x| x + 1), vec![g.value(1u64), g.value(2)]);
    let next = base.then(|x| x * 10);
    let sum = g.join((&list, &base), |(list, base)| list.iter().sum::<u64>() * 100 + base);
    let table = kinds([&base, &next, &sum]);
    let mut program = Program { outputs: vec![2, 1], ..Program::default() };
    let value = program.add_data(&bytes_of(&4u64).unwrap(), 0);
    program.steps.push(step(0, 0, vec![value]));
    program.steps.push(step(1, 1, vec![From::Step(0)]));
    let piece = bytes_of(&7u64).unwrap();
    let inputs = vec![From::Piece { at: 0, kind: 0 }, From::Step(0), From::Step(1)];
    program.steps.push(Step { lists: vec![2], ..step(2, 2, inputs) });
    let pieces = [Piece { data: piece.as_ptr(), len: piece.len(), number: 0 }];
    let (left, costs) = called(&program, &table, &pieces, 0).unwrap();
    let left: Vec<u64> = left.iter().map(|bytes| read(&mut &bytes[..]).unwrap()).collect();
    assert_eq!(left, [(7 + 5) * 100 + 50, 50]);
    assert_eq!((costs[0], costs[3], costs[6]), (1, 1, 1), "one call of each kind");
}

#[test]
fn vectors_of_numbers_are_left_and_taken_as_memory() {
    let g = graph();
    let made = g.task(3u64, |n| (0..n as i32).map(|i| i * 1000).collect::<Vec<i32>>());
    let last = made.then(|v| v.last().copied());
    let table = [made.node().kind, last.node().kind];
    let mut program = Program { outputs: vec![0], ..Program::default() };
    let value = program.add_data(&bytes_of(&3u64).unwrap(), 0);
    program.steps.push(step(0, 0, vec![value]));
    let (left, _) = called(&program, &table, &[], 0).unwrap();
    assert_eq!(left[0], [0i32, 1000, 2000].iter().flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>());
    let array = [5i32, 6];
    let pieces = [Piece { data: array.as_ptr().cast(), len: 2, number: Number::I32 as u32 }];
    let program =
        Program { steps: vec![step(0, 1, vec![From::Piece { at: 0, kind: 0 }])], outputs: vec![0], data: Vec::new() };
    let (left, _) = called(&program, &table, &pieces, 0).unwrap();
    assert_eq!(read::<Option<i32>>(&mut &left[0][..]).unwrap(), Some(6));
    let pieces = [Piece { data: array.as_ptr().cast(), len: 1, number: Number::I64 as u32 }];
    assert_eq!(called(&program, &table, &pieces, 0).unwrap_err().0, BatchEnd::Garbled as i32);
}

#[test]
fn a_panic_names_its_task_and_tries() {
    let g = graph();
    let bad = g.task(1u64, |x| -> u64 { panic!("no {x}") });
    let table = kinds([&bad]);
    let mut program = Program { outputs: vec![0], ..Program::default() };
    let value = program.add_data(&bytes_of(&1u64).unwrap(), 0);
    program.steps.push(Step { retries: 2, ..step(17, 0, vec![value]) });
    let (status, told) = called(&program, &table, &[], 0).unwrap_err();
    let panic: Panic = serde_json::from_slice(&told).unwrap();
    assert_eq!((status, panic.task, panic.message.as_str()), (1, 17, "no 1 (tried 3 times)"));
    assert!(panic.file.ends_with("worker/tests.rs") && panic.line > 0);
}

#[test]
fn what_is_cancelled_or_garbled_has_no_results() {
    let g = graph();
    let one = g.task(1u64, |x| x);
    let table = kinds([&one]);
    let mut program = Program { outputs: vec![0], ..Program::default() };
    let value = program.add_data(&bytes_of(&1u64).unwrap(), 0);
    program.steps.push(step(0, 0, vec![value]));
    assert_eq!(called(&program, &table, &[], 1).unwrap_err().0, BatchEnd::Cancelled as i32);
    for wrong in [From::Step(0), From::Piece { at: 0, kind: 0 }, From::Data { from: 0, len: 99, kind: 0 }] {
        let program = Program { steps: vec![step(0, 0, vec![wrong])], outputs: vec![0], data: Vec::new() };
        assert_eq!(called(&program, &table, &[], 0).unwrap_err().0, BatchEnd::Garbled as i32, "{wrong:?}");
    }
    let program = Program { steps: vec![step(0, 5, Vec::new())], ..Program::default() };
    assert_eq!(called(&program, &table, &[], 0).unwrap_err().0, BatchEnd::Garbled as i32);
}
