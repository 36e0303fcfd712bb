//! The pool of threads behind rayon in this process: rayon's global one, so that the thread of a cell is no
//! member of it, as `main` is none in a program, and whatever runs there runs in a cell.
//!
//! rayon keeps its global pool for ever, in a static that has one word, and a session cannot: `:threads` asks
//! for another, and a copy that took over has none of the threads. So the word is looked for, once, when the
//! runner starts, and later pools are put in its place. Where it cannot be found, the thread of a cell
//! is a member of a pool of its own, as before.

use std::ffi::{c_int, c_void};
use std::mem::{self, ManuallyDrop};
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::{memory, own, signals};

const STACK: usize = 16 << 20;
// A pool is a counted pointer to what rayon calls its registry, and so is the global one.
const _: () = assert!(size_of::<ThreadPool>() == size_of::<usize>());

/// The pool of this process.
pub(super) struct Pool {
    /// The place of rayon's global pool, when it was found.
    place: Option<*mut usize>,
    /// What is in that place now, when it is one of ours. Dropping it ends its threads.
    current: Option<ManuallyDrop<ThreadPool>>,
    threads: usize,
    probe: Option<Probe>,
}

// SAFETY: the pointer is to a static of this process.
unsafe impl Send for Pool {}

/// Tells whether all threads of the pool are idle: each one counts itself when it has nothing else to do.
struct Probe {
    arrived: Arc<AtomicUsize>,
    of: usize,
}

fn builder(threads: usize) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(|index| format!("worker {index}"))
        .start_handler(|_| {
            own::thread();
            signals::install_for_this_thread();
        })
}

impl Pool {
    /// Makes the pool, on the thread that cells will run on.
    pub(super) fn start(threads: usize) -> Self {
        let mut pool = Self { place: find(threads), current: None, threads, probe: None };
        if pool.place.is_none()
            && let Err(error) = builder(threads).use_current_thread().build().map(ManuallyDrop::new)
        {
            eprintln!("ferrolab runner: no thread pool, work runs on one thread: {error}");
            pool.threads = 1;
        }
        pool
    }

    /// Another number of threads from now on; the former ones end when they have nothing to do. False when this
    /// process is bound to the number it began with.
    pub(super) fn resize(&mut self, threads: usize) -> bool {
        let former = match self.place {
            _ if threads == self.threads => return true,
            None => return false,
            Some(_) => self.current.take(),
        };
        if let Err(error) = self.replace(threads) {
            eprintln!("no pool of {threads} threads: {error}; try fewer, or see `ulimit -u` and the limits of the job");
            self.current = former;
            return true;
        }
        if let Some(former) = former {
            drop(ManuallyDrop::into_inner(former));
        }
        true
    }

    /// In a copy that took over: threads of its own, in the place of those that were not copied.
    pub(super) fn renew(&mut self) {
        // What the threads held when they were copied is in no state to be ended in order.
        self.current = None;
        self.probe = None;
        if let Err(error) = self.replace(self.threads) {
            eprintln!("ferrolab runner: no thread pool: {error}");
        }
    }

    fn replace(&mut self, threads: usize) -> Result<(), ThreadPoolBuildError> {
        let Some(place) = self.place else { return Ok(()) };
        let pool = ManuallyDrop::new(builder(threads).build()?);
        // SAFETY: `find` has seen that rayon takes its global pool from this word. It holds a counted pointer that
        // is never dropped; the new one stays valid for as long as `pool` is kept. Only threads that are in no
        // pool read it, and none of those is in a call of rayon's now, but for threads that a cell left behind: they
        // read one word, which is either pool.
        unsafe { place.write_volatile(word_of(&pool)) };
        (self.current, self.threads, self.probe) = (Some(pool), threads, None);
        Ok(())
    }

    /// After a cell in which threads of the pool did something: asks them to count themselves.
    pub(super) fn ask_whether_idle(&mut self) {
        if self.place.is_none() || self.is_busy() {
            return;
        }
        let arrived = Arc::new(AtomicUsize::new(0));
        self.probe = Some(Probe { arrived: arrived.clone(), of: rayon::current_num_threads() });
        // Threads prefer what is broadcast to what waits for any of them; so they are asked by a task that comes
        // after all that waits now.
        rayon::spawn(move || {
            rayon::spawn_broadcast(move |_| {
                arrived.fetch_add(1, Ordering::Relaxed);
            });
        });
    }

    /// Does a thread of the pool run a task that an earlier cell began?
    pub(super) fn is_busy(&self) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.arrived.load(Ordering::Relaxed) < probe.of)
    }
}

fn word_of(pool: &ThreadPool) -> usize {
    // SAFETY: it has the size of a word, and no padding, being a pointer.
    unsafe { ptr::from_ref(pool).cast::<usize>().read() }
}

