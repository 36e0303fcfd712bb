//! The first thread of a runner. The program defines `pthread_create` for the whole process: the helper library is asked
//! before a thread is made, so that its pool need not be there before; its `pool.rs` says why. It does no more.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// `pthread_create(3)`.
type Create = unsafe extern "C" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Begin, *mut c_void) -> c_int;
/// What a thread begins with.
type Begin = extern "C" fn(*mut c_void) -> *mut c_void;

static ASK: OnceLock<extern "C" fn() -> bool> = OnceLock::new();

/// From now on, this function is asked before a thread is made; where it says so, there is none.
pub fn ask_before(ask: extern "C" fn() -> bool) {
    // Looked for now, since the loader may be busy when a thread is made.
    real();
    let _ = ASK.set(ask);
}

/// The C library's own.
fn real() -> Option<Create> {
    static REAL: OnceLock<Option<Create>> = OnceLock::new();
    *REAL.get_or_init(|| {
        // SAFETY: a valid name; what comes after this program in the order of the loader is the C library.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
        // SAFETY: null is none, and anything else this function, which is never unloaded.
        unsafe { std::mem::transmute::<*mut c_void, Option<Create>>(found) }
    })
}

/// `pthread_create(3)`. A thread that must not be made is one that the system has no room for.
///
/// # Safety
/// As for `pthread_create(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    begin: Begin,
    argument: *mut c_void,
) -> c_int {
    if ASK.get().is_some_and(|ask| ask()) {
        return libc::EAGAIN;
    }
    // SAFETY: the caller's own call.
    real().map_or(libc::EAGAIN, |create| unsafe { create(thread, attributes, begin, argument) })
}
