//! `PATH` where nobody has set one: batch systems and portals start kernels so, and then neither we nor what we start
//! find `cc` or `bash`. It looks for no program.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// Where programs are that an administrator has installed.
const LOCAL: &str = "/usr/local/bin";

/// Sets `PATH` to the system's default, for this process and all that it starts, when it is unset or empty.
///
/// # Safety
/// No other thread runs yet.
pub unsafe fn complete() {
    if env::var_os("PATH").is_none_or(|path| path.is_empty()) {
        // SAFETY: by this function's contract nobody reads the environment now.
        unsafe { env::set_var("PATH", usual()) };
    }
}

/// The system's default, behind what an administrator has installed.
///
/// ```
/// let path = ferrolab_system::path::usual();
/// assert!(std::env::split_paths(&path).any(|folder| folder.join("sh").exists()));
/// ```
pub fn usual() -> OsString {
    let mut path = OsString::from(LOCAL);
    path.push(":");
    path.push(of_system().unwrap_or_else(|| "/usr/bin:/bin".into()));
    path
}

fn of_system() -> Option<OsString> {
    // SAFETY: with no buffer it only tells how long the answer is.
    let length = unsafe { libc::confstr(libc::_CS_PATH, std::ptr::null_mut(), 0) };
    let mut bytes = vec![0_u8; length];
    // SAFETY: a buffer of the length that is passed.
    let written = unsafe { libc::confstr(libc::_CS_PATH, bytes.as_mut_ptr().cast(), bytes.len()) };
    bytes.truncate(written.min(length).checked_sub(1)?);
    (!bytes.is_empty()).then(|| OsString::from_vec(bytes))
}
