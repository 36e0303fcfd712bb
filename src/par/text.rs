//! Text files as tasks: their lines, or blocks of whole lines. A file is mapped into memory, so that a task touches nothing but its own
//! part; where tasks are sent elsewhere, it is read there. What a line means is not known here.

use super::source::{Sealed, Tasks, into_tasks};
use crate::error::Error;
use memmap2::Mmap;
use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The places of lines are known for each one of so many; what lies between is looked for.
const STRIDE: usize = 1024;
/// Bytes that are searched for lines in one task.
const SEARCHED: usize = 4 << 20;

/// A file and its bytes.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// None of an empty file, which cannot be mapped.
    map: Option<Mmap>,
    pub(crate) path: PathBuf,
    /// Its size, and when it was changed: by which another process knows that it sees the same file.
    pub(crate) stamp: (u64, i64),
}

impl Mapped {
    /// # Errors
    /// When it cannot be read, in words.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let wrong = |e: std::io::Error| format!("{}: cannot be read: {e}", path.display());
        let file = File::open(path).map_err(wrong)?;
        let found = file.metadata().map_err(wrong)?;
        // SAFETY: the map is read as plain bytes; what is handed out as text is looked at first. A file that another program changes
        // meanwhile gives other text, as it would any reader.
        let map = if found.len() == 0 { None } else { Some(unsafe { Mmap::map(&file) }.map_err(wrong)?) };
        // Elsewhere, another folder may be the current one.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self { map, path, stamp: stamp(&found) })
    }

    /// # Errors
    /// When it is gone, or was changed since it was mapped; what is mapped may then end before its end.
    pub(crate) fn check(&self) -> Result<(), String> {
        let path = self.path.display();
        let found = std::fs::metadata(&self.path).map_err(|e| format!("{path}: cannot be read: {e}"))?;
        if stamp(&found) == self.stamp { Ok(()) } else { Err(format!("{path} was changed since `text_file` read it")) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// The text of a part.
    ///
    /// # Panics
    /// When it is no UTF-8.
    pub(crate) fn text(&self, part: Range<usize>) -> &str {
        let start = part.start;
        std::str::from_utf8(&self.bytes()[part])
            .unwrap_or_else(|e| panic!("{}: byte {} is no UTF-8 text", self.path.display(), start + e.valid_up_to()))
    }

    /// Where the line that has this byte ends, and the next one begins.
    pub(crate) fn line(&self, start: usize) -> (Range<usize>, usize) {
        let bytes = self.bytes();
        let Some(n) = newline(&bytes[start..]) else { return (start..bytes.len(), bytes.len()) };
        let carriage = n > 0 && bytes[start + n - 1] == b'\r';
        (start..start + n - usize::from(carriage), start + n + 1)
    }
}

fn stamp(found: &Metadata) -> (u64, i64) {
    (found.len(), found.mtime().wrapping_mul(1_000_000_000).wrapping_add(found.mtime_nsec()))
}

/// The first end of a line.
fn newline(bytes: &[u8]) -> Option<usize> {
    // SAFETY: the C library looks at `bytes.len()` bytes at most, all of which are there.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), i32::from(b'\n'), bytes.len()) };
    (!found.is_null()).then(|| found.addr() - bytes.as_ptr().addr())
}

/// A text file whose parts are tasks: [`text_file`].
#[derive(Debug, Clone)]
pub struct TextFile {
    mapped: Arc<Mapped>,
}

/// A text file, whose lines or blocks can be tasks of [`par`](super) and of any executor. It may be larger than memory.
///
/// # Errors
/// When it cannot be read.
///
/// ```
/// use ferrolab::prelude::*;
/// let path = std::env::temp_dir().join(format!("ferrolab-doc-text-{}", std::process::id()));
/// std::fs::write(&path, "to be\nor not\nto be\n")?;
/// let file = par::text_file(&path)?;
/// let words = par::map(&file.lines(), |line| line.split(' ').count());
/// assert_eq!(words, [2, 2, 2]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn text_file(path: impl AsRef<Path>) -> Result<TextFile, Error> {
    let mapped = Mapped::open(path.as_ref()).map_err(Error::refused)?;
    Ok(TextFile { mapped: Arc::new(mapped) })
}

