//! NumPy's files: read by mapping them into memory, written by all threads to a file with another name, which gets
//! its own when all is there. The format is `numpy.lib.format`'s, versions 1 to 3.

use super::api::Array;
use super::buffer::{Buffer, FilePart, Memory};
use super::element::{DType, Element};
use super::node::{Line, Node};
use super::place::{Place, writing};
use super::shape::{Affine, Region, count, row_major, told};
use super::walk::Walk;
use crate::error::Error;
use ferrolab_base::text;
use memmap2::Mmap;
use ndarray::Dimension;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

const MAGIC: &[u8] = b"\x93NUMPY";

fn wrong(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::refused(format!("{}: {what}", path.display()))
}

/// Maps a file's array; `axes` is how many it must have, if that is known.
pub(super) fn open(path: &Path, dtype: DType, axes: Option<usize>) -> Result<(Memory, Vec<usize>), Error> {
    let file = File::open(path).map_err(|e| wrong(path, format_args!("cannot be read: {e}")))?;
    // SAFETY: the map is read as plain bytes, of which any are numbers; `bool` is looked at when it is read. A
    // file that another program changes meanwhile gives other numbers, as NumPy's maps do.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| wrong(path, format_args!("cannot be mapped: {e}")))?;
    let head = header(&map).map_err(|what| wrong(path, what))?;
    if head.descr != dtype.numpy() {
        let known = [DType::F64, DType::F32, DType::I64, DType::I32, DType::U8, DType::Bool];
        let own = known.iter().find(|known| known.numpy() == head.descr);
        let hint = own.map_or_else(
            || "no type of arrays here is like that".to_owned(),
            |own| format!("read it as {own}, then `.cast::<{dtype}>()`"),
        );
        return Err(wrong(path, format_args!("its elements are `{}`, not {dtype}: {hint}", head.descr)));
    }
    if axes.is_some_and(|axes| axes != head.shape.len()) {
        let (shape, axes) = (told(&head.shape), axes.unwrap_or(0));
        return Err(wrong(path, format_args!("its shape is {shape}, which has not {axes} axes")));
    }
    let len = count(&head.shape).ok_or_else(|| wrong(path, "it has more elements than can be counted"))?;
    let needed = len.checked_mul(dtype.size()).and_then(|bytes| bytes.checked_add(head.length));
    if needed.is_none_or(|needed| needed > map.len()) {
        let (shape, has) = (told(&head.shape), map.len() - head.length);
        let wants = needed.map_or(usize::MAX, |needed| needed - head.length);
        return Err(wrong(path, format_args!("it ends early: shape {shape} takes {wants} bytes, it has {has}")));
    }
    let mut steps = row_major(&head.shape);
    if head.fortran {
        let reversed: Vec<usize> = head.shape.iter().rev().copied().collect();
        steps = row_major(&reversed);
        steps.reverse();
    }
    let stamp = FilePart::stamp(&file).map_err(|e| wrong(path, format_args!("cannot be read: {e}")))?;
    let buffer = Arc::new(Buffer::of_file(map, FilePart::new(path, head.length, stamp), len, dtype));
    Ok((Memory { buffer, place: Affine { offset: 0, steps } }, head.shape))
}

#[derive(Debug, PartialEq)]
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
    /// Bytes before the elements.
    length: usize,
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is no .npy file")?;
    let (length, start) = match rest {
        [1, _, a, b, ..] => (u32::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]), 12),
        [version, ..] => return Err(format!("it is of version {version} of the .npy format, which is not known")),
        [] => return Err("it ends within its header".to_owned()),
    };
    let end = start + length as usize;
    let text = bytes.get(start..end).ok_or("it ends within its header")?;
    let text = std::str::from_utf8(text).map_err(|_| "its header is no text")?;
    let value = |key: &str| {
        let at = text.find(&format!("'{key}'")).or_else(|| text.find(&format!("\"{key}\"")));
        let rest = at.map(|at| &text[at + key.len() + 2..]);
        rest.and_then(|rest| rest.trim_start().strip_prefix(':'))
            .map(str::trim_start)
            .ok_or_else(|| format!("its header has no `{key}`: {}", text.trim_end()))
    };
    let descr = value("descr")?;
    let quote = descr.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let quote = quote.ok_or_else(|| format!("its elements are records ({descr}), which arrays here are not of"))?;
    let descr = descr[1..].split(quote).next().unwrap_or_default().to_owned();
    let fortran = match value("fortran_order")? {
        text if text.starts_with("True") => true,
        text if text.starts_with("False") => false,
        text => return Err(format!("its header says neither True nor False for the order: {text}")),
    };
    let shape = value("shape")?;
    let inside = shape.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (inside, _) = inside.ok_or_else(|| format!("its header has no shape in `{shape}`"))?;
    let lengths = inside.split(',').map(str::trim).filter(|length| !length.is_empty());
    let shape = lengths.map(|length| length.parse().map_err(|_| format!("`{length}` is no length of an axis")));
    Ok(Header { descr, fortran, shape: shape.collect::<Result<_, _>>()?, length: end })
}