/// Makes rayon's global pool and finds the word where it is kept: one that became a pointer meanwhile, to something
/// with as many owners as the pool has, and that decides how many threads rayon says there are.
fn find(threads: usize) -> Option<*mut usize> {
    let segments = writable_segments(rayon::current_thread_index as *const () as usize);
    // Another pool, which later proves the place; it comes first, because what pools share is made by the first.
    let others = if threads == 2 { 3 } else { 2 };
    let other = builder(others).build().ok()?;
    other.broadcast(|_| ());
    let before: Vec<Vec<usize>> = segments.iter().map(words).collect();
    builder(threads).build_global().ok()?;
    let changed = segments.iter().zip(&before).flat_map(|(segment, before)| {
        let now = words(segment).into_iter();
        let start = segment.start;
        let new = now.zip(before).enumerate().filter(|(_, (now, before))| *now != 0 && **before == 0);
        new.map(move |(index, (now, _))| (start + index * size_of::<usize>(), now))
    });
    // Each worker and the static own the registry, whose count comes first; nobody else does yet.
    let counts = [threads + 1, 1];
    let owners = |pointer: usize| memory::words(pointer, size_of_val(&counts)) == counts;
    let found: Vec<usize> = changed.filter(|(_, value)| owners(*value)).map(|(place, _)| place).collect();
    let [place] = found[..] else { return None };
    let place: *mut usize = ptr::without_provenance_mut(place);
    // The proof: the other pool in this place is the one that rayon speaks of.
    // SAFETY: a word of this library's own data, which holds a pointer to a registry, and gets another such.
    // No other thread looks at it yet.
    let proven = unsafe {
        let real = place.read_volatile();
        place.write_volatile(word_of(&other));
        let proven = rayon::current_num_threads() == others;
        place.write_volatile(real);
        proven && rayon::current_num_threads() == threads
    };
    proven.then_some(place)
}

fn words(segment: &Range<usize>) -> Vec<usize> {
    let count = segment.len() / size_of::<usize>();
    // SAFETY: a mapped, readable segment of this library, aligned; read a word at a time, since
    // other threads may write.
    (0..count).map(|i| unsafe { ptr::without_provenance::<usize>(segment.start).add(i).read_volatile() }).collect()
}

/// The writable parts of the library that holds this code address.
fn writable_segments(code: usize) -> Vec<Range<usize>> {
    struct Search {
        code: usize,
        found: Vec<Range<usize>>,
    }
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: libc::size_t, search: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid record, and `search` is the place below.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        // SAFETY: the record says where the headers are and how many.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        let range = |header: &libc::Elf64_Phdr| {
            let start = (info.dlpi_addr + header.p_vaddr) as usize;
            start..start + header.p_memsz as usize
        };
        let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        if !loaded().any(|header| range(header).contains(&search.code)) {
            return 0;
        }
        // What the loader made read-only again is no place for a static that changes.
        let fixed: Vec<_> = headers.iter().filter(|h| h.p_type == libc::PT_GNU_RELRO).map(range).collect();
        for header in loaded().filter(|header| header.p_flags & libc::PF_W != 0) {
            let mut part = range(header);
            part.start = fixed.iter().filter(|f| part.contains(&f.start)).map(|f| f.end).max().unwrap_or(part.start);
            part.start = part.start.next_multiple_of(mem::align_of::<usize>());
            search.found.push(part);
        }
        1
    }
    let mut search = Search { code, found: Vec::new() };
    // SAFETY: `visit` has the signature that is asked for and is called before this returns.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

#[cfg(test)]
mod tests {
    use super::*;

    // In a process of its own: rayon's global pool is one per process.
    #[test]
    fn the_global_pool_can_be_exchanged() {
        if std::env::var_os("FERROLAB_POOL_TEST").is_none() {
            let me = std::env::current_exe().expect("this test");
            let name = "rt::pool::tests::the_global_pool_can_be_exchanged";
            let child = std::process::Command::new(me).args([name, "--exact"]).env("FERROLAB_POOL_TEST", "1").output();
            let child = child.expect("it runs");
            return assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        }
        let mut pool = Pool::start(2);
        assert_eq!(
            (pool.place.is_some(), rayon::current_num_threads(), rayon::current_thread_index()),
            (true, 2, None)
        );
        assert!(pool.resize(3));
        let names = rayon::broadcast(|_| std::thread::current().name().map(str::to_owned));
        assert_eq!(names.len(), 3);
        pool.renew();
        pool.ask_whether_idle();
        while pool.is_busy() {
            std::thread::yield_now();
        }
        let (end, wait) = std::sync::mpsc::channel::<()>();
        rayon::spawn(move || assert!(wait.recv().is_err()));
        pool.ask_whether_idle();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(pool.is_busy(), "a task waits");
        drop(end);
        while pool.is_busy() {
            std::thread::yield_now();
        }
        assert_eq!(rayon::join(|| 1, || 2), (1, 2));
    }
}
