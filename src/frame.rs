//! The vocabulary of frames between the runner and the kernel.
//!
//! This is the only file both sides share: the helper crate compiles it as `ferrolab::frame`, the
//! kernel includes the same file by path. It knows bytes and nothing else: no sockets, no
//! Jupyter, no serde, so that cells never inherit a dependency from it.
//!
//! A frame on the wire is `u32` length (little endian, of what follows), `u8` tag, fields. A
//! string or byte field is `u32` length and bytes; an option is `u8` 0 or 1 and the field.

use std::io::{self, Read, Write};

/// The largest frame either side accepts, in bytes. A display above it is refused with a clear
/// error instead of filling the kernel's memory.
pub const MAX_FRAME: usize = 1 << 30;

/// One representation of a displayed value: MIME type and bytes (UTF-8 for text types).
pub type MimeBundle = Vec<(String, Vec<u8>)>;

/// What the runner tells the kernel.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The runner is up and waits for commands.
    Ready {
        /// Process id of the runner.
        pid: u32,
    },
    /// A value to show. The kernel reads what was printed before it, shows it, and answers with
    /// [`Reply::Shown`] when `ordered` is set.
    Display {
        /// Jupyter's `display_id`, when the display may be updated later.
        display_id: Option<String>,
        /// True for `update_display_data` of an existing `display_id`.
        update: bool,
        /// True when this is the value of the cell's trailing expression (`execute_result`).
        result: bool,
        /// True when the sender waits for [`Reply::Shown`], so that order with prints is kept.
        ordered: bool,
        /// Representations, richest first.
        data: MimeBundle,
        /// Jupyter's `metadata`, a JSON object, or empty.
        metadata: String,
    },
    /// `clear_output`. Answered with [`Reply::Shown`].
    Clear {
        /// Clear only when the next output arrives.
        wait: bool,
    },
    /// The cell wants a line of input. Answered with [`Reply::Input`] or [`Reply::Interrupted`].
    Input {
        /// What to show beside the input field.
        prompt: String,
        /// True when the typed text must not be shown.
        password: bool,
    },
    /// A panic on any thread of the runner, sent by the panic hook.
    Panic {
        /// The panic message.
        message: String,
        /// Source file as rustc was given it.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
        /// Name of the thread, empty when it has none.
        thread: String,
        /// Backtrace as `name\tfile\tline` lines, innermost first; may be empty.
        backtrace: String,
    },
    /// The message of the panic that ends the cell, when a helper raised it again.
    Renamed {
        /// The panic message.
        message: String,
    },
    /// The cell ended; the last frame of a run.
    Done {
        /// How it ended.
        outcome: Outcome,
        /// Names of variables that the cell took and did not bring back.
        lost: Vec<String>,
        /// True when this process ends now and its snapshot takes over.
        restoring: bool,
    },
    /// The snapshot took over after the running process ended: the variables are as they were
    /// before the cell.
    TookOver {
        /// Process id of the new runner.
        pid: u32,
    },
    /// What the runner knows of its variables, the answer to [`Command::Describe`].
    Described {
        /// `(name, Debug text or empty, size in bytes)` for each variable asked for.
        values: Vec<(String, String, u64)>,
    },
    /// No snapshot was taken before this cell, and why.
    NoSnapshot {
        /// The reason, as a sentence for the user.
        reason: String,
    },
    /// Resources used by the run, sent before [`Frame::Done`].
    Usage {
        /// Wall time of the cell's own code, nanoseconds.
        wall_ns: u64,
        /// CPU time of the whole runner during it, nanoseconds.
        cpu_ns: u64,
        /// Threads granted to the pool.
        threads: u32,
        /// Peak resident memory, bytes.
        peak_bytes: u64,
    },
}

/// How a cell ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It ran to its end.
    Ok,
    /// It panicked; a [`Frame::Panic`] came before.
    Panicked,
    /// It stopped because it was interrupted.
    Interrupted,
    /// `?` at the top level returned an error.
    Failed {
        /// The error's `Display` text with its sources, or its `Debug` text.
        message: String,
        /// The error's type, as `std::any::type_name` prints it.
        kind: String,
    },
    /// The cell's shared object could not be loaded.
    NotLoaded {
        /// What the dynamic loader said.
        message: String,
    },
}