impl TextFile {
    /// Its lines, without their ends, each one task. The file is searched once for where they are, by all threads.
    ///
    /// ```
    /// # use ferrolab::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("ferrolab-doc-lines-{}", std::process::id()));
    /// # std::fs::write(&path, "1\r\n2\n3")?;
    /// let file = par::text_file(&path)?;
    /// let sum = threads().map_reduce(&file.lines(), |line| line.parse::<u64>().unwrap(), 0, |a, b| a + b)?;
    /// assert_eq!((file.lines().len(), sum), (3, 6));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn lines(&self) -> TextLines {
        let bytes = self.mapped.bytes();
        let parts: Vec<Range<usize>> =
            (0..bytes.len()).step_by(SEARCHED).map(|at| at..(at + SEARCHED).min(bytes.len())).collect();
        let counts = super::quiet().map(&parts, |part| ends(&bytes[part.clone()]).count());
        let mut firsts = Vec::with_capacity(counts.len());
        let mut before = 0;
        for count in &counts {
            firsts.push(before);
            before += count;
        }
        // A line begins after each end of one, but not behind the last byte.
        let marks = super::quiet().map((&parts, &firsts), |(part, first)| {
            let begins = ends(&bytes[part.clone()]).enumerate().map(|(n, end)| (first + n + 1, part.start + end + 1));
            begins.filter(|(line, at)| line % STRIDE == 0 && *at < bytes.len()).map(|(_, at)| at).collect::<Vec<_>>()
        });
        let last = usize::from(bytes.last().is_some_and(|byte| *byte != b'\n'));
        let marks = std::iter::once(0).chain(marks.into_iter().flatten()).collect();
        TextLines { mapped: Arc::clone(&self.mapped), marks, count: before + last }
    }

    /// Blocks of whole lines, each one task: of about so many bytes, or of one line that is longer.
    ///
    /// # Panics
    /// When `bytes` is 0.
    ///
    /// ```
    /// # use ferrolab::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("ferrolab-doc-blocks-{}", std::process::id()));
    /// # std::fs::write(&path, "a\nbc\ndef\n")?;
    /// let file = par::text_file(&path)?;
    /// let lines = par::map(&file.blocks(1 << 20), |block| block.lines().count());
    /// assert_eq!(lines, [3]);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn blocks(&self, bytes: usize) -> TextBlocks {
        assert!(bytes > 0, "a block needs at least one byte");
        let all = self.mapped.bytes();
        let mut starts = vec![0];
        for at in (bytes..all.len()).step_by(bytes) {
            let start = newline(&all[at - 1..]).map_or(all.len(), |n| at + n);
            if start < all.len() && starts.last().is_some_and(|last| *last < start) {
                starts.push(start);
            }
        }
        if !all.is_empty() {
            starts.push(all.len());
        }
        TextBlocks { mapped: Arc::clone(&self.mapped), starts }
    }
}

/// Where lines end in these bytes.
fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = at + newline(&bytes[at..])?;
        at = found + 1;
        Some(found)
    })
}

/// The lines of a text file: [`TextFile::lines`].
#[derive(Debug, Clone)]
pub struct TextLines {
    pub(crate) mapped: Arc<Mapped>,
    /// Where each one of [`STRIDE`] lines begins.
    marks: Vec<usize>,
    count: usize,
}

impl TextLines {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where a line begins; the end of the file for those that are not there.
    pub(crate) fn begin(&self, line: usize) -> usize {
        if line >= self.count {
            return self.mapped.bytes().len();
        }
        (0..line % STRIDE).fold(self.marks[line / STRIDE], |at, _| self.mapped.line(at).1)
    }
}

