//! Bytes that came with a message of the bridge: read from its socket, or in a file without a name in
//! the bridge's memory, which is mapped here.

use crate::executor::Error;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::ops::Deref;

#[derive(Debug)]
pub(crate) enum Bytes {
    Own(Vec<u8>),
    Mapped(Mmap),
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
}

impl Bytes {
    /// Those in another process: which, its descriptor and the size.
    pub(super) fn shared((process, file, size): (u32, u32, usize)) -> Result<Self, Error> {
        let mapped = File::open(format!("/proc/{process}/fd/{file}")).and_then(|file| {
            // SAFETY: the bridge has sealed it: nobody can write to it or make it shorter.
            unsafe { MmapOptions::new().len(size).populate().map(&file) }
        });
        let unreachable =
            |e| Error::lost(format!("{size} bytes in the memory of the Dask client's process cannot be read: {e}"));
        mapped.map(Self::Mapped).map_err(unreachable)
    }
}