/// What the kernel tells the runner between cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Load a cell and run it.
    Run {
        /// Path of the shared object.
        path: String,
        /// Name of its entry point.
        symbol: String,
        /// Take a snapshot first.
        snapshot: bool,
    },
    /// Load a shared object for all later cells (an environment or dependency layer).
    Load {
        /// Path of the shared object.
        path: String,
    },
    /// Drop these variables.
    Drop {
        /// Their names.
        names: Vec<String>,
    },
    /// Describe these variables.
    Describe {
        /// Their names.
        names: Vec<String>,
    },
    /// Use this many threads from now on.
    Threads {
        /// At least 1.
        count: u32,
    },
    /// Set an environment variable of the runner.
    SetEnv {
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
    /// Return to the snapshot taken before the last cell.
    Undo,
    /// End.
    Exit,
}

/// What the kernel answers while a cell runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The display was taken over, in order.
    Shown,
    /// The line the user typed, with its line end; empty at end of input.
    Input {
        /// UTF-8 text.
        text: String,
    },
    /// The user interrupted instead of typing.
    Interrupted,
}

/// A type that travels as one frame.
pub trait Wire: Sized {
    /// Append tag and fields.
    fn encode(&self, out: &mut Vec<u8>);
    /// Read tag and fields; `None` when the bytes are not of this type.
    fn decode(input: &mut Bytes<'_>) -> Option<Self>;
}

/// Writes one frame with a single `write_all`, so that frames of several threads don't mix as
/// long as the caller holds a lock.
pub fn write<T: Wire>(to: &mut impl Write, value: &T) -> io::Result<()> {
    let mut buffer = vec![0; 4];
    value.encode(&mut buffer);
    let length = buffer.len() - 4;
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a frame of {length} bytes is larger than the {MAX_FRAME} allowed"),
        ));
    }
    buffer[..4].copy_from_slice(&(length as u32).to_le_bytes());
    to.write_all(&buffer)
}

/// Reads one frame, waiting for all of it.
pub fn read<T: Wire>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(bad("frame too large"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    T::decode(&mut Bytes(&body)).ok_or_else(|| bad("frame of an unknown kind"))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The unread rest of a frame.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }
    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }
    fn bool(&mut self) -> Option<bool> {
        self.u8().map(|b| b != 0)
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let n = self.u32()? as usize;
        self.take(n).map(<[u8]>::to_vec)
    }
    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.u32()?;
        (0..n).map(|_| item(self)).collect()
    }
}

fn put_u32(out: &mut Vec<u8>, n: u32) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, bytes.len() as u32);
    out.extend_from_slice(bytes);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_texts(out: &mut Vec<u8>, texts: &[String]) {
    put_u32(out, texts.len() as u32);
    texts.iter().for_each(|t| put_text(out, t));
}

