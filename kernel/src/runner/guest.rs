//! The `runner` verb: this process loads the standard library and the helper layers that cells
//! are linked against, and hands itself over to the loop in the helper library. From then on
//! nothing of the kernel runs here, but interposed functions: the two below, those of `allocations` and `threads`.

use std::ffi::{CStr, CString, OsString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the host passes to the runner.
#[derive(Debug, Clone)]
pub struct Start {
    /// Shared objects to load, in order, for all cells.
    pub libraries: Vec<PathBuf>,
    /// Descriptors: commands in, frames out, replies in.
    pub descriptors: [i32; 3],
    /// Threads of the pool.
    pub threads: u32,
    /// Stack of the thread that runs cells, bytes.
    pub stack: usize,
}

impl Start {
    /// Reads the arguments that [`super::host`] passes.
    ///
    /// # Errors
    /// When they are not its arguments: this verb is not for people.
    pub fn parse(arguments: &[OsString]) -> Result<Self, String> {
        let mut start = Self { libraries: Vec::new(), descriptors: [-1; 3], threads: 1, stack: 64 << 20 };
        let mut descriptors = Vec::new();
        for argument in arguments {
            let text = argument.to_string_lossy();
            let number = |value: &str| value.parse::<u64>().map_err(|_| format!("`{text}` has no number"));
            if let Some(value) = text.strip_prefix("--fd=") {
                descriptors.push(number(value)? as i32);
            } else if let Some(value) = text.strip_prefix("--threads=") {
                start.threads = number(value)? as u32;
            } else if let Some(value) = text.strip_prefix("--stack=") {
                start.stack = number(value)? as usize;
            } else if text != "--" {
                start.libraries.push(PathBuf::from(argument));
            }
        }
        start.descriptors =
            descriptors.try_into().map_err(|_| "this verb is started by the kernel, not by hand".to_owned())?;
        Ok(start)
    }
}

static STDIN: AtomicUsize = AtomicUsize::new(0);

/// Runs until the kernel ends the runner. Returns the exit status.
///
/// # Errors
/// When a library cannot be loaded: what the dynamic loader said.
pub fn serve(start: &Start) -> Result<i32, String> {
    limit_core_dumps();
    // Mathematical functions that cells call come from here; the rest of libc is loaded already.
    drop(open(c"libm.so.6"));
    let mut helper = None;
    for path in &start.libraries {
        let name = CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| format!("{} has a NUL byte", path.display()))?;
        let library = open(&name)?;
        if symbol(library, c"ferrolab_rt_main").is_some() {
            helper = Some(library);
        }
    }
    let helper = helper.ok_or("no library has the runner's loop (ferrolab_rt_main)")?;
    let main = symbol(helper, c"ferrolab_rt_main").ok_or("ferrolab_rt_main has gone")?;
    if let Some(stdin) = symbol(helper, c"ferrolab_rt_stdin") {
        STDIN.store(stdin as usize, Ordering::SeqCst);
    }
    #[cfg(target_env = "gnu")]
    {
        connect_memory(helper);
        if let Some(ask) = symbol(helper, c"ferrolab_rt_before_thread") {
            // SAFETY: the helper library exports this function with this signature, and is never unloaded.
            let ask = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> bool>(ask) };
            super::threads::ask_before(ask);
        }
    }
    let [commands, frames, replies] = start.descriptors;
    // SAFETY: the helper library exports this function with this signature; the environment's
    // identity covers both, and the descriptors were inherited for it alone.
    let main: unsafe extern "C" fn(i32, i32, i32, u32, usize) -> i32 = unsafe { std::mem::transmute(main) };
    // SAFETY: as above.
    Ok(unsafe { main(commands, frames, replies, start.threads, start.stack) })
}

