//! What a worker is to do for a graph in one Dask task: calls, each on results of others and on values. The notebook writes
//! it, `worker` reads it on the other side, and nobody between looks into it.

use crate::executor::Error;
use serde::{Deserialize, Serialize};

/// Calls, in an order in which each comes after those whose results it is called on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// Steps whose results leave the worker, or stay there for others.
    pub(super) outputs: Vec<u32>,
    /// Bytes of values, one after the other.
    #[serde(skip)]
    pub(super) data: Vec<u8>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    /// The task's index in its plan: what is told of a panic.
    pub(super) task: u32,
    /// Its code, by its place in the graph's table.
    pub(super) kind: u32,
    pub(super) retries: u32,
    pub(super) inputs: Vec<From>,
    pub(super) lists: Vec<u32>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum From {
    /// An earlier step.
    Step(u32),
    /// What another program left, by its place among those that Python hands in, and whose kind of result it is.
    Piece { at: u32, kind: u32 },
    /// Bytes of the program's own, and whose kind of argument they are.
    Data { from: u32, len: u32, kind: u32 },
}

impl Program {
    /// Appends a value's bytes.
    pub(super) fn add_data(&mut self, bytes: &[u8], kind: u32) -> From {
        let (from, len) = (self.data.len() as u32, bytes.len() as u32);
        self.data.extend_from_slice(bytes);
        From::Data { from, len, kind }
    }

    pub(super) fn written(&self) -> Result<Vec<u8>, Error> {
        let head = postcard::to_allocvec(self);
        let head = head.map_err(|e| Error::unsendable(format!("a part of the graph cannot be written: {e}")))?;
        let mut bytes = Vec::with_capacity(4 + head.len() + self.data.len());
        bytes.extend_from_slice(&(head.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.data);
        Ok(bytes)
    }

    /// The program, and the bytes of its values.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (head, data) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some((postcard::from_bytes(head).ok()?, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_as_it_was_written() {
        let mut program = Program { outputs: vec![0], ..Program::default() };
        let argument = program.add_data(b"abc", 1);
        let inputs = vec![argument, From::Piece { at: 2, kind: 0 }, From::Step(0)];
        program.steps.push(Step { task: 7, kind: 1, retries: 2, inputs, lists: vec![2] });
        let bytes = program.written().unwrap();
        let (read, data) = Program::read(&bytes).unwrap();
        assert_eq!((&read.steps, &read.outputs, data), (&program.steps, &program.outputs, &b"abc"[..]));
        assert!(Program::read(&bytes[..6]).is_none() && Program::read(&[]).is_none());
    }
}