impl Wire for Frame {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ready { pid } => {
                out.push(0);
                put_u32(out, *pid);
            }
            Self::Display { display_id, update, result, ordered, data, metadata } => {
                out.push(1);
                out.push(display_id.is_some().into());
                put_text(out, display_id.as_deref().unwrap_or(""));
                out.extend([*update, *result, *ordered].map(u8::from));
                put_u32(out, data.len() as u32);
                for (mime, bytes) in data {
                    put_text(out, mime);
                    put_bytes(out, bytes);
                }
                put_text(out, metadata);
            }
            Self::Clear { wait } => out.extend([2, u8::from(*wait)]),
            Self::Renamed { message } => {
                out.push(10);
                put_text(out, message);
            }
            Self::Input { prompt, password } => {
                out.push(3);
                put_text(out, prompt);
                out.push((*password).into());
            }
            Self::Panic { message, file, line, column, thread, backtrace } => {
                out.push(4);
                put_text(out, message);
                put_text(out, file);
                put_u32(out, *line);
                put_u32(out, *column);
                put_text(out, thread);
                put_text(out, backtrace);
            }
            Self::Done { outcome, lost, restoring } => {
                out.push(5);
                outcome.encode(out);
                put_texts(out, lost);
                out.push((*restoring).into());
            }
            Self::TookOver { pid } => {
                out.push(6);
                put_u32(out, *pid);
            }
            Self::Described { values } => {
                out.push(7);
                put_u32(out, values.len() as u32);
                for (name, text, size) in values {
                    put_text(out, name);
                    put_text(out, text);
                    put_u64(out, *size);
                }
            }
            Self::NoSnapshot { reason } => {
                out.push(8);
                put_text(out, reason);
            }
            Self::Usage { wall_ns, cpu_ns, threads, peak_bytes } => {
                out.push(9);
                put_u64(out, *wall_ns);
                put_u64(out, *cpu_ns);
                put_u32(out, *threads);
                put_u64(out, *peak_bytes);
            }
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Ready { pid: b.u32()? },
            1 => {
                let has_id = b.bool()?;
                let id = b.text()?;
                Self::Display {
                    display_id: has_id.then_some(id),
                    update: b.bool()?,
                    result: b.bool()?,
                    ordered: b.bool()?,
                    data: b.list(|b| Some((b.text()?, b.bytes()?)))?,
                    metadata: b.text()?,
                }
            }
            2 => Self::Clear { wait: b.bool()? },
            3 => Self::Input { prompt: b.text()?, password: b.bool()? },
            4 => Self::Panic {
                message: b.text()?,
                file: b.text()?,
                line: b.u32()?,
                column: b.u32()?,
                thread: b.text()?,
                backtrace: b.text()?,
            },
            5 => Self::Done { outcome: Outcome::decode(b)?, lost: b.list(Bytes::text)?, restoring: b.bool()? },
            6 => Self::TookOver { pid: b.u32()? },
            7 => Self::Described { values: b.list(|b| Some((b.text()?, b.text()?, b.u64()?)))? },
            8 => Self::NoSnapshot { reason: b.text()? },
            10 => Self::Renamed { message: b.text()? },
            9 => Self::Usage { wall_ns: b.u64()?, cpu_ns: b.u64()?, threads: b.u32()?, peak_bytes: b.u64()? },
            _ => return None,
        })
    }
}

impl Wire for Outcome {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ok => out.push(0),
            Self::Panicked => out.push(1),
            Self::Interrupted => out.push(2),
            Self::Failed { message, kind } => {
                out.push(3);
                put_text(out, message);
                put_text(out, kind);
            }
            Self::NotLoaded { message } => {
                out.push(4);
                put_text(out, message);
            }
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Ok,
            1 => Self::Panicked,
            2 => Self::Interrupted,
            3 => Self::Failed { message: b.text()?, kind: b.text()? },
            4 => Self::NotLoaded { message: b.text()? },
            _ => return None,
        })
    }
}

impl Wire for Command {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Run { path, symbol, snapshot } => {
                out.push(0);
                put_text(out, path);
                put_text(out, symbol);
                out.push((*snapshot).into());
            }
            Self::Load { path } => {
                out.push(1);
                put_text(out, path);
            }
            Self::Drop { names } => {
                out.push(2);
                put_texts(out, names);
            }
            Self::Describe { names } => {
                out.push(3);
                put_texts(out, names);
            }
            Self::Threads { count } => {
                out.push(4);
                put_u32(out, *count);
            }
            Self::SetEnv { key, value } => {
                out.push(5);
                put_text(out, key);
                put_text(out, value);
            }
            Self::Undo => out.push(6),
            Self::Exit => out.push(7),
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Run { path: b.text()?, symbol: b.text()?, snapshot: b.bool()? },
            1 => Self::Load { path: b.text()? },
            2 => Self::Drop { names: b.list(Bytes::text)? },
            3 => Self::Describe { names: b.list(Bytes::text)? },
            4 => Self::Threads { count: b.u32()? },
            5 => Self::SetEnv { key: b.text()?, value: b.text()? },
            6 => Self::Undo,
            7 => Self::Exit,
            _ => return None,
        })
    }
}

impl Wire for Reply {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Shown => out.push(0),
            Self::Input { text } => {
                out.push(1);
                put_text(out, text);
            }
            Self::Interrupted => out.push(2),
        }
    }

    fn decode(b: &mut Bytes<'_>) -> Option<Self> {
        Some(match b.u8()? {
            0 => Self::Shown,
            1 => Self::Input { text: b.text()? },
            2 => Self::Interrupted,
            _ => return None,
        })
    }
}