/// The header of a file, padded so that elements begin at a multiple of 64 bytes, as NumPy does.
fn head(dtype: DType, shape: &[usize]) -> Vec<u8> {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    let shape = match lengths.as_slice() {
        [one] => format!("({one},)"),
        _ => format!("({})", lengths.join(", ")),
    };
    let text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", dtype.numpy());
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    // Arrays have few axes, so that this is far below 65,536.
    bytes.extend((padded as u16).to_le_bytes());
    bytes.extend(format!("{text:<width$}\n", width = padded - 1).into_bytes());
    bytes
}

/// A file that parts of an array are written to.
pub(crate) struct Target {
    file: File,
    path: PathBuf,
    /// What it is called while it is not complete.
    partial: PathBuf,
    /// Where the first element goes.
    start: u64,
    steps: Vec<isize>,
    failed: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

/// How another process finds the file that it writes to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TargetAt {
    path: PathBuf,
    size: u64,
    start: u64,
    steps: Vec<isize>,
}

impl TargetAt {
    /// Opens the file; `None` where it is not to be seen, or is another one.
    pub(crate) fn open(&self) -> Option<Target> {
        let file = File::options().write(true).open(&self.path).ok()?;
        if !file.metadata().is_ok_and(|found| found.len() == self.size) {
            return None;
        }
        let (path, partial) = (self.path.clone(), self.path.clone());
        let (start, steps) = (self.start, self.steps.clone());
        Some(Target { file, path, partial, start, steps, failed: AtomicBool::new(false), error: Mutex::new(None) })
    }
}

impl Target {
    /// For another process; none when the system does not say where it is.
    pub(crate) fn told(&self) -> Option<TargetAt> {
        let (path, size) = (std::path::absolute(&self.partial).ok()?, self.file.metadata().ok()?.len());
        Some(TargetAt { path, size, start: self.start, steps: self.steps.clone() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Why writing failed, and what was written to the file's system.
    ///
    /// # Errors
    /// When something could not be written.
    pub(crate) fn settled(&self) -> io::Result<()> {
        match self.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => self.file.sync_data(),
        }
    }

    /// Has writing failed? Then no more needs to be computed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Writes a region, whose elements lie one after the other in `bytes`.
    pub(crate) fn write(&self, region: &Region, size: usize, bytes: &[u8]) {
        let walk = Walk::new(region, &[Affine { offset: 0, steps: self.steps.clone() }]);
        walk.pieces(0, region.count(), &mut [0], |before, n, at| {
            let part = &bytes[before * size..(before + n) * size];
            if let Err(error) = self.file.write_all_at(part, self.start + (at[0] as usize * size) as u64) {
                self.failed.store(true, Ordering::Relaxed);
                self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        });
    }
}

/// Removes a file that was not completed, however the work ended.
struct Incomplete(PathBuf);
impl Drop for Incomplete {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.0);
        }
    }
}

