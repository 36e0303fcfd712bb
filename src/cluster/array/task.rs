//! What a worker is to do for an array in one Dask task: some tasks of a pass, a part of a computation, a cut. The notebook
//! writes it, `worker` reads it on the other side, and nobody between looks into it.

use crate::array::element::DType;
use crate::array::shape::Region;
use crate::executor::Error;
use serde::{Deserialize, Serialize};

/// What a program begins with that is for an array. Others begin with the length of their head, which is never so large.
const MARK: [u8; 4] = u32::MAX.to_le_bytes();

/// One task. Arrays that lie with workers come in pieces, which Python hands in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ArrayTask {
    pub(super) what: Do,
    /// The arrays that are read, by number: of what, and whether places in them are counted in row order.
    pub(super) slots: Vec<(DType, bool)>,
    /// For each piece its array, and where it is in that.
    pub(super) pieces: Vec<(u32, Region)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Do {
    /// Tasks of a pass, from one up to another one.
    Tasks { start: usize, end: usize, wire: WireAt },
    /// A region of a computation's result; a stencil gets surroundings so far.
    Part { region: Region, reach: usize, wire: WireAt },
    /// A region of the only array.
    Cut(Region),
}

/// Where the description of what is to be done is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum WireAt {
    Here(Vec<u8>),
    /// Among the pieces that Python hands in, after those of arrays.
    LastPiece,
}

impl ArrayTask {
    pub(super) fn written(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = MARK.to_vec();
        let task = postcard::to_allocvec(self);
        bytes.extend(task.map_err(|e| Error::unsendable(format!("a part of an array's work cannot be written: {e}")))?);
        Ok(bytes)
    }

    /// The task that a program is, if it is one.
    pub(super) fn read(bytes: &[u8]) -> Option<Result<Self, postcard::Error>> {
        Some(postcard::from_bytes(bytes.strip_prefix(&MARK)?))
    }
}
