//! The socket to the kernel: frames out, replies in. It knows bytes and locks, not what frames
//! mean.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::Interrupted;
use crate::frame::{self, Frame, Reply};

static CHANNEL: OnceLock<Channel> = OnceLock::new();

/// Objects, and places in them, each as its object's number and the offset in that.
pub type Placed = (Vec<String>, Vec<(u32, u64)>);

/// The two ends a runner holds.
pub struct Channel {
    frames: Mutex<File>,
    replies: Mutex<File>,
}

/// The channel, when this process is a runner.
pub fn get() -> Option<&'static Channel> {
    CHANNEL.get()
}

/// Takes over the two descriptors. Called once, by the serving loop.
///
/// # Safety
/// Both descriptors are open and owned by nobody else.
pub unsafe fn attach(frames: i32, replies: i32) {
    // SAFETY: the caller hands over both descriptors.
    let (frames, replies) = unsafe { (File::from_raw_fd(frames), File::from_raw_fd(replies)) };
    let _ = CHANNEL.set(Channel { frames: Mutex::new(frames), replies: Mutex::new(replies) });
}

impl Channel {
    /// Send a frame. A kernel that is gone is noticed by the serving loop, not here.
    pub fn send(&self, frame: &Frame) {
        let _ = self.write(frame);
    }

    fn write(&self, frame: &Frame) -> io::Result<()> {
        frame::write(&mut *lock(&self.frames), frame)
    }

    /// Send a frame and wait for the kernel's reply. What was printed before goes first.
    pub fn ask(&self, frame: &Frame) {
        let _ = self.exchange(frame);
    }

    /// Ask the user; an empty text when nobody answers.
    pub fn input(&self, prompt: &str, password: bool) -> Result<String, Interrupted> {
        let frame = Frame::Input { prompt: prompt.to_owned(), password };
        match self.exchange(&frame) {
            Ok(Reply::Input { text }) => Ok(text),
            Ok(Reply::Interrupted) => Err(Interrupted),
            _ => Ok(String::new()),
        }
    }

    /// Where a place of generated code stands in a cell; none when it is in no cell.
    pub fn place(&self, file: &str, line: u32, column: u32) -> Option<String> {
        let frame = Frame::Where { file: file.to_owned(), line, column };
        match self.exchange(&frame) {
            Ok(Reply::Place { text }) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Has the kernel compile code of these objects for another processor: the objects, and where in them the places
    /// are, each as its object and the offset in that.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn compiled_for(
        &self,
        processor: &str,
        objects: Vec<String>,
        places: Vec<(u32, u64)>,
    ) -> Result<Placed, String> {
        let frame = Frame::Recompile { processor: processor.to_owned(), objects, places };
        match self.exchange(&frame) {
            Ok(Reply::Recompiled { objects, places, problem }) if problem.is_empty() => Ok((objects, places)),
            Ok(Reply::Recompiled { problem, .. }) => Err(problem),
            Ok(_) => Err("the kernel compiles nothing for other processors".to_owned()),
            Err(error) => Err(format!("the kernel does not answer: {error}")),
        }
    }

    fn exchange(&self, frame: &Frame) -> io::Result<Reply> {
        let _ = io::stdout().flush();
        let mut replies = lock(&self.replies);
        self.write(frame)?;
        frame::read(&mut *replies)
    }

    /// Send a frame against the direction of replies: whole, even when a process that died in
    /// the middle of a frame left half of it in the other socket.
    pub fn send_aside(&self, frame: &Frame) {
        let _ = frame::write(&mut *lock(&self.replies), frame);
    }

    /// Forget replies that a process before us asked for and did not live to read.
    pub fn drain_replies(&self) {
        let replies = lock(&self.replies);
        let mut bytes = [0_u8; 4096];
        // SAFETY: room for 4096 bytes; the call does not wait.
        while unsafe { libc::recv(replies.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) } > 0
        {
        }
    }

    /// The descriptor frames go out on.
    pub fn frames_descriptor(&self) -> i32 {
        lock(&self.frames).as_raw_fd()
    }

    /// Hold both locks, so that a fork cannot happen in the middle of a frame.
    pub fn hold(&self) -> (MutexGuard<'_, File>, MutexGuard<'_, File>) {
        (lock(&self.replies), lock(&self.frames))
    }
}

fn lock(mutex: &Mutex<File>) -> MutexGuard<'_, File> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