impl<T: Element, D: Dimension> Array<T, D> {
    /// Writes it to a NumPy file, by all threads, as it is computed: it need not fit into memory. The file has its name
    /// when all is written, and whatever had it before is there until then.
    ///
    /// # Errors
    /// As for [`compute`](Array::compute), and when the file cannot be written; then nothing is left behind.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let path = std::env::temp_dir().join(format!("ferrolab-doc-to-{}.npy", std::process::id()));
    /// threads().array().ones::<f64, _>([3, 4]).to_npy(&path)?;
    /// assert_eq!(std::fs::metadata(&path)?.len(), 128 + 12 * 8);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn to_npy(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        to_npy(&self.node, path.as_ref(), self.on.as_ref(), Line::of_caller())
    }
}

fn to_npy(node: &Arc<Node>, path: &Path, on: &dyn Place, line: Line) -> Result<(), Error> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else { return Err(wrong(path, "is not the name of a file")) };
    let mut other = std::ffi::OsString::from(".");
    other.push(name);
    other.push(format!(".{}-{}.partial", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    let partial = path.with_file_name(other);
    let failed = |e: io::Error| wrong(path, format_args!("cannot be written: {e}"));
    let file = File::create_new(&partial).map_err(failed)?;
    let mut incomplete = Incomplete(partial.clone());
    let head = head(node.dtype, &node.shape);
    let size = head.len() as u64 + node.bytes();
    allocate(&file, size).map_err(failed)?;
    file.write_all_at(&head, 0).map_err(failed)?;
    let target = Arc::new(Target {
        file,
        path: path.to_owned(),
        partial: partial.clone(),
        start: head.len() as u64,
        steps: row_major(&node.shape),
        failed: AtomicBool::new(false),
        error: Mutex::new(None),
    });
    on.compute(&[writing(node, Arc::clone(&target), line)])?;
    if let Some(error) = target.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(wrong(&target.path, format_args!("cannot be written: {error}")));
    }
    target.file.sync_data().map_err(failed)?;
    fs::rename(&partial, path).map_err(failed)?;
    incomplete.0 = PathBuf::new();
    Ok(())
}

/// Takes the room on the disk before anything is computed, where the file system can.
fn allocate(file: &File, size: u64) -> io::Result<()> {
    // Asked first: a file system may take all that there is before it says that it does not suffice.
    if let Some(free) = free(file)
        && size > free
    {
        let text = format!("it takes {}, and {} is free", text::bytes(size), text::bytes(free));
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    let length = i64::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: a call on an open descriptor, of plain numbers.
    if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINTR) => file.set_len(size),
        _ => Err(error),
    }
}

/// Bytes that are free for this user where a file is; `None` where the system does not say.
fn free(file: &File) -> Option<u64> {
    // SAFETY: all zeros are a valid record, which the call fills.
    let (status, found) = unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        (libc::fstatvfs(file.as_raw_fd(), &raw mut found), found)
    };
    (status == 0).then(|| found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_they_are_written() {
        for shape in [vec![], vec![3], vec![2, 3, 4]] {
            let bytes = head(DType::I32, &shape);
            assert_eq!(bytes.len() % 64, 0);
            let read = header(&bytes).unwrap();
            assert_eq!(
                (read.descr.as_str(), read.fortran, read.shape, read.length),
                ("<i4", false, shape, bytes.len())
            );
        }
    }

    #[test]
    fn what_is_no_header_is_told() {
        let with = |text: &str| {
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text.as_bytes());
            header(&bytes)
        };
        assert!(
            with("{\"descr\": \"<f8\", 'shape': (1, 2), 'fortran_order': True}")
                .is_ok_and(|h| h.fortran && h.shape == [1, 2])
        );
        for (text, told) in [
            ("{}", "no `descr`"),
            ("{'descr': [('a', '<f8')], 'shape': (1,), 'fortran_order': False}", "records"),
            ("{'descr': '<f8', 'shape': 3, 'fortran_order': False}", "no shape"),
            ("{'descr': '<f8', 'shape': (-3,), 'fortran_order': False}", "`-3` is no length"),
            ("{'descr': '<f8', 'shape': (3,), 'fortran_order': 1}", "neither True nor False"),
        ] {
            assert!(with(text).is_err_and(|e| e.contains(told)), "{text}");
        }
        for bytes in [&b""[..], b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{}", b"PK\x03\x04"] {
            assert!(header(bytes).is_err());
        }
        assert!(header(b"\x93NUMPY\x09\x00").is_err_and(|e| e.contains("version 9")));
    }
}
