//! The vocabulary of frames between the runner and the kernel.
//!
//! It knows bytes and nothing else: no sockets, no Jupyter, no serde.
//!
//! A frame on the wire is `u32` length (little endian, of what follows), `u8` tag, fields. A
//! string or byte field is `u32` length and bytes; an option is `u8` 0 or 1 and the field.

mod codec;
#[cfg(test)]
mod tests;

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
        /// Process id of its keeper, 0 when it has none.
        keeper: u32,
    },
    /// A snapshot was taken: the copy is a child of the kernel, which reaps it.
    Copied {
        /// Process id of the copy.
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
    /// Where a place of generated code stands in a cell. Answered with [`Reply::Place`].
    Where {
        /// Source file as rustc was given it.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
    },
    /// Code is wanted for another processor than the notebook's own: workers have it. Answered with
    /// [`Reply::Recompiled`].
    Recompile {
        /// rustc's name of the processor.
        processor: String,
        /// The objects it is in, in the order of loading: the standard library, layers, cells.
        objects: Vec<String>,
        /// Functions: each its object, by its place above, and its place in that, in bytes.
        places: Vec<(u32, u64)>,
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
        /// Names of variables that the cell took and did not bring back; they are lost, or come back with the
        /// snapshot.
        lost: Vec<String>,
        /// True when this process ends now and its snapshot takes over.
        restoring: bool,
        /// What earlier cells made and a copy could not hold, one sentence part each (`thread "service" of
        /// cell [3]`): why this process goes on although the cell failed.
        alive: Vec<String>,
    },
    /// The snapshot took over after the running process ended: the variables are as they were
    /// before the cell.
    TookOver {
        /// Process id of the new runner.
        pid: u32,
        /// Process id of its keeper, 0 when it has none.
        keeper: u32,
        /// What earlier cells made and went with the process: threads, children, connections.
        gone: Vec<String>,
        /// Variables with large data that is not as before the cell, but as the cell left it.
        shared: Vec<String>,
        /// Variables whose large data went with the process.
        lost: Vec<String>,
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
        /// The part of it that threads other than the cell's own took.
        others_ns: u64,
        /// Threads of the pool.
        threads: u32,
        /// Peak resident memory, bytes.
        peak_bytes: u64,
        /// True when the peak is that of the whole session, because this system does not let us
        /// begin anew with each cell.
        whole_session: bool,
        /// How often memory was allocated, and how many bytes in all; none when nobody counts.
        allocations: Option<(u64, u64)>,
    },
}

/// How a cell ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It ran to its end.
    Ok,
    /// It returned before its end, by a `return` at its top level: what it had bound is gone.
    Returned,
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

/// What the snapshot before a cell protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protect {
    /// Nothing: no snapshot.
    Off,
    /// Everything but large data without pointers, which writing to would cost a copy.
    #[default]
    Small,
    /// Everything.
    All,
}

/// What happens when a cell fails and its process is whole: a panic, an error, an interrupt that was heeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restore {
    /// The snapshot takes over, unless something that earlier cells made lives and would be lost.
    #[default]
    Auto,
    /// The snapshot takes over.
    Always,
    /// The process goes on.
    Never,
}

/// What the kernel tells the runner between cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The next command is meant for this process: a copy that has taken over meanwhile leaves it alone.
    For {
        /// Process id of the runner.
        runner: u32,
    },
    /// Load a cell and run it.
    Run {
        /// Path of the shared object.
        path: String,
        /// Paths of the objects that it names by their names alone, each after those it needs itself.
        needs: Vec<String>,
        /// Name of its entry point.
        symbol: String,
        /// The cell's number, for telling later which cell made what.
        cell: u32,
        /// What a snapshot protects.
        protect: Protect,
        /// What a failure that leaves the process whole leads to.
        restore: Restore,
        /// Count allocations.
        count: bool,
    },
    /// Variables whose large data holds no pointers, numbers for example.
    Plain {
        /// Name, key, levels: 1 when it is the variable's own, 2 when it belongs to vectors in a vector.
        variables: Vec<(String, u64, u8)>,
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
    Undo {
        /// As for a failure.
        restore: Restore,
    },
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
    /// A place as the user knows it, such as `[3]:2`; empty when it is in no cell.
    Place {
        /// UTF-8 text.
        text: String,
    },
    /// The same code for another processor.
    Recompiled {
        /// Its objects, in the order of loading.
        objects: Vec<String>,
        /// The functions, in the order in which they were asked for.
        places: Vec<(u32, u64)>,
        /// Why there is none; empty when there is.
        problem: String,
    },
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