/// The helper library hears of large blocks, and may have allocations counted.
#[cfg(target_env = "gnu")]
fn connect_memory(helper: *mut libc::c_void) {
    use super::allocations::{self, Hooks};
    type Counts = extern "C" fn(extern "C" fn(&mut [u64; 2]), extern "C" fn(bool));
    if let Some(counts) = symbol(helper, c"ferrolab_rt_counts_allocations") {
        // SAFETY: the helper library exports this function with this signature, and takes
        // functions that live as long as the process.
        let counts: Counts = unsafe { std::mem::transmute(counts) };
        counts(allocations::read, allocations::count_all);
    }
    let names = [
        c"ferrolab_rt_block_made",
        c"ferrolab_rt_block_shrinks",
        c"ferrolab_rt_block_moves",
        c"ferrolab_rt_block_moved",
        c"ferrolab_rt_block_freed",
    ];
    let found = names.map(|name| symbol(helper, name));
    let [Some(made), Some(shrinks), Some(moves), Some(moved), Some(freed)] = found else { return };
    // SAFETY: the helper library exports these functions with these signatures, and is never unloaded.
    let hooks = unsafe {
        Hooks {
            made: std::mem::transmute::<*mut libc::c_void, extern "C" fn(usize, usize)>(made),
            shrinks: std::mem::transmute::<*mut libc::c_void, extern "C" fn(usize, usize) -> bool>(shrinks),
            moves: std::mem::transmute::<*mut libc::c_void, extern "C" fn(usize, &mut [usize; 4])>(moves),
            moved: std::mem::transmute::<*mut libc::c_void, extern "C" fn(&[usize; 4], usize, usize)>(moved),
            freed: std::mem::transmute::<*mut libc::c_void, extern "C" fn(usize) -> bool>(freed),
        }
    };
    allocations::tell(hooks);
}

/// Loads libraries as [`serve`] does and runs nothing of them.
///
/// # Errors
/// When one cannot be loaded: what the dynamic loader said.
pub fn probe(libraries: &[OsString]) -> Result<i32, String> {
    for path in libraries {
        let name = CString::new(path.as_encoded_bytes()).map_err(|_| "a path has a NUL byte".to_owned())?;
        open(&name)?;
    }
    Ok(0)
}

fn open(path: &CStr) -> Result<*mut libc::c_void, String> {
    // SAFETY: a valid path of a library whose writers the kernel has checked.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if !library.is_null() {
        return Ok(library);
    }
    Err(format!("cannot load {}: {}", path.to_string_lossy(), loader_error()))
}

/// What the dynamic loader said of its last failure.
pub fn loader_error() -> String {
    // SAFETY: dlerror returns null or a valid string after a failure.
    unsafe {
        let message = libc::dlerror();
        if message.is_null() { String::new() } else { CStr::from_ptr(message).to_string_lossy().into_owned() }
    }
}

/// From now on, reading descriptor 0 in this process calls `ask`, with the arguments of `read(2)`.
#[cfg(feature = "evcxr")]
pub fn ask_with(ask: unsafe extern "C" fn(*mut u8, usize) -> isize) {
    STDIN.store(ask as usize, Ordering::SeqCst);
}

fn symbol(library: *mut libc::c_void, name: &CStr) -> Option<*mut libc::c_void> {
    // SAFETY: a library that `open` returned.
    let address = unsafe { libc::dlsym(library, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// A crash of a cell is reported by us; a dump of gigabytes of variables helps nobody.
pub fn limit_core_dumps() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid limit.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
}

/// libc's `read`, for every library of this process: reading descriptor 0 in a runner asks the
/// user through Jupyter, so that `std::io::stdin()` works in a cell. Everything else is the
/// system call as it is.
///
/// # Safety
/// As for `read(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(descriptor: i32, buffer: *mut libc::c_void, length: usize) -> isize {
    let stdin = STDIN.load(Ordering::Relaxed);
    if descriptor == 0 && stdin != 0 {
        // SAFETY: set once, to the helper library's function of this signature.
        let ask: unsafe extern "C" fn(*mut u8, usize) -> isize = unsafe { std::mem::transmute(stdin) };
        // SAFETY: the caller's buffer, by the contract of read(2).
        return unsafe { ask(buffer.cast(), length) };
    }
    // SAFETY: the system call with the caller's own arguments; it sets errno as `read` does.
    unsafe { libc::syscall(libc::SYS_read, descriptor, buffer, length) as isize }
}

/// libc's `isatty`, for every library of this process: in a runner, standard error counts as a
/// terminal, since the kernel understands what bars draw there; crates such as `indicatif` draw
/// nothing elsewhere. Its size is not known, so that 80 columns are assumed. Programs that a cell
/// starts ask a function of their own.
#[unsafe(no_mangle)]
pub extern "C" fn isatty(descriptor: i32) -> i32 {
    if descriptor == 2 && STDIN.load(Ordering::Relaxed) != 0 {
        return 1;
    }
    let mut modes = std::mem::MaybeUninit::<libc::termios>::uninit();
    // SAFETY: room for the modes, which only a terminal has; it sets errno as `isatty` does.
    i32::from(unsafe { libc::tcgetattr(descriptor, modes.as_mut_ptr()) } == 0)
}
