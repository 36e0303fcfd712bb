//! Descriptors between host and runner: pairs and pipes, whole frames out of a stream of bytes,
//! and waiting for several at once. It knows no frame's meaning.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ferrolab_base::frame::{self, Frame};

/// A pipe: read end, write end. Both are closed on exec.
///
/// # Errors
/// When the process has no descriptors left.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call just made both, and nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Ask for room for `bytes` in a pipe; a smaller one works as well.
pub fn widen(end: &OwnedFd, bytes: i32) {
    // SAFETY: a plain request on an open descriptor.
    unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETPIPE_SZ, bytes) };
}

/// Let `end` survive exec in a child. Called between fork and exec.
///
/// # Errors
/// When the descriptor is not open.
pub fn inherit(end: RawFd) -> io::Result<()> {
    // SAFETY: a plain request, async-signal-safe.
    match unsafe { libc::fcntl(end, libc::F_SETFD, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Which descriptors have something to read or are closed; `None` waits for ever.
pub fn wait(ends: &[RawFd], timeout: Option<Duration>) -> Vec<bool> {
    let mut polls: Vec<libc::pollfd> =
        ends.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    let milliseconds = timeout.map_or(-1, |t| t.as_millis().min(60_000) as i32);
    // SAFETY: as many valid pollfds as the length says.
    let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, milliseconds) };
    polls.iter().map(|p| ready > 0 && p.revents != 0).collect()
}

/// What a non-blocking read gave.
pub enum Got {
    /// This many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The other end is closed.
    End,
}

/// Read what is there, without waiting.
pub fn read_now(file: &mut File, buffer: &mut [u8]) -> Got {
    if !wait(&[file.as_raw_fd()], Some(Duration::ZERO))[0] {
        return Got::Nothing;
    }
    match file.read(buffer) {
        Ok(0) => Got::End,
        Ok(n) => Got::Bytes(n),
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Got::Nothing,
        Err(_) => Got::End,
    }
}

/// Frames out of a stream that may stop in the middle of one.
#[derive(Debug)]
pub struct Frames {
    stream: UnixStream,
    buffer: Vec<u8>,
    closed: bool,
}

impl Frames {
    /// Frames from this socket.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, buffer: Vec::new(), closed: false }
    }

    /// The descriptor to wait for.
    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Take in what has arrived, without waiting, and return the next whole frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            let mut bytes = [0; 64 << 10];
            if self.closed || !wait(&[self.stream.as_raw_fd()], Some(Duration::ZERO))[0] {
                return None;
            }
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => self.closed = true,
                Ok(n) => self.buffer.extend_from_slice(&bytes[..n]),
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let length = u32::from_le_bytes(self.buffer.get(..4)?.try_into().ok()?) as usize;
        if self.buffer.len() < 4 + length {
            return None;
        }
        let frame = frame::read::<Frame>(&mut &self.buffer[..4 + length]).ok();
        self.buffer.drain(..4 + length);
        frame
    }

    /// Has the other side closed it?
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Forget half a frame of a process that died in the middle of it.
    pub fn forget_rest(&mut self) {
        self.buffer.clear();
    }

    /// The socket, for writing against its direction.
    pub fn stream(&mut self) -> &mut UnixStream {
        &mut self.stream
    }
}