impl Sealed for &TextLines {}
impl<'a> Tasks for &'a TextLines {
    type Item = &'a str;
    type Base = usize;
    fn size(&self) -> usize {
        self.count
    }
    unsafe fn base(&self, start: usize) -> usize {
        self.begin(start)
    }
    unsafe fn item(&self, base: usize, k: usize) -> &'a str {
        let at = (0..k).fold(base, |at, _| self.mapped.line(at).1);
        self.mapped.text(self.mapped.line(at).0)
    }
    unsafe fn walk(&self, mut base: usize, len: usize, mut f: impl FnMut(usize, &'a str)) {
        for k in 0..len {
            let (line, next) = self.mapped.line(base);
            f(k, self.mapped.text(line));
            base = next;
        }
    }
}

/// Blocks of whole lines of a text file: [`TextFile::blocks`].
#[derive(Debug, Clone)]
pub struct TextBlocks {
    pub(crate) mapped: Arc<Mapped>,
    /// Where each block begins, and where the last one ends.
    pub(crate) starts: Vec<usize>,
}

impl TextBlocks {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Sealed for &TextBlocks {}
impl<'a> Tasks for &'a TextBlocks {
    type Item = &'a str;
    type Base = usize;
    fn size(&self) -> usize {
        self.len()
    }
    unsafe fn base(&self, start: usize) -> usize {
        start
    }
    unsafe fn item(&self, base: usize, k: usize) -> &'a str {
        self.mapped.text(self.starts[base + k]..self.starts[base + k + 1])
    }
}

into_tasks! {
    ['a] &'a TextLines => &'a str, Self, |s| s;
    ['a] &'a TextBlocks => &'a str, Self, |s| s;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(name: &str, text: &[u8]) -> (TextFile, PathBuf) {
        let path = std::env::temp_dir().join(format!("ferrolab-text-{name}-{}", std::process::id()));
        std::fs::write(&path, text).expect("a temporary file");
        (text_file(&path).expect("it is there"), path)
    }

    proptest! {
        #[test]
        fn lines_and_blocks_are_those_of_std(text in "[a-ü\r\n]{0,400}", bytes in 1usize..90) {
            let (file, path) = file("std", text.as_bytes());
            let (lines, blocks) = (file.lines(), file.blocks(bytes));
            prop_assert_eq!(crate::par::map(&lines, str::to_owned), text.lines().collect::<Vec<_>>());
            let parts = crate::par::map(&blocks, str::to_owned);
            prop_assert_eq!(parts.concat(), &text[..]);
            prop_assert!(parts.iter().rev().skip(1).all(|part| part.ends_with('\n')) && parts.iter().all(|part| !part.is_empty()));
            std::fs::remove_file(path).ok();
        }
    }

    #[test]
    fn far_lines_are_found_from_marks_and_across_what_is_searched_at_once() {
        let text: String = (0..900_000).map(|i| format!("line {i}\n")).collect();
        assert!(text.len() > 2 * SEARCHED);
        let (file, path) = file("far", text.as_bytes());
        let lines = file.lines();
        assert_eq!(lines.len(), 900_000);
        for line in [0, 1, STRIDE - 1, STRIDE, 5 * STRIDE + 7, 899_999] {
            assert_eq!(lines.mapped.text(lines.mapped.line(lines.begin(line)).0), format!("line {line}"));
        }
        let wrong = crate::par::map_reduce(
            crate::par::enumerate(&lines),
            |(i, line)| u64::from(line != format!("line {i}")),
            0,
            |a, b| a + b,
        );
        assert_eq!(wrong, 0);
        std::fs::remove_file(path).ok();
    }

    #[test]
    fn what_is_no_text_is_told_with_its_byte() {
        let (file, path) = file("wrong", b"good\n\xffbad\n");
        let told = std::panic::catch_unwind(|| crate::par::map(&file.lines(), str::len)).expect_err("no text");
        assert!(told.downcast_ref::<String>().is_some_and(|text| text.contains("byte 5 is no UTF-8 text")));
        std::fs::remove_file(path).ok();
        assert!(text_file("/nowhere").is_err_and(|e| e.message.contains("/nowhere: cannot be read")));
    }
}
