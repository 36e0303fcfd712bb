//! Standard input of cells: what a cell reads from descriptor 0 is a line that the user types.

use std::io::{self, Write};

use super::{Interrupted, channel, signals};

/// What the kernel binary's `read` hands a cell that reads standard input: bytes of the line the
/// user typed. Returns the number of bytes, 0 at end of input, -1 with `ECANCELED` from an
/// interrupt to the end of the cell: unwinding must not cross the C functions in between, so the
/// cell sees an error, and is interrupted whatever it makes of it.
///
/// # Safety
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_rt_stdin(buffer: *mut u8, length: usize) -> isize {
    static REST: std::sync::Mutex<Vec<u8>> = std::sync::Mutex::new(Vec::new());
    let Some(channel) = channel::get() else { return 0 };
    let mut rest = REST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if rest.is_empty() {
        let _ = io::stdout().flush();
        let answer = if signals::stopped_reading() { Err(Interrupted) } else { channel.input("", false) };
        match answer {
            Ok(text) => *rest = text.into_bytes(),
            Err(Interrupted) => {
                signals::stop_reading();
                // SAFETY: this thread's errno, as a failing read(2) sets it.
                unsafe { *libc::__errno_location() = libc::ECANCELED };
                return -1;
            }
        }
    }
    let n = rest.len().min(length);
    // SAFETY: n bytes fit by the caller's promise, and the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(rest.as_ptr(), buffer, n) };
    rest.drain(..n);
    n as isize
}
